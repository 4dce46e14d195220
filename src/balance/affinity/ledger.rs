//! How many bindings end when: exact in a bounded place.

use std::collections::BTreeMap;

/// Limit: different ends that are told apart. Where there are more, neighbours are counted
/// together, until the later end: a binding may then count too long, never too short.
const MAX_ENDS: usize = 128;

/// With fewer ends than this the next are told apart again: `max_age` may be shorter now.
const FEW_ENDS: usize = MAX_ENDS / 4;

/// Bindings by the second in which they end.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    // New ends are multiples of this many seconds: 1, 2, 4 …
    width_log2: u32,
    // The greatest that any end still here was rounded up to.
    widest_log2: u32,
    ends: BTreeMap<u64, u64>,
}

impl Ledger {
    /// Counts one binding that ends in the second `end`.
    pub(super) fn add(&mut self, end: u64, now: u64) {
        self.forget(now);
        if end <= now {
            return;
        }
        *self.ends.entry(rounded(end, self.width_log2)).or_default() += 1;
        while self.ends.len() > MAX_ENDS {
            self.width_log2 += 1;
            self.widest_log2 = self.widest_log2.max(self.width_log2);
            for (end, count) in std::mem::take(&mut self.ends) {
                *self.ends.entry(rounded(end, self.width_log2)).or_default() += count;
            }
        }
    }

    /// Takes out one binding that was counted with this `end`.
    pub(super) fn remove(&mut self, end: u64, now: u64) {
        self.forget(now);
        // At the nearest place where it may be. Had another been counted there and it farther
        // off, that one counts there from now on: as many, and none too short.
        let mut places = (self.width_log2..=self.widest_log2).map(|log2| rounded(end, log2));
        let Some(place) = places.find(|place| self.ends.contains_key(place)) else {
            return;
        };
        if let Some(count) = self.ends.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.ends.remove(&place);
            }
        }
    }

    /// How many bindings have not ended.
    pub(super) fn count(&mut self, now: u64) -> u64 {
        self.forget(now);
        self.ends.values().sum()
    }

    /// When the last of them ends.
    pub(super) fn last_end(&self) -> Option<u64> {
        self.ends.last_key_value().map(|(end, _)| *end)
    }

    fn forget(&mut self, now: u64) {
        while let Some(first) = self.ends.first_entry()
            && *first.key() <= now
        {
            first.remove();
        }
        if self.ends.len() < FEW_ENDS {
            self.width_log2 = 0;
        }
        if self.ends.is_empty() {
            self.widest_log2 = 0;
        }
    }
}

// Rounded up twice is rounded up once to the greater width: each finds its place again.
fn rounded(end: u64, width_log2: u32) -> u64 {
    let mask = (1 << width_log2) - 1;
    end.saturating_add(mask) & !mask
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::proptest;
    use proptest::{prop_assert, prop_assert_eq};

    use super::{Ledger, MAX_ENDS};

    proptest! {
        #[test]
        fn it_agrees_with_a_list_and_never_counts_too_little(
            max_age in 1_u64..100_000,
            later_max_age in 1_u64..100_000,
            steps in vec((0_u64..400, 0_usize..3, 0_usize..1000), 1..600),
        ) {
            let longest = max_age.max(later_max_age);
            let half = steps.len() / 2;
            let (mut ledger, mut list) = (Ledger::default(), Vec::new());
            let (mut now, mut coarse) = (1_000_000, false);
            for (step, (later, what, which)) in steps.into_iter().enumerate() {
                let max_age = if step < half { max_age } else { later_max_age };
                now += later * max_age / 1000;
                list.retain(|end| *end > now);
                match what {
                    0 if !list.is_empty() => {
                        let end = list.swap_remove(which % list.len());
                        ledger.remove(end, now);
                    }
                    _ => {
                        list.push(now + max_age);
                        ledger.add(now + max_age, now);
                    }
                }
                let counted = ledger.count(now);
                let true_count = list.len() as u64;
                prop_assert!(counted >= true_count);
                prop_assert!(ledger.last_end() >= list.iter().max().copied());
                coarse = (coarse || ledger.width_log2 > 0) && counted > 0;
                if !coarse {
                    prop_assert_eq!(counted, true_count);
                    prop_assert_eq!(ledger.last_end(), list.iter().max().copied());
                }
                // At most a little too long: two widths are less than a 32nd of the time.
                let width = 1 << ledger.width_log2;
                let widest = 2 * longest.div_ceil(MAX_ENDS as u64 / 2);
                prop_assert!(width == 1 || width <= widest, "{width} of {longest}");
                prop_assert!(ledger.ends.len() <= MAX_ENDS);
            }
            prop_assert_eq!(ledger.count(now + 2 * longest), 0);
        }
    }

    #[test]
    fn a_shorter_max_age_is_counted_as_finely_as_if_it_had_always_been() {
        const WEEK: u64 = 7 * 86_400;
        let (mut ledger, mut now) = (Ledger::default(), 1_000_000);
        for _ in 0..WEEK / 600 {
            now += 600;
            ledger.add(now + WEEK, now);
        }
        assert!(ledger.width_log2 > 10, "as coarse as a week needs");
        // Now it is a minute, and clients go on coming.
        for _ in 0..WEEK / 30 + 1000 {
            now += 30;
            ledger.add(now + 60, now);
        }
        assert_eq!(ledger.last_end(), Some(now + 60));
        assert_eq!((ledger.count(now), ledger.count(now + 60)), (2, 0));
    }

    #[test]
    fn what_is_not_there_is_not_taken_out() {
        let mut ledger = Ledger::default();
        ledger.add(20, 10);
        ledger.remove(21, 10);
        ledger.remove(20, 10);
        ledger.remove(20, 10);
        assert_eq!(ledger.count(10), 0);
        ledger.add(10, 10);
        ledger.add(u64::MAX, 10);
        assert_eq!((ledger.count(10), ledger.last_end()), (1, Some(u64::MAX)));
    }

    #[test]
    fn ends_are_told_apart_up_to_the_limit_and_none_is_lost_beyond_it() {
        let mut ledger = Ledger::default();
        let most = MAX_ENDS as u64;
        for n in 1..=most {
            ledger.add(1000 + n, 1000);
        }
        for n in 0..=10 {
            assert_eq!(ledger.count(1000 + n), most - n);
        }
        let mut ledger = Ledger::default();
        for n in 1..=3 * most {
            ledger.add(1000 + n, 1000);
            ledger.add(1000 + n, 1000);
        }
        assert_eq!(ledger.count(1000), 6 * most);
        assert!(ledger.count(1101) >= 6 * most - 200);
    }
}
