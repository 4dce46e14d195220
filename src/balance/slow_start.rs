//! The weight of a node that has come back up: it grows from next to nothing to the whole, so
//! that caches and workers that are still cold do not get a full share at once.

use std::time::Duration;

use tokio::time::Instant;

use super::Candidate;
use super::slot::UNIT;

/// The candidate's weight in units at `now`.
pub(super) fn weight(candidate: &Candidate, now: Instant) -> i64 {
    let whole = i64::from(candidate.weight) * UNIT;
    match candidate.state.recovered_for(now) {
        Some(since) if since < candidate.slow_start => part(whole, since, candidate.slow_start),
        Some(_) | None => whole,
    }
}

/// The part of its whole weight that it has at `now`, in percent.
pub(super) fn percent(candidate: &Candidate, now: Instant) -> u64 {
    let whole = u64::from(candidate.weight) * UNIT.unsigned_abs();
    (weight(candidate, now).unsigned_abs() * 100)
        .checked_div(whole)
        .unwrap_or(100)
}

// Linear from 0, and never 0 itself: a node without any share would never get warm.
fn part(whole: i64, since: Duration, time: Duration) -> i64 {
    let part = u128::from(whole.unsigned_abs()) * since.as_nanos() / time.as_nanos();
    i64::try_from(part).unwrap_or(whole).clamp(1, whole)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;
    use proptest::{prop_assert, prop_assert_eq};

    use super::{UNIT, part};

    proptest! {
        #[test]
        fn a_weight_grows_from_one_unit_to_the_whole_and_never_back(
            weight in 1_i64..=1000,
            time in 1_u64..86_400_000,
            steps in proptest::collection::vec(0.0_f64..=1.0, 2),
        ) {
            let (whole, time) = (weight * UNIT, Duration::from_millis(time));
            let at = |step: f64| part(whole, time.mul_f64(step), time);
            prop_assert_eq!(at(0.0), 1);
            prop_assert_eq!(at(1.0), whole);
            let (early, late) = (steps[0].min(steps[1]), steps[0].max(steps[1]));
            prop_assert!(at(early) <= at(late));
            let half = at(0.5);
            prop_assert!((half - whole / 2).abs() <= 1, "{half} of {whole}");
        }
    }
}
