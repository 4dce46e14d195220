//! What the page says of a pool and of a node, in the reader's language.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::admin::texts::Texts;
use crate::balance::{Health, PastCheck};
use crate::control::{NodeView, NodesView, PoolView};
use crate::metrics::Counted;
use crate::model::{AdminState, CheckKind, Policy};

/// Groups of failed checks told in the bar's title.
const MOST_TOLD: usize = 6;

/// A part as a whole percent, but for one that is more than nothing and less than one.
pub(in crate::admin) fn percent(t: Texts, part: f64) -> String {
    let percent = part * 100.0;
    match percent > 0.0 && percent < 1.0 {
        true => t.percent(format!("{percent:.1}")),
        false => t.percent(format!("{percent:.0}")),
    }
}

/// A rate with the digits that matter.
pub(in crate::admin) fn rate(rate: f64) -> String {
    match rate < 99.95 {
        true => format!("{rate:.1}"),
        false => format!("{rate:.0}"),
    }
}

/// A time of answering, its number and its unit.
pub(in crate::admin) fn short(time: Duration) -> (String, &'static str) {
    let ms = time.as_secs_f64() * 1000.0;
    match ms {
        _ if ms < 9.95 => (format!("{ms:.1}"), "ms"),
        _ if ms < 999.5 => (format!("{ms:.0}"), "ms"),
        _ => (format!("{:.1}", ms / 1000.0), "s"),
    }
}

/// How long, roughly.
pub(in crate::admin) fn how_long(t: Texts, time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => t.n_seconds(seconds),
        60..3_600 => t.n_minutes(seconds / 60),
        3_600..86_400 => t.n_hours(seconds / 3_600, seconds / 60 % 60),
        86_400..172_800 => t.one_day().to_owned(),
        _ => t.n_days(seconds / 86_400),
    }
}

/// The time of day here; with its day where that is another.
pub(in crate::admin) fn clock(at: SystemTime) -> String {
    let zone = jiff::tz::TimeZone::system();
    let here = |at: SystemTime| {
        let at = jiff::Timestamp::try_from(at).unwrap_or_default();
        at.to_zoned(zone.clone())
    };
    let (at, now) = (here(at), here(SystemTime::now()));
    match at.date() == now.date() {
        true => at.strftime("%H:%M:%S").to_string(),
        false => at.strftime("%m-%d %H:%M").to_string(),
    }
}

/// The whole page in a line.
pub(in crate::admin) fn lead(t: Texts, view: &NodesView) -> String {
    let nodes = || view.pools.iter().flat_map(|pool| &pool.nodes);
    let all = nodes().count();
    if all == 0 {
        return String::new();
    }
    let taking = nodes().filter(|node| node.takes).count();
    let mut parts = vec![match all {
        1 => t.node_takes(taking),
        _ => t.nodes_take(taking, all),
    }];
    let draining = nodes().filter(|n| n.admin_state == AdminState::Draining);
    let down = nodes().filter(|node| seen(node) == Seen::Down);
    for (count, words) in [
        (
            draining.count(),
            Texts::n_draining as fn(Texts, usize) -> String,
        ),
        (down.count(), Texts::n_down),
    ] {
        if count > 0 {
            parts.push(words(t, count));
        }
    }
    let per_second: f64 = nodes().map(|node| node.recent.per_second).sum();
    parts.push(t.n_per_second(rate(per_second)));
    let mut times = Counted::default();
    nodes().for_each(|node| times.add(&node.recent.times));
    if let Some(p95) = times.quantile(950) {
        let (number, unit) = short(p95);
        parts.push(format!("p95 {number} {unit}"));
    }
    parts.join(" · ")
}

/// A pool in a line: what is on, and how it is checked.
pub(in crate::admin) fn about(t: Texts, pool: &PoolView) -> String {
    let is_on = |node: &&NodeView| node.admin_state == AdminState::Enabled;
    let on = pool.nodes.iter().filter(is_on).count();
    let mut parts = vec![
        t.nodes_on(on, pool.nodes.len()),
        t.weights_sum(super::draw::weights(pool)),
    ];
    parts.push(match &pool.check {
        None => t.no_checks().to_owned(),
        Some(check) => {
            let every = how_long(t, check.interval);
            match &check.kind {
                CheckKind::Tcp => t.checks_port(every),
                CheckKind::Http(http) => t.checks_path(&http.path, every),
            }
        }
    });
    if pool.queued > 0 {
        parts.push(t.requests_wait(pool.queued));
    }
    parts.join(" · ")
}

/// How the pool chooses: its name, and what that means.
pub(in crate::admin) fn policy(t: Texts, policy: Policy) -> (&'static str, &'static str) {
    match policy {
        Policy::RoundRobin => (t.round_robin(), t.round_robin_means()),
        Policy::LeastConn => (t.least_conn(), t.least_conn_means()),
        Policy::IpHash => (t.by_address(), t.by_address_means()),
        Policy::Hash => (t.by_hash(), t.by_hash_means()),
        Policy::RandomTwo => (t.random_two(), t.random_two_means()),
        Policy::LeastTime => (t.least_time(), t.least_time_means()),
    }
}

/// What is seen of a node, whatever is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::admin) enum Seen {
    Up,
    Down,
    Resting,
    NotYet,
    Unchecked,
}

