//! What looking up a node's name came to last.

use std::sync::atomic::{AtomicU8, Ordering};

/// Why a node's name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// No name server has answered yet.
    Silent,
    /// Name servers know no address for it.
    NotFound,
}

/// What the last look-up of a name came to, as a number that all threads share: 0 is that it
/// was found, or that nobody has asked yet.
#[derive(Debug, Default)]
pub(super) struct Lookup(AtomicU8);

impl Lookup {
    pub(super) fn note(&self, failed: Option<Unresolved>) {
        let number = match failed {
            None => 0,
            Some(Unresolved::Silent) => 1,
            Some(Unresolved::NotFound) => 2,
        };
        self.0.store(number, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) -> Option<Unresolved> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            2 => Some(Unresolved::NotFound),
            _ => Some(Unresolved::Silent),
        }
    }
}
