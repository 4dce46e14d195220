//! What is in force for the next command: the settings, and where sessions are kept.
//!
//! Both are one value, read once at the beginning of a connection's turn and held until its commands are done. So who
//! puts another in its place can wait until nothing is carried out by the one before ([`Before::is_over`]): that is how
//! sessions move to another store without one of them being lost.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::memory::DATABASES;
use super::redis::Redis;
use super::settings::Settings;

/// What is in force.
#[derive(Debug)]
pub(crate) struct Force {
    pub(crate) settings: Settings,
    pub(crate) stage: Stage,
}

/// Where commands are carried out.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// In memory.
    Memory { noted: Option<Arc<Noted>> },
    /// By a Redis.
    Redis {
        redis: Arc<Redis>,
        noted: Option<Arc<Noted>>,
    },
    /// Nowhere for a moment: they wait until something else is in force.
    Held(watch::Receiver<()>),
}

impl Stage {
    pub(crate) const MEMORY: Self = Self::Memory { noted: None };

    /// Where writes are noted, while sessions move.
    pub(crate) fn noted(&self) -> Option<&Noted> {
        match self {
            Self::Memory { noted } | Self::Redis { noted, .. } => noted.as_deref(),
            Self::Held(_) => None,
        }
    }
}

/// What was in force until now.
#[derive(Debug)]
pub(crate) struct Before(pub(super) Arc<Force>);

impl Before {
    /// Nothing is carried out by it any more.
    pub(crate) fn is_over(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// Keys that were written while sessions move, to be copied once more.
///
/// Limit: each key once, so it holds no more than the keys of the store.
#[derive(Debug, Default)]
pub(crate) struct Noted(Mutex<Keys>);

/// Keys of some databases.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) written: HashSet<(u8, Box<[u8]>)>,
    /// A bit for each database that was cleared, before its keys here were written.
    cleared: u16,
}

impl Noted {
    pub(crate) fn key(&self, database: u8, key: &[u8]) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.written.insert((database, key.into()));
    }

    pub(crate) fn clear(&self, database: u8) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.written.retain(|(other, _)| *other != database);
        keys.cleared |= 1 << database;
    }

    pub(crate) fn len(&self) -> usize {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.written.len()
    }

    /// Takes what was noted so far.
    pub(crate) fn take(&self) -> Keys {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *keys)
    }
}

impl Keys {
    pub(crate) fn is_empty(&self) -> bool {
        self.written.is_empty() && self.cleared == 0
    }

    pub(crate) fn cleared(&self) -> impl Iterator<Item = u8> + use<> {
        let cleared = self.cleared;
        (0..DATABASES).filter(move |database| cleared >> database & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_lost_by_clearing_is_not_copied_again() {
        let noted = Noted::default();
        noted.key(1, b"gone");
        noted.key(2, b"stays");
        noted.clear(1);
        noted.key(1, b"new");
        noted.key(1, b"new");
        assert_eq!(noted.len(), 2);
        let keys = noted.take();
        assert_eq!(keys.cleared().collect::<Vec<_>>(), [1]);
        assert!(keys.written.contains(&(1, (*b"new").into())) && !keys.is_empty());
        assert!(noted.take().is_empty());
    }
}
