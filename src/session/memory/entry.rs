//! One key with its value: one allocation, and 32 bytes in the table.

use crate::session::change::{Change, Kind, Value};

/// The expiry of an entry that has none: no time is before the year 1970.
const NEVER: u64 = 0;

/// Bits of `shape` that say the kind; the others are the key's length.
const KIND_BITS: u32 = 2;

/// Longest key. Sessions have some 40 bytes; a longer one than this is no key of anybody's.
pub(crate) const LONGEST_KEY: usize = 64 * 1024;

/// What an entry costs beside the bytes of key and value: its place in the table and the allocator's own.
const BESIDE: u64 = 64;

#[derive(Debug)]
pub(crate) struct Entry {
    hash: u32,
    shape: u32,
    ends: u64,
    /// The key's bytes, and the value's behind them.
    body: Box<[u8]>,
}

impl Entry {
    pub(crate) fn new(hash: u32, key: &[u8], value: Value<'_>, expires_at: Option<u64>) -> Self {
        let mut body = Vec::with_capacity(key.len() + value.bytes().len());
        body.extend_from_slice(key);
        body.extend_from_slice(value.bytes());
        let length = u32::try_from(key.len()).expect("commands refuse keys over 64 KiB");
        Self {
            hash,
            shape: (length << KIND_BITS) | u32::from(value.kind().code()),
            ends: ends(expires_at),
            body: body.into_boxed_slice(),
        }
    }

    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    fn key_length(&self) -> usize {
        usize::try_from(self.shape >> KIND_BITS).expect("30 bits fit")
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.body[..self.key_length()]
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.shape & ((1 << KIND_BITS) - 1) {
            0 => Kind::Text,
            1 => Kind::Fields,
            _ => Kind::Members,
        }
    }

    pub(crate) fn value(&self) -> Value<'_> {
        Value::packed(self.kind(), &self.body[self.key_length()..])
    }

    /// Another value for the key. One of the same length, as a session that is saved again often has, takes the
    /// old one's place.
    pub(crate) fn set_value(&mut self, value: Value<'_>) {
        let length = self.key_length();
        if self.body.len() == length + value.bytes().len() {
            self.body[length..].copy_from_slice(value.bytes());
            self.shape = (self.shape >> KIND_BITS << KIND_BITS) | u32::from(value.kind().code());
        } else {
            *self = Self::new(self.hash, self.key(), value, self.expires_at());
        }
    }

    pub(crate) fn expires_at(&self) -> Option<u64> {
        (self.ends != NEVER).then_some(self.ends)
    }

    pub(crate) fn set_expires_at(&mut self, expires_at: Option<u64>) {
        self.ends = ends(expires_at);
    }

    pub(crate) fn is_over(&self, now: u64) -> bool {
        self.ends != NEVER && now > self.ends
    }

    /// What it costs of the memory that may be used.
    pub(crate) fn cost(&self) -> u64 {
        cost(self.body.len())
    }

    pub(crate) fn as_put(&self, database: u8) -> Change<'_> {
        Change::Put {
            database,
            key: self.key(),
            value: self.value(),
            expires_at: self.expires_at(),
        }
    }
}

/// What an entry of so many bytes of key and value costs.
pub(crate) fn cost(bytes: usize) -> u64 {
    u64::try_from(bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(BESIDE)
}

fn ends(expires_at: Option<u64>) -> u64 {
    expires_at.map_or(NEVER, |at| at.max(1))
}
