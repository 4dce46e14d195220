//! A head: one flat arena of bytes, and ranges into it.
//!
//! The HTTP/1.1 parser copies a head here once; HTTP/2 fields will be laid here the same
//! way. Everything after the parser reads ranges and copies nothing.

use std::ops::Range;

use super::{Known, field};

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

    /// The first `length` bytes of it.
    pub(super) fn first(self, length: usize) -> Self {
        Self::new(self.start as usize, self.start as usize + length)
    }

    /// The bytes of `arena` in this range.
    pub(super) fn of(self, arena: &[u8]) -> &[u8] {
        arena
            .get(self.start as usize..self.end as usize)
            .unwrap_or(&[])
    }
}

#[derive(Debug, Clone, Copy)]
struct FieldSpan {
    known: Known,
    name: Span,
    value: Span,
}

impl FieldSpan {
    fn of(self, arena: &[u8]) -> Field<'_> {
        Field {
            known: self.known,
            name: self.name.of(arena),
            value: self.value.of(arena),
        }
    }

    /// Its whole line, if that is written as we write one.
    fn line(self, arena: &[u8]) -> Option<Range<usize>> {
        let (name, value) = (self.name, self.value);
        let before = arena.get(name.end as usize..value.start as usize)?;
        let behind = arena.get(value.end as usize..)?;
        let as_ours = before == b": " && behind.starts_with(b"\r\n");
        as_ours.then_some(name.start as usize..value.end as usize + 2)
    }
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
    list: Vec<FieldSpan>,
    /// A bit for each meaning that a field has: most that are looked for are not there.
    meanings: u32,
}

impl Fields {
    /// Empties it, keeping its memory for the next head.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.list.clear();
        self.meanings = 0;
    }

    /// Adds a field that stands in the arena.
    pub(super) fn push(&mut self, known: Known, name: Span, value: Span) {
        self.meanings |= known.bit();
        self.list.push(FieldSpan { known, name, value });
    }

    /// The fields in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.list.iter().map(|field| field.of(&self.arena))
    }

    /// Appends the fields that are `wanted`, in order, one to a line.
    pub fn append(&self, out: &mut Vec<u8>, mut wanted: impl FnMut(&Field<'_>) -> bool) {
        // Lines that stand one behind the other, as ours do, are copied at once.
        let mut lines = 0..0;
        for span in &self.list {
            let sent = span.of(&self.arena);
            if !wanted(&sent) {
                continue;
            }
            match span.line(&self.arena) {
                Some(line) if line.start == lines.end => lines.end = line.end,
                line => {
                    out.extend_from_slice(&self.arena[lines]);
                    lines = line.unwrap_or_else(|| {
                        field(out, sent.name, sent.value);
                        0..0
                    });
                }
            }
        }
        out.extend_from_slice(&self.arena[lines]);
    }

    /// The values of every field of this meaning, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        self.spans(known).map(|value| value.of(&self.arena))
    }

    /// Where they stand.
    pub(super) fn spans(&self, known: Known) -> impl Iterator<Item = Span> {
        let list = match self.meanings & known.bit() {
            0 => &[],
            _ => self.list.as_slice(),
        };
        list.iter()
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
