//! What the overview comes to, in one sentence.

use std::time::Duration;

use super::graph::{Graph, Tone};
use super::numbers::{cut, rate, time};
use crate::admin::texts::Texts;
use crate::control::{NodesView, Outline};
use crate::logs::LastMinute;
use crate::model::AdminState;

/// Is it up, how much, how fast, how often not.
pub(super) fn sentence(
    t: Texts,
    (outline, nodes): (&Outline, &NodesView),
    minute: &LastMinute,
) -> String {
    let mut parts = vec![state(t, outline, nodes)];
    if outline.is_logged {
        parts.push(t.requests_a_second(rate(minute.requests(), minute.seconds)));
        if let Some(p95) = minute.p95 {
            parts.push(t.p95(time(t, Duration::from_micros(p95))));
        }
        parts.push(t.errors_lately(minute.quarter.1));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

fn state(t: Texts, outline: &Outline, nodes: &NodesView) -> String {
    if outline.is_empty {
        return t.sum_empty().to_owned();
    }
    if !outline.listeners.iter().any(|listener| listener.open) {
        return t.sum_deaf().to_owned();
    }
    let nodes = nodes.pools.iter().flat_map(|pool| &pool.nodes);
    let wanted = nodes.filter(|node| node.admin_state == AdminState::Enabled);
    let (mut all, mut well) = (0, 0);
    for node in wanted {
        all += 1;
        well += usize::from(node.is_well());
    }
    match (well, all) {
        (_, 0) => t.sum_no_node().to_owned(),
        (0, _) => t.sum_none_well().to_owned(),
        (1, 1) => t.sum_the_node().to_owned(),
        (well, all) if well == all => t.sum_all(all),
        (well, all) => t.sum_some(well, all),
    }
}

/// The picture in words, for who does not see it.
pub(super) fn path(t: Texts, graph: &Graph, minute: &LastMinute) -> String {
    let per_second = |requests| t.requests_a_second(rate(requests, minute.seconds));
    let mut parts = vec![per_second(minute.requests())];
    for item in &graph.columns[3] {
        let name = cut(&item.name, 40);
        parts.push(match item.tone {
            Tone::Down => t.path_down(name),
            _ => t.path_node(name, per_second(item.requests)),
        });
    }
    parts.join("; ")
}
