//! The parts that the page is put together from, each of which can be sent anew by itself.

use std::borrow::Borrow;
use std::time::SystemTime;

use actix_web::HttpRequest;
use askama::Template;

use super::words::{self, Seen};
use super::{Fault, draw};
use crate::admin::page::{self, Shell};
use crate::admin::request;
use crate::balance::Cause;
use crate::control::{NodeView, NodesView, PoolView};
use crate::model::{AdminState, Role};

/// Limit: rows on a page. More are found by the filter.
pub(super) const MOST_ROWS: usize = 300;

/// Limit: nodes on a pool's arm.
const MOST_ON_ARM: usize = 100;

/// What may be done by who looks.
trait Looked {
    fn shell(&self) -> &Shell;

    fn role(&self) -> Option<Role> {
        self.shell().user.as_ref().map(|user| user.role)
    }

    /// Whether they may drain and weigh.
    fn may(&self) -> bool {
        self.role() >= Some(Role::Operator)
    }

    fn is_admin(&self) -> bool {
        self.role() >= Some(Role::Admin)
    }
}

macro_rules! looked {
    ($($page:ty),*) => {
        $(impl Looked for $page {
            fn shell(&self) -> &Shell {
                &self.shell
            }
        })*
    };
}

looked!(Row<'_>, PoolPart<'_>, Pools<'_>);

#[derive(Template)]
#[template(path = "nodes/row.html")]
struct Row<'a> {
    shell: &'a Shell,
    pool: &'a PoolView,
    node: &'a NodeView,
    scale: u16,
    spark: (String, String),
    /// Whether the filter leaves it out.
    is_away: bool,
    fault: Option<&'a Fault>,
}

impl Row<'_> {
    fn id(&self) -> String {
        format!("n:{}:{}", self.pool.name, self.node.name)
    }

    fn seen(&self) -> Seen {
        words::seen(self.node)
    }

    fn seen_words(&self) -> &'static str {
        self.seen().words(self.shell.t)
    }

    fn checks(&self) -> String {
        words::checks(self.shell.t, &self.node.past)
    }

    fn percent(&self, part: impl Borrow<f64>) -> String {
        words::percent(self.shell.t, *part.borrow())
    }

    fn rate(&self) -> String {
        words::rate(self.node.recent.per_second)
    }

    fn p95(&self) -> Option<(String, &'static str)> {
        self.node.recent.p95().map(words::short)
    }

    fn utc(&self, at: &SystemTime) -> String {
        self.shell.utc(words::unix(*at))
    }

    fn since(&self) -> String {
        words::since(self.shell.t, self.node)
    }

    /// What the filter looks at.
    fn find(&self) -> String {
        let (node, t) = (self.node, self.shell.t);
        let seen = self.seen().words(t);
        let wanted = way(self.shell, node.admin_state).3;
        format!("{} {} {seen} {wanted}", node.name, node.address).to_lowercase()
    }

    fn heartbeat(&self) -> Vec<draw::Stroke> {
        let timeout = self.pool.check.as_ref().map(|check| check.timeout);
        let slow = timeout.unwrap_or_default().as_millis() / 2;
        draw::heartbeat(&self.node.past, slow)
    }

    fn wide(&self, part: impl Borrow<f64>) -> String {
        format!("{:.1}%", part.borrow() * 100.0)
    }

    /// How many of its requests went wrong; none where none came.
    fn errors(&self) -> Option<String> {
        let recent = &self.node.recent;
        let all = u32::try_from(recent.all()).ok().filter(|all| *all > 0)?;
        let errors = u32::try_from(recent.errors).unwrap_or(all).min(all);
        let part = f64::from(errors) / f64::from(all) * 100.0;
        Some(self.shell.t.percent(format!("{part:.1}")))
    }

    /// Whether one of a hundred of its requests went wrong.
    fn is_failing(&self) -> bool {
        let recent = &self.node.recent;
        recent.errors > 0 && recent.errors * 100 >= recent.all()
    }

    /// The switch: value, whether it is so, shape, words.
    fn ways(&self) -> [(&'static str, bool, &'static str, &'static str); 3] {
        AdminState::ALL.map(|state| {
            let way = way(self.shell, state);
            (way.0, state == self.node.admin_state, way.2, way.3)
        })
    }

    fn why(&self) -> Option<String> {
        words::why(self.shell.t, self.node)
    }

    fn remark(&self) -> Option<(&'static str, String)> {
        words::remark(self.shell.t, self.node)
    }

    /// Whether it is the check's settings that the node does not like.
    fn is_about_the_check(&self) -> bool {
        let cause = self.node.check.as_ref().and_then(|check| check.cause);
        cause.is_some_and(|cause| cause.code() == "L7STS" && cause != Cause::ApplicationError)
    }
}

