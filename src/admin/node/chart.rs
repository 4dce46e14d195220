//! The node's charts: of the minutes that the log store keeps, drawn as paths.

use std::fmt::Write as _;

use askama::Template;

use crate::admin::nodes::words;
use crate::admin::page::Shell;
use crate::logs::{Chart, Range, Records, Subject};

/// Limit: nodes of the pool whose minutes are read beside.
const MOST: usize = 50;

/// A box of so many units, which the page stretches.
const WIDE: f64 = 300.0;
const HIGH: f64 = 100.0;

/// The minutes of the last hour.
#[derive(Debug)]
pub(super) struct Charts {
    /// Begins of its points, in seconds since 1970.
    times: Vec<u64>,
    /// Half of its answers within, in microseconds.
    own: Vec<Option<u64>>,
    /// The same of the middle one of the pool's nodes.
    pool: Vec<Option<u64>>,
    /// Requests it answered.
    requests: Vec<u64>,
}

impl Charts {
    /// Reads them; none where they cannot be read. Reads the disk.
    pub(super) fn read(
        records: &Records,
        pool: &str,
        node: &str,
        nodes: &[String],
    ) -> Option<Self> {
        let of = |node: &str| {
            let subject = Subject::Node(format!("{pool}/{node}"));
            records.chart(&subject, Range::Hour).ok()
        };
        let mut own = of(node)?;
        // The running minute is not whole.
        own.points.pop();
        let all: Vec<Chart> = nodes
            .iter()
            .take(MOST)
            .filter_map(|node| of(node))
            .collect();
        let half = |chart: &Chart, n: usize| chart.points.get(n).and_then(|p| p.quantiles[0]);
        let middle = |n: usize| {
            let mut known: Vec<u64> = all.iter().filter_map(|chart| half(chart, n)).collect();
            known.sort_unstable();
            known.get(known.len() / 2).copied()
        };
        Some(Self {
            times: own.points.iter().map(|point| point.time).collect(),
            own: own.points.iter().map(|point| point.quantiles[0]).collect(),
            pool: (0..own.points.len()).map(middle).collect(),
            requests: own.points.iter().map(|p| p.classes.iter().sum()).collect(),
        })
    }
}

/// A chart as the page has it.
pub(super) struct Drawn {
    /// What its lines are at, from the top.
    pub(super) marks: [String; 3],
    /// The node's line, and the pool's.
    pub(super) own: String,
    pub(super) pool: String,
    /// The newest value of each, in words; nothing where there is none.
    pub(super) now: [String; 2],
}

#[derive(Template)]
#[template(path = "node/charts.html")]
pub(super) struct Part<'a> {
    pub(super) shell: &'a Shell,
    pub(super) name: &'a str,
    pub(super) charts: &'a Charts,
}

impl Part<'_> {
    fn time(&self) -> Drawn {
        let charts = self.charts;
        let ms = |value: &Option<u64>| value.map(|us| thousandth(us) / 1000.0);
        let own: Vec<Option<f64>> = charts.own.iter().map(ms).collect();
        let pool: Vec<Option<f64>> = charts.pool.iter().map(ms).collect();
        let most = own
            .iter()
            .chain(&pool)
            .flatten()
            .fold(0.0, |a: f64, b| a.max(*b));
        let top = top(most);
        let words = |value: Option<&Option<f64>>| {
            let value = value.copied().flatten();
            value.map_or_else(String::new, |ms| format!("{} ms", words::rate(ms)))
        };
        Drawn {
            marks: marks(top),
            own: path(&own, top),
            pool: path(&pool, top),
            now: [words(own.last()), words(pool.last())],
        }
    }

    fn requests(&self) -> Drawn {
        let count = |n: &u64| Some(thousandth(*n));
        let own: Vec<Option<f64>> = self.charts.requests.iter().map(count).collect();
        let top = top(own.iter().flatten().fold(0.0, |a: f64, b| a.max(*b)));
        Drawn {
            marks: marks(top),
            own: path(&own, top),
            pool: String::new(),
            now: [
                own.last()
                    .copied()
                    .flatten()
                    .map_or_else(String::new, |n| format!("{n:.0}")),
                String::new(),
            ],
        }
    }

    /// Times below the chart: the place in percent, how it is anchored, the words.
    fn times(&self) -> Vec<(&'static str, &'static str, String)> {
        let times = &self.charts.times;
        let at = |n: usize| times.get(n).map_or_else(String::new, |time| clock(*time));
        let last = times.len().saturating_sub(1);
        vec![
            ("0%", "start", at(0)),
            ("50%", "middle", at(last / 2)),
            ("100%", "end", at(last)),
        ]
    }
}

fn thousandth(value: u64) -> f64 {
    // Times and counts of a minute are far below.
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}

fn clock(time: u64) -> String {
    let time = i64::try_from(time).unwrap_or_default();
    let time = jiff::Timestamp::from_second(time).unwrap_or_default();
    let time = time.to_zoned(jiff::tz::TimeZone::system());
    time.strftime("%H:%M").to_string()
}

/// The next round number above: 1, 2 or 5 of its power of ten.
fn top(most: f64) -> f64 {
    let mut top = 1.0;
    for factor in [2.0, 2.5, 2.0].iter().cycle().take(30) {
        if top >= most {
            break;
        }
        top *= factor;
    }
    top
}

fn marks(top: f64) -> [String; 3] {
    let shown = |value: f64| match value.fract() == 0.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.1}"),
    };
    [shown(top), shown(top / 2.0), "0".to_owned()]
}

/// A line through the values, broken where there are none.
fn path(values: &[Option<f64>], top: f64) -> String {
    let last = u32::try_from(values.len().saturating_sub(1))
        .unwrap_or(1)
        .max(1);
    let mut path = String::new();
    let mut pen = false;
    for (n, value) in (0_u32..).zip(values) {
        let Some(value) = value else {
            pen = false;
            continue;
        };
        let x = WIDE * f64::from(n) / f64::from(last);
        let y = HIGH - HIGH * value / top;
        let letter = if pen { ' ' } else { 'M' };
        // A String takes every write. A point alone is a short stroke.
        let _ = write!(path, "{letter}{x:.1} {y:.1}");
        if !pen {
            let _ = write!(path, "h.5L{x:.1} {y:.1}");
        }
        pen = true;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{marks, path, top};

    #[test]
    fn a_chart_ends_at_a_round_number() {
        for (most, wanted) in [
            (0.0, 1.0),
            (1.5, 2.0),
            (3.0, 5.0),
            (7.0, 10.0),
            (510.0, 1000.0),
        ] {
            assert!((top(most) - wanted).abs() < 1e-9, "{most}: {}", top(most));
        }
        assert_eq!(marks(1.0), ["1", "0.5", "0"]);
    }

    #[test]
    fn a_line_is_broken_where_nothing_is_known() {
        assert_eq!(
            path(&[Some(1.0), None, Some(0.0), Some(0.5)], 1.0),
            "M0.0 0.0h.5L0.0 0.0M200.0 100.0h.5L200.0 100.0 300.0 50.0"
        );
        assert_eq!(path(&[], 1.0), "");
    }
}