/// What is seen of it.
pub(in crate::admin) fn seen(node: &NodeView) -> Seen {
    match node.health {
        Health::Down => Seen::Down,
        _ if node.lookup.is_some() => Seen::Down,
        _ if node.ejected_until.is_some() => Seen::Resting,
        Health::Up => Seen::Up,
        Health::Unknown if node.is_checked => Seen::NotYet,
        Health::Unknown => Seen::Unchecked,
    }
}

impl Seen {
    /// Its shape and colour.
    pub(in crate::admin) fn mark(self) -> (&'static str, &'static str) {
        match self {
            Self::Up => ("s-up", "up"),
            Self::Down => ("s-down", "down"),
            Self::Resting => ("s-half", "warn"),
            Self::NotYet => ("s-unknown", "m"),
            Self::Unchecked => ("s-unknown", "m"),
        }
    }

    pub(in crate::admin) fn words(self, t: Texts) -> &'static str {
        match self {
            Self::Up => t.seen_up(),
            Self::Down => t.seen_down(),
            Self::Resting => t.seen_resting(),
            Self::NotYet => t.seen_not_yet(),
            Self::Unchecked => t.seen_not_checked(),
        }
    }
}

/// Since when it is up or down; nothing where nobody knows.
pub(in crate::admin) fn since(t: Texts, node: &NodeView) -> String {
    let since = node.since.and_then(|since| since.elapsed().ok());
    since.map_or_else(String::new, |since| how_long(t, since))
}

/// Why it is down and what to do, where it is meant to serve.
pub(in crate::admin) fn why(t: Texts, node: &NodeView) -> Option<String> {
    if !node.is_wrong() || seen(node) != Seen::Down {
        return None;
    }
    if let Some(lookup) = &node.lookup {
        return Some(sentence(t, lookup));
    }
    let check = node.check.as_ref().filter(|check| !check.passed());
    let text = match check {
        Some(check) => check.text(t.0),
        // It has passed one, and needs more.
        None => node
            .past
            .iter()
            .rev()
            .find(|past| past.failure.is_some())?
            .text(t.0),
    };
    Some(sentence(t, &text))
}

/// Words with a capital and a full stop.
fn sentence(t: Texts, words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string());
    let stop = match t.0 {
        crate::model::Language::English => ".",
        crate::model::Language::Chinese => "。",
    };
    let rest = letters.as_str().trim_end_matches(['.', '。']);
    format!("{}{rest}{stop}", first.unwrap_or_default())
}

/// What is to be known of a node beside all that, in a line; none is nothing.
pub(in crate::admin) fn remark(t: Texts, node: &NodeView) -> Option<(&'static str, String)> {
    if node.admin_state == AdminState::Draining || node.in_flight + node.bound > 0 && off(node) {
        return Some(match node.drained {
            true => ("up", t.safe_to_stop().to_owned()),
            false => ("warn", left(t, node)),
        });
    }
    if node.admin_state == AdminState::Disabled {
        return None;
    }
    if let Some(until) = node.ejected_until {
        return Some(("warn", t.rests_until(clock(until))));
    }
    let needs = node.check.as_ref().and_then(|check| check.needs_rise);
    if let Some(needs) = needs {
        return Some(("warn", t.flapping(needs)));
    }
    if node.warm < 100 {
        let share = t.percent(node.warm);
        return Some(("m2", t.warming(share)));
    }
    node.backup.then(|| ("m2", t.is_backup().to_owned()))
}

fn off(node: &NodeView) -> bool {
    node.admin_state == AdminState::Disabled
}

/// What still keeps a node from being stopped.
fn left(t: Texts, node: &NodeView) -> String {
    let runs = match node.in_flight {
        0 => None,
        1 => Some(t.one_request_runs().to_owned()),
        n => Some(t.requests_run(n)),
    };
    let kept = match node.bound {
        0 => None,
        1 => Some(t.one_kept_session().to_owned()),
        n => Some(t.kept_sessions(n)),
    };
    let until = node.bound_until.map(clock);
    let kept = match (kept, until) {
        (Some(kept), Some(until)) => Some(t.kept_until(kept, until)),
        (None, Some(until)) => Some(t.maybe_kept(until)),
        (kept, None) => kept,
    };
    match (runs, kept) {
        (Some(runs), Some(kept)) => t.and_so(runs, kept),
        (Some(one), None) | (None, Some(one)) => sentence(t, &t.and_no_more(one)),
        (None, None) => t.safe_to_stop().to_owned(),
    }
}

/// The last checks in words: how many failed, and when by what.
pub(in crate::admin) fn checks(t: Texts, past: &[PastCheck]) -> String {
    let failed = past.iter().filter(|check| check.failure.is_some()).count();
    let mut lines = vec![match (past.len(), failed) {
        (0, _) => t.no_check_yet().to_owned(),
        (all, 0) => t.all_checks_fine(all),
        (all, failed) => t.checks_failed(failed, all),
    }];
    let alike = |a: &PastCheck, b: &PastCheck| a.failure == b.failure;
    let groups = past.chunk_by(alike).rev();
    let groups = groups.filter(|group| group[0].failure.is_some());
    for group in groups.take(MOST_TOLD) {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        let why = first.text(t.0);
        lines.push(match group.len() {
            1 => t.failed_once(clock(first.at), why),
            n => t.failed_times(n, clock(first.at), clock(last.at), why),
        });
    }
    lines.join("\n")
}

/// A time as a program reads it.
pub(in crate::admin) fn unix(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
