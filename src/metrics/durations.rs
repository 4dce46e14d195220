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

/// Parts that each bucket is counted in, so that a quantile can be told more nearly than
/// Prometheus could.
const PARTS: usize = 5;

/// Upper bounds of the parts.
const FINE: [u64; BOUNDS.len() * PARTS] = {
    let mut fine = [0; BOUNDS.len() * PARTS];
    let (mut low, mut bucket) = (0, 0);
    while bucket < BOUNDS.len() {
        let mut part = 0;
        while part < PARTS {
            let high = BOUNDS[bucket].0;
            fine[bucket * PARTS + part] = low + (high - low) / PARTS as u64 * (part as u64 + 1);
            part += 1;
        }
        low = BOUNDS[bucket].0;
        bucket += 1;
    }
    fine
};

/// A histogram of durations.
#[derive(Debug)]
pub struct Durations {
    // One count per part, not yet added up; the last is beyond all bounds.
    parts: [AtomicU64; FINE.len() + 1],
    micros: AtomicU64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            parts: [const { AtomicU64::new(0) }; FINE.len() + 1],
            micros: AtomicU64::new(0),
        }
    }
}

/// What was counted up to a moment, or between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted([u64; FINE.len() + 1]);

impl Default for Counted {
    fn default() -> Self {
        Self([0; FINE.len() + 1])
    }
}

impl Counted {
    /// What was counted since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let mut since = self.clone();
        for (count, before) in since.0.iter_mut().zip(before.0) {
            *count = count.saturating_sub(before);
        }
        since
    }

    /// Adds what was counted at another time.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// The duration within which so many thousandths were, evened out within a part; none of
    /// nothing. What took longer than the last bound counts as that.
    pub fn quantile(&self, thousandths: u64) -> Option<Duration> {
        let total: u64 = self.0.iter().sum();
        let rank = (total * thousandths).div_ceil(1000).max(1);
        let (mut below, mut low) = (0, 0);
        for (count, high) in self.0.iter().zip(FINE) {
            if below + count >= rank {
                let micros = low + (high - low) * (rank - below) / count;
                return Some(Duration::from_micros(micros));
            }
            (below, low) = (below + count, high);
        }
        (total > 0).then(|| Duration::from_micros(low))
    }
}

impl Durations {
    /// Counts one.
    pub fn count(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let part = FINE.partition_point(|bound| *bound < micros);
        self.parts[part].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted up to now.
    pub fn counted(&self) -> Counted {
        let mut counted = Counted::default();
        for (count, part) in counted.0.iter_mut().zip(&self.parts) {
            *count = read(part);
        }
        counted
    }

    /// Writes the samples of the open family `name`.
    pub(super) fn write(&self, text: &mut Text, name: &str, labels: &[(&str, &str)]) {
        let [bucket, sum, count] = ["bucket", "sum", "count"].map(|end| format!("{name}_{end}"));
        let mut below = 0;
        let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        for (bound, parts) in bounds.zip(self.parts.chunks(PARTS)) {
            below += parts.iter().map(read).sum::<u64>();
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

    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{BOUNDS, Counted, Durations, FINE, PARTS};

    proptest! {
        #[test]
        fn a_duration_falls_into_the_first_bucket_that_holds_it(micros in 0u64..12_000_000) {
            let durations = Durations::default();
            durations.count(Duration::from_micros(micros));
            let first = BOUNDS.iter().position(|(bound, _)| micros <= *bound);
            let counted = durations.counted().0.iter().position(|count| *count == 1);
            prop_assert_eq!(counted.map(|part| part / PARTS), Some(first.unwrap_or(BOUNDS.len())));
        }

        #[test]
        fn a_quantile_lies_in_the_part_of_the_sorted_list_s(
            mut times in vec(0..10_000_000_u64, 1..200),
            thousandths in 1..=1000_u64,
        ) {
            let durations = Durations::default();
            times.iter().for_each(|time| durations.count(Duration::from_micros(*time)));
            times.sort_unstable();
            let rank = (times.len() as u64 * thousandths).div_ceil(1000).max(1);
            let exact = times[usize::try_from(rank).unwrap() - 1];
            let got = durations.counted().quantile(thousandths).unwrap().as_micros();
            let part = FINE.partition_point(|bound| *bound < exact);
            let low = part.checked_sub(1).map_or(0, |before| FINE[before]);
            prop_assert!((u128::from(low)..=u128::from(FINE[part])).contains(&got), "{got} for {exact}");
        }
    }

    #[test]
    fn the_parts_end_where_the_buckets_do() {
        for (bucket, (bound, _)) in BOUNDS.iter().enumerate() {
            assert_eq!(FINE[bucket * PARTS + PARTS - 1], *bound);
        }
        assert!(FINE.is_sorted());
    }

    #[test]
    fn between_two_moments_only_what_came_between_counts() {
        let durations = Durations::default();
        assert_eq!(durations.counted().quantile(950), None);
        durations.count(Duration::from_secs(60));
        let before = durations.counted();
        assert_eq!(before.quantile(950), Some(Duration::from_secs(10)));
        (0..20).for_each(|_| durations.count(Duration::from_millis(36)));
        let between = durations.counted().since(&before);
        let p95 = between.quantile(950).unwrap();
        assert!(p95 > Duration::from_millis(35) && p95 <= Duration::from_millis(40));
        assert_eq!(before.since(&durations.counted()), Counted::default());
    }
}
