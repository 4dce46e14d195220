//! Blocks on their way into a file: their records so far, and what is known of them.

use super::data::Extent;
use super::encode::Packet;
use super::segment::About;
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
    fn push(&mut self, packet: Packet) {
        self.pending_bytes += packet.bytes.len();
        self.pending.push(packet);
    }

    fn is_full(&self) -> bool {
        let bytes = self.extent.length + self.pending_bytes as u64;
        self.summary.records >= BLOCK_RECORDS || bytes >= BLOCK_BYTES
    }

    /// Bytes and records that are not written.
    fn waiting(&self) -> (usize, u64) {
        let records = self.pending.iter().map(|packet| u64::from(packet.records));
        (self.pending_bytes, records.sum())
    }

    /// All of it is in the file.
    fn is_written(&mut self) {
        self.pending.clear();
        self.pending_bytes = 0;
    }
}

/// The block that grows, and those before it that are full and not written.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    grows: Block,
    full: Vec<Block>,
}

impl Blocks {
    /// That of the block which the next records belong to.
    pub(super) fn summary(&mut self) -> &mut Summary {
        &mut self.grows.summary
    }

    /// Takes in records, of which the summary knows.
    pub(super) fn push(&mut self, packet: Packet) {
        self.grows.push(packet);
        if self.grows.is_full() {
            self.full.push(std::mem::take(&mut self.grows));
        }
    }

    /// Bytes and records that are not written.
    pub(super) fn waiting(&self) -> (usize, u64) {
        let all = self.full.iter().chain([&self.grows]).map(Block::waiting);
        all.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    /// Those that are to be written, with their numbers; `about` is then right.
    pub(super) fn unwritten(&mut self, about: &mut About) -> Vec<&mut Block> {
        let grows = (!self.grows.pending.is_empty()).then_some(&mut self.grows);
        let mut blocks: Vec<&mut Block> = self.full.iter_mut().chain(grows).collect();
        for block in &mut blocks {
            let summary = &block.summary;
            about.first = match about.records {
                0 => summary.first,
                _ => about.first.min(summary.first),
            };
            about.last = about.last.max(summary.last);
            about.records += block.waiting().1;
            about.blocks = *block.number.get_or_insert(about.blocks + 1);
        }
        blocks
    }

    /// All of them are in the file; whether there were full ones.
    pub(super) fn are_written(&mut self) -> bool {
        self.grows.is_written();
        let had_full = !self.full.is_empty();
        self.full.clear();
        had_full
    }

    /// What comes next begins another block; what waits is forgotten.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}
