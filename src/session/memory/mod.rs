//! Sessions in memory: sixteen databases, each in shards with a lock of its own.
//!
//! A key's hash says its shard and its place in it, so the whole of a database has one order: [`Memory::walk`] and
//! `SCAN` go along it. *Nothing is ever evicted:* what would need more than the cap is refused before it is written. An
//! entry that is over is gone for every command; it is taken out when somebody asks for it or the sweep comes by.

mod entry;
mod keyspace;
mod shard;
mod sweep;
mod table;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use self::entry::{Entry, LONGEST_KEY, cost};
pub(crate) use self::keyspace::{Ends, Keyspace, Locks, Wanted};
pub(crate) use self::shard::{Disturbed, Shard};
pub use self::sweep::sweep;
pub(crate) use self::table::Table;
use super::change::{Change, Kind};

/// As many as clients expect.
pub const DATABASES: u8 = 16;

/// Shards of a database: enough that two workers seldom meet, few enough that all can be locked at once.
const SHARDS: usize = 64;

/// Bits of a hash that say the shard.
const SHARD_BITS: u32 = SHARDS.ilog2();

/// How many entries are looked at under one lock before others get their turn.
pub(crate) const STRETCH: usize = 512;

/// The memory of all databases.
#[derive(Debug)]
pub struct Memory {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    /// Bytes of all entries. Signed: one worker may subtract before another's sum has arrived.
    used: AtomicI64,
}

/// What a database holds and was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Keys, those that are over and not yet taken out included.
    pub keys: u64,
    /// Those of them that end.
    pub ending: u64,
    /// Bytes of keys and values, and what keeping them costs.
    pub bytes: u64,
    /// Keys that were asked for and there.
    pub hits: u64,
    /// Keys that were asked for and not there.
    pub misses: u64,
    /// Keys that were taken out because they were over.
    pub expired: u64,
}

/// A key's place: which shard, and the order in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) shard: usize,
    pub(crate) hash: u32,
}

impl Place {
    /// The first place of a position in the order of a database.
    pub(crate) fn of_position(position: u64) -> Self {
        let shard = usize::try_from(position >> 32).unwrap_or(usize::MAX);
        let hash = u32::try_from(position & u64::from(u32::MAX)).expect("32 bits fit");
        Self { shard, hash }
    }

    /// Its position in the order of its database. Positions are under 2^38: clients that read numbers as floats
    /// keep them whole.
    pub(crate) fn position(self) -> u64 {
        (u64::try_from(self.shard).unwrap_or(u64::MAX) << 32) | u64::from(self.hash)
    }
}

impl Default for Memory {
    fn default() -> Self {
        let count = usize::from(DATABASES) * SHARDS;
        Self {
            shards: (0..count).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            used: AtomicI64::new(0),
        }
    }
}

impl Memory {
    /// With nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of all entries of all databases.
    #[must_use]
    pub fn used(&self) -> u64 {
        u64::try_from(self.used.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// What a database holds and was asked. Locks one shard after the other.
    #[must_use]
    pub fn figures(&self, database: u8) -> Figures {
        let mut figures = Figures::default();
        for shard in 0..SHARDS {
            self.lock(database, shard).add_to(&mut figures);
        }
        figures
    }

    /// Carries a change out without a journal and without a cap: what was kept comes back whole. An entry that is over
    /// is kept too, as a later change may say that it ends later; the sweep takes it when all is read.
    pub fn apply(&self, change: Change<'_>) {
        match change {
            Change::Put {
                database,
                key,
                value,
                expires_at,
            } if database < DATABASES && key.len() <= LONGEST_KEY => {
                let place = self.place(key);
                let mut shard = self.lock(database, place.shard);
                self.count(shard.put(place.hash, key, value, Ends::of(expires_at)));
            }
            Change::Expire {
                database,
                key,
                expires_at,
            } if database < DATABASES => {
                let place = self.place(key);
                self.lock(database, place.shard)
                    .expire(place.hash, key, expires_at);
            }
            Change::Remove { database, key } if database < DATABASES => {
                let place = self.place(key);
                self.count(self.lock(database, place.shard).remove(place.hash, key));
            }
            Change::Clear { database } if database < DATABASES => {
                for shard in 0..SHARDS {
                    let (table, bytes) = self.lock(database, shard).clear();
                    self.count(bytes);
                    drop(table);
                }
            }
            // No database of ours has such a key.
            Change::Put { .. }
            | Change::Expire { .. }
            | Change::Remove { .. }
            | Change::Clear { .. } => {}
        }
    }

    /// Tells some entries, each as a `Put`: those from a position on, the first being 0, and which position to go on
    /// from, where there is one. What is there all the time is told exactly once. Locks one shard for a moment.
    pub fn walk(&self, from: u64, mut tell: impl FnMut(Change<'_>)) -> Option<u64> {
        // The databases stand one behind the other, as their shards do.
        let place = Place::of_position(from);
        let database = u8::try_from(place.shard / SHARDS).ok()?;
        if database >= DATABASES {
            return None;
        }
        let shard = self.lock(database, place.shard % SHARDS);
        let mut next = None;
        for (seen, entry) in shard.table().from(place.hash).enumerate() {
            if seen >= STRETCH && entry.hash() > place.hash {
                next = Some(entry.hash());
                break;
            }
            tell(entry.as_put(database));
        }
        let next = match next {
            Some(hash) => Place { hash, ..place },
            None => Place {
                shard: place.shard + 1,
                hash: 0,
            },
        };
        (next.shard < self.shards.len()).then(|| next.position())
    }

    pub(crate) fn place(&self, key: &[u8]) -> Place {
        let hash = self.hasher.hash_one(key);
        let shard = usize::try_from(hash >> (64 - SHARD_BITS)).expect("six bits fit");
        Place {
            shard,
            hash: u32::try_from(hash & u64::from(u32::MAX)).expect("32 bits fit"),
        }
    }

    pub(crate) fn lock(&self, database: u8, shard: usize) -> MutexGuard<'_, Shard> {
        self.lock_numbered(number_of(database, shard))
    }

    fn lock_numbered(&self, number: usize) -> MutexGuard<'_, Shard> {
        self.shards[number]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a connection told when a key changes. One that is over by now counts as gone.
    pub(crate) fn watch(&self, database: u8, key: &[u8], disturbed: &Disturbed, now: u64) {
        let place = self.place(key);
        let mut shard = self.lock(database, place.shard);
        let (_, freed) = shard.find(place.hash, key, now);
        shard.watch(place.hash, key, disturbed);
        self.count(freed);
    }

    pub(crate) fn unwatch(&self, database: u8, key: &[u8], disturbed: &Disturbed) {
        let place = self.place(key);
        self.lock(database, place.shard).unwatch(key, disturbed);
    }

    /// Adds to what is used.
    pub(crate) fn count(&self, bytes: i64) {
        // A session saved again has the same size: then workers do not meet here.
        if bytes != 0 {
            self.used.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

/// Shards of all databases have one number each, and are locked in this order.
fn number_of(database: u8, shard: usize) -> usize {
    usize::from(database) * SHARDS + shard
}

/// How clients call a kind.
pub(crate) fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Fields => "hash",
        Kind::Members => "set",
    }
}
