//! Writing all of memory anew, so that the logs do not grow for ever.
//!
//! A new log begins first, then the memory is walked in pieces while it changes: a change is in the base, in the new
//! log, or in both, and carrying it out twice is carrying it out once. The base gets its name when it is whole, on
//! disk, and the log is on disk as far as the base has seen: a record is then never in it by half.

use std::io;

use super::disk::{Disk, Growing};
use super::encode::encode;
use super::record::{self, HEAD};
use super::recover::unfinished;
use super::{Change, Contents};

/// Entries are put together in records of this size.
const RECORD: usize = 64 << 10;

/// So much of the base is written before the log has its turn again.
const PIECE: usize = 256 << 10;

/// The base is brought to disk in such steps: one fsync over all of it would hold up the log for seconds.
const SYNCED: u64 = 4 << 20;

/// A base on its way.
#[derive(Debug)]
pub(super) struct Rewriting {
    pub(super) number: u64,
    pub(super) base: Growing,
    /// Where in memory to go on; none at the end.
    position: Option<u64>,
    records: Vec<u8>,
    synced: u64,
}

impl Rewriting {
    /// To be called when the log of that number has begun.
    pub(super) fn begin(disk: &Disk, number: u64) -> io::Result<Self> {
        let name = unfinished(number);
        disk.remove(&name)?;
        let mut base = disk.create(&name)?;
        base.add(HEAD)?;
        Ok(Self {
            number,
            base,
            position: Some(0),
            records: Vec::new(),
            synced: 0,
        })
    }

    /// Writes a piece; whether that was the last.
    pub(super) fn step(&mut self, contents: &Contents) -> io::Result<bool> {
        self.records.clear();
        let mut payload = Vec::new();
        while let Some(position) = self.position
            && self.records.len() < PIECE
        {
            let records = &mut self.records;
            self.position = (contents.walk)(position, &mut |entry: Change<'_>| {
                encode(&entry, &mut payload);
                if payload.len() >= RECORD {
                    flush(&mut payload, records);
                }
            });
        }
        flush(&mut payload, &mut self.records);
        record::seal(&mut self.records);
        self.base.add(&self.records)?;
        if self.base.length - self.synced >= SYNCED || self.position.is_none() {
            self.base.sync()?;
            self.synced = self.base.length;
        }
        Ok(self.position.is_none())
    }

    /// What there is of it goes.
    pub(super) fn give_up(&self, disk: &Disk) {
        // Where even that fails, the next start removes it.
        drop(disk.remove(&unfinished(self.number)));
    }
}

fn flush(payload: &mut Vec<u8>, records: &mut Vec<u8>) {
    record::add(records, |bytes| bytes.extend_from_slice(payload));
    payload.clear();
}
