//! Changes as bytes: what a record holds.
//!
//! Of a change: one byte that says which it is, the database, the key with its length, the time when it ends and the
//! value, as far as there are any. Lengths take seven bits a byte, the low ones first.

use crate::session::change::{Change, Kind, Value};

const PUT: u8 = 0;
const EXPIRE: u8 = 1;
const REMOVE: u8 = 2;
const CLEAR: u8 = 3;

/// Which change it is.
const WHICH: u8 = 0b11;
/// There is a time when it ends.
const ENDS: u8 = 0b100;
/// The value's kind stands from this bit on.
const KIND_SHIFT: u32 = 4;

/// Adds a change to `bytes`.
pub(super) fn encode(change: &Change<'_>, bytes: &mut Vec<u8>) {
    match *change {
        Change::Put {
            database,
            key,
            value,
            expires_at,
        } => {
            let kind = value.kind().code() << KIND_SHIFT;
            bytes.extend([PUT | kind | ends(expires_at), database]);
            put_bytes(key, bytes);
            put_time(expires_at, bytes);
            put_bytes(value.bytes(), bytes);
        }
        Change::Expire {
            database,
            key,
            expires_at,
        } => {
            bytes.extend([EXPIRE | ends(expires_at), database]);
            put_bytes(key, bytes);
            put_time(expires_at, bytes);
        }
        Change::Remove { database, key } => {
            bytes.extend([REMOVE, database]);
            put_bytes(key, bytes);
        }
        Change::Clear { database } => bytes.extend([CLEAR, database]),
    }
}

/// The changes of a record, in order; nothing where the bytes are none of ours. All of them are read before the first
/// is given: a record counts whole or not at all.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<Change<'_>>> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        changes.push(take(&mut bytes)?);
    }
    Some(changes)
}

fn take<'a>(bytes: &mut &'a [u8]) -> Option<Change<'a>> {
    let ([first, database], rest) = bytes.split_first_chunk::<2>()?;
    *bytes = rest;
    let (first, database) = (*first, *database);
    let kind = Kind::of_code(first >> KIND_SHIFT)?;
    let change = match first & WHICH {
        CLEAR => Change::Clear { database },
        REMOVE => Change::Remove {
            database,
            key: take_bytes(bytes)?,
        },
        EXPIRE => Change::Expire {
            database,
            key: take_bytes(bytes)?,
            expires_at: take_time(first, bytes)?,
        },
        _ => Change::Put {
            database,
            key: take_bytes(bytes)?,
            expires_at: take_time(first, bytes)?,
            value: Value::read(kind, take_bytes(bytes)?)?,
        },
    };
    // One spelling for a change: a bit that means nothing to us was set by another version.
    let canonical = match change {
        Change::Put {
            expires_at, value, ..
        } => PUT | (value.kind().code() << KIND_SHIFT) | ends(expires_at),
        Change::Expire { expires_at, .. } => EXPIRE | ends(expires_at),
        Change::Remove { .. } => REMOVE,
        Change::Clear { .. } => CLEAR,
    };
    (canonical == first && database < 16).then_some(change)
}

fn ends(expires_at: Option<u64>) -> u8 {
    if expires_at.is_some() { ENDS } else { 0 }
}

fn put_time(expires_at: Option<u64>, bytes: &mut Vec<u8>) {
    if let Some(time) = expires_at {
        bytes.extend(time.to_le_bytes());
    }
}

fn take_time(first: u8, bytes: &mut &[u8]) -> Option<Option<u64>> {
    if first & ENDS == 0 {
        return Some(None);
    }
    let (time, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(Some(u64::from_le_bytes(*time)))
}

fn put_bytes(of: &[u8], bytes: &mut Vec<u8>) {
    let mut length = of.len();
    while length >= 0x80 {
        bytes.push(low_seven(length) | 0x80);
        length >>= 7;
    }
    bytes.push(low_seven(length));
    bytes.extend_from_slice(of);
}

fn low_seven(length: usize) -> u8 {
    u8::try_from(length & 0x7f).expect("seven bits fit")
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length: usize = 0;
    // Five times seven bits: no length over 4 GiB fits a record.
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (taken, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            return Some(taken);
        }
    }
    None
}
