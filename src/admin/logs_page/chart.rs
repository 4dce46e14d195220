//! The histogram above the list: when there were how many requests, and which of them failed.

use super::asked::{Search, now, stamp};
use super::shown;
use crate::admin::texts::Texts;
use crate::logs::{Histogram, Records};

/// Height of the bars, in pixels.
const HEIGHT: u64 = 56;

/// How much of its place a bar takes.
const FULL: f64 = 0.78;

/// Parts of a chart where the time is so long ago, and of the piece chosen where it is a date.
const PARTS: u64 = 60;
const CHOSEN: u64 = 30;

/// Shorter than this is not chosen, in microseconds.
const LEAST: u64 = 1_000_000;

const SECOND: u64 = 1_000_000;

/// Lengths of a bar that people count in, in seconds.
const ROUND: [u64; 18] = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400,
];

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    /// Left end and width of its place, and of itself, in percent.
    pub(super) x: String,
    pub(super) place: String,
    pub(super) width: String,
    /// Top and height of all requests, of those with 4xx, of those with 5xx.
    pub(super) all: (u64, u64),
    pub(super) client: (u64, u64),
    pub(super) server: (u64, u64),
    /// What it is, in words.
    pub(super) words: String,
    /// The same search at its time only.
    pub(super) link: String,
}

/// The chart.
#[derive(Debug, Default)]
pub(super) struct Chart {
    pub(super) bars: Vec<Bar>,
    /// The piece that is searched, of a longer time shown: left end and width in percent.
    pub(super) chosen: Option<(String, String)>,
    /// Times below it: place in percent, how it hangs there, words.
    pub(super) times: Vec<(&'static str, &'static str, String)>,
    /// What it shows, in words.
    pub(super) words: String,
    /// How many were found, in words.
    pub(super) count: String,
    /// For choosing with the mouse: the begin and the length of a bar in milliseconds, and the
    /// search without a time.
    pub(super) begin: u64,
    pub(super) step: u64,
    pub(super) base: String,
}

/// What of the time is shown, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: u64,
    to: u64,
    parts: u64,
    /// The piece that is searched, where more is shown.
    chosen: Option<(u64, u64)>,
}

/// A length of a bar that people count in, of at least the whole seconds of `micros`.
fn rounded(micros: u64) -> u64 {
    let seconds = (micros / SECOND).max(1);
    let known = ROUND.into_iter().find(|length| *length >= seconds);
    known.unwrap_or_else(|| seconds.div_ceil(86_400) * 86_400) * SECOND
}

/// So long ago until now: bars of a length that people count in.
fn until_now(from: u64, now: u64) -> Span {
    let step = rounded(now.saturating_sub(from) / PARTS);
    let to = (now / step + 1) * step;
    let parts = to.saturating_sub(from).div_ceil(step).max(1);
    Span {
        from: to.saturating_sub(parts * step),
        to,
        parts,
        chosen: None,
    }
}

/// A piece of time with as much before and behind it, but for what is still to come.
fn around(from: u64, to: u64, now: u64) -> Span {
    let step = (to.saturating_sub(from)).max(LEAST).div_ceil(CHOSEN);
    let whole = step * CHOSEN;
    // Whole bars, so that the piece begins and ends with one.
    let to_come = (from + 2 * whole).saturating_sub(now) / step;
    let behind = CHOSEN.saturating_sub(to_come);
    let before = 2 * CHOSEN - behind;
    Span {
        from: from.saturating_sub(before * step),
        to: from + (CHOSEN + behind) * step,
        parts: 3 * CHOSEN,
        chosen: Some((from, from + whole)),
    }
}

fn span(search: &Search, oldest: Option<u64>, now: u64) -> Span {
    let filter = &search.filter;
    match (filter.from, filter.to) {
        _ if !search.is_dated() => until_now(filter.from.or(oldest).unwrap_or(now), now),
        (Some(from), Some(to)) => around(from, to + 1, now),
        (Some(from), None) => until_now(from, now),
        (None, Some(to)) => {
            let from = oldest.unwrap_or(to).min(to);
            until_now(from, to)
        }
        (None, None) => until_now(oldest.unwrap_or(now), now),
    }
}

impl Chart {
    /// Counts what `search` finds. Reads the disk.
    pub(super) fn of(search: &Search, records: &Records, t: Texts) -> Self {
        let span = span(search, records.extent().1, now());
        let counted = records.histogram(&search.filter, span.from, span.to, span.parts);
        let mut chart = Self::drawn(search, &counted, span, t);
        let is_all = search.traits().next().is_none();
        let all = (!is_all).then(|| {
            let filter = crate::logs::Filter::default();
            records.histogram(&filter, span.from, span.to, span.parts)
        });
        chart.count = told(&counted, all.as_ref(), span, t);
        chart
    }

