//! The last minute, second by second: which way requests went and how they ended. Kept in memory
//! by the log store's thread, so that whoever looks each second asks no disk.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::charts::{self, Range, Subject};
use super::encode::since_1970;
use super::events::{self, Event, Noted};
use super::latency::Latency;
use super::named::Named;
use super::tally::Part;

/// Limit: ways told apart within a minute; the sums count all.
const MAX_WAYS: usize = 2000;

/// Seconds looked back on.
const SECONDS: usize = 60;

/// Minutes that errors are counted over.
const MINUTES: usize = 15;

/// Times taken are kept by stretches of so many seconds.
const STRETCH: u64 = 5;
const STRETCHES: usize = SECONDS / 5;

/// Limit: events remembered.
const MAX_EVENTS: usize = 200;

/// A rate over less would jump about.
const SHORTEST: u64 = 5;

const SECOND: u64 = 1_000_000;

/// What parts the names of a way: no name holds it.
const BORDER: u8 = 0xff;

/// Which way requests went, as far as they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// The listener's name.
    pub listener: String,
    /// The site's; empty where none was found, as of all that follows.
    pub site: String,
    /// The route's path.
    pub route: String,
    /// The pool asked.
    pub pool: String,
    /// The node whose answer the client got.
    pub node: String,
}

/// How many requests went one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Which.
    pub way: Way,
    /// Requests of the last minute.
    pub requests: u64,
}

/// What the last minute came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastMinute {
    /// Seconds that the numbers are of: fewer than 60 soon after a start.
    pub seconds: u64,
    /// Requests by class: other, 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 5],
    /// The time within which 95 of a hundred were answered, in microseconds; none of nothing.
    pub p95: Option<u64>,
    /// Requests of the last 15 minutes, and those of them answered with 5xx.
    pub quarter: (u64, u64),
    /// The ways they went, in no order.
    pub flows: Vec<Flow>,
}

impl LastMinute {
    /// Requests of all classes.
    pub fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }
}

/// The way to it, for the thread that counts and for whoever looks.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    window: Arc<Mutex<Window>>,
    /// The newest last.
    events: Arc<Mutex<VecDeque<Noted>>>,
}

impl Recent {
    // Counters cannot be left half written in any way that matters.
    pub(super) fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counting begins; of the minutes before, the disk tells.
    pub(super) fn begin(&self, folder: &Path, now: SystemTime) {
        let micros = since_1970(now);
        // What cannot be read is not counted: whoever writes there next tells of the trouble.
        let chart = charts::chart(folder, &Subject::All, Range::QuarterHour, micros);
        let mut window = self.lock();
        window.begun = micros / SECOND;
        for point in chart.map(|chart| chart.points).unwrap_or_default() {
            let minute = point.time / 60;
            window.requests.add(minute, point.classes.iter().sum());
            window.errors.add(minute, point.classes[4]);
        }
        drop(window);
        let before = events::events(folder, MAX_EVENTS, None).unwrap_or_default();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.extend(before.into_iter().rev());
    }

    /// Something happened.
    pub(super) fn noted(&self, event: &Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= MAX_EVENTS {
            events.pop_front();
        }
        events.push_back(event.into());
    }

    /// What happened, the newest first.
    pub(super) fn events(&self, limit: usize) -> Vec<Noted> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().rev().take(limit).cloned().collect()
    }
}

/// Counts by time, the last `N` units of it.
#[derive(Debug, Clone)]
struct Ring<const N: usize> {
    counts: [u64; N],
    newest: u64,
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self {
            counts: [0; N],
            newest: 0,
        }
    }
}

impl<const N: usize> Ring<N> {
    fn add(&mut self, time: u64, count: u64) {
        turn(&mut self.newest, &mut self.counts, time, |count| *count = 0);
        if let Some(slot) = self.counts.get_mut(place(time, N)) {
            *slot += count;
        }
    }

