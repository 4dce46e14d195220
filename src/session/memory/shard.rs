//! One shard: its entries, its counts, and who watches which of its keys.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Figures;
use super::entry::Entry;
use super::keyspace::Ends;
use super::table::Table;
use crate::session::change::Value;

/// A connection's note that a key it watches was changed.
pub(crate) type Disturbed = Arc<AtomicBool>;

#[derive(Debug, Default)]
pub(crate) struct Shard {
    table: Table,
    bytes: u64,
    ending: u64,
    hits: u64,
    misses: u64,
    expired: u64,
    /// Empty but for the moments in which somebody watches.
    watched: HashMap<Box<[u8]>, Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    hash: u32,
    by: Vec<Disturbed>,
}

/// A difference of bytes, to be added to the sum of all shards.
fn difference(new: u64, old: u64) -> i64 {
    let signed = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
    signed(new) - signed(old)
}

impl Shard {
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The key's entry, unless it is over: then it is taken out. Says how many bytes that freed, as a negative number.
    pub(crate) fn find(&mut self, hash: u32, key: &[u8], now: u64) -> (Option<&Entry>, i64) {
        let over = self
            .table
            .get(hash, key)
            .is_some_and(|entry| entry.is_over(now));
        if over {
            self.expired += 1;
            return (None, self.remove(hash, key));
        }
        (self.table.get(hash, key), 0)
    }

    /// Counts a look-up of a reading command.
    pub(crate) fn asked(&mut self, found: bool) {
        if found {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
    }

    /// The key has this value. Says by how much the bytes grew.
    pub(crate) fn put(&mut self, hash: u32, key: &[u8], value: Value<'_>, ends: Ends) -> i64 {
        let (old_cost, old_ends) = match self.table.get_mut(hash, key) {
            Some(entry) => {
                let old = (entry.cost(), entry.expires_at());
                entry.set_value(value);
                if let Ends::At(at) = ends {
                    entry.set_expires_at(Some(at));
                } else if ends == Ends::Never {
                    entry.set_expires_at(None);
                }
                old
            }
            None => {
                let expires_at = match ends {
                    Ends::At(at) => Some(at),
                    Ends::Never | Ends::Kept => None,
                };
                self.table.add(Entry::new(hash, key, value, expires_at));
                (0, None)
            }
        };
        let new_cost = super::cost(key.len() + value.bytes().len());
        let now_ends = match ends {
            Ends::At(_) => true,
            Ends::Never => false,
            Ends::Kept => old_ends.is_some(),
        };
        self.count_ending(old_ends.is_some(), now_ends);
        self.bytes = self.bytes + new_cost - old_cost;
        self.touched(key);
        difference(new_cost, old_cost)
    }

    /// The key, where it is there, ends at another time. Says whether it is there.
    pub(crate) fn expire(&mut self, hash: u32, key: &[u8], expires_at: Option<u64>) -> bool {
        let Some(entry) = self.table.get_mut(hash, key) else {
            return false;
        };
        let was = entry.expires_at().is_some();
        entry.set_expires_at(expires_at);
        self.count_ending(was, expires_at.is_some());
        self.touched(key);
        true
    }

    fn count_ending(&mut self, was: bool, is: bool) {
        self.ending = self.ending + u64::from(is) - u64::from(was);
    }

    /// Takes a key out. Says how many bytes that freed, as a negative number; 0 where it is not there.
    pub(crate) fn remove(&mut self, hash: u32, key: &[u8]) -> i64 {
        match self.table.remove(hash, key) {
            Some(entry) => self.gone(&entry),
            None => 0,
        }
    }

    fn gone(&mut self, entry: &Entry) -> i64 {
        self.bytes -= entry.cost();
        self.count_ending(entry.expires_at().is_some(), false);
        self.touched(entry.key());
        difference(0, entry.cost())
    }

    /// Takes out what is over among some entries from a hash on. Says from where to go on, and the bytes.
    pub(crate) fn take_over(&mut self, from: u32, at_most: usize, now: u64) -> (Option<u32>, i64) {
        let mut over = Vec::new();
        let next = self
            .table
            .take_over(from, at_most, now, |entry| over.push(entry));
        let mut bytes = 0;
        for entry in &over {
            self.expired += 1;
            bytes += self.gone(entry);
        }
        (next, bytes)
    }

    /// Takes all entries out, for somebody to drop who holds no lock. Says how many bytes that freed.
    pub(crate) fn clear(&mut self) -> (Table, i64) {
        for (key, watched) in &self.watched {
            if self.table.get(watched.hash, key).is_some() {
                watched.by.iter().for_each(disturb);
            }
        }
        self.ending = 0;
        let bytes = difference(0, std::mem::take(&mut self.bytes));
        (std::mem::take(&mut self.table), bytes)
    }

    /// Tells whoever watches the key that it was changed.
    fn touched(&self, key: &[u8]) {
        if !self.watched.is_empty()
            && let Some(watched) = self.watched.get(key)
        {
            watched.by.iter().for_each(disturb);
        }
    }

    pub(crate) fn watch(&mut self, hash: u32, key: &[u8], disturbed: &Disturbed) {
        let watched = self.watched.entry(key.into()).or_default();
        watched.hash = hash;
        if !watched.by.iter().any(|other| Arc::ptr_eq(other, disturbed)) {
            watched.by.push(Arc::clone(disturbed));
        }
    }

    pub(crate) fn unwatch(&mut self, key: &[u8], disturbed: &Disturbed) {
        if let Some(watched) = self.watched.get_mut(key) {
            watched.by.retain(|other| !Arc::ptr_eq(other, disturbed));
            if watched.by.is_empty() {
                self.watched.remove(key);
            }
        }
    }

    pub(crate) fn add_to(&self, figures: &mut Figures) {
        figures.keys += u64::try_from(self.table.len()).unwrap_or(0);
        figures.ending += self.ending;
        figures.bytes += self.bytes;
        figures.hits += self.hits;
        figures.misses += self.misses;
        figures.expired += self.expired;
    }
}

fn disturb(watcher: &Disturbed) {
    watcher.store(true, Ordering::Relaxed);
}
