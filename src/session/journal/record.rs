//! Records: what is in a file whole or not at all.
//!
//! A record is the length of its payload (4 bytes, little-endian), a CRC32C over length and payload, and the payload:
//! all changes of one command, or of one MULTI. The length is under the checksum so that a run of zeros, which a file
//! system may leave after a power cut, is no record.

use std::io::{self, ErrorKind, Read};

/// The first bytes of every file. A person who opens it sees whose it is, and a later version what wrote it.
pub(super) const HEAD: &[u8] = b"steelyard sessions 1\n";

/// Length and checksum before a payload.
pub(super) const BEFORE: usize = 8;

/// Limit: behind a bad record whole ones are looked for so far, and no further. Larger than any record of the usual
/// limits, so that damage is not mistaken for a torn tail.
const LOOKED_THROUGH: u64 = 64 << 20;

/// Limit: so many bytes are summed up in that search. Only bytes made for it look like that many records.
const MOST_SUMMED: usize = 256 << 20;

/// Adds a record to `bytes`, its payload written by `write`; the checksum is left for [`seal`]. Nothing is added
/// where nothing was written, or more than a length can say.
pub(super) fn add(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> bool {
    let start = bytes.len();
    bytes.extend([0; BEFORE]);
    write(bytes);
    let length = u32::try_from(bytes.len() - start - BEFORE).unwrap_or(0);
    if length == 0 {
        bytes.truncate(start);
        return false;
    }
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    true
}

/// Puts the checksums into records that were added.
pub(super) fn seal(mut records: &mut [u8]) {
    while let Some((before, rest)) = records.split_first_chunk_mut::<BEFORE>() {
        let Some((payload, rest)) = rest.split_at_mut_checked(length_of(before)) else {
            return;
        };
        let sum = sum(before, payload);
        before[4..].copy_from_slice(&sum.to_le_bytes());
        records = rest;
    }
}

fn length_of(before: &[u8; BEFORE]) -> usize {
    let [a, b, c, d, ..] = *before;
    usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX)
}

fn sum(before: &[u8; BEFORE], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&before[..4]), payload)
}

fn is_whole(before: &[u8; BEFORE], payload: &[u8]) -> bool {
    before[4..] == sum(before, payload).to_le_bytes()
}

/// Reads one record after another.
pub(super) struct Records<R> {
    from: R,
    payload: Vec<u8>,
    /// Where the next record begins, counted from where reading began.
    pub(super) at: u64,
}

/// What comes next in a file.
pub(super) enum Next<'a> {
    /// A whole record.
    Payload(&'a [u8]),
    /// Nothing: the end.
    End,
    /// Something that is no whole record.
    Bad,
}

impl<R: Read> Records<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            payload: Vec::new(),
            at: 0,
        }
    }

    /// Whether the file begins as ours do. To be asked first.
    pub(super) fn head(&mut self) -> io::Result<bool> {
        let mut head = [0; HEAD.len()];
        match self.from.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
            Ok(()) => {
                self.at = length(HEAD.len());
                Ok(head == HEAD)
            }
        }
    }

    /// The next record. After a bad one there is none.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        let mut before = [0; BEFORE];
        let mut got = 0;
        while got < BEFORE {
            match self.from.read(&mut before[got..]) {
                Ok(0) if got == 0 => return Ok(Next::End),
                Ok(0) => return Ok(Next::Bad),
                Ok(more) => got += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let wanted = length_of(&before);
        self.payload.clear();
        // Grows with what the file has: a damaged length alone takes no memory.
        let got = (&mut self.from)
            .take(length(wanted))
            .read_to_end(&mut self.payload)?;
        if wanted == 0 || got < wanted || !is_whole(&before, &self.payload) {
            return Ok(Next::Bad);
        }
        self.at += length(BEFORE + wanted);
        Ok(Next::Payload(&self.payload))
    }
}

/// Where in what `from` gives the first whole record begins, where there is one.
pub(super) fn find_whole(from: impl Read) -> io::Result<Option<u64>> {
    let mut bytes = Vec::new();
    from.take(LOOKED_THROUGH).read_to_end(&mut bytes)?;
    let mut summed = 0;
    for start in 0..bytes.len() {
        let Some((before, rest)) = bytes[start..].split_first_chunk::<BEFORE>() else {
            break;
        };
        let wanted = length_of(before);
        if wanted == 0 || wanted > rest.len() {
            continue;
        }
        summed += wanted;
        // Whoever made this costs no start more than that; it is then taken for a record, which keeps the file.
        if summed > MOST_SUMMED || is_whole(before, &rest[..wanted]) {
            return Ok(Some(length(start)));
        }
    }
    Ok(None)
}

/// A length in memory as one in a file.
pub(super) fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
