//! The block that grows: its records so far, and what is known of them.

use super::summary::Summary;

/// A block is full with so many records, or bytes.
const BLOCK_RECORDS: u64 = 1024;
const BLOCK_BYTES: usize = 128 * 1024;

/// The block that grows.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Its number in the open file, once a piece of it is there.
    pub(super) number: Option<i64>,
    pub(super) pieces: i64,
    pub(super) summary: Summary,
    /// Bytes written, and those that are not, of so many records.
    pub(super) bytes: usize,
    pub(super) pending: Vec<u8>,
    pub(super) records: u64,
}

impl Block {
    pub(super) fn is_full(&self) -> bool {
        self.summary.records >= BLOCK_RECORDS || self.bytes + self.pending.len() >= BLOCK_BYTES
    }

    /// What comes next begins another one.
    pub(super) fn restart(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.clear();
        *self = Self {
            pending,
            ..Self::default()
        };
    }
}
