//! The requests one node answered for one site.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::read;
use super::text::{Kind, Text};

/// Methods with a label of their own; all others share `other`, so that
/// clients cannot make labels.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
];

/// Status classes, by the first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Upper bounds of the duration buckets: Prometheus's own, in microseconds and as written.
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

/// One request that is over.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// The status the client was given.
    pub status: u16,
    /// From the head's last byte in to the answer's last byte out.
    pub duration: Duration,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
}

/// Counters of the requests one node answered for one site.
#[derive(Debug, Default)]
pub struct Series {
    requests: [[AtomicU64; METHODS.len()]; CLASSES.len()],
    // One count per bucket, not yet added up; the last is beyond all bounds.
    durations: [AtomicU64; BOUNDS.len() + 1],
    duration_micros: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Series {
    /// Counts one request that is over.
    pub fn count(&self, method: &[u8], served: Served) {
        let class = usize::from(served.status / 100).clamp(1, CLASSES.len()) - 1;
        let micros = u64::try_from(served.duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < micros);
        self.requests[class][place(method)].fetch_add(1, Ordering::Relaxed);
        self.durations[bucket].fetch_add(1, Ordering::Relaxed);
        self.duration_micros.fetch_add(micros, Ordering::Relaxed);
        // Most requests have no body; an atomic not touched costs nothing.
        if served.bytes_in > 0 {
            self.bytes_in.fetch_add(served.bytes_in, Ordering::Relaxed);
        }
        self.bytes_out
            .fetch_add(served.bytes_out, Ordering::Relaxed);
    }

    /// Requests counted, of every status and method.
    pub fn requests(&self) -> u64 {
        self.requests.iter().flatten().map(read).sum()
    }
}

fn place(method: &[u8]) -> usize {
    match method {
        b"GET" => 0,
        b"HEAD" => 1,
        b"POST" => 2,
        b"PUT" => 3,
        b"PATCH" => 4,
        b"DELETE" => 5,
        b"OPTIONS" => 6,
        _ => 7,
    }
}

/// Writes the families of all series.
pub(super) fn write(text: &mut Text, all: &BTreeMap<[String; 3], Arc<Series>>) {
    write_requests(text, all);
    let name = "steelyard_request_duration_seconds";
    let help = "From the request's head to the answer's last byte.";
    text.family(name, Kind::Histogram, help);
    for (key, series) in all {
        write_durations(text, &labels(key), series);
    }
    let name = "steelyard_request_bytes_total";
    text.family(name, Kind::Counter, "Bytes of request bodies.");
    for (key, series) in all {
        text.sample(name, &labels(key), read(&series.bytes_in));
    }
    let name = "steelyard_response_bytes_total";
    text.family(name, Kind::Counter, "Bytes of response bodies.");
    for (key, series) in all {
        text.sample(name, &labels(key), read(&series.bytes_out));
    }
}

fn write_requests(text: &mut Text, all: &BTreeMap<[String; 3], Arc<Series>>) {
    let name = "steelyard_requests_total";
    text.family(name, Kind::Counter, "Requests answered.");
    for (key, series) in all {
        let [site, pool, node] = labels(key);
        for (class, by_method) in CLASSES.iter().zip(&series.requests) {
            for (method, counter) in METHODS.iter().zip(by_method) {
                // Of forty pairs a site uses five.
                if read(counter) > 0 {
                    let labels = [site, pool, node, ("code", class), ("method", method)];
                    text.sample(name, &labels, read(counter));
                }
            }
        }
    }
}

fn write_durations(text: &mut Text, labels: &[(&str, &str); 3], series: &Series) {
    let [site, pool, node] = *labels;
    let mut below = 0;
    let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
    for (bound, counter) in bounds.zip(&series.durations) {
        below += read(counter);
        let labels = [site, pool, node, ("le", bound)];
        text.sample("steelyard_request_duration_seconds_bucket", &labels, below);
    }
    let sum = Duration::from_micros(read(&series.duration_micros)).as_secs_f64();
    text.sample("steelyard_request_duration_seconds_sum", labels, sum);
    // The buckets' own sum, so that it never parts from `+Inf`.
    text.sample("steelyard_request_duration_seconds_count", labels, below);
}

fn labels([site, pool, node]: &[String; 3]) -> [(&str, &str); 3] {
    [("site", site), ("pool", pool), ("node", node)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use proptest::prop_assert_eq;

    use super::{BOUNDS, Duration, METHODS, Series, Served, place, read};

    fn served(micros: u64, status: u16) -> Served {
        Served {
            status,
            duration: Duration::from_micros(micros),
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    #[test]
    fn a_method_counts_under_its_own_name_or_under_other() {
        for (index, name) in METHODS.iter().enumerate() {
            assert_eq!(place(name.as_bytes()), index);
        }
        assert_eq!(METHODS[place(b"PROPFIND")], "other");
        assert_eq!(METHODS[place(b"get")], "other");
    }

    #[test]
    fn a_status_beyond_the_classes_is_counted_all_the_same() {
        let series = Series::default();
        for status in [0, 99, 100, 599, 999] {
            series.count(b"GET", served(1, status));
        }
        assert_eq!(read(&series.requests[0][0]), 3);
        assert_eq!(read(&series.requests[4][0]), 2);
        assert_eq!(series.requests(), 5);
    }

    proptest! {
        #[test]
        fn a_duration_falls_into_the_first_bucket_that_holds_it(micros in 0u64..12_000_000) {
            let series = Series::default();
            series.count(b"GET", served(micros, 200));
            let first = BOUNDS.iter().position(|(bound, _)| micros <= *bound);
            let counted = series.durations.iter().position(|bucket| read(bucket) == 1);
            prop_assert_eq!(counted, Some(first.unwrap_or(BOUNDS.len())));
        }
    }
}
