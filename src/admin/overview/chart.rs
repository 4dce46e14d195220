//! The charts as they are without JavaScript, and the same numbers as a table. With it uPlot draws
//! in their place.

use std::time::Duration;

use super::marks;
use super::numbers::{milliseconds, rate};
use crate::admin::texts::Texts;
use crate::logs::{Chart, Point};

/// Height of the drawing of a line, in the units of the template's viewBox.
const HEIGHT: f64 = 100.0;
const WIDTH: f64 = 300.0;

/// Limit: rows of the table.
const ROWS: usize = 60;

/// A line of a chart.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its name: `2xx`, `p50`.
    pub(super) name: &'static str,
    /// Its colour.
    pub(super) class: &'static str,
    /// Its value now, in words.
    pub(super) now: String,
    pub(super) path: String,
    /// The same closed to the ground; empty is not filled.
    pub(super) area: String,
}

/// One chart.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    /// What `charts.js` knows it by.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
    /// The ground, the middle and the top, in words.
    pub(super) levels: [String; 3],
    /// Times below: how far from the left in percent, in words.
    pub(super) times: Vec<(usize, String)>,
    /// Events: how far from the left in percent, and their colour.
    pub(super) marks: Vec<(String, &'static str)>,
    /// The newest first: when, and each line's value.
    pub(super) rows: Vec<(String, Vec<String>)>,
}

/// Both charts.
pub(super) fn plots(t: Texts, chart: &Chart) -> Vec<Plot> {
    let now = jiff::Timestamp::now().as_second();
    let now = u64::try_from(now).unwrap_or(0);
    // Classes 2xx to 5xx; the last point is of less time than the others.
    let seconds = |point: &Point| chart.step.min(now.saturating_sub(point.time)).max(10);
    let class = |n: usize| {
        let value = move |point: &Point| {
            let requests = point.classes[n];
            Some((
                per_second(requests, seconds(point)),
                rate(requests, seconds(point)),
            ))
        };
        chart.points.iter().map(value).collect::<Values>()
    };
    let quantile = |n: usize| {
        let value = |point: &Point| {
            let took = Duration::from_micros(point.quantiles[n]?);
            Some((took.as_secs_f64() * 1000.0, milliseconds(took)))
        };
        chart.points.iter().map(value).collect::<Values>()
    };
    let requests = [
        ("2xx", "cf", class(1)),
        ("3xx", "m2", class(2)),
        ("4xx", "warn", class(3)),
        ("5xx", "down", class(4)),
    ];
    let times = [
        ("p50", "cf", quantile(0)),
        ("p95", "m2", quantile(1)),
        ("p99", "m", quantile(2)),
    ];
    vec![
        plot(("requests", t.chart_requests()), chart, &requests),
        plot(("latency", t.chart_latency()), chart, &times),
    ]
}

/// What a line goes through, as a number and in words.
type Values = Vec<Option<(f64, String)>>;

fn per_second(requests: u64, seconds: u64) -> f64 {
    let float = |number| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    float(requests) / float(seconds)
}

fn plot(
    (id, title): (&'static str, &'static str),
    chart: &Chart,
    lines: &[(&'static str, &'static str, Values)],
) -> Plot {
    let all = lines
        .iter()
        .flat_map(|(.., values)| values.iter().flatten());
    let most = all.map(|(value, _)| *value).fold(0.0, f64::max);
    let top = round_up(most);
    let count = chart.points.len();
    let drawn = |(name, class, values): &(&'static str, &'static str, Values)| {
        let path = path(values, top);
        Line {
            name,
            class,
            now: match values.iter().rev().flatten().next() {
                Some((_, words)) => words.clone(),
                None => "–".to_owned(),
            },
            area: match id == "requests" && *name == "2xx" && !path.is_empty() {
                true => format!("{path}V{HEIGHT}H0z"),
                false => String::new(),
            },
            path,
        }
    };
    let days = chart.step >= 3600;
    let at = |n: usize| local(chart.points.get(n).map_or(0, |point| point.time), days);
    let last = count.saturating_sub(1);
    let rows = chart.points.iter().enumerate().rev().take(ROWS);
    Plot {
        id,
        title,
        lines: lines.iter().map(drawn).collect(),
        levels: [0.0, top / 2.0, top].map(|level| format!("{level}")),
        times: [0, 33, 67, 100]
            .map(|part| (part, at(last * part / 100)))
            .to_vec(),
        marks: marked(chart),
        rows: rows
            .map(|(n, point)| {
                let words = |(.., values): &(&str, &str, Values)| match values.get(n) {
                    Some(Some((_, words))) => words.clone(),
                    _ => "–".to_owned(),
                };
                (local(point.time, days), lines.iter().map(words).collect())
            })
            .collect(),
    }
}