    /// The sum over the `N` units up to `now`.
    fn sum(&self, now: u64) -> u64 {
        current(self.newest, &self.counts, now).sum()
    }
}

fn place(time: u64, length: usize) -> usize {
    usize::try_from(time % length as u64).unwrap_or(0)
}

/// Makes room for `time` in a ring whose newest is `newest`: what lies between is emptied. A time
/// that is too old for it means that the clock was set back.
fn turn<T>(newest: &mut u64, ring: &mut [T], time: u64, empty: impl Fn(&mut T)) {
    let length = ring.len() as u64;
    if time <= *newest && *newest - time < length {
        return;
    }
    let from = match time > *newest {
        true => (*newest + 1).max((time + 1).saturating_sub(length)),
        false => (time + 1).saturating_sub(length),
    };
    for passed in from..=time {
        if let Some(slot) = ring.get_mut(place(passed, ring.len())) {
            empty(slot);
        }
    }
    *newest = time;
}

/// What a ring holds of the time up to `now`.
fn current<T>(newest: u64, ring: &[T], now: u64) -> impl Iterator<Item = &T> {
    let length = ring.len() as u64;
    // A record of a moment ahead of our clock counts as of now.
    let now = now.max(newest.min(now + 2));
    let times = (now.max(newest) + 1).saturating_sub(length)..=newest.min(now);
    times.filter_map(|time| ring.get(place(time, ring.len())))
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Window {
    begun: u64,
    ways: Named<Ring<SECONDS>, BORDER>,
    classes: [Ring<SECONDS>; 5],
    times: [Latency; STRETCHES],
    newest_times: u64,
    requests: Ring<MINUTES>,
    errors: Ring<MINUTES>,
}

impl Window {
    /// Takes records in.
    pub(super) fn add(&mut self, part: &Part<'_>) {
        let (second, requests) = (part.second, part.requests());
        for (ring, count) in self.classes.iter_mut().zip(part.classes) {
            ring.add(second, count);
        }
        self.requests.add(second / 60, requests);
        self.errors.add(second / 60, part.classes[4]);
        let stretch = second / STRETCH;
        turn(&mut self.newest_times, &mut self.times, stretch, |times| {
            *times = Latency::default();
        });
        self.times[place(stretch, STRETCHES)].add(&part.times);
        if let Some(ring) = self.ways.get(&part.names, MAX_WAYS) {
            return ring.add(second, requests);
        }
        let after = second.saturating_sub(SECONDS as u64);
        self.ways.retain(|ring| ring.newest > after);
        if let Some(ring) = self.ways.get(&part.names, MAX_WAYS) {
            ring.add(second, requests);
        }
    }

    /// What it comes to.
    pub(super) fn told(&self, now: SystemTime) -> LastMinute {
        let now = since_1970(now) / SECOND;
        let mut all = Latency::default();
        for times in current(self.newest_times, &self.times, now / STRETCH) {
            all.merge(times);
        }
        let ways = self.ways.iter().map(|(key, ring)| Flow {
            way: way(key),
            requests: ring.sum(now),
        });
        let age = (now + 1).saturating_sub(self.begun);
        LastMinute {
            seconds: age.clamp(SHORTEST, SECONDS as u64),
            classes: [0, 1, 2, 3, 4].map(|class: usize| self.classes[class].sum(now)),
            p95: all.quantile(950),
            quarter: (self.requests.sum(now / 60), self.errors.sum(now / 60)),
            flows: ways.filter(|flow| flow.requests > 0).collect(),
        }
    }
}

fn way(key: &[u8]) -> Way {
    let mut names = key
        .split(|byte| *byte == BORDER)
        .map(|name| String::from_utf8_lossy(name).into_owned());
    let mut next = || names.next().unwrap_or_default();
    Way {
        listener: next(),
        site: next(),
        route: next(),
        pool: next(),
        node: next(),
    }
}
