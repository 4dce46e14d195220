//! The bytes of the records of a segment: batches one behind another in a file of their own, beside that
//! of the summaries.
//!
//! Each is written once, behind the last one, and only then named by the summary of its block: what no
//! summary names was not whole when the process ended, and is cut off. A batch carries a checksum.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::decode::{Bytes, Damaged};
use super::encode::{HEAD, Packet};

/// Shorter batches are put together before they are written: a call costs as much as their bytes.
const SHORT: usize = 8 << 10;

/// So many bytes at most.
const TOGETHER: usize = 64 << 10;

/// Where the records of a block are: its first byte and how many follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) at: u64,
    pub(super) length: u64,
}

impl Extent {
    pub(super) fn end(self) -> u64 {
        self.at.saturating_add(self.length)
    }
}

/// The file, open.
#[derive(Debug)]
pub(super) struct Data {
    file: File,
    /// Where the next batch goes.
    end: u64,
}

impl Data {
    /// Opens the file to write behind `end`: what is there is cut off. Makes it where it is not.
    pub(super) fn open(path: &Path, end: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // What people asked for is for the owner and the group only.
        options.read(true).write(true).create(true).mode(0o640);
        let file = options.open(path)?;
        let mut data = Self { file, end };
        data.cut(end)?;
        Ok(data)
    }

    /// Goes on behind `end`: what is there is cut off.
    pub(super) fn cut(&mut self, end: u64) -> io::Result<()> {
        if self.file.metadata()?.len() > end {
            self.file.set_len(end)?;
        }
        self.end = end;
        Ok(())
    }

    /// Opens the file to read.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len();
        Ok(Self { file, end })
    }

    /// Its length.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Writes batches behind the last ones; where that fails, the next attempt is in the same place.
    pub(super) fn append(&mut self, packets: &[Packet]) -> io::Result<Extent> {
        let at = self.end;
        let mut end = at;
        let mut write = |bytes: &[u8]| {
            self.file.write_all_at(bytes, end)?;
            end += bytes.len() as u64;
            io::Result::Ok(())
        };
        let mut waiting = Vec::new();
        for Packet { bytes, .. } in packets {
            let is_short = bytes.len() < SHORT;
            if !is_short || waiting.len() + bytes.len() > TOGETHER {
                write(&waiting)?;
                waiting.clear();
            }
            match is_short {
                true => waiting.extend_from_slice(bytes),
                false => write(bytes)?,
            }
        }
        write(&waiting)?;
        self.end = end;
        let length = end - at;
        Ok(Extent { at, length })
    }

    /// The batches of a block, whole and as they were written.
    pub(super) fn batches(&self, of: Extent) -> io::Result<Result<Vec<u8>, Damaged>> {
        // Of a number that was never written no memory is asked for.
        if of.end() > self.file.metadata()?.len() {
            return Ok(Err(Damaged));
        }
        let Ok(length) = usize::try_from(of.length) else {
            return Ok(Err(Damaged));
        };
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, of.at)?;
        Ok(is_whole(&bytes).map(|()| bytes))
    }

    /// Has the disk keep what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Whether each batch adds up to what it did.
fn is_whole(bytes: &[u8]) -> Result<(), Damaged> {
    let mut left = Bytes(bytes);
    while let Some((head, behind)) = left.batch()? {
        if head.sum != sum(head.records, behind) {
            return Err(Damaged);
        }
    }
    Ok(())
}

impl Packet {
    /// Writes down what its bytes add up to.
    pub(super) fn seal(&mut self) {
        if let Some((head, behind)) = self.bytes.split_at_mut_checked(HEAD) {
            head[8..].copy_from_slice(&sum(self.records, behind).to_le_bytes());
        }
    }
}

/// What a batch adds up to: CRC-32C, which processors have an instruction for. Of zeros, as a torn file has them, it is
/// none: these would be batches of nothing.
fn sum(records: u32, bytes: &[u8]) -> u64 {
    crc32c::crc32c_append(!records, bytes).into()
}

#[cfg(test)]
mod tests {
    use super::{Data, Extent, Packet};
    use crate::logs::Record;
    use crate::logs::store::encode::Batch;
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use proptest::sample::Index;
    use std::fs;

    fn packet(records: usize, id: usize) -> Packet {
        let mut batch = Batch::default();
        for _ in 0..records {
            batch.append(&Record {
                request_id: &vec![b'x'; id],
                ..Record::example()
            });
        }
        let mut packet = batch.take();
        packet.seal();
        packet
    }

    fn bytes(packets: &[Packet]) -> Vec<u8> {
        packets
            .iter()
            .flat_map(|packet| packet.bytes.to_vec())
            .collect()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back_and_a_torn_end_is_cut_off(
            blocks in vec(vec((1..4_usize, 0..70_000_usize), 1..5), 1..4),
            torn in vec(any::<u8>(), 0..100),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("1.db-data");
            let mut data = Data::open(&path, 0).unwrap();
            let mut written = Vec::new();
            for block in &blocks {
                let packets: Vec<Packet> = block.iter().map(|(n, id)| packet(*n, *id)).collect();
                written.push((data.append(&packets).unwrap(), bytes(&packets)));
                // What follows the last one is written, and named by nobody.
                fs::write(dir.path().join("torn"), &torn).unwrap();
                let whole = [fs::read(&path).unwrap(), torn.clone()].concat();
                fs::write(&path, whole).unwrap();
                data = Data::open(&path, data.end()).unwrap();
                prop_assert_eq!(fs::metadata(&path).unwrap().len(), data.end());
            }
            let read = Data::read(&path).unwrap();
            for (extent, bytes) in written {
                prop_assert_eq!(read.batches(extent).unwrap(), Ok(bytes));
            }
        }

        #[test]
        fn one_byte_that_is_another_is_found(records in 1..5_usize, at in any::<Index>(), by in 1..=255_u8) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("1.db-data");
            let mut data = Data::open(&path, 0).unwrap();
            let extent = data.append(&[packet(records, 20), packet(1, 7)]).unwrap();
            let mut bytes = fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            fs::write(&path, bytes).unwrap();
            prop_assert!(data.batches(extent).unwrap().is_err());
        }

        #[test]
        fn a_place_that_is_not_there_is_an_error(at in any::<u64>(), length in any::<u64>()) {
            let dir = tempfile::tempdir().unwrap();
            let mut data = Data::open(&dir.path().join("1.db-data"), 0).unwrap();
            let whole = data.append(&[packet(2, 20)]).unwrap();
            let far = Extent { at, length: length | 1 << 40 };
            prop_assert!(data.batches(far).unwrap().is_err());
            let other = Extent { at: at % 50 + 1, length: length % whole.length };
            let is_nothing = other.length == 0;
            prop_assert!(data.batches(other).map_or(true, |read| read.is_err() || is_nothing));
        }
    }
}