fn marked(chart: &Chart) -> Vec<(String, &'static str)> {
    let first = chart.points.first().map_or(0, |point| point.time);
    let last = chart.points.last().map_or(0, |point| point.time);
    let length = per_second(last.saturating_sub(first).max(1), 1);
    let events = chart
        .events
        .iter()
        .filter(|event| marks::is_marked(&event.kind));
    let within = events.filter(|event| (first..=last).contains(&(event.time / 1_000_000)));
    within
        .map(|event| {
            let after = per_second(event.time / 1_000_000 - first, 1);
            let class = match event.kind.as_str() {
                "node_down" => "down",
                "node_up" => "up",
                _ => "m2",
            };
            (format!("{:.1}", after / length * 100.0), class)
        })
        .collect()
}

/// The smallest of 1, 2, 4, 5, 8 and their tens above a number, so that its half is round too.
fn round_up(number: f64) -> f64 {
    let mut ten = 1.0;
    while ten * 10.0 < number {
        ten *= 10.0;
    }
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    let found = steps.into_iter().map(|step| step * ten);
    found
        .into_iter()
        .find(|top| *top >= number)
        .unwrap_or(number)
}

/// The line; where nothing is known it begins anew.
fn path(values: &Values, top: f64) -> String {
    let last = per_second(values.len().saturating_sub(1).max(1) as u64, 1);
    let mut path = String::new();
    let mut pen = 'M';
    for (n, value) in values.iter().enumerate() {
        let Some((value, _)) = value else {
            pen = 'M';
            continue;
        };
        let x = per_second(n as u64, 1) / last * WIDTH;
        let y = HEIGHT - value / top * HEIGHT;
        path.push_str(&format!("{pen}{x:.1} {y:.1}"));
        pen = 'L';
    }
    path
}

fn local(time: u64, days: bool) -> String {
    let time = jiff::Timestamp::from_second(i64::try_from(time).unwrap_or(0)).unwrap_or_default();
    let format = if days { "%m-%d %H:%M" } else { "%H:%M" };
    let zoned = time.to_zoned(jiff::tz::TimeZone::system());
    zoned.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::{path, plots, round_up};
    use crate::admin::texts::Texts;
    use crate::logs::{Chart, Point, Range};
    use crate::model::Language;

    #[test]
    fn the_top_is_round_and_above_all() {
        for (number, top) in [
            (0.0, 1.0),
            (1.0, 1.0),
            (1.1, 2.0),
            (64.0, 80.0),
            (81.0, 100.0),
            (5000.0, 6000.0),
        ] {
            assert_eq!(round_up(number), top, "{number}");
        }
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_is_known() {
        let value = |value: f64| Some((value, String::new()));
        let values = vec![value(0.0), value(1.0), None, value(2.0)];
        assert_eq!(path(&values, 2.0), "M0.0 100.0L100.0 50.0M300.0 0.0");
        assert_eq!(path(&Vec::new(), 2.0), "");
    }

    #[test]
    fn numbers_of_a_whole_minute_are_per_second() {
        let point = |time| Point {
            time,
            classes: [0, 120, 0, 6, 0],
            quantiles: [Some(4_000), Some(38_000), None],
            ..Point::default()
        };
        let chart = Chart {
            range: Range::Hour,
            step: 60,
            points: vec![point(1_700_000_040), point(1_700_000_100)],
            events: Vec::new(),
        };
        let plots = plots(Texts(Language::English), &chart);
        let now: Vec<&str> = plots[0]
            .lines
            .iter()
            .map(|line| line.now.as_str())
            .collect();
        assert_eq!(now, ["2.0", "0", "0.1", "0"]);
        let now: Vec<&str> = plots[1]
            .lines
            .iter()
            .map(|line| line.now.as_str())
            .collect();
        assert_eq!(now, ["4.0", "38", "–"]);
        assert_eq!(plots[0].rows.len(), 2);
        assert_eq!(plots[0].levels, ["0", "1", "2"]);
    }
}
