//! How long a node takes to the first byte of its answers: a mean in which the newest count most.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After so long a sample counts 1/e, about a third, of a new one.
const MEMORY: Duration = Duration::from_secs(10);

/// One node's times to the first byte.
#[derive(Debug, Default)]
pub(super) struct Latency(Mutex<Option<Mean>>);

/// What `Latency` knows at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    /// The mean of the samples; none before the first.
    pub(super) mean: Option<Duration>,
    /// The same, fading since the last sample: what is known of a node that is not asked grows
    /// old, and in the end it is worth another try. Zero before the first sample.
    pub(super) faded: Duration,
}

impl Latency {
    /// Writes down that the node took `time` to its first byte at `now`.
    pub(super) fn note(&self, time: Duration, now: Instant) {
        let mut mean = self.lock();
        let before = mean.take();
        *mean = Some(Mean::with(before, time, now));
    }

    /// What is known at `now`.
    pub(super) fn at(&self, now: Instant) -> Times {
        match *self.lock() {
            None => Times::default(),
            Some(mean) => Times {
                mean: Some(seconds(mean.value())),
                faded: seconds(mean.value() * fading(mean.last, now)),
            },
        }
    }

    // One value is put in whole, so that a poisoned lock is as good. It is held for no more
    // than this arithmetic.
    fn lock(&self) -> MutexGuard<'_, Option<Mean>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every sample weighs e^(-age / MEMORY). In seconds.
#[derive(Debug, Clone, Copy)]
struct Mean {
    sum: f64,
    weight: f64,
    last: Instant,
}

impl Mean {
    fn with(before: Option<Self>, time: Duration, now: Instant) -> Self {
        let time = time.as_secs_f64();
        match before {
            None => Self {
                sum: time,
                weight: 1.0,
                last: now,
            },
            Some(before) => {
                let fading = fading(before.last, now);
                Self {
                    sum: before.sum * fading + time,
                    weight: before.weight * fading + 1.0,
                    last: now.max(before.last),
                }
            }
        }
    }

    // The weight is 1 at least.
    fn value(self) -> f64 {
        self.sum / self.weight
    }
}

// 1 for a time that is not later: two workers may come the other way round.
fn fading(since: Instant, now: Instant) -> f64 {
    let age = now.saturating_duration_since(since);
    (-age.as_secs_f64() / MEMORY.as_secs_f64()).exp()
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;
    use proptest::{collection, prop_assert};
    use tokio::time::Instant;

    use super::{Latency, Times};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_node_never_asked_counts_as_fast() {
        let times = Latency::default().at(Instant::now());
        assert_eq!(
            times,
            Times {
                mean: None,
                faded: Duration::ZERO
            }
        );
    }

    #[test]
    fn what_is_known_fades_and_the_mean_stays() {
        let (latency, start) = (Latency::default(), Instant::now());
        latency.note(SECOND, start);
        let at = |seconds| latency.at(start + Duration::from_secs(seconds));
        assert_eq!(at(0).faded, SECOND);
        assert_eq!(at(10).faded.as_millis(), 367);
        assert_eq!(at(20).faded.as_millis(), 135);
        assert_eq!(at(100_000).faded, Duration::ZERO);
        assert_eq!(at(100_000).mean, Some(SECOND));
    }

    #[test]
    fn samples_that_come_the_other_way_round_both_count() {
        let (latency, start) = (Latency::default(), Instant::now());
        latency.note(SECOND, start + SECOND);
        latency.note(3 * SECOND, start);
        assert_eq!(latency.at(start).mean, Some(2 * SECOND));
    }

    proptest! {
        #[test]
        fn the_mean_agrees_with_weighing_every_sample(
            samples in collection::vec((0u64..30_000, 0u64..5_000), 1..40),
        ) {
            let (latency, start) = (Latency::default(), Instant::now());
            let mut now = start;
            let mut all = Vec::new();
            for (wait, took) in samples {
                now += Duration::from_millis(wait);
                latency.note(Duration::from_millis(took), now);
                all.push((now, Duration::from_millis(took).as_secs_f64()));
                let weighed = all.iter().map(|(at, took)| {
                    let weight = (-(now - *at).as_secs_f64() / 10.0).exp();
                    (weight * took, weight)
                });
                let (sum, weight) = weighed.fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
                let mean = latency.at(now).mean.unwrap().as_secs_f64();
                prop_assert!((mean - sum / weight).abs() < 1e-6, "{mean} {}", sum / weight);
            }
        }
    }
}
