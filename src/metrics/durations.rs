//! A histogram of durations.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::read;
use super::text::Text;

/// Upper bounds of the buckets: Prometheus's own, in microseconds and as written.
const BOUNDS: [(u64, &str); 11] = [
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
];

/// A histogram of durations.
#[derive(Debug, Default)]
pub struct Durations {
    // One count per bucket, not yet added up; the last is beyond all bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Durations {
    /// Counts one.
    pub fn count(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Writes the samples of the open family `name`.
    pub(super) fn write(&self, text: &mut Text, name: &str, labels: &[(&str, &str)]) {
        let [bucket, sum, count] = ["bucket", "sum", "count"].map(|end| format!("{name}_{end}"));
        let mut below = 0;
        let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        for (bound, counter) in bounds.zip(&self.buckets) {
            below += read(counter);
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound)]).collect();
            text.sample(&bucket, &labels, below);
        }
        let seconds = Duration::from_micros(read(&self.micros)).as_secs_f64();
        text.sample(&sum, labels, seconds);
        // The buckets' own sum, so that it never parts from `+Inf`.
        text.sample(&count, labels, below);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::proptest;
    use proptest::prop_assert_eq;

    use super::{BOUNDS, Durations, read};

    proptest! {
        #[test]
        fn a_duration_falls_into_the_first_bucket_that_holds_it(micros in 0u64..12_000_000) {
            let durations = Durations::default();
            durations.count(Duration::from_micros(micros));
            let first = BOUNDS.iter().position(|(bound, _)| micros <= *bound);
            let counted = durations.buckets.iter().position(|bucket| read(bucket) == 1);
            prop_assert_eq!(counted, Some(first.unwrap_or(BOUNDS.len())));
        }
    }
}
