//! What a write did to the memory, absolute: said twice is the same as said once.
//!
//! The journal keeps these and nothing else, so an older copy of the memory and every change since its making began
//! give the memory as it is now, whatever the copy had already seen.

/// One change of one database. Borrowed: it is made and used while the shard's lock is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change<'a> {
    /// The key has this value, in place of whatever it had.
    Put {
        /// 0 to 15.
        database: u8,
        /// Any bytes, an empty key included.
        key: &'a [u8],
        /// The whole value, not what was new in it.
        value: Value<'a>,
        /// Unix time in milliseconds; without it the key stays until it is removed.
        expires_at: Option<u64>,
    },
    /// The key, where it is there, ends at another time.
    Expire {
        /// 0 to 15.
        database: u8,
        /// Whose time it is.
        key: &'a [u8],
        /// As in [`Change::Put`].
        expires_at: Option<u64>,
    },
    /// The key is not there.
    Remove {
        /// 0 to 15.
        database: u8,
        /// What was removed.
        key: &'a [u8],
    },
    /// The database has no keys.
    Clear {
        /// 0 to 15.
        database: u8,
    },
}

/// What kind of value a key has. A command for another kind is answered `-WRONGTYPE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Bytes as they were sent (`SET`).
    Text,
    /// Fields with a value each (`HSET`), in the order in which they came.
    Fields,
    /// Members, each once (`SADD`), in the order in which they came.
    Members,
}

impl Kind {
    /// The number by which a journal knows it.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Fields => 1,
            Self::Members => 2,
        }
    }

    /// The kind of a number, where there is one.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Text),
            1 => Some(Self::Fields),
            2 => Some(Self::Members),
            _ => None,
        }
    }
}

/// A value as it lies in memory and in the journal: its kind and its bytes.
///
/// Fields and members are packed: each item is its length (4 bytes, little-endian) and its bytes; fields and their
/// values take turns. Sessions are small and read whole, so one run of bytes beats a map of small allocations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value<'a> {
    kind: Kind,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// Bytes as they are.
    #[must_use]
    pub fn text(bytes: &'a [u8]) -> Self {
        Self {
            kind: Kind::Text,
            bytes,
        }
    }

    /// What was kept as a kind and bytes. Nothing where the bytes are no packed value of that kind.
    #[must_use]
    pub fn read(kind: Kind, bytes: &'a [u8]) -> Option<Self> {
        let mut items = Items { rest: bytes };
        let count = items.by_ref().count();
        let sound = match kind {
            Kind::Text => true,
            Kind::Fields => items.rest.is_empty() && count > 0 && count.is_multiple_of(2),
            Kind::Members => items.rest.is_empty() && count > 0,
        };
        sound.then_some(Self { kind, bytes })
    }

    /// What is known to be packed as its kind says.
    pub(crate) fn packed(kind: Kind, bytes: &'a [u8]) -> Self {
        Self { kind, bytes }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(self) -> Kind {
        self.kind
    }

    /// Its bytes: text as it is, fields and members packed.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }
}

/// The items of packed bytes, in order; ends at the first that is not whole.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// From the first.
    #[must_use]
    pub fn of(packed: &'a [u8]) -> Self {
        Self { rest: packed }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (item, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(item)
    }
}

/// Adds an item at the end of packed bytes. One over 4 GiB, which no limit lets in, is cut to nothing.
pub fn pack(packed: &mut Vec<u8>, item: &[u8]) {
    let (length, item) = match u32::try_from(item.len()) {
        Ok(length) => (length, item),
        Err(_) => (0, &[][..]),
    };
    packed.extend_from_slice(&length.to_le_bytes());
    packed.extend_from_slice(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(items: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for item in items {
            pack(&mut bytes, item);
        }
        bytes
    }

    #[test]
    fn what_was_packed_is_read_in_order() {
        let bytes = packed(&[b"user", b"7", b"", b"\0\xff"]);
        let items: Vec<&[u8]> = Items::of(&bytes).collect();
        assert_eq!(items, [&b"user"[..], b"7", b"", b"\0\xff"]);
        let value = Value::read(Kind::Fields, &bytes).unwrap();
        assert_eq!((value.kind(), value.bytes()), (Kind::Fields, &bytes[..]));
    }

    #[test]
    fn bytes_that_are_no_packed_value_are_not_read_as_one() {
        let three = packed(&[b"a", b"b", b"c"]);
        assert!(Value::read(Kind::Fields, &three).is_none());
        assert!(Value::read(Kind::Members, &three).is_some());
        assert!(Value::read(Kind::Members, b"").is_none());
        assert!(Value::read(Kind::Members, &three[..three.len() - 1]).is_none());
        assert!(Value::read(Kind::Members, b"\xff\xff\xff\xffab").is_none());
        assert!(Value::read(Kind::Text, b"\xff\xff\xff\xffab").is_some());
    }

    #[test]
    fn every_kind_has_a_number_of_its_own() {
        for kind in [Kind::Text, Kind::Fields, Kind::Members] {
            assert_eq!(Kind::of_code(kind.code()), Some(kind));
        }
        assert_eq!(Kind::of_code(3), None);
    }
}
