//! What a policy sees of one candidate: a few numbers, nothing shared.

use std::cmp::Ordering;

use super::latency::Times;

/// One candidate as a policy sees it. `eligible`, `in_flight` and `times` are
/// written anew for every choice; the other fields last from choice to choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// The configured weight, 1 to 1000.
    pub(super) weight: i64,
    /// nginx's current_weight: who is owed most is next.
    pub(super) current: i64,
    /// nginx's effective_weight: 0 to `weight`, lowered by failures.
    pub(super) effective: i64,
    /// Requests now in flight to the node.
    pub(super) in_flight: u64,
    /// How fast it answers; written for `least_time` only.
    pub(super) times: Times,
    /// Whether it may be chosen this time.
    pub(super) eligible: bool,
}

impl Slot {
    /// A slot with its whole weight and nothing owed.
    pub(super) fn new(weight: u16) -> Self {
        Self {
            weight: weight.into(),
            current: 0,
            effective: weight.into(),
            in_flight: 0,
            times: Times::default(),
            eligible: true,
        }
    }

    /// Requests in flight for the weight, against those of a candidate of `weight` with
    /// `in_flight`. Multiplied out: no division, no rounding. A weight is positive and at most
    /// 1000, so nothing overflows.
    pub(super) fn compare_load(&self, in_flight: u64, weight: i64) -> Ordering {
        let ours = self.in_flight * weight.unsigned_abs();
        let theirs = in_flight * self.weight.unsigned_abs();
        ours.cmp(&theirs)
    }

    /// One failure less trusted: a failing node loses share before it is ejected.
    pub(super) fn weaken(&mut self, max_fails: u16) {
        if max_fails > 0 {
            self.effective = (self.effective - self.weight / i64::from(max_fails)).max(0);
        }
    }
}
