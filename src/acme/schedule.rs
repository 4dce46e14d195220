//! When a certificate is asked for: pure, from its life and what failed before.

use std::time::Duration;

/// From when to when a certificate is good, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it begins to hold.
    pub not_before: i64,
    /// When it ends.
    pub not_after: i64,
}

/// The first pause after a failure.
const FIRST: Duration = Duration::from_secs(60);

/// The longest: with Let's Encrypt five failures an hour block a name for that hour, and a third
/// of a life is a month.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// The least where the authority says that it had too many requests, and not until when.
const LIMITED: Duration = Duration::from_secs(3600);

/// Limit: of what an authority may ask to wait. The weekly limits of those known end within.
const MOST_ASKED: Duration = Duration::from_secs(7 * 86_400);

/// When one that lives so is renewed: at two thirds of its life, and up to a fiftieth later by
/// `spread`, 0 to 1, so that not all that were had at once are renewed at once.
pub fn renew_at(life: Life, spread: f64) -> i64 {
    let length = life.not_after.saturating_sub(life.not_before).max(0);
    // Of 90 days some 43 hours.
    let later = spread.clamp(0.0, 1.0) * (length as f64 / 50.0);
    life.not_before + length / 3 * 2 + whole(later)
}

#[expect(clippy::cast_possible_truncation, reason = "of seconds of a life")]
fn whole(seconds: f64) -> i64 {
    seconds as i64
}

/// How long to wait after `failures` in a row, at least what the authority asked for. What is
/// `left` until the certificate in use ends makes it shorter: a tenth of that, but never less than
/// the first pause.
pub fn after_failure(failures: u32, asked: Said, left: Option<Duration>, spread: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let soon = left.map_or(LONGEST, |left| (left / 10).max(FIRST));
    let pause = doubled.min(LONGEST).min(soon);
    // Up to a quarter longer.
    let pause = pause.mul_f64(1.0 + spread.clamp(0.0, 1.0) / 4.0);
    match asked {
        Said::Nothing => pause,
        Said::ToWait => pause.max(LIMITED),
        Said::ToWaitFor(asked) => pause.max(asked.min(MOST_ASKED)),
    }
}

/// How long to wait at least after a success, however old what was issued looks: a third of its
/// life, within 5 s and an hour. An authority may say of it whatever it likes.
pub fn after_success(life: Life) -> Duration {
    let length = life.not_after.saturating_sub(life.not_before);
    let third = u64::try_from(length / 3).unwrap_or(0);
    Duration::from_secs(third.clamp(5, 3600))
}

/// What the authority said of a next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    Nothing,
    /// That it had too many, and no more.
    ToWait,
    /// For how long.
    ToWaitFor(Duration),
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{FIRST, LONGEST, Life, Said, after_failure, after_success, renew_at};

    const DAY: i64 = 86_400;

    #[test]
    fn it_is_renewed_at_two_thirds_of_its_life() {
        let life = Life {
            not_before: 0,
            not_after: 90 * DAY,
        };
        assert_eq!(renew_at(life, 0.0), 60 * DAY);
        assert_eq!(renew_at(life, 1.0), 60 * DAY + 90 * DAY / 50);
        let upside_down = Life {
            not_before: 9,
            not_after: 3,
        };
        assert_eq!(renew_at(upside_down, 1.0), 9);
    }

    #[test]
    fn pauses_double_from_a_minute_to_six_hours() {
        let pause = |failures| after_failure(failures, Said::Nothing, None, 0.0).as_secs();
        let minutes: Vec<u64> = (1..=11).map(|n| pause(n) / 60).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
        assert_eq!(pause(u32::MAX), 6 * 3600);
        let later = after_failure(1, Said::Nothing, None, 1.0);
        assert_eq!(later, Duration::from_secs(75));
    }

    #[test]
    fn what_the_authority_asks_for_is_kept_within_a_week() {
        let pause = |asked| after_failure(1, asked, None, 0.0).as_secs();
        assert_eq!(pause(Said::ToWait), 3600);
        assert_eq!(pause(Said::ToWaitFor(Duration::from_secs(5))), 60);
        assert_eq!(pause(Said::ToWaitFor(Duration::from_secs(7200))), 7200);
        assert_eq!(pause(Said::ToWaitFor(Duration::MAX)), 7 * 86_400);
    }

    #[test]
    fn what_is_issued_as_old_is_not_asked_for_again_and_again() {
        let of = |length| {
            after_success(Life {
                not_before: 100,
                not_after: 100 + length,
            })
        };
        assert_eq!(of(90 * DAY), Duration::from_secs(3600));
        assert_eq!(of(60), Duration::from_secs(20));
        for none in [0, 3, -7, i64::MIN / 2] {
            assert_eq!(of(none), Duration::from_secs(5));
        }
    }

    #[test]
    fn what_ends_soon_is_tried_more_often() {
        let left = |hours: u64| Some(Duration::from_secs(hours * 3600));
        let pause = |hours| after_failure(20, Said::Nothing, left(hours), 0.0);
        assert_eq!(pause(600), LONGEST);
        assert_eq!(pause(10), Duration::from_secs(3600));
        assert_eq!(pause(0), FIRST);
    }

    proptest! {
        #[test]
        fn a_renewal_is_within_the_life_and_a_pause_is_never_short(
            from in -1_000_000_000_i64..4_000_000_000,
            length in 0_i64..4_000_000_000,
            spread in -1.0_f64..2.0,
            failures: u32,
            left in proptest::option::of(0_u64..1_000_000_000),
        ) {
            let at = renew_at(Life { not_before: from, not_after: from + length }, spread);
            prop_assert!(at >= from && at <= from + length);
            let left = left.map(Duration::from_secs);
            let pause = after_failure(failures, Said::Nothing, left, spread);
            prop_assert!(pause >= FIRST && pause <= LONGEST.mul_f64(1.25));
        }
    }
}
