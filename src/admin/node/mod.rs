//! The page of a node: how it is and why, its checks, a test of it, its settings; and adding one.

mod add;
mod chart;
mod edit;

use std::time::SystemTime;

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error_page::Wrong;
use super::nodes::{draw, words};
use super::page::{self, Shell};
use super::stream;
use super::texts::Texts;
use super::trial::{self, Help, Shown, refusing};
use crate::balance::{CheckResult, PastCheck};
use crate::control::{Handle, NodeView, NodesView, PoolView, Trial};
use crate::model::{AdminState, Role};
use crate::people::People;

pub(super) use add::add;
pub(super) use edit::{capital, save, switch};

use chart::Charts;
use edit::Typed;

/// The entry of the rail.
const ENTRY: &str = "/nodes";

/// Checks in the table; older ones are folded.
const SHOWN: usize = 8;

/// The page of a node.
fn here(pool: &str, node: &str) -> String {
    // A node may be named by its socket's path.
    let segment = |name: &str| page::escaped(name).replace('/', "%2F");
    format!("{ENTRY}/{}/{}", segment(pool), segment(node))
}

/// How it is, in large.
#[derive(Template)]
#[template(path = "node/state.html")]
struct State<'a> {
    shell: &'a Shell,
    pool: &'a PoolView,
    node: &'a NodeView,
}

impl State<'_> {
    fn mark(&self) -> (&'static str, &'static str) {
        match self.node.admin_state {
            AdminState::Disabled => ("s-off", "m"),
            _ => words::seen(self.node).mark(),
        }
    }

    fn title(&self) -> &'static str {
        let t = self.shell.t;
        match self.node.admin_state {
            AdminState::Disabled => t.state_off(),
            _ => words::seen(self.node).words(t),
        }
    }

    fn since(&self) -> String {
        let t = self.shell.t;
        match self.node.since {
            Some(at) if self.node.admin_state != AdminState::Disabled => {
                t.node_state_since(words::clock(at), words::since(t, self.node))
            }
            _ => String::new(),
        }
    }

    fn utc(&self) -> String {
        let at = self.node.since.map(words::unix);
        at.map_or_else(String::new, |at| self.shell.utc(at))
    }

    /// Why it is as it is, and what comes of that.
    fn why(&self) -> String {
        let t = self.shell.t;
        let mut sentences: Vec<String> = words::why(t, self.node).into_iter().collect();
        if sentences.is_empty() {
            sentences.extend(words::remark(t, self.node).map(|remark| remark.1));
        }
        let last = self.node.check.as_ref();
        if let Some(last) = last.filter(|last| !last.passed()) {
            sentences.push(t.node_failed_in_row(last.in_row));
        }
        sentences.push(match self.node.takes {
            true => t.node_takes_requests().to_owned(),
            false => t.node_takes_none().to_owned(),
        });
        join(t, &sentences)
    }

    fn heartbeat(&self) -> Vec<draw::Stroke> {
        heartbeat(self.pool, self.node)
    }

    fn checks(&self) -> String {
        words::checks(self.shell.t, &self.node.past)
    }

    /// What helps, where we know a line for it.
    fn help(&self) -> Option<Help> {
        let check: Option<&CheckResult> = self.node.check.as_ref();
        let check = check.filter(|_| self.node.is_wrong())?;
        trial::help_with(self.shell.t, check, &self.node.address)
    }

    fn rate(&self) -> String {
        words::rate(self.node.recent.per_second)
    }

    fn p95(&self) -> String {
        let p95 = self.node.recent.p95().map(words::short);
        p95.map_or_else(|| "–".to_owned(), |(n, unit)| format!("{n} {unit}"))
    }

    fn share(&self) -> String {
        let now = self.node.now.map(|part| words::percent(self.shell.t, part));
        now.unwrap_or_else(|| "–".to_owned())
    }

    fn wanted(&self) -> String {
        let t = self.shell.t;
        t.wanted_is(words::percent(t, self.node.wanted))
    }
}

