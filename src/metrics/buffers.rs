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
    /// Counts `bytes` more, unless that would be over `limit`. False when it would.
    pub fn take(&self, place: Place, bytes: u64, limit: u64) -> bool {
        let fits = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= limit);
        let relaxed = Ordering::Relaxed;
        self.of(place).fetch_update(relaxed, relaxed, fits).is_ok()
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

    /// Counts that reading stopped for want of room.
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

#[cfg(test)]
mod tests {
    use super::{Buffers, Place};

    #[test]
    fn what_is_held_stays_within_the_limit_unless_it_is_there_already() {
        let buffers = Buffers::default();
        assert!(buffers.take(Place::Memory, 60, 100));
        assert!(!buffers.take(Place::Memory, 41, 100));
        assert!(buffers.take(Place::Memory, 40, 100));
        assert!(buffers.take(Place::Spool, 100, 100));
        buffers.add(Place::Memory, 5);
        assert!(!buffers.take(Place::Memory, 0, 100));
        buffers.give(Place::Memory, 105);
        assert_eq!(buffers.held(Place::Memory), 0);
        assert!(!buffers.take(Place::Memory, u64::MAX, 100));
        assert_eq!(buffers.held(Place::Spool), 100);
        assert!(!buffers.take(Place::Spool, u64::MAX, u64::MAX));
    }
}
