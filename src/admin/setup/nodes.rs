//! The second step: nodes, pasted one a line, each tried before it is kept.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::paste::{self, Entry, Line, MOST};
use super::pool::{edit, known_host, of_config};
use crate::admin::error_page::Wrong;
use crate::admin::form::Form;
use crate::admin::page::{self, Shell};
use crate::admin::saving::{self, Unsaved};
use crate::admin::texts::Texts;
use crate::admin::trial::{Shown, refusing};
use crate::control::{Handle, Trial};
use crate::model::{CheckKind, Expect, HealthCheck, HostPattern, HttpCheck, Language, NodeAddress};
use crate::people::People;

/// Where applications are usually asked whether they are well; Django's admin at the end.
const USUAL: [&str; 7] = [
    "/healthz",
    "/health",
    "/health/",
    "/up",
    "/ping",
    "/status",
    "/admin/login/",
];

/// What was typed.
#[derive(Debug, Default)]
pub(super) struct Typed {
    pub(super) nodes: String,
    pub(super) path: String,
    pub(super) host: String,
    pub(super) revision: Option<u64>,
}

/// What is wrong beside the lines.
#[derive(Debug, Default)]
struct Faults {
    nodes: String,
    path: String,
    host: String,
    /// Of the whole form.
    whole: String,
}

impl Faults {
    fn is_empty(&self) -> bool {
        [&self.nodes, &self.path, &self.host, &self.whole]
            .iter()
            .all(|fault| fault.is_empty())
    }
}

#[derive(Template)]
#[template(path = "setup/nodes.html")]
struct Page {
    shell: Shell,
    typed: Typed,
    faults: Faults,
    found: Vec<Shown>,
    /// A host name that visitors ask for.
    known_host: String,
    /// A path that answers well where the one typed does not exist; empty is none.
    better: String,
    /// Whether there are several pools: then this page is not where nodes are kept.
    several: bool,
}

impl Page {
    fn ready(&self) -> usize {
        self.found.iter().filter(|shown| shown.passed).count()
    }

    fn rows(&self) -> usize {
        self.typed.nodes.lines().count().clamp(3, 12) + 1
    }
}

/// `GET /setup/nodes`.
pub(in crate::admin) async fn form(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let config = handle.config();
    let page = Page {
        typed: of_config(&config, handle.revision()),
        faults: Faults::default(),
        found: Vec::new(),
        known_host: known_host(&config),
        better: String::new(),
        several: config.pools.len() > 1,
        shell: Shell::of(&request, ""),
    };
    page::ok(&request, &page)
}