fn heartbeat(pool: &PoolView, node: &NodeView) -> Vec<draw::Stroke> {
    let timeout = pool.check.as_ref().map(|check| check.timeout);
    draw::heartbeat(&node.past, timeout.unwrap_or_default().as_millis() / 2)
}

fn join(t: Texts, sentences: &[String]) -> String {
    match t.0 {
        crate::model::Language::English => sentences.join(" "),
        crate::model::Language::Chinese => sentences.concat(),
    }
}

/// The table of its checks.
#[derive(Template)]
#[template(path = "node/checks.html")]
struct Checks<'a> {
    shell: &'a Shell,
    node: &'a NodeView,
}

impl Checks<'_> {
    /// The newest first: those shown, and those folded.
    fn groups(&self) -> [Vec<&PastCheck>; 2] {
        let mut newest: Vec<&PastCheck> = self.node.past.iter().rev().collect();
        let older = newest.split_off(newest.len().min(SHOWN));
        [newest, older]
    }

    fn time(&self, check: &PastCheck) -> String {
        words::clock(check.at)
    }

    fn utc(&self, at: &SystemTime) -> String {
        self.shell.utc(words::unix(*at))
    }

    fn result(&self, check: &PastCheck) -> String {
        let t = self.shell.t;
        match (check.status, check.failure.is_some()) {
            (Some(status), _) => status.to_string(),
            (None, true) => t.node_failed().to_owned(),
            (None, false) => t.node_well().to_owned(),
        }
    }

    fn words(&self, check: &PastCheck) -> String {
        check.text(self.shell.t.0)
    }
}

#[derive(Template)]
#[template(path = "node/page.html")]
struct Page<'a> {
    shell: &'a Shell,
    pool: &'a PoolView,
    node: &'a NodeView,
    here: String,
    state: String,
    checks: String,
    charts: String,
    tried: Option<Shown>,
    typed: Typed,
    faults: edit::Faults,
}

impl Page<'_> {
    fn role(&self) -> Option<Role> {
        self.shell.user.as_ref().map(|user| user.role)
    }

    fn may(&self) -> bool {
        self.role() >= Some(Role::Operator)
    }

    fn is_admin(&self) -> bool {
        self.role() >= Some(Role::Admin)
    }

    fn how(&self) -> String {
        let t = self.shell.t;
        match &self.pool.check {
            Some(check) => {
                let every = words::how_long(t, check.interval);
                t.node_check_how(every, check.rise, check.fall)
            }
            None => t.node_check_none().to_owned(),
        }
    }

    fn ways(&self) -> [(&'static str, bool, &'static str, &'static str); 3] {
        let t = self.shell.t;
        AdminState::ALL.map(|state| {
            let (shape, words) = match state {
                AdminState::Enabled => ("s-up", t.state_on()),
                AdminState::Draining => ("s-half", t.state_drain()),
                AdminState::Disabled => ("s-off", t.state_off()),
            };
            let is_so = state == self.node.admin_state;
            (state.as_str(), is_so, shape, words)
        })
    }

    fn weight_hint(&self) -> String {
        let t = self.shell.t;
        let all = draw::weights(self.pool);
        let share = words::percent(t, self.node.wanted);
        t.node_weight_hint(self.node.weight, all, share)
    }
}

/// What a page shows beside what is known of the node.
#[derive(Debug, Default)]
struct Beside {
    tried: Option<Shown>,
    typed: Option<Typed>,
    faults: edit::Faults,
}

/// `GET /nodes/{pool}/{node}`.
pub(super) async fn page(
    request: HttpRequest,
    path: Path<(String, String)>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    show(
        &request,
        &handle,
        &path,
        (StatusCode::OK, Beside::default()),
    )
    .await
}

