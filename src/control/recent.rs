//! What went to each node in the last minutes: its counters, looked at every few seconds from
//! outside the data plane, which is not asked for anything it does not count anyway.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Control;
use crate::metrics::{Counted, NodeErrorKind};
use crate::snapshot::Pool;

/// How often.
pub const RECENT_STEP: Duration = Duration::from_secs(5);

/// Limit: looks remembered of a node, five minutes.
pub const MOST_RECENT: usize = 60;

/// Looks whose times are added up to one: a minute.
const TIMES_STEP: u32 = 12;

/// Minutes of times remembered.
const MOST_TIMES: usize = 5;

/// Looks that «now» is: of one alone, a request a second could be told from none only badly.
const NOW: usize = 2;

/// What went to a node in the last five minutes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recent {
    /// Tries begun in each step, the oldest first; at most [`MOST_RECENT`].
    pub requests: Vec<u32>,
    /// Tries begun in a second now.
    pub per_second: f64,
    /// How many of all of these tries went wrong, or were answered 5xx.
    pub errors: u64,
    /// How long answers took to begin.
    pub times: Counted,
}

impl Recent {
    /// The time within which 95 of 100 answers began; none where none did.
    pub fn p95(&self) -> Option<Duration> {
        self.times.quantile(950)
    }

    /// Tries begun in all of it.
    pub fn all(&self) -> u64 {
        self.requests.iter().copied().map(u64::from).sum()
    }
}

/// The counters of a node at a moment.
#[derive(Debug, Clone, Default)]
struct Counts {
    requests: u64,
    errors: u64,
    times: Counted,
}

/// What came between two looks.
#[derive(Debug, Clone, Copy)]
struct Look {
    requests: u32,
    errors: u32,
    lasted: Duration,
}

#[derive(Debug, Default)]
struct Known {
    last: Counts,
    looks: VecDeque<Look>,
    // Of whole minutes, and what the running one began with.
    minutes: VecDeque<Counted>,
    minute: Counted,
    looked: u32,
}

impl Known {
    fn new(now: Counts) -> Self {
        Self {
            minute: now.times.clone(),
            last: now,
            ..Self::default()
        }
    }

    fn look(&mut self, now: Counts, lasted: Duration) {
        let part = |now: u64, before| u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
        if self.looks.len() == MOST_RECENT {
            self.looks.pop_front();
        }
        self.looks.push_back(Look {
            requests: part(now.requests, self.last.requests),
            errors: part(now.errors, self.last.errors),
            lasted,
        });
        self.looked += 1;
        if self.looked == TIMES_STEP {
            self.looked = 0;
            if self.minutes.len() == MOST_TIMES {
                self.minutes.pop_front();
            }
            self.minutes.push_back(now.times.since(&self.minute));
            self.minute = now.times.clone();
        }
        self.last = now;
    }

    fn recent(&self) -> Recent {
        let newest = self.looks.iter().rev().take(NOW);
        let (requests, lasted) = newest.fold((0.0, 0.0), |(requests, lasted), look| {
            let requests = requests + f64::from(look.requests);
            (requests, lasted + look.lasted.as_secs_f64())
        });
        let mut times = self.last.times.since(&self.minute);
        self.minutes.iter().for_each(|minute| times.add(minute));
        Recent {
            requests: self.looks.iter().map(|look| look.requests).collect(),
            per_second: if lasted > 0.0 { requests / lasted } else { 0.0 },
            errors: self.looks.iter().map(|look| u64::from(look.errors)).sum(),
            times,
        }
    }
}

/// What went to every node, by the number of its state.
#[derive(Debug, Default)]
pub(super) struct Watched {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    nodes: HashMap<u64, Known>,
    at: Option<Instant>,
}

impl Watched {
    /// Nothing where the node has not been looked at yet.
    pub(super) fn of(&self, state: u64) -> Recent {
        let inner = self.lock();
        inner
            .nodes
            .get(&state)
            .map(Known::recent)
            .unwrap_or_default()
    }

    /// Looks at every node there is, and forgets those that are gone.
    fn look(&self, counts: HashMap<u64, Counts>, now: Instant) {
        let mut inner = self.lock();
        let lasted = inner.at.replace(now).map_or(RECENT_STEP, |at| now - at);
        inner.nodes.retain(|state, _| counts.contains_key(state));
        for (state, now) in counts {
            match inner.nodes.get_mut(&state) {
                Some(known) => known.look(now, lasted),
                None => _ = inner.nodes.insert(state, Known::new(now)),
            }
        }
    }

