//! The block that grows: its records so far, and what is known of them.

use super::data::Extent;
use super::encode::Packet;
use super::summary::Summary;

/// A block is full with so many records, or bytes.
const BLOCK_RECORDS: u64 = 1024;
const BLOCK_BYTES: u64 = 128 * 1024;

/// The block that grows, or one that is full and not written.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Its number in the open file, once a part of it is there, and where that part is.
    pub(super) number: Option<i64>,
    pub(super) extent: Extent,
    pub(super) summary: Summary,
    /// What is not written of it.
    pub(super) pending: Vec<Packet>,
    pending_bytes: usize,
}

impl Block {
    /// Takes in records, of which the summary knows.
    pub(super) fn push(&mut self, packet: Packet) {
        self.pending_bytes += packet.bytes.len();
        self.pending.push(packet);
    }

    pub(super) fn is_full(&self) -> bool {
        let bytes = self.extent.length + self.pending_bytes as u64;
        self.summary.records >= BLOCK_RECORDS || bytes >= BLOCK_BYTES
    }

    /// Bytes and records that are not written.
    pub(super) fn waiting(&self) -> (usize, u64) {
        let records = self.pending.iter().map(|packet| u64::from(packet.records));
        (self.pending_bytes, records.sum())
    }

    /// All of it is in the file.
    pub(super) fn is_written(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }
}