fn way(shell: &Shell, state: AdminState) -> (&'static str, AdminState, &'static str, &'static str) {
    let t = shell.t;
    let (shape, words) = match state {
        AdminState::Enabled => ("s-up", t.state_on()),
        AdminState::Draining => ("s-half", t.state_drain()),
        AdminState::Disabled => ("s-off", t.state_off()),
    };
    (state.as_str(), state, shape, words)
}

#[derive(Template)]
#[template(path = "nodes/arm.html")]
struct Arm<'a> {
    shell: &'a Shell,
    pool: &'a PoolView,
    units: Vec<String>,
    wanted: Vec<draw::Part>,
    now: Vec<draw::Part>,
}

impl Arm<'_> {
    fn percent(&self, part: f64) -> String {
        words::percent(self.shell.t, part)
    }
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="cap" id="about:{{ pool.name }}">{{ words }}</span>"#
)]
struct About<'a> {
    pool: &'a PoolView,
    words: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div id="trouble:{{ pool.name }}">{% if words != "" %}<div class="why in-panel" role="alert"><svg class="g" aria-hidden="true"><use href="{{ shell.file("icons.svg") }}#s-down"/></svg><p>{{ words }}</p></div>{% endif %}</div>"#
)]
struct Trouble<'a> {
    shell: &'a Shell,
    pool: &'a PoolView,
    words: &'static str,
}

#[derive(Template)]
#[template(path = "nodes/pool.html")]
struct PoolPart<'a> {
    shell: &'a Shell,
    pool: &'a PoolView,
    revision: u64,
    about: String,
    trouble: String,
    arm: String,
    rows: Vec<String>,
    policy: (&'static str, &'static str),
    fault: Option<&'a Fault>,
}

impl PoolPart<'_> {
    /// Where the arm's head has which number.
    fn marks(&self) -> Vec<(u16, u16)> {
        let fifth = draw::scale(self.pool) / 5;
        (1..=5).map(|n| (7 + 24 * n, fifth * n)).collect()
    }
}

#[derive(Template)]
#[template(path = "nodes/pools.html")]
struct Pools<'a> {
    shell: &'a Shell,
    revision: u64,
    pools: Vec<String>,
}

/// Which rows are shown.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) query: String,
    pub(super) only_wrong: bool,
}

impl Filter {
    pub(super) fn of(request: &HttpRequest) -> Self {
        Self {
            query: request::query_value(request, "q").trim().to_lowercase(),
            only_wrong: request::query(request, "wrong").is_some(),
        }
    }

    fn takes(&self, node: &NodeView) -> bool {
        let named = format!("{} {}", node.name, node.address).to_lowercase();
        named.contains(&self.query) && (!self.only_wrong || node.is_wrong())
    }

    /// Where the same rows are told of as they change.
    pub(super) fn live(&self) -> String {
        let wrong = if self.only_wrong { "&wrong=1" } else { "" };
        format!("/live/nodes?q={}{wrong}", page::escaped(&self.query))
    }
}

