//! What a command sees: the shards of its keys, locked until its answer and its changes are made.

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use super::shard::Shard;
use super::table::Table;
use super::{Entry, Memory, Place, SHARDS, number_of};
use crate::session::change::{Change, Value};
use crate::session::force::Noted;
use crate::session::keeping::{Keeping, Ticket};

/// What a write says of the time when its key ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Unix time in milliseconds.
    At(u64),
    Never,
    /// As before.
    Kept,
}

impl Ends {
    pub(crate) fn of(expires_at: Option<u64>) -> Self {
        expires_at.map_or(Self::Never, Self::At)
    }
}

/// The locks of some shards, taken in the order of their numbers.
#[derive(Debug)]
pub(crate) enum Locks<'m> {
    None,
    One(usize, MutexGuard<'m, Shard>),
    Many(Vec<(usize, MutexGuard<'m, Shard>)>),
}

/// Which shards to lock, gathered before the first lock is taken.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    numbers: Vec<usize>,
}

impl Wanted {
    pub(crate) fn key(&mut self, memory: &Memory, database: u8, key: &[u8]) {
        self.numbers
            .push(number_of(database, memory.place(key).shard));
    }

    pub(crate) fn whole(&mut self, database: u8) {
        let shards = 0..SHARDS;
        self.numbers
            .extend(shards.map(|shard| number_of(database, shard)));
    }

    pub(crate) fn lock(mut self, memory: &Memory) -> Locks<'_> {
        self.numbers.sort_unstable();
        self.numbers.dedup();
        let lock = |number| (number, memory.lock_numbered(number));
        Locks::Many(self.numbers.into_iter().map(lock).collect())
    }
}

impl Locks<'_> {
    fn held(&self, number: usize) -> Option<&Shard> {
        match self {
            Self::None => None,
            Self::One(one, guard) => (*one == number).then_some(&**guard),
            Self::Many(many) => {
                let at = many.binary_search_by_key(&number, |(held, _)| *held).ok()?;
                Some(&*many[at].1)
            }
        }
    }

    fn held_mut(&mut self, number: usize) -> Option<&mut Shard> {
        match self {
            Self::None => None,
            Self::One(one, guard) => (*one == number).then_some(&mut **guard),
            Self::Many(many) => {
                let at = many.binary_search_by_key(&number, |(held, _)| *held).ok()?;
                Some(&mut *many[at].1)
            }
        }
    }
}

/// How a key was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Expire,
    Put,
}

#[derive(Debug, Clone, Copy)]
struct Touched<'k> {
    database: u8,
    place: Place,
    key: &'k [u8],
    how: How,
}

/// A database and the locks of what a command may ask of it.
#[derive(Debug)]
pub(crate) struct Keyspace<'m, 'k> {
    memory: &'m Memory,
    locks: Locks<'m>,
    database: u8,
    now: u64,
    /// The key whose place was found last: commands ask for one twice.
    last: Option<(&'k [u8], Place)>,
    first: Option<Touched<'k>>,
    more: Vec<Touched<'k>>,
    cleared: Vec<u8>,
    /// What was taken out by clearing, to be dropped without locks.
    pub(crate) waste: Vec<Table>,
}

impl<'m, 'k> Keyspace<'m, 'k> {
    pub(crate) fn new(memory: &'m Memory, locks: Locks<'m>, database: u8, now: u64) -> Self {
        Self {
            memory,
            locks,
            database,
            now,
            last: None,
            first: None,
            more: Vec::new(),
            cleared: Vec::new(),
            waste: Vec::new(),
        }
    }