/// `POST /setup/nodes`: `nodes`, `path`, `host`, `revision`, and `do`: `test` or `save`.
pub(in crate::admin) async fn submit(
    request: HttpRequest,
    handle: Data<Handle>,
    people: Data<People>,
    body: Payload,
) -> Result<HttpResponse, Wrong> {
    let form = Form::read_with_lines(body, &["nodes"]).await?;
    let shell = Shell::of(&request, "");
    let config = handle.config();
    if config.pools.len() > 1 {
        return Ok(page::go("/setup/nodes"));
    }
    let host = match form.get("ask") {
        "" => form.get("host"),
        asked => asked,
    };
    let path = match form.get("try") {
        "" => form.get("path"),
        other => other,
    };
    let typed = Typed {
        nodes: form.get("nodes").replace('\r', ""),
        path: path.trim().to_owned(),
        host: host.trim().to_owned(),
        revision: saving::revision(form.get("revision")),
    };
    let mut faults = Faults::default();
    let lines = paste::read(&typed.nodes).unwrap_or_else(|count| {
        faults.nodes = shell.t.paste_too_many(count, MOST);
        Vec::new()
    });
    let check = check(&typed, &mut faults, shell.t);
    let is_save = form.get("do") == "save";
    if is_save && lines.is_empty() && faults.nodes.is_empty() {
        faults.nodes = shell.t.paste_none().to_owned();
    }
    let is_whole = faults.is_empty() && lines.iter().all(|line| line.node.is_ok());
    let mut status = match is_whole || !is_save {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    if is_save && is_whole {
        let edit = edit(&config, &typed, &lines);
        match saving::save(&request, &handle, vec![edit], typed.revision).await {
            Ok(_) => return Ok(page::go("/setup/listen")),
            Err(unsaved) => status = told(unsaved, &mut faults, shell.t),
        }
    }
    let found = match check {
        Some(ref check) => found(&request, (&handle, &people), &lines, check).await,
        None => Vec::new(),
    };
    let better = match check {
        Some(check) => better(&handle, &found, check).await,
        None => String::new(),
    };
    let page = Page {
        typed: Typed {
            revision: Some(handle.revision()),
            ..typed
        },
        faults,
        found,
        known_host: known_host(&config),
        better,
        several: false,
        shell,
    };
    Ok(page::send(&request, status, &page))
}

fn told(unsaved: Unsaved, faults: &mut Faults, t: Texts) -> StatusCode {
    match unsaved {
        Unsaved::Stale | Unsaved::Gone => {
            t.stale().clone_into(&mut faults.whole);
            StatusCode::CONFLICT
        }
        Unsaved::Problems(problems) => {
            for placed in problems.iter() {
                let problem = &placed.problem;
                if problem.field.ends_with("health_check.path") {
                    t.fault_path().clone_into(&mut faults.path);
                } else if problem.field.ends_with("health_check.host") {
                    t.fault_host().clone_into(&mut faults.host);
                } else {
                    faults.whole = t.not_saved(&problem.message);
                }
            }
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Unsaved::Cannot(why) => {
            faults.whole = t.not_saved(why);
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The check that is typed; none where it cannot be one.
fn check(typed: &Typed, faults: &mut Faults, t: Texts) -> Option<HealthCheck> {
    let mut http = HttpCheck {
        path: typed.path.clone(),
        ..HttpCheck::default()
    };
    let is_path =
        |path: &str| path.starts_with('/') && path.bytes().all(|b| (0x21..0x7f).contains(&b));
    if !typed.path.is_empty() && !is_path(&typed.path) {
        t.fault_path().clone_into(&mut faults.path);
        return None;
    }
    if !typed.host.is_empty() {
        match HostPattern::parse(typed.host.split(':').next().unwrap_or_default()) {
            Ok(HostPattern::Exact(_)) => {
                http.host = crate::model::HeaderValue::parse(&typed.host).ok();
            }
            _ => {
                t.fault_host().clone_into(&mut faults.host);
                return None;
            }
        }
    }
    Some(HealthCheck {
        kind: match typed.path.is_empty() {
            true => CheckKind::Tcp,
            false => CheckKind::Http(http),
        },
        timeout: std::time::Duration::from_secs(3),
        ..HealthCheck::default()
    })
}

/// Tries every node of the lines.
async fn found(
    request: &HttpRequest,
    (handle, people): (&Handle, &People),
    lines: &[Line],
    check: &HealthCheck,
) -> Vec<Shown> {
    let t = Shell::of(request, "").t;
    let nodes = || lines.iter().filter_map(|line| line.node.as_ref().ok());
    let trials: Vec<Trial> = nodes()
        .map(|node| Trial::Check {
            address: node.address.clone(),
            check: Box::new(check.clone()),
        })
        .collect();
    let total: u32 = nodes().map(|node| u32::from(node.weight)).sum();
    let mut tried = handle.trials(trials.clone()).await.into_iter().zip(trials);
    let mut shown = Vec::new();
    for line in lines {
        match &line.node {
            Err(fault) => {
                let place = t.paste_line(line.number);
                shown.push(Shown::bad(&line.text, format!("{place}{}", fault.words(t))));
            }
            Ok(node) => {
                let Some((result, trial)) = tried.next() else {
                    continue;
                };
                let result = refusing(request, people, &trial, result).await;
                let one = Shown::of(t, &node.address.to_string(), &result);
                shown.push(with_share(t, one, node, total));
            }
        }
    }
    shown
}

/// A usual path that answers well, where one of the nodes says that nothing is at the one typed.
async fn better(handle: &Handle, found: &[Shown], check: HealthCheck) -> String {
    let missing = found.iter().find(|shown| shown.is_missing);
    let address = missing.and_then(|shown| NodeAddress::parse(&shown.address).ok());
    let Some(address) = address else {
        return String::new();
    };
    let with = |path: &str| {
        let mut check = check.clone();
        if let CheckKind::Http(http) = &mut check.kind {
            path.clone_into(&mut http.path);
            http.expect = Expect { from: 200, to: 299 };
        }
        Trial::Check {
            address: address.clone(),
            check: Box::new(check),
        }
    };
    let tried = handle.trials(USUAL.iter().map(|path| with(path)).collect());
    let tried = tried.await.into_iter().zip(USUAL);
    let mut good = tried.filter(|(tried, _)| tried.as_ref().is_ok_and(|t| t.result.passed()));
    good.next().map_or("", |(_, path)| path).to_owned()
}

/// With what part of the requests it would get.
fn with_share(t: Texts, mut shown: Shown, node: &Entry, total: u32) -> Shown {
    if shown.passed {
        let weight = u32::from(node.weight);
        let percent = (weight * 100 + total / 2) / total.max(1);
        let share = t.paste_share(weight, total, percent);
        shown.detail = match shown.detail.is_empty() {
            true => share,
            false => match t.0 {
                Language::English => format!("{}. {share}", shown.detail),
                Language::Chinese => format!("{}。{share}", shown.detail),
            },
        };
    }
    shown
}
