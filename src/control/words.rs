//! What a change was, in words short enough for a list of revisions.

use crate::document::Change;

/// Changes told one by one; the rest is counted.
const TOLD: usize = 3;

/// `~ pools.django.nodes.web-1.weight: 1 -> 3, + sites.shop: … and 4 more`.
pub(super) fn of(changes: &[Change]) -> String {
    let told: Vec<String> = changes.iter().take(TOLD).map(Change::to_string).collect();
    let told = told.join(", ");
    match changes.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}
