//! The numbers of a record, in places of their own: for numbers of any length each would cost several
//! times as much, where it is written and where it is read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::logs::Record;

/// Numbers that grow, in front of those that do not; and the latter.
pub(super) const LONG: usize = 7;
pub(super) const SHORT: usize = 3;

/// In front of a record: each long number has four bytes, or, one of them being too large, eight.
pub(super) const NARROW: u8 = 0;
pub(super) const WIDE: u8 = 1;

/// All of them with what is in front, and what there is of each text.
const NARROW_BYTES: usize = 1 + LONG * 4 + SHORT * 2 + 4;

/// The numbers of a record that came so long after the one before; `flags` tells of its texts. None where
/// one is too large.
#[inline]
pub(super) fn narrow(record: &Record<'_>, step: u64, flags: u32) -> Option<[u8; NARROW_BYTES]> {
    let (long, short) = numbers(record, step);
    let all = long.iter().fold(0, |all, number| all | number);
    u32::try_from(all).ok()?;
    let mut bytes = [NARROW; NARROW_BYTES];
    let (head, tail) = bytes.split_at_mut(1 + LONG * 4);
    for (place, number) in head[1..].chunks_exact_mut(4).zip(long) {
        place.copy_from_slice(&number.to_le_bytes()[..4]);
    }
    tail[..SHORT * 2].copy_from_slice(short.as_flattened());
    tail[SHORT * 2..].copy_from_slice(&flags.to_le_bytes());
    Some(bytes)
}

/// The same where one is.
#[cold]
#[inline(never)]
pub(super) fn write_wide(out: &mut Vec<u8>, record: &Record<'_>, step: u64, flags: u32) {
    let (long, short) = numbers(record, step);
    out.push(WIDE);
    let long = long.map(u64::to_le_bytes);
    out.extend_from_slice(long.as_flattened());
    out.extend_from_slice(short.as_flattened());
    out.extend_from_slice(&flags.to_le_bytes());
}

#[inline]
fn numbers(record: &Record<'_>, step: u64) -> ([u64; LONG], [[u8; 2]; SHORT]) {
    let long = [
        step,
        micros(record.total),
        micros(record.queue),
        record.bytes_in,
        record.bytes_out,
        record.bytes_out_body,
        record.revision,
    ];
    let short = [record.status, record.client_port, record.listener_port];
    (long, short.map(u16::to_le_bytes))
}

/// Microseconds since 1970; a clock before that counts as 1970.
pub(super) fn since_1970(time: SystemTime) -> u64 {
    micros(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[inline(never)]
pub(super) fn micros(time: Duration) -> u64 {
    // Not by `as_micros`, which divides 128 bits.
    time.as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(time.subsec_micros().into())
}
