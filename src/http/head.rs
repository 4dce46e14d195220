//! A head: one flat arena of bytes, and ranges into it.
//!
//! The HTTP/1.1 parser copies a head here once; HTTP/2 fields will be laid here the same
//! way. Everything after the parser reads ranges and copies nothing.

use super::Known;

/// A range of an arena.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The range from `start` to `end`. A head never reaches 4 GiB; if one did, its
    /// span would be empty rather than wrong.
    pub(super) fn new(start: usize, end: usize) -> Self {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => Self { start, end },
            _ => Self::default(),
        }
    }

    /// The bytes of `arena` in this range.
    pub(super) fn of(self, arena: &[u8]) -> &[u8] {
        arena
            .get(self.start as usize..self.end as usize)
            .unwrap_or(&[])
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FieldSpan {
    pub(super) known: Known,
    pub(super) name: Span,
    pub(super) value: Span,
}

/// One header field, borrowed from its arena.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// What the name means to us.
    pub known: Known,
    /// The name, as it was sent.
    pub name: &'a [u8],
    /// The value, without blanks at its ends.
    pub value: &'a [u8],
}

/// The fields of a head and the bytes they stand in.
#[derive(Debug, Default)]
pub struct Fields {
    pub(super) arena: Vec<u8>,
    pub(super) list: Vec<FieldSpan>,
}

impl Fields {
    /// Empties it, keeping its memory for the next head.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.list.clear();
    }

    /// The fields in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.list.iter().map(|field| Field {
            known: field.known,
            name: field.name.of(&self.arena),
            value: field.value.of(&self.arena),
        })
    }

    /// The values of every field of this meaning, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |field| field.known == known)
            .map(|field| field.value)
    }

    /// The first value of this meaning.
    pub fn get(&self, known: Known) -> Option<&[u8]> {
        self.all(known).next()
    }

    /// The first value of the field `name`, in any case of letters.
    pub fn named(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.value)
    }
}