    // Nothing under the lock panics; numbers cannot be left half written.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until Control is gone.
pub(super) async fn watch(control: Weak<Control>) {
    let mut looks = interval(RECENT_STEP);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let Some(control) = control.upgrade() else {
            return;
        };
        control.look_at_nodes(Instant::now());
    }
}

impl Control {
    fn look_at_nodes(&self, now: Instant) {
        let snapshot = &self.now.load().snapshot;
        let answered = self.parts.metrics.server_errors();
        let mut counts = HashMap::new();
        for pool in &snapshot.pools {
            for (index, node) in pool.balancer.nodes().iter().enumerate() {
                let key = [pool.balancer.name(), &node.name].map(ToString::to_string);
                let answered = answered.get(&key).copied().unwrap_or(0);
                counts.insert(node.state.id(), count(pool, index, answered));
            }
        }
        self.watched.look(counts, now);
    }
}

fn count(pool: &Pool, index: usize, answered: u64) -> Counts {
    let state = &pool.balancer.nodes()[index].state;
    let counters = &pool.counters[index];
    // A status that a pool lists as a failure is counted by both, where it was passed on.
    let listed = counters.of(NodeErrorKind::Status);
    let broken = state.errors().saturating_sub(listed);
    Counts {
        requests: state.requests(),
        errors: broken + listed.max(answered),
        times: counters.first_byte.counted(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Counts, Known, MOST_RECENT, RECENT_STEP, Recent, Watched};
    use crate::metrics::Durations;

    fn counts(requests: u64, errors: u64) -> Counts {
        Counts {
            requests,
            errors,
            ..Counts::default()
        }
    }

    #[test]
    fn five_minutes_are_remembered_and_no_more() {
        let mut known = Known::new(counts(1000, 10));
        assert_eq!(known.recent(), Recent::default());
        for look in 1..=100 {
            known.look(counts(1000 + look * 50, 10 + look), RECENT_STEP);
        }
        let recent = known.recent();
        assert_eq!(recent.requests, [50; MOST_RECENT]);
        assert_eq!((recent.all(), recent.errors), (3000, 60));
        assert_eq!(recent.per_second, 10.0);
    }

    #[test]
    fn now_is_the_time_that_really_passed_in_the_last_two_looks() {
        let mut known = Known::new(counts(0, 0));
        for (requests, seconds) in [(500, 5), (510, 5), (540, 15)] {
            known.look(counts(requests, 0), Duration::from_secs(seconds));
        }
        assert_eq!(known.recent().per_second, 2.0);
        assert_eq!(known.recent().requests, [500, 10, 30]);
    }

    #[test]
    fn a_counter_that_began_anew_is_no_flood() {
        let mut known = Known::new(counts(1000, 5));
        known.look(counts(3, 0), RECENT_STEP);
        assert_eq!((known.recent().all(), known.recent().errors), (0, 0));
    }

    #[test]
    fn times_of_before_are_forgotten_by_the_minute() {
        let times = Durations::default();
        let look = |known: &mut Known, many| {
            (0..many).for_each(|_| {
                let now = Counts {
                    times: times.counted(),
                    ..Counts::default()
                };
                known.look(now, RECENT_STEP);
            });
        };
        let mut known = Known::new(Counts::default());
        look(&mut known, 1);
        assert_eq!(known.recent().p95(), None);
        times.count(Duration::from_secs(2));
        look(&mut known, 1);
        let slow = known.recent().p95().unwrap();
        assert!(slow > Duration::from_secs(1), "{slow:?}");
        look(&mut known, 60);
        assert!(known.recent().p95().is_some(), "still of the last minutes");
        times.count(Duration::from_millis(3));
        look(&mut known, 12);
        let quick = known.recent().p95().unwrap();
        assert!(quick <= Duration::from_millis(3), "{quick:?}");
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let watched = Watched::default();
        let now = Instant::now();
        let both = |n| HashMap::from([(1, counts(n, 0)), (2, counts(2 * n, 0))]);
        watched.look(both(0), now);
        watched.look(both(10), now + RECENT_STEP);
        assert_eq!(watched.of(2).per_second, 4.0);
        let one = HashMap::from([(1, counts(20, 0))]);
        watched.look(one, now + 2 * RECENT_STEP);
        assert_eq!(watched.of(1).all(), 20);
        assert_eq!(watched.of(2), Recent::default());
        assert_eq!(watched.lock().nodes.len(), 1);
    }
}
