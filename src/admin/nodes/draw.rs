//! What the page draws, in numbers: paths and places in percent. Its colours are classes.

use std::fmt::Write as _;

use crate::balance::{MOST_PAST_CHECKS, PastCheck};
use crate::control::{MOST_RECENT, NodeView, PoolView};
use crate::model::AdminState;

/// Limit: units on a pool's arm. More would be a line.
const MOST_DOTS: u64 = 60;

/// Parts of the arm too narrow for a name, in percent.
const NARROW: f64 = 9.0;

/// The lengths that an arm can have, in units.
const SCALES: [u16; 8] = [5, 10, 20, 50, 100, 200, 500, 1000];

/// The arm's length for a pool: the next above the heaviest node.
pub(super) fn scale(pool: &PoolView) -> u16 {
    let heaviest = pool.nodes.iter().map(|node| node.weight).max().unwrap_or(1);
    let found = SCALES.into_iter().find(|scale| *scale >= heaviest);
    found.unwrap_or(1000)
}

/// A part of a drawing: the class of its colour, and its path.
pub(in crate::admin) type Stroke = (&'static str, String);

/// The last checks, the newest at the right: quiet when well, tall when not.
pub(in crate::admin) fn heartbeat(past: &[PastCheck], slow: u128) -> Vec<Stroke> {
    let mut strokes = ["up", "warn", "down", "cm"].map(|class| (class, String::new()));
    let missing = MOST_PAST_CHECKS.saturating_sub(past.len());
    for place in 0..MOST_PAST_CHECKS {
        let check = place.checked_sub(missing).and_then(|n| past.get(n));
        let (stroke, line) = match check {
            None => (3, "7v2"),
            Some(check) if check.failure.is_some() => (2, "0v16"),
            Some(check) if u128::from(check.ms) > slow => (1, "2v12"),
            Some(_) => (0, "5v6"),
        };
        // A String takes every write.
        let _ = write!(strokes[stroke].1, "M{} {line}", place * 3 + 1);
    }
    strokes
        .into_iter()
        .filter(|(_, path)| !path.is_empty())
        .collect()
}

/// Requests of five minutes, the newest at the right, of which `most` is the top; and the height
/// of the last.
pub(super) fn sparkline(requests: &[u32], most: u32) -> (String, String) {
    let height = |requests: u32| 22.0 - 18.0 * f64::from(requests) / f64::from(most.max(1));
    let mut path = String::new();
    let before = MOST_RECENT.saturating_sub(requests.len());
    let (mut last, mut x) = (22.0, 0.0);
    for place in 0..MOST_RECENT {
        let sample = place.checked_sub(before).and_then(|n| requests.get(n));
        last = height(sample.copied().unwrap_or(0));
        let letter = if place == 0 { "M" } else { " " };
        let _ = write!(path, "{letter}{x:.1} {last:.1}");
        x += 1.55;
    }
    (path, format!("{last:.1}"))
}

/// What a node has of the pool's arm, in percent of the whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Whether nothing goes there now.
    pub(super) is_down: bool,
    /// Whether it is on its way out.
    pub(super) is_leaving: bool,
    /// Whether there is no room for its name.
    pub(super) is_narrow: bool,
}

impl Part {
    pub(super) fn at(&self) -> String {
        format!("{:.2}%", self.from)
    }

    pub(super) fn end(&self) -> String {
        format!("{:.2}%", self.to)
    }

    pub(super) fn wide(&self) -> String {
        format!("{:.2}%", (self.to - self.from).max(0.0))
    }

    pub(super) fn share(&self) -> f64 {
        (self.to - self.from) / 100.0
    }
}

/// The arm as it is wanted, and as it is now.
pub(super) fn arms(pool: &PoolView) -> (Vec<Part>, Vec<Part>) {
    let wanted = parts(pool, |node| node.wanted);
    let now = parts(pool, |node| node.now.unwrap_or(0.0));
    (wanted, now)
}

fn parts(pool: &PoolView, share: impl Fn(&NodeView) -> f64) -> Vec<Part> {
    let mut from = 0.0;
    let mut parts = Vec::new();
    for node in &pool.nodes {
        let wide = share(node) * 100.0;
        if wide <= 0.0 {
            continue;
        }
        parts.push(Part {
            name: node.name.clone(),
            from,
            to: from + wide,
            is_down: !node.takes,
            is_leaving: node.admin_state != AdminState::Enabled,
            is_narrow: wide < NARROW,
        });
        from += wide;
    }
    parts
}

/// Where the units of the arm are, in percent; none where there would be too many.
pub(super) fn units(pool: &PoolView) -> Vec<String> {
    let all = weights(pool);
    if all == 0 || all > MOST_DOTS {
        return Vec::new();
    }
    let place = |unit: u64| u32::try_from(unit * 10_000 / all).unwrap_or(0);
    (0..=all)
        .map(|unit| format!("{:.2}%", f64::from(place(unit)) / 100.0))
        .collect()
}

/// What the weights of the nodes that are on add up to.
pub(in crate::admin) fn weights(pool: &PoolView) -> u64 {
    let counted = pool.nodes.iter().filter(|node| node.counts());
    counted.map(|node| u64::from(node.weight)).sum()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::{PastCheck, heartbeat, sparkline};
    use crate::balance::{Cause, Facts};

    fn check(failed: bool, ms: u32) -> PastCheck {
        let failure = || std::sync::Arc::new((Cause::Refused, Facts::default()));
        PastCheck {
            is_tls: false,
            at: SystemTime::UNIX_EPOCH,
            ms,
            status: None,
            failure: failed.then(failure),
        }
    }

    #[test]
    fn the_newest_check_is_at_the_right() {
        let strokes = heartbeat(&[check(false, 1), check(false, 600), check(true, 1)], 500);
        let of = |class| {
            let found = strokes.iter().find(|(c, _)| *c == class);
            found.map(|(_, path)| path.as_str())
        };
        assert_eq!(of("up"), Some("M112 5v6"));
        assert_eq!(of("warn"), Some("M115 2v12"));
        assert_eq!(of("down"), Some("M118 0v16"));
        assert_eq!(of("cm").unwrap().matches('M').count(), 37);
        assert_eq!(heartbeat(&[], 1).len(), 1);
    }

    #[test]
    fn requests_rise_to_the_top_of_the_most() {
        let (path, last) = sparkline(&[0, 50, 100], 100);
        assert!(
            path.ends_with(" 22.0 89.9 13.0 91.5 4.0") || path.ends_with("4.0"),
            "{path}"
        );
        assert_eq!(last, "4.0");
        assert_eq!(path.matches(' ').count(), 119);
        assert_eq!(sparkline(&[], 0).1, "22.0");
    }
}
