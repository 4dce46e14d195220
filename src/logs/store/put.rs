//! Numbers and texts put into bytes; `read` reads them back.

/// Bytes of the longest number.
const LONGEST: usize = 10;

/// Where a text begins in the bytes, and its length.
pub(super) type Place = (u32, u32);

/// No text is there.
pub(super) const NOWHERE: Place = (0, u32::MAX);

/// What is small, put together apart: growing a batch bit by bit costs more than the bytes.
#[derive(Debug)]
pub(super) struct Few {
    bytes: [u8; Self::MOST],
    length: usize,
}

impl Default for Few {
    fn default() -> Self {
        Self {
            bytes: [0; Self::MOST],
            length: 0,
        }
    }
}

impl Few {
    /// Enough for the numbers of a record, its id, and those of a try.
    const MOST: usize = 128;
    /// As long as the request ids that are made here.
    const ID: usize = 32;

    /// The usual begin of a record: its head, the number of its node, and a request id as long as those
    /// that are made here.
    #[inline]
    pub(super) fn usual<const N: usize>(head: &[u8; N], node: u8, id: &[u8; Self::ID]) -> Self {
        let mut bytes = [0; Self::MOST];
        bytes[..N].copy_from_slice(head);
        bytes[N] = node;
        bytes[N + 1] = 32;
        bytes[N + 2..N + 2 + Self::ID].copy_from_slice(id);
        let length = N + 2 + Self::ID;
        Self { bytes, length }
    }

    // Not where it is called: a request finds little of its code in the cache.
    #[inline(never)]
    pub(super) fn number(&mut self, number: u64) {
        let mut left = number;
        while left >= 0x80 {
            self.byte(left.to_le_bytes()[0] | 0x80);
            left >>= 7;
        }
        self.byte(left.to_le_bytes()[0]);
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Leaves none behind.
    #[inline(never)]
    pub(super) fn move_to(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..self.length]);
        self.length = 0;
    }
}

/// Whether `text` is what stands at `last`; nothing stands there where its length is no length.
#[inline]
pub(super) fn is_last(bytes: &[u8], last: Place, text: &[u8]) -> bool {
    let (at, length) = (last.0 as usize, last.1 as usize);
    length == text.len()
        && bytes
            .get(at..at + length)
            .is_some_and(|last| is_same(last, text))
}

/// Whether two texts of one length are the same. Nearly all are short: looked at here they cost less
/// than the call that compares long ones.
#[inline]
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    fn ends<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
        Some((text.first_chunk()?, text.last_chunk()?))
    }
    match one.len() {
        17.. => one == other,
        8.. => ends::<8>(one) == ends::<8>(other),
        4.. => ends::<4>(one) == ends::<4>(other),
        2.. => ends::<2>(one) == ends::<2>(other),
        _ => one.first() == other.first(),
    }
}

pub(super) fn text(out: &mut Vec<u8>, text: &[u8]) {
    varint(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// The same; where it stands.
pub(super) fn written(out: &mut Vec<u8>, words: &[u8]) -> Place {
    text(out, words);
    let small = |number: usize| u32::try_from(number).ok();
    let place = small(out.len() - words.len()).zip(small(words.len()));
    place.unwrap_or(NOWHERE)
}

/// Seven bits a byte, the lowest first; all but the last byte have their top bit set. Put together
/// apart: growing `out` byte by byte costs more than the bytes.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, number: u64) {
    let [low, ..] = number.to_le_bytes();
    match number {
        ..0x80 => out.push(low),
        0x80..0x4000 => out.extend_from_slice(&[low | 0x80, (number >> 7).to_le_bytes()[0]]),
        _ => long_varint(out, number),
    }
}

#[inline(never)]
fn long_varint(out: &mut Vec<u8>, number: u64) {
    let mut bytes = [0; LONGEST];
    let (mut length, mut left) = (0, number);
    for byte in &mut bytes {
        let [low, ..] = left.to_le_bytes();
        left >>= 7;
        length += 1;
        *byte = if left > 0 { low | 0x80 } else { low };
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&bytes[..length]);
}
