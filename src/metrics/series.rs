//! The requests one node answered for one site.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::text::{Kind, Text};
use super::{Durations, read};

/// Methods with a label of their own; all others share `other`, so that
/// clients cannot make labels.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
];

/// Status classes, by the first digit.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

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
    durations: Durations,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Series {
    /// Counts one request that is over.
    pub fn count(&self, method: &[u8], served: Served) {
        let class = usize::from(served.status / 100).clamp(1, CLASSES.len()) - 1;
        self.requests[class][place(method)].fetch_add(1, Ordering::Relaxed);
        self.durations.count(served.duration);
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

    /// Those of them that were answered 5xx.
    pub fn server_errors(&self) -> u64 {
        self.requests.last().into_iter().flatten().map(read).sum()
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
        series.durations.write(text, name, &labels(key));
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

fn labels([site, pool, node]: &[String; 3]) -> [(&str, &str); 3] {
    [("site", site), ("pool", pool), ("node", node)]
}

#[cfg(test)]
mod tests {
    use super::{Duration, METHODS, Series, Served, place, read};

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
        assert_eq!(series.server_errors(), 2);
    }
}
