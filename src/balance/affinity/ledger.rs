//! How many bindings end when: exact in a bounded place.

use std::collections::BTreeMap;

/// Limit: different ends that are told apart. Where there are more, neighbours are counted
/// together, until the later end: a binding may then count too long, never too short.
const MAX_ENDS: usize = 128;

/// Bindings by the second in which they end.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    // Ends are multiples of this many seconds: 1, 2, 4 …
    width_log2: u32,
    ends: BTreeMap<u64, u64>,
}

impl Ledger {
    /// Counts one binding that ends in the second `end`.
    pub(super) fn add(&mut self, end: u64, now: u64) {
        self.forget(now);
        if end <= now {
            return;
        }
        *self.ends.entry(self.rounded(end)).or_default() += 1;
        while self.ends.len() > MAX_ENDS {
            self.width_log2 += 1;
            for (end, count) in std::mem::take(&mut self.ends) {
                *self.ends.entry(self.rounded(end)).or_default() += count;
            }
        }
    }

    /// Takes out one binding that was counted with this `end`.
    pub(super) fn remove(&mut self, end: u64, now: u64) {
        self.forget(now);
        let end = self.rounded(end);
        if let Some(count) = self.ends.get_mut(&end) {
            *count -= 1;
            if *count == 0 {
                self.ends.remove(&end);
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
        if self.ends.is_empty() {
            self.width_log2 = 0;
        }
    }

    // Rounded up twice is rounded up once to the greater width: each finds its place again.
    fn rounded(&self, end: u64) -> u64 {
        let mask = (1 << self.width_log2) - 1;
        end.saturating_add(mask) & !mask
    }
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
            steps in vec((0_u64..400, 0_usize..3, 0_usize..1000), 1..600),
        ) {
            let (mut ledger, mut list) = (Ledger::default(), Vec::new());
            let (mut now, mut coarse) = (1_000_000, false);
            for (later, what, which) in steps {
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
                coarse = (coarse || ledger.width_log2 > 0) && counted > 0;
                if !coarse {
                    prop_assert_eq!(counted, true_count);
                    prop_assert_eq!(ledger.last_end(), list.iter().max().copied());
                }
                // At most a little too long: two widths are less than a 32nd of the time.
                let width = 1 << ledger.width_log2;
                let widest = 2 * max_age.div_ceil(MAX_ENDS as u64 / 2);
                prop_assert!(width == 1 || width <= widest, "{width} of {max_age}");
                prop_assert!(ledger.ends.len() <= MAX_ENDS);
            }
            prop_assert_eq!(ledger.count(now + 2 * max_age), 0);
        }
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
}
