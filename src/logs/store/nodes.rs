//! The nodes that answered the records of a batch, by number: a record says the number of its own in one
//! byte, and its address not at all.

use super::encode::MAX_NODES;
use super::put::{NOWHERE, Place, is_last};
use super::way::address;

/// How many are looked at for each record.
const LOOKED_AT: usize = 8;

/// The nodes of a batch.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    all: Vec<Node>,
    /// That of the last record.
    now: Option<usize>,
    /// Whether texts are known by where they are in memory.
    by_address: bool,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    name: Place,
    reached: Reached,
    /// Where the name is in memory; 0 is not known.
    at: usize,
}

/// Where a node was reached first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached {
    place: Place,
    at: usize,
}

impl Nodes {
    /// Another batch begins.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.now = None;
        self.by_address = false;
    }

    /// What is known of memory holds no more; from now on it does, or not.
    pub(super) fn forget(&mut self, by_address: bool) {
        for node in &mut self.all {
            (node.at, node.reached.at) = (0, 0);
        }
        self.by_address = by_address;
    }

    /// Goes on to the node of this name, where it answered before: its number. Nodes come in turns, so that
    /// it is seldom that of the record before, but often the one that came behind it the last time.
    #[inline]
    pub(super) fn turn_to(&mut self, bytes: &[u8], name: &str) -> Option<usize> {
        let next = self.now.map_or(0, |number| number + 1);
        let next = if next < self.all.len() { next } else { 0 };
        let is_next = self
            .all
            .get(next)
            .is_some_and(|node| node.at == address(name));
        self.now = match is_next {
            true => Some(next),
            false => self.find(next, bytes, name),
        };
        debug_assert!(!is_next || is_last(bytes, self.all[next].name, name.as_bytes()));
        self.now
    }

    #[cold]
    #[inline(never)]
    fn find(&mut self, from: usize, bytes: &[u8], name: &str) -> Option<usize> {
        let count = self.all.len();
        let mut looked_at = (from..count).chain(0..from).take(LOOKED_AT);
        let found = looked_at.find(|number| {
            let node = &self.all[*number];
            node.at == address(name) || is_last(bytes, node.name, name.as_bytes())
        })?;
        self.all[found].at = if self.by_address { address(name) } else { 0 };
        Some(found)
    }

    /// One that did not answer before, whose name was written.
    pub(super) fn add(&mut self, name: Place, text: &str) {
        let number = self.all.len();
        self.now = (number < MAX_NODES).then_some(number);
        if self.now.is_some() {
            self.all.push(Node {
                name,
                reached: Reached::NOWHERE,
                at: if self.by_address { address(text) } else { 0 },
            });
        }
    }

    /// The record has none.
    pub(super) fn none(&mut self) {
        self.now = None;
    }

    /// Where that of this record was reached before.
    #[inline]
    pub(super) fn reached(&self) -> Reached {
        let node = self.now.and_then(|number| self.all.get(number));
        node.map_or(Reached::NOWHERE, |node| node.reached)
    }

    /// Whether that was at `text`.
    #[inline]
    pub(super) fn is_there(&mut self, reached: Reached, bytes: &[u8], text: &str) -> bool {
        let is_there = reached.at == address(text);
        debug_assert!(!is_there || is_last(bytes, reached.place, text.as_bytes()));
        is_there || self.is_said(reached, bytes, text)
    }

    #[cold]
    #[inline(never)]
    fn is_said(&mut self, reached: Reached, bytes: &[u8], text: &str) -> bool {
        let is_said = is_last(bytes, reached.place, text.as_bytes());
        if is_said {
            self.is_at(reached.place, text);
        }
        is_said
    }

    /// That of this record was reached at `text`, which stands at `place`: the first such counts.
    pub(super) fn is_at(&mut self, place: Place, text: &str) {
        let by_address = self.by_address;
        let node = self.now.and_then(|number| self.all.get_mut(number));
        if let Some(Node { reached, .. }) = node
            && (reached.place == NOWHERE || reached.place == place)
        {
            let at = if by_address { address(text) } else { 0 };
            *reached = Reached { place, at };
        }
    }
}

impl Reached {
    const NOWHERE: Self = Self {
        place: NOWHERE,
        at: 0,
    };
}
