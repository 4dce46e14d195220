//! What each of the last revisions changed, kept in memory: what a page tells of the change just
//! made, and a list of them, without reading documents again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::back::is_of_node;
use crate::document::Change;

/// Limit: revisions remembered. Two pages of them.
const REMEMBERED: usize = 200;

/// Limit: changes kept of one; the documents have all of them.
const KEPT: usize = 50;

/// What a revision changed of the one before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// The first of them.
    pub first: Arc<[Change]>,
    /// How many there are in all.
    pub all: usize,
    /// Whether all are weights and states of nodes.
    pub nodes_alone: bool,
}

impl From<&[Change]> for Changes {
    fn from(changes: &[Change]) -> Self {
        Self {
            first: changes.iter().take(KEPT).cloned().collect(),
            all: changes.len(),
            nodes_alone: changes.iter().all(is_of_node),
        }
    }
}

/// Those remembered, by revision.
#[derive(Debug, Default)]
pub(in crate::control) struct Made(Mutex<BTreeMap<u64, Changes>>);

impl Made {
    pub(in crate::control) fn remember(&self, revision: u64, changes: Changes) {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(revision, changes);
        while made.len() > REMEMBERED {
            made.pop_first();
        }
    }

    pub(in crate::control) fn of(&self, revision: u64) -> Option<Changes> {
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.get(&revision).cloned()
    }
}
