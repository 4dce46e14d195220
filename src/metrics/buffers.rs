//! What bodies hold in memory and on disk, counted where the limits that they share are kept.

use std::sync::atomic::{AtomicU64, Ordering};

use super::read;
use super::text::{Kind, Text};

/// Where bodies are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In memory.
    Memory,
    /// In spool files.
    Spool,
}

/// Whose reading stopped because nothing more could be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// A client's request.
    Client,
    /// A node's answer.
    Node,
}

impl Place {
    const ALL: [Self; 2] = [Self::Memory, Self::Spool];

    fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Spool => "spool",
        }
    }
}

impl Side {
    const ALL: [Self; 2] = [Self::Client, Self::Node];

    fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Node => "node",
        }
    }
}

/// What all bodies of the process hold now.
#[derive(Debug, Default)]
pub struct Buffers {
    memory: AtomicU64,
    spool: AtomicU64,
    client_waits: AtomicU64,
    node_waits: AtomicU64,
    failures: AtomicU64,
}

impl Buffers {
    /// Counts `more` bytes for a body that has `own`, unless it would have more than what is left
    /// of `limit` beside all that is held: one has half of it at most, two a third each, and
    /// whoever comes next finds some. False when it would.
    pub fn take(&self, place: Place, (own, more): (u64, u64), limit: u64) -> bool {
        let fits = |held| sum_within(held, own, more, limit);
        let relaxed = Ordering::Relaxed;
        self.of(place).fetch_update(relaxed, relaxed, fits).is_ok()
    }

    /// Whether [`Self::take`] would.
    pub fn fits(&self, place: Place, (own, more): (u64, u64), limit: u64) -> bool {
        sum_within(self.held(place), own, more, limit).is_some()
    }

    /// Counts `bytes` more that are held already.
    pub fn add(&self, place: Place, bytes: u64) {
        self.of(place).fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts `bytes` less, which were counted before.
    pub fn give(&self, place: Place, bytes: u64) {
        self.of(place).fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes held there by all bodies.
    pub fn held(&self, place: Place) -> u64 {
        read(self.of(place))
    }

    /// Counts a body whose reading stopped for want of room.
    pub fn count_wait(&self, side: Side) {
        self.waits(side).fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a spool file that could not be made, written or read.
    pub fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, place: Place) -> &AtomicU64 {
        match place {
            Place::Memory => &self.memory,
            Place::Spool => &self.spool,
        }
    }

    fn waits(&self, side: Side) -> &AtomicU64 {
        match side {
            Side::Client => &self.client_waits,
            Side::Node => &self.node_waits,
        }
    }

    /// Writes the families about buffers.
    pub(super) fn write(&self, text: &mut Text) {
        let name = "steelyard_buffer_bytes";
        let help = "Bytes of request and response bodies now held, in memory and in spool files.";
        text.family(name, Kind::Gauge, help);
        for place in Place::ALL {
            text.sample(name, &[("place", place.as_str())], self.held(place));
        }
        let name = "steelyard_buffer_waits_total";
        let help = "Bodies whose reading stopped because memory_budget or spool_limit was used up.";
        text.family(name, Kind::Counter, help);
        for side in Side::ALL {
            text.sample(name, &[("side", side.as_str())], read(self.waits(side)));
        }
        let name = "steelyard_spool_failures_total";
        let help = "Spool files that could not be made, written or read.";
        text.family(name, Kind::Counter, help);
        text.sample(name, &[], read(&self.failures));
    }
}

/// What all hold with `more`, where the one that has `own` may have that.
fn sum_within(held: u64, own: u64, more: u64, limit: u64) -> Option<u64> {
    let sum = held.checked_add(more)?;
    let own = own.checked_add(more)?;
    (own <= limit.checked_sub(sum)?).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::{Buffers, Place};

    #[test]
    fn nobody_has_more_than_is_left_beside_all() {
        let buffers = Buffers::default();
        let spool = Place::Spool;
        assert!(!buffers.take(spool, (0, 51), 100));
        assert!(buffers.take(spool, (0, 50), 100));
        assert!(!buffers.fits(spool, (50, 1), 100));
        // The next has a half of the rest, and the next of that.
        assert!(!buffers.take(spool, (0, 26), 100));
        assert!(buffers.take(spool, (0, 20), 100));
        assert!(buffers.take(spool, (20, 5), 100));
        assert!(!buffers.fits(spool, (25, 1), 100));
        assert!(buffers.take(spool, (0, 12), 100));
        // What is here already is counted, over the limit or not.
        buffers.add(spool, 20);
        assert!(!buffers.take(spool, (0, 1), 100));
        buffers.give(spool, 107);
        assert_eq!(buffers.held(spool), 0);
        assert!(!buffers.take(spool, (0, u64::MAX), u64::MAX));
        assert!(!buffers.take(spool, (u64::MAX, 1), u64::MAX));
        // Two that take in turn have a third each.
        let mut own = [0, 0];
        for n in 0..200 {
            if buffers.take(spool, (own[n % 2], 1), 90) {
                own[n % 2] += 1;
            }
        }
        assert_eq!(own, [30, 30]);
        assert_eq!(buffers.held(Place::Memory), 0);
    }
}
