//! How many requests there were when, by class: counted from summaries where they say it all.

use super::catalog::Catalog;
use super::decode::each;
use super::filter::Filter;
use super::search::{Look, Walk};
use super::summary::{Summary, class};

/// Limit: parts of a histogram.
pub const MAX_BUCKETS: u64 = 500;

/// A part of a histogram.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Where it begins, in microseconds since 1970.
    pub from: u64,
    /// Requests by class: other, 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 5],
}

/// How many requests there were when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// The parts, the oldest first, all equally long.
    pub buckets: Vec<Bucket>,
    /// How long each is, in microseconds.
    pub width: u64,
    /// What is before was not looked at; none where all was.
    pub searched_back_to: Option<u64>,
    /// As of a page.
    pub visited: u64,
}

/// How many records `filter` takes in each of `parts` equal parts of its time.
pub(super) fn histogram(
    catalog: &Catalog,
    filter: &Filter,
    (from, to): (u64, u64),
    parts: u64,
) -> Histogram {
    let width = (to.saturating_sub(from))
        .div_ceil(parts.clamp(1, MAX_BUCKETS))
        .max(1);
    let count = to.saturating_sub(from).div_ceil(width);
    let mut buckets: Vec<Bucket> = (0..count)
        .map(|n| Bucket {
            from: from + n * width,
            classes: [0; 5],
        })
        .collect();
    let within = Filter {
        from: Some(from),
        to: Some(to.saturating_sub(1)),
        ..filter.clone()
    };
    let plain = within.is_time_only();
    let bucket = |time: u64| usize::try_from(time.checked_sub(from)? / width).ok();
    let mut whole: Vec<(u64, [u64; 5])> = Vec::new();
    let mut walk = Walk::new(catalog, &within, None);
    let look = |_: (u64, i64), summary: &Summary| {
        if !summary.may_have(&within) {
            return Look::Past;
        }
        // Within one part the summary says it all.
        let is_one =
            bucket(summary.first).is_some() && bucket(summary.first) == bucket(summary.last);
        if plain && is_one && summary.last < to {
            whole.push((summary.first, summary.classes));
            return Look::Past;
        }
        Look::Inside
    };
    let mut single: Vec<(u64, u16)> = Vec::new();
    walk.run(look, |_, _, bytes| {
        each(bytes, |raw| {
            if within.takes(raw) {
                single.push((raw.time, raw.status));
            }
        })?;
        Ok(true)
    });
    for (time, classes) in whole {
        if let Some(bucket) = bucket(time).and_then(|n| buckets.get_mut(n)) {
            for (sum, more) in bucket.classes.iter_mut().zip(classes) {
                *sum += more;
            }
        }
    }
    for (time, status) in single {
        if let Some(bucket) = bucket(time).and_then(|n| buckets.get_mut(n)) {
            bucket.classes[class(status)] += 1;
        }
    }
    Histogram {
        buckets,
        width,
        searched_back_to: walk.stopped.and(walk.back_to),
        visited: walk.visited,
    }
}
