//! What a policy sees of one candidate: a few numbers, nothing shared.

use std::cmp::Ordering;

use super::latency::Times;

/// Units to a weight of 1 where a slow start needs steps between 0 and 1.
pub(super) const UNIT: i64 = 100;

/// One candidate as a policy sees it. `eligible`, `in_flight` and `times` are
/// written anew for every choice; the other fields last from choice to choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// The weight in units, at least 1: the configured one but for a slow start.
    pub(super) weight: i64,
    /// Units to a configured weight of 1.
    pub(super) unit: i64,
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
            unit: 1,
            current: 0,
            effective: weight.into(),
            in_flight: 0,
            times: Times::default(),
            eligible: true,
        }
    }

    /// The same in units so small that a weight can grow slowly.
    pub(super) fn fine(weight: u16) -> Self {
        let whole = i64::from(weight) * UNIT;
        Self {
            weight: whole,
            unit: UNIT,
            effective: whole,
            ..Self::new(weight)
        }
    }

    /// Changes the weight; what failures took off it stays taken off.
    pub(super) fn set_weight(&mut self, weight: i64) {
        let grown = self.effective + weight - self.weight;
        self.effective = grown.clamp(0, weight);
        self.weight = weight;
    }

    /// Requests in flight for the weight, against those of a candidate of `weight` with
    /// `in_flight`. Multiplied out: no division, no rounding. A weight is positive and at most
    /// 1000 × `UNIT`, so nothing overflows.
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

#[cfg(test)]
mod tests {
    use super::{Slot, UNIT};

    #[test]
    fn a_fine_slot_is_a_slot_in_small_units() {
        for weight in [1, 3, 1000] {
            let (mut fine, mut plain) = (Slot::fine(weight), Slot::new(weight));
            for _ in 0..3 {
                let units = (fine.weight, fine.effective, fine.unit);
                assert_eq!(units, (plain.weight * UNIT, plain.effective * UNIT, UNIT));
                fine.weaken(1);
                plain.weaken(1);
            }
        }
    }

    #[test]
    fn a_changed_weight_keeps_what_failures_took() {
        let mut slot = super::Slot::new(6);
        slot.weaken(3);
        assert_eq!((slot.weight, slot.effective), (6, 4));
        slot.set_weight(9);
        assert_eq!((slot.weight, slot.effective), (9, 7));
        slot.set_weight(1);
        assert_eq!((slot.weight, slot.effective), (1, 0));
    }
}