    /// With the lock of one key.
    pub(crate) fn of_key(memory: &'m Memory, database: u8, key: &'k [u8], now: u64) -> Self {
        let place = memory.place(key);
        let number = number_of(database, place.shard);
        let locks = Locks::One(number, memory.lock_numbered(number));
        let mut keyspace = Self::new(memory, locks, database, now);
        keyspace.last = Some((key, place));
        keyspace
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn database(&self) -> u8 {
        self.database
    }

    /// Another database from here on (`SELECT` in a transaction).
    pub(crate) fn select(&mut self, database: u8) {
        self.database = database;
    }

    fn place(&mut self, key: &'k [u8]) -> Place {
        match self.last {
            Some((last, place)) if std::ptr::eq(last, key) => place,
            _ => {
                let place = self.memory.place(key);
                self.last = Some((key, place));
                place
            }
        }
    }

    fn shard(&mut self, place: Place) -> &mut Shard {
        self.locks
            .held_mut(number_of(self.database, place.shard))
            .expect("the shards of a command's keys are locked before it runs")
    }

    /// The key's entry. Not counted as a look-up.
    pub(crate) fn find(&mut self, key: &'k [u8]) -> Option<&Entry> {
        self.look_up(key, false)
    }

    /// The key's entry, for a command that reads: counted as a hit or a miss.
    pub(crate) fn read(&mut self, key: &'k [u8]) -> Option<&Entry> {
        self.look_up(key, true)
    }

    fn look_up(&mut self, key: &'k [u8], counted: bool) -> Option<&Entry> {
        let place = self.place(key);
        let (now, memory) = (self.now, self.memory);
        let shard = self.shard(place);
        let (found, freed) = shard.find(place.hash, key, now);
        memory.count(freed);
        let found = found.is_some();
        if counted {
            shard.asked(found);
        }
        if found {
            shard.table().get(place.hash, key)
        } else {
            None
        }
    }

    pub(crate) fn put(&mut self, key: &'k [u8], value: Value<'_>, ends: Ends) {
        let place = self.place(key);
        let memory = self.memory;
        memory.count(self.shard(place).put(place.hash, key, value, ends));
        self.touch(place, key, How::Put);
    }

    /// The key, where it is there, ends at another time. Says whether it is there.
    pub(crate) fn expire(&mut self, key: &'k [u8], expires_at: Option<u64>) -> bool {
        let place = self.place(key);
        let there = self.shard(place).expire(place.hash, key, expires_at);
        if there {
            self.touch(place, key, How::Expire);
        }
        there
    }

    /// Takes a key out; says whether it was there.
    pub(crate) fn remove(&mut self, key: &'k [u8]) -> bool {
        if self.find(key).is_none() {
            return false;
        }
        let place = self.place(key);
        let memory = self.memory;
        memory.count(self.shard(place).remove(place.hash, key));
        self.touch(place, key, How::Put);
        true
    }

    /// Takes all keys of a database out, whose shards are all locked.
    pub(crate) fn clear(&mut self, database: u8) {
        for shard in 0..SHARDS {
            if let Some(shard) = self.locks.held_mut(number_of(database, shard)) {
                let (table, freed) = shard.clear();
                self.memory.count(freed);
                if table.len() > 0 {
                    self.waste.push(table);
                }
            }
        }
        self.cleared.push(database);
    }

    /// Looks at the entries of a database in order, from a position on, until `see` has had enough; says from which
    /// position to go on. Locks what is not locked already, one shard at a time.
    pub(crate) fn along(
        &mut self,
        from: u64,
        stretches: usize,
        mut see: impl FnMut(&Entry),
    ) -> Option<u64> {
        let mut place = Place::of_position(from);
        let mut left = stretches;
        while place.shard < SHARDS {
            let number = number_of(self.database, place.shard);
            let lock;
            let shard = match self.locks.held(number) {
                Some(shard) => shard,
                None => {
                    lock = self.memory.lock_numbered(number);
                    &*lock
                }
            };
            for entry in shard.table().from(place.hash) {
                // Entries of one hash are told together: a position lies between hashes.
                if left == 0 && entry.hash() > place.hash {
                    place.hash = entry.hash();
                    return Some(place.position());
                }
                place.hash = entry.hash();
                left = left.saturating_sub(1);
                if !entry.is_over(self.now) {
                    see(entry);
                }
            }
            place = Place {
                shard: place.shard + 1,
                hash: 0,
            };
        }
        None
    }

    /// How many keys the database has, those included that are over and not yet taken out.
    pub(crate) fn count(&mut self) -> usize {
        let shards = 0..SHARDS;
        let counts = shards.map(|shard| {
            let number = number_of(self.database, shard);
            match self.locks.held(number) {
                Some(shard) => shard.table().len(),
                None => self.memory.lock_numbered(number).table().len(),
            }
        });
        counts.sum()
    }

    fn touch(&mut self, place: Place, key: &'k [u8], how: How) {
        let touched = Touched {
            database: self.database,
            place,
            key,
            how,
        };
        if self.first.is_none() {
            self.first = Some(touched);
        } else {
            self.more.push(touched);
        }
    }

    /// Hands what was changed to the journal, and notes which keys, as it is now, and gives the locks back.
    pub(crate) fn hand_over(
        self,
        keeping: &Keeping,
        noted: Option<&Noted>,
    ) -> (Ticket, Vec<Table>) {
        if let Some(noted) = noted {
            self.cleared.iter().for_each(|one| noted.clear(*one));
            for touched in self.first.iter().chain(&self.more) {
                noted.key(touched.database, touched.key);
            }
        }
        let ticket = match (&self.first, self.cleared.is_empty()) {
            _ if !keeping.keeps() => Ticket::NOTHING,
            (None, true) => Ticket::NOTHING,
            (Some(one), true) if self.more.is_empty() => keeping.append([self.change(one)]),
            _ => keeping.append(self.changes()),
        };
        drop(self.locks);
        (ticket, self.waste)
    }

    /// Every change once: what was cleared first, as the keys are told as they are now.
    fn changes(&self) -> Vec<Change<'_>> {
        let mut last: BTreeMap<(u8, &[u8]), Touched<'_>> = BTreeMap::new();
        for touched in self.first.iter().chain(&self.more) {
            let how = last
                .get(&(touched.database, touched.key))
                .map_or(touched.how, |before| before.how.max(touched.how));
            last.insert((touched.database, touched.key), Touched { how, ..*touched });
        }
        let cleared = self.cleared.iter().map(|database| Change::Clear {
            database: *database,
        });
        // A key of a cleared database is told whole: its value is not in the journal's copy any more.
        let touched = last.values().map(|touched| {
            let whole = self.cleared.contains(&touched.database);
            self.change(&Touched {
                how: if whole { How::Put } else { touched.how },
                ..*touched
            })
        });
        cleared.chain(touched).collect()
    }

    fn change<'s>(&'s self, touched: &Touched<'s>) -> Change<'s> {
        let (database, key) = (touched.database, touched.key);
        let number = number_of(database, touched.place.shard);
        let shard = self.locks.held(number);
        match shard.and_then(|shard| shard.table().get(touched.place.hash, key)) {
            Some(entry) if touched.how == How::Put => entry.as_put(database),
            Some(entry) => Change::Expire {
                database,
                key,
                expires_at: entry.expires_at(),
            },
            None => Change::Remove { database, key },
        }
    }
}
