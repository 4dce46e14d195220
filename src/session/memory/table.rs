//! A shard's entries, in the order of their keys' hashes.
//!
//! Linear probing in which an entry never stands before one of a smaller hash: a look-up ends at the first greater
//! hash, another capacity is one walk in order, and a position in the order of hashes stays good whatever is added,
//! removed or moved meanwhile. `SCAN`, the sweep and the journal's rewrite go on from such positions: what is there all
//! the time is met exactly once. Capacities grow by half, so the table is two thirds full at least.

use super::entry::Entry;

const SMALLEST: usize = 8;

/// At most seven of eight places are taken.
fn most(capacity: usize) -> usize {
    capacity / 8 * 7
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    /// `capacity` places and, behind them, what was pushed beyond the last.
    slots: Vec<Option<Entry>>,
    capacity: usize,
    count: usize,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Where an entry of this hash would stand if all were free.
    fn home(&self, hash: u32) -> usize {
        let capacity = u64::try_from(self.capacity).unwrap_or(0);
        usize::try_from((u64::from(hash) * capacity) >> 32).unwrap_or(0)
    }

    /// Where the key is, or where it would be put.
    fn place(&self, hash: u32, key: &[u8]) -> Result<usize, usize> {
        let mut at = self.home(hash);
        while let Some(Some(entry)) = self.slots.get(at) {
            if entry.hash() > hash {
                break;
            }
            if entry.hash() == hash && entry.key() == key {
                return Ok(at);
            }
            at += 1;
        }
        Err(at)
    }

    pub(crate) fn get(&self, hash: u32, key: &[u8]) -> Option<&Entry> {
        self.slots[self.place(hash, key).ok()?].as_ref()
    }

    pub(crate) fn get_mut(&mut self, hash: u32, key: &[u8]) -> Option<&mut Entry> {
        let at = self.place(hash, key).ok()?;
        self.slots[at].as_mut()
    }

    /// Adds an entry whose key is not there.
    pub(crate) fn add(&mut self, entry: Entry) {
        if self.count >= most(self.capacity) {
            self.resize((self.capacity + self.capacity / 2).max(SMALLEST));
        }
        let (Ok(at) | Err(at)) = self.place(entry.hash(), entry.key());
        let mut carried = Some(entry);
        for slot in self.slots.iter_mut().skip(at) {
            std::mem::swap(slot, &mut carried);
            if carried.is_none() {
                break;
            }
        }
        if carried.is_some() {
            self.slots.push(carried);
        }
        self.count += 1;
    }

    pub(crate) fn remove(&mut self, hash: u32, key: &[u8]) -> Option<Entry> {
        let at = self.place(hash, key).ok()?;
        self.remove_at(at)
    }

    fn remove_at(&mut self, at: usize) -> Option<Entry> {
        let removed = self.slots.get_mut(at)?.take()?;
        self.count -= 1;
        let mut hole = at;
        while let Some(Some(next)) = self.slots.get(hole + 1)
            && self.home(next.hash()) <= hole
        {
            self.slots.swap(hole, hole + 1);
            hole += 1;
        }
        if self.capacity > 64 && self.count < self.capacity / 4 {
            self.resize(self.capacity / 2);
        }
        Some(removed)
    }

    fn resize(&mut self, capacity: usize) {
        let old = std::mem::take(&mut self.slots);
        self.capacity = capacity;
        // A few places more: the last of a run may stand behind the end.
        let mut slots: Vec<Option<Entry>> = Vec::with_capacity(capacity + capacity / 64 + 4);
        for entry in old.into_iter().flatten() {
            let home = self.home(entry.hash());
            while slots.len() < home {
                slots.push(None);
            }
            slots.push(Some(entry));
        }
        while slots.len() < capacity {
            slots.push(None);
        }
        self.slots = slots;
    }

    /// The entries from a hash on, in order.
    pub(crate) fn from(&self, hash: u32) -> impl Iterator<Item = &Entry> {
        let behind = self.slots.get(self.home(hash)..).unwrap_or_default();
        behind
            .iter()
            .flatten()
            .filter(move |entry| entry.hash() >= hash)
    }

    /// Looks at some entries from a hash on and takes out those that are over; says from which hash to go on.
    pub(crate) fn take_over(
        &mut self,
        from: u32,
        at_most: usize,
        now: u64,
        mut taken: impl FnMut(Entry),
    ) -> Option<u32> {
        let mut over = Vec::new();
        let mut next = None;
        for (seen, entry) in self.from(from).enumerate() {
            if seen >= at_most && entry.hash() > from {
                next = Some(entry.hash());
                break;
            }
            if entry.is_over(now) {
                over.push((entry.hash(), Box::<[u8]>::from(entry.key())));
            }
        }
        for (hash, key) in over {
            if let Some(entry) = self.remove(hash, &key) {
                taken(entry);
            }
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::session::change::Value;

    /// Few hashes, at both ends and in heaps: runs, equal hashes and what stands behind the end.
    fn hash_of(key: u8) -> u32 {
        [0, 1, 7, u32::MAX / 2, u32::MAX - 1, u32::MAX][usize::from(key) % 6]
            .wrapping_sub(u32::from(key / 64))
    }

    fn sound(table: &Table, model: &BTreeMap<u8, u8>) {
        assert_eq!(table.len(), model.len());
        let hashes: Vec<u32> = table.from(0).map(Entry::hash).collect();
        assert_eq!(hashes.len(), model.len());
        assert!(hashes.is_sorted());
        for (key, value) in model {
            let entry = table.get(hash_of(*key), &[*key]).unwrap();
            assert_eq!(entry.value().bytes(), [*value]);
        }
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<bool>()), 0..600)) {
            let mut table = Table::default();
            let mut model = BTreeMap::new();
            for (key, value, put) in steps {
                let hash = hash_of(key);
                if !put {
                    let removed = table.remove(hash, &[key]).map(|entry| entry.value().bytes()[0]);
                    prop_assert_eq!(removed, model.remove(&key));
                } else if let Some(entry) = table.get_mut(hash, &[key]) {
                    entry.set_value(Value::text(&[value]));
                    model.insert(key, value);
                } else {
                    table.add(Entry::new(hash, &[key], Value::text(&[value]), None));
                    model.insert(key, value);
                }
            }
            sound(&table, &model);
        }
    }

    #[test]
    fn many_come_and_go_and_the_table_with_them() {
        let mut table = Table::default();
        let hash = |n: u32| n.wrapping_mul(2_654_435_769);
        for n in 0..10_000u32 {
            table.add(Entry::new(
                hash(n),
                &n.to_le_bytes(),
                Value::text(b"v"),
                None,
            ));
        }
        assert!(table.capacity < 10_000 * 2, "{}", table.capacity);
        for n in 0..10_000u32 {
            assert!(table.remove(hash(n), &n.to_le_bytes()).is_some());
        }
        assert_eq!((table.len(), table.from(0).count()), (0, 0));
        assert!(table.capacity <= 64);
    }

    #[test]
    fn what_is_over_is_taken_and_the_rest_stays() {
        let mut table = Table::default();
        for n in 0..100u32 {
            let ends = (n % 2 == 0).then_some(10);
            table.add(Entry::new(
                n << 20,
                &n.to_le_bytes(),
                Value::text(b"v"),
                ends,
            ));
        }
        let (mut at, mut taken) = (Some(0), 0);
        while let Some(from) = at {
            at = table.take_over(from, 7, 11, |_| taken += 1);
        }
        assert_eq!((taken, table.len()), (50, 50));
        assert_eq!(table.take_over(0, 1000, 11, |_| panic!("again")), None);
    }
}
