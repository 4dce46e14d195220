//! Rise and fall: turning single probe results into a verdict.
//!
//! Pure on purpose. Timing is in `mod.rs`, sockets are in `probe.rs`.

use crate::balance::Health;

/// Results that are looked back at for flapping, the newest included.
const WINDOW: u32 = 60;

/// Changes of the verdict among them that are nothing unusual: two restarts.
const USUAL: u32 = 4;

/// Counts results in a row. `fall` failures turn a node Down, `rise` successes
/// turn it Up again; anything mixed in between changes nothing.
///
/// A node whose verdict changed more than four times within its last 60 results flaps:
/// it then needs twice `rise`. So it is back later, and away no later.
#[derive(Debug)]
pub(super) struct Tally {
    rise: u16,
    fall: u16,
    health: Health,
    // Results in a row that speak against the verdict.
    against: u16,
    // Results in a row that were the same, and what they were.
    in_row: u32,
    last: Option<bool>,
    // One bit per result, the newest lowest: whether the verdict changed with it.
    changes: u64,
}

impl Tally {
    /// Goes on from what was concluded before.
    pub(super) fn new(rise: u16, fall: u16, health: Health) -> Self {
        Self {
            rise,
            fall,
            health,
            against: 0,
            in_row: 0,
            last: None,
            changes: 0,
        }
    }

    /// Counts one result and concludes.
    pub(super) fn count(&mut self, passed: bool) -> Health {
        self.in_row = match self.last.replace(passed) {
            Some(last) if last == passed => self.in_row.saturating_add(1),
            _ => 1,
        };
        self.changes = (self.changes << 1) & ((1 << WINDOW) - 1);
        let (needed, verdict) = match (self.health, passed) {
            // A new node is Up after its first success, whatever `rise` says: an
            // operator who has just added it is watching, and intervals are long.
            (Health::Unknown, true) => (1, Health::Up),
            (Health::Unknown | Health::Up, false) => (self.fall, Health::Down),
            (Health::Down, true) => (self.rise(), Health::Up),
            (Health::Up, true) | (Health::Down, false) => {
                self.against = 0;
                return self.health;
            }
        };
        self.against = self.against.saturating_add(1);
        if self.against >= needed {
            // The first verdict of all is no change of one.
            self.changes |= u64::from(self.health != Health::Unknown);
            self.health = verdict;
            self.against = 0;
        }
        self.health
    }

    /// Successes in a row that now turn a node Up.
    pub(super) fn rise(&self) -> u16 {
        match self.flaps() {
            true => self.rise.saturating_mul(2),
            false => self.rise,
        }
    }

    /// Whether the verdict changed too often of late.
    pub(super) fn flaps(&self) -> bool {
        self.changes.count_ones() > USUAL
    }

    /// Results in a row that ended like the last one, itself included.
    pub(super) fn in_row(&self) -> u32 {
        self.in_row
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

    #[test]
    fn a_node_that_was_down_from_the_start_needs_rise() {
        let mut tally = Tally::new(2, 3, Health::Down);
        let health = [true, true].map(|passed| tally.count(passed));
        assert_eq!(health, [Health::Down, Health::Up]);
    }

    #[test]
    fn a_node_that_flaps_needs_twice_rise_until_it_is_calm() {
        // Five changes, then two successes are not enough and four are.
        assert_eq!(verdicts(2, 1, "+-++-++-++++"), "uddudduddddu");
        // 60 results later one more fall is the first again.
        let calm = "+".repeat(60);
        let results = format!("+-++-++-++++{calm}-++");
        assert!(verdicts(2, 1, &results).ends_with("uddu"));
    }

    #[test]
    fn results_in_a_row_are_counted() {
        let mut tally = Tally::new(2, 3, Health::Unknown);
        let rows = [true, true, false, false, false, true].map(|passed| {
            tally.count(passed);
            tally.in_row()
        });
        assert_eq!(rows, [1, 2, 1, 2, 3, 1]);
    }

    // From the whole history: where did the verdict change, and what are the last
    // results since?
    fn by_history(rise: u16, fall: u16, results: &[bool]) -> Health {
        let mut health = Health::Unknown;
        let mut since = 0;
        let mut changes = Vec::new();
        for end in 1..=results.len() {
            let seen = &results[since..end];
            let in_row = |passed, count: u16| {
                seen.len() >= usize::from(count)
                    && seen.iter().rev().take(count.into()).all(|r| *r == passed)
            };
            let of_late = changes.iter().filter(|change| end - **change < 60);
            let rise = if of_late.count() > 4 { rise * 2 } else { rise };
            let next = match health {
                Health::Unknown if in_row(true, 1) => Health::Up,
                Health::Unknown | Health::Up if in_row(false, fall) => Health::Down,
                Health::Down if in_row(true, rise) => Health::Up,
                same => same,
            };
            if next != health {
                if health != Health::Unknown {
                    changes.push(end);
                }
                (health, since) = (next, end);
            }
        }
        health
    }

    proptest! {
        #[test]
        fn a_verdict_agrees_with_the_whole_history(
            rise in 1u16..4,
            fall in 1u16..4,
            // Runs, so that there are calm times too.
            runs in collection::vec((any::<bool>(), 1usize..12), 0..40),
        ) {
            let results: Vec<bool> = runs
                .iter()
                .flat_map(|(passed, count)| std::iter::repeat_n(*passed, *count))
                .collect();
            let mut tally = Tally::new(rise, fall, Health::Unknown);
            for end in 1..=results.len() {
                let verdict = tally.count(results[end - 1]);
                prop_assert_eq!(verdict, by_history(rise, fall, &results[..end]));
            }
        }

        #[test]
        fn damping_never_delays_a_fall(
            rise in 1u16..4,
            fall in 1u16..4,
            results in collection::vec(any::<bool>(), 0..300),
        ) {
            let mut tally = Tally::new(rise, fall, Health::Unknown);
            for passed in &results {
                tally.count(*passed);
            }
            let mut health = Health::Unknown;
            for _ in 0..fall {
                health = tally.count(false);
            }
            prop_assert_eq!(health, Health::Down);
        }
    }
}