async fn show(
    request: &HttpRequest,
    handle: &Handle,
    (pool, node): &(String, String),
    (status, beside): (StatusCode, Beside),
) -> Result<HttpResponse, Wrong> {
    let mut shell = Shell::of(request, ENTRY);
    shell.here = here(pool, node);
    let view = handle.nodes_view(shell.t.0);
    let (pool, node) = find(&view, pool, node)?;
    let typed = match beside.typed {
        Some(typed) => typed,
        None => edit::of_config(&handle.config(), &pool.name, &node.name),
    };
    let page = Page {
        here: here(&pool.name, &node.name),
        state: rendered(&State {
            shell: &shell,
            pool,
            node,
        }),
        checks: rendered(&Checks {
            shell: &shell,
            node,
        }),
        charts: charts(handle, &shell, pool, node).await,
        tried: beside.tried,
        typed,
        faults: beside.faults,
        shell: &shell,
        pool,
        node,
    };
    Ok(page::send(request, status, &page))
}

fn find<'v>(
    view: &'v NodesView,
    pool: &str,
    node: &str,
) -> Result<(&'v PoolView, &'v NodeView), Wrong> {
    let pool = view.pool(pool).ok_or(Wrong::NotFound)?;
    let node = pool.node(node).ok_or(Wrong::NotFound)?;
    Ok((pool, node))
}

/// The charts, of the log store's minutes; nothing where there is no store.
async fn charts(handle: &Handle, shell: &Shell, pool: &PoolView, node: &NodeView) -> String {
    let Some(records) = handle.records() else {
        return String::new();
    };
    let (name, node) = (pool.name.clone(), node.name.clone());
    let others: Vec<String> = pool.nodes.iter().map(|node| node.name.clone()).collect();
    let (shell, title) = (shell.clone(), node.clone());
    let read = move || Charts::read(&records, &name, &node, &others);
    match web::block(read).await {
        Ok(Some(charts)) => rendered(&chart::Part {
            shell: &shell,
            name: &title,
            charts: &charts,
        }),
        _ => String::new(),
    }
}

fn rendered(part: &impl Template) -> String {
    part.render().unwrap_or_else(|error| {
        tracing::error!("a part of the page cannot be written: {error}");
        String::new()
    })
}

/// `POST /nodes/{pool}/{node}/test`: what its check would find now, and the whole exchange.
pub(super) async fn test(
    request: HttpRequest,
    path: Path<(String, String)>,
    handle: Data<Handle>,
    people: Data<People>,
) -> Result<HttpResponse, Wrong> {
    let t = Shell::of(&request, ENTRY).t;
    let (pool, node) = path.into_inner();
    let trial = Trial::Node {
        pool: pool.clone(),
        node: node.clone(),
    };
    let tried = handle.trial(trial.clone()).await;
    let tried = refusing(&request, &people, &trial, tried).await;
    let beside = Beside {
        tried: Some(Shown::of(t, &node, &tried)),
        ..Beside::default()
    };
    show(&request, &handle, &(pool, node), (StatusCode::OK, beside)).await
}

/// `GET /live/nodes/{pool}/{node}`: what is other than a second before.
pub(super) async fn live(
    request: HttpRequest,
    path: Path<(String, String)>,
    handle: Data<Handle>,
) -> Result<HttpResponse, Wrong> {
    let shell = Shell::of(&request, ENTRY);
    let (pool, node) = path.into_inner();
    find(&handle.nodes_view(shell.t.0), &pool, &node)?;
    Ok(stream::every_second(&request, move |pieces| {
        let view = handle.nodes_view(shell.t.0);
        let Ok((pool, node)) = find(&view, &pool, &node) else {
            return;
        };
        let state = State {
            shell: &shell,
            pool,
            node,
        };
        pieces.put("state", rendered(&state));
        let shell = &shell;
        pieces.put("checks", rendered(&Checks { shell, node }));
    }))
}
