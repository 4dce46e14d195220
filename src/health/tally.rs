//! Rise and fall: turning single probe results into a verdict.
//!
//! Pure on purpose. Timing is in `mod.rs`, sockets are in `probe.rs`.

use crate::balance::Health;

/// Counts results in a row. `fall` failures turn a node Down, `rise` successes
/// turn it Up again; anything mixed in between changes nothing.
#[derive(Debug)]
pub(super) struct Tally {
    rise: u16,
    fall: u16,
    health: Health,
    // Results in a row that speak against the verdict.
    against: u16,
}

impl Tally {
    /// Goes on from what was concluded before.
    pub(super) fn new(rise: u16, fall: u16, health: Health) -> Self {
        Self {
            rise,
            fall,
            health,
            against: 0,
        }
    }

    /// Counts one result and concludes.
    pub(super) fn count(&mut self, passed: bool) -> Health {
        let (needed, verdict) = match (self.health, passed) {
            // A new node is Up after its first success, whatever `rise` says: an
            // operator who has just added it is watching, and intervals are long.
            (Health::Unknown, true) => (1, Health::Up),
            (Health::Unknown | Health::Up, false) => (self.fall, Health::Down),
            (Health::Down, true) => (self.rise, Health::Up),
            (Health::Up, true) | (Health::Down, false) => {
                self.against = 0;
                return self.health;
            }
        };
        self.against = self.against.saturating_add(1);
        if self.against >= needed {
            self.health = verdict;
            self.against = 0;
        }
        self.health
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert_eq};

    use super::{Health, Tally};

    fn verdicts(rise: u16, fall: u16, results: &str) -> String {
        let mut tally = Tally::new(rise, fall, Health::Unknown);
        let letter = |health| match health {
            Health::Unknown => '?',
            Health::Up => 'u',
            Health::Down => 'd',
        };
        let results = results.chars().map(|result| result == '+');
        results.map(|passed| letter(tally.count(passed))).collect()
    }

    #[test]
    fn the_first_success_of_a_new_node_is_enough() {
        assert_eq!(verdicts(5, 3, "+"), "u");
        assert_eq!(verdicts(5, 3, "--+"), "??u");
    }

    #[test]
    fn fall_failures_in_a_row_turn_a_node_down_and_rise_successes_up() {
        assert_eq!(verdicts(2, 3, "---"), "??d");
        assert_eq!(
            verdicts(2, 3, "+--+---+-++-"),
            "uuuuuuddd".to_owned() + "duu"
        );
        assert_eq!(verdicts(1, 1, "+-+-"), "udud");
    }

    // From the whole history: where did the last verdict begin, and what are
    // the last results since?
    fn by_history(rise: u16, fall: u16, results: &[bool]) -> Health {
        let mut health = Health::Unknown;
        let mut since = 0;
        for end in 1..=results.len() {
            let seen = &results[since..end];
            let in_row = |passed, count: u16| {
                seen.len() >= usize::from(count)
                    && seen.iter().rev().take(count.into()).all(|r| *r == passed)
            };
            let next = match health {
                Health::Unknown if in_row(true, 1) => Health::Up,
                Health::Unknown | Health::Up if in_row(false, fall) => Health::Down,
                Health::Down if in_row(true, rise) => Health::Up,
                same => same,
            };
            if next != health {
                (health, since) = (next, end);
            }
        }
        health
    }

    proptest! {
        #[test]
        fn a_verdict_agrees_with_the_whole_history(
            rise in 1u16..5,
            fall in 1u16..5,
            results in collection::vec(any::<bool>(), 0..40),
        ) {
            let mut tally = Tally::new(rise, fall, Health::Unknown);
            for end in 1..=results.len() {
                let verdict = tally.count(results[end - 1]);
                prop_assert_eq!(verdict, by_history(rise, fall, &results[..end]));
            }
        }
    }
}