    fn drawn(search: &Search, counted: &Histogram, span: Span, t: Texts) -> Self {
        let sums = counted
            .buckets
            .iter()
            .map(|b| b.classes.iter().sum::<u64>());
        let most = sums.clone().max().unwrap_or(0).max(1);
        let format = match counted.width {
            _ if span.to - span.from > 172_800 * SECOND => "%m-%d %H:%M",
            ..60_000_000 => "%H:%M:%S",
            _ => "%H:%M",
        };
        let at = |micros| shown::local(micros, format);
        let percent = |n: u64| {
            #[allow(clippy::cast_precision_loss, reason = "places of at most 500 bars")]
            let part = n as f64 * 100.0 / span.parts as f64;
            part
        };
        let place = percent(1);
        let high = |count: u64| (count * HEIGHT).div_ceil(most).min(HEIGHT);
        let mut bars = Vec::new();
        for ((n, bucket), sum) in (0..).zip(&counted.buckets).zip(sums.clone()) {
            let end = bucket.from + counted.width;
            let ([.., client, server], times) =
                (bucket.classes, t.log_between(at(bucket.from), at(end)));
            let (all, errors, failed) = (high(sum), high(client), high(server));
            // Both can be seen where there are both.
            let errors = errors.min(HEIGHT.saturating_sub(failed));
            let words = match client + server {
                0 => t.log_bar_of(times, shown::count(sum)),
                _ => t.log_bar_with(times, shown::count(sum), client, server),
            };
            bars.push(Bar {
                x: format!("{:.2}%", percent(n)),
                place: format!("{place:.2}%"),
                width: format!("{:.2}%", place * FULL),
                all: (HEIGHT - all, all),
                client: (HEIGHT - failed - errors, errors),
                server: (HEIGHT - failed, failed),
                words,
                link: search.at(&stamp(bucket.from), &stamp(end)),
            });
        }
        let middle = span.from + (span.to - span.from) / 2;
        let mut times = vec![("0%", "start", at(span.from))];
        let chosen = span.chosen.map(|(from, to)| {
            let bars = |micros: u64| percent((micros - span.from) / counted.width.max(1));
            let (left, right) = (bars(from), bars(to));
            (format!("{left:.2}%"), format!("{:.2}%", right - left))
        });
        if chosen.is_none() {
            times.push(("50%", "middle", at(middle)));
        }
        times.push(("100%", "end", at(span.to)));
        let found: u64 = sums.sum();
        Self {
            bars,
            chosen,
            times,
            words: t.log_chart_of(
                t.log_requests_found(shown::count(found)),
                t.log_between(at(span.from), at(span.to)),
            ),
            count: String::new(),
            begin: span.from / 1000,
            step: counted.width / 1000,
            base: search.at("", ""),
        }
    }
}

/// How many were found in the time that is searched.
fn told(found: &Histogram, all: Option<&Histogram>, span: Span, t: Texts) -> String {
    let count = |counted: &Histogram| {
        let (from, to) = span.chosen.unwrap_or((span.from, span.to));
        let within = counted
            .buckets
            .iter()
            .filter(|b| b.from >= from && b.from < to);
        within.flat_map(|bucket| bucket.classes).sum::<u64>()
    };
    let number = shown::count(count(found));
    match all {
        _ if found.searched_back_to.is_some() => t.log_requests_at_least(number),
        Some(all) if all.searched_back_to.is_none() => {
            t.log_requests_found_of(number, shown::count(count(all)))
        }
        _ => t.log_requests_found(number),
    }
}

#[cfg(test)]
mod tests {
    use super::{CHOSEN, SECOND, around, rounded, until_now};
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn bars_are_of_lengths_that_people_count_in() {
        for (seconds, length) in [
            (0, 1),
            (15, 15),
            (60, 60),
            (61, 120),
            (1440, 1800),
            (100_000, 172_800),
        ] {
            assert_eq!(rounded(seconds * SECOND), length * SECOND, "{seconds}");
        }
        let now = 1_795_356_017 * SECOND;
        let hour = until_now(now - 3600 * SECOND, now);
        assert_eq!((hour.parts, hour.to % (60 * SECOND)), (61, 0));
    }

    proptest! {
        #[test]
        fn whatever_is_searched_is_shown_in_a_bounded_number_of_bars(
            ago in 0_u64..400_000_000, length in 0_u64..100_000_000,
        ) {
            let now = 1_795_356_017 * SECOND;
            let from = now - ago * SECOND;
            let all = until_now(from, now);
            prop_assert!(all.from <= from && all.to > now && all.parts <= 62);
            let piece = around(from, from + length * SECOND, now);
            prop_assert_eq!((piece.to - piece.from) % piece.parts, 0);
            let (begin, end) = piece.chosen.unwrap();
            prop_assert!(begin == from && end >= from + length * SECOND);
            let step = (piece.to - piece.from) / piece.parts;
            prop_assert_eq!((begin - piece.from) % step, 0);
            prop_assert_eq!((end - begin) / step, CHOSEN);
        }
    }
}
