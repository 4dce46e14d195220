//! Blocks on their way into a file: their records so far, and what is known of them.

use std::io;

use super::data::{Data, Extent};
use super::encode::Packet;
use super::segment::About;
use super::summary::Summary;

/// A block is full with so many records, or bytes.
const BLOCK_RECORDS: u64 = 1024;
const BLOCK_BYTES: u64 = 128 * 1024;

/// Fewer bytes are not written before the row that tells of them.
const AHEAD: usize = 16 << 10;

/// The block that grows, or one that is full and not written.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Its number in the open file, once a part of it is there, and where that part is.
    pub(super) number: Option<i64>,
    pub(super) extent: Extent,
    pub(super) summary: Summary,
    /// What is not written of it.
    pending: Vec<Packet>,
    pending_bytes: usize,
    /// Bytes and records, written or not, that no row tells of yet.
    unnamed: (usize, u64),
}

impl Block {
    /// Takes in records, of which the summary knows.
    fn push(&mut self, packet: Packet) {
        self.pending_bytes += packet.bytes.len();
        self.unnamed.0 += packet.bytes.len();
        self.unnamed.1 += u64::from(packet.records);
        self.pending.push(packet);
    }

    fn is_full(&self) -> bool {
        let bytes = self.extent.length + self.pending_bytes as u64;
        self.summary.records >= BLOCK_RECORDS || bytes >= BLOCK_BYTES
    }

    /// Writes what is not written of it.
    ///
    /// # Errors
    /// What the system answered. All of it is then tried again.
    pub(super) fn write(&mut self, data: &mut Data) -> io::Result<()> {
        let more = data.append(&self.pending)?;
        self.extent = match self.extent {
            Extent { length: 0, .. } => more,
            Extent { at, length } => Extent {
                at,
                length: length + more.length,
            },
        };
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
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

    /// Bytes and records that no row tells of yet.
    pub(super) fn waiting(&self) -> (usize, u64) {
        let all = self.full.iter().chain([&self.grows]);
        all.fold((0, 0), |(bytes, records), block| {
            (bytes + block.unnamed.0, records + block.unnamed.1)
        })
    }

    /// Writes what waits, where it is worth the call, as long as it is in the processor's cache: the
    /// rows that tell of it follow. Where it fails it is tried again with them, and told then.
    pub(super) fn write_ahead(&mut self, data: &mut Data) {
        let all = self.full.iter().chain([&self.grows]);
        if all.map(|block| block.pending_bytes).sum::<usize>() < AHEAD {
            return;
        }
        let mut all = self.full.iter_mut().chain([&mut self.grows]);
        let _ = all.try_for_each(|block| block.write(data));
    }

    /// Those that are to be written, with their numbers; `about` is then right.
    pub(super) fn unwritten(&mut self, about: &mut About) -> Vec<&mut Block> {
        let grows = (self.grows.unnamed.1 > 0).then_some(&mut self.grows);
        let mut blocks: Vec<&mut Block> = self.full.iter_mut().chain(grows).collect();
        for block in &mut blocks {
            let summary = &block.summary;
            about.first = match about.records {
                0 => summary.first,
                _ => about.first.min(summary.first),
            };
            about.last = about.last.max(summary.last);
            about.records += block.unnamed.1;
            about.blocks = *block.number.get_or_insert(about.blocks + 1);
        }
        blocks
    }

    /// All of them are in the file; whether there were full ones.
    pub(super) fn are_written(&mut self) -> bool {
        self.grows.unnamed = (0, 0);
        let had_full = !self.full.is_empty();
        self.full.clear();
        had_full
    }

    /// What comes next begins another block; what waits is forgotten.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}
