//! Which events stand as marks in the charts.

use crate::logs::{Noted, Range};

/// Limit: marks that are told in words below the charts.
const TOLD: usize = 4;

/// The newest events of `range` that a chart marks; `events` has the newest first.
pub(super) fn of(events: &[Noted], range: Range) -> impl Iterator<Item = &Noted> {
    let now = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or(0);
    let from = now.saturating_sub(range.seconds() * 1_000_000);
    let within = events.iter().take_while(move |event| event.time >= from);
    within.filter(|event| is_marked(&event.kind)).take(TOLD)
}

/// Whether an event of this kind is marked.
pub(super) fn is_marked(kind: &str) -> bool {
    matches!(kind, "change" | "node_up" | "node_down")
}