/// Everything there is to draw with.
pub(super) struct Look<'a> {
    pub(super) shell: &'a Shell,
    pub(super) view: &'a NodesView,
    pub(super) filter: &'a Filter,
    pub(super) fault: Option<&'a Fault>,
}

impl<'a> Look<'a> {
    /// Whether there are more nodes than a page can show.
    pub(super) fn is_cut(&self) -> bool {
        let nodes = self.view.pools.iter().map(|pool| pool.nodes.len());
        nodes.sum::<usize>() > MOST_ROWS
    }

    /// The pools with the rows that are on the page. Where all have room, those that the filter
    /// leaves out are there too, and not seen.
    pub(super) fn shown(&self) -> Vec<(&'a PoolView, Vec<&'a NodeView>)> {
        let is_cut = self.is_cut();
        let mut left = MOST_ROWS;
        let mut shown = Vec::new();
        for pool in &self.view.pools {
            let nodes = pool.nodes.iter();
            let nodes: Vec<&NodeView> = nodes
                .filter(|node| !is_cut || self.filter.takes(node))
                .take(left)
                .collect();
            left -= nodes.len();
            if !nodes.is_empty() || !is_cut {
                shown.push((pool, nodes));
            }
        }
        shown
    }

    pub(super) fn row(&self, pool: &PoolView, node: &NodeView) -> (String, String) {
        let most = pool.nodes.iter().flat_map(|n| &n.recent.requests).max();
        let most = most.copied().unwrap_or(0);
        let fault = self
            .fault
            .filter(|f| f.pool == pool.name && f.node == node.name);
        let row = Row {
            shell: self.shell,
            pool,
            node,
            scale: draw::scale(pool),
            spark: draw::sparkline(&node.recent.requests, most),
            is_away: !self.filter.takes(node),
            fault,
        };
        (row.id(), rendered(&row))
    }

    pub(super) fn arm(&self, pool: &PoolView) -> String {
        if pool.nodes.len() > MOST_ON_ARM {
            return String::new();
        }
        let (wanted, now) = draw::arms(pool);
        rendered(&Arm {
            shell: self.shell,
            pool,
            units: draw::units(pool),
            wanted,
            now,
        })
    }

    pub(super) fn about(&self, pool: &PoolView) -> String {
        let words = words::about(self.shell.t, pool);
        rendered(&About { pool, words })
    }

    pub(super) fn trouble(&self, pool: &PoolView) -> String {
        let t = self.shell.t;
        let words = match (pool.fail_open, pool.taking()) {
            (true, _) => t.fails_open(),
            (false, 0) if !pool.nodes.is_empty() => t.none_is_on(),
            (false, _) => "",
        };
        let shell = self.shell;
        rendered(&Trouble { shell, pool, words })
    }

    fn pool(&self, pool: &PoolView, nodes: &[&NodeView]) -> String {
        let fault = self
            .fault
            .filter(|f| f.pool == pool.name && f.node.is_empty());
        rendered(&PoolPart {
            shell: self.shell,
            pool,
            revision: self.view.revision,
            about: self.about(pool),
            trouble: self.trouble(pool),
            arm: self.arm(pool),
            rows: nodes.iter().map(|node| self.row(pool, node).1).collect(),
            policy: words::policy(self.shell.t, pool.policy),
            fault,
        })
    }

    pub(super) fn pools(&self) -> String {
        rendered(&Pools {
            shell: self.shell,
            revision: self.view.revision,
            pools: self
                .shown()
                .iter()
                .map(|(pool, nodes)| self.pool(pool, nodes))
                .collect(),
        })
    }

    pub(super) fn lead(&self) -> String {
        let words = words::lead(self.shell.t, self.view);
        // Numbers and words of ours.
        format!("<span id=\"lead\">{words}</span>")
    }
}

fn rendered(part: &impl Template) -> String {
    part.render().unwrap_or_else(|error| {
        tracing::error!("a part of the page cannot be written: {error}");
        String::new()
    })
}
