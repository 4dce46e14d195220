//! Records as bytes: how a worker leaves them, and how they are kept.
//!
//! Written once, in the worker, for as few instructions as can be: a text that is the same as in
//! the record before is one comparison and two bits, a node that answered before, with its address,
//! one byte. What a worker hands over at once is a batch; only within it does a record lean on those
//! before.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::logs::{Record, Try};

/// The texts of a record, in their order in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    Listener,
    Site,
    Route,
    Method,
    Host,
    Path,
    Query,
    Protocol,
    Tls,
    Reason,
    UserAgent,
    Referer,
    Pool,
    Node,
    User,
    Client,
}

/// How many they are: two bits each are four bytes.
pub(super) const TEXTS: usize = 16;

/// There is none.
pub(super) const NONE: u32 = 0;
/// As in the last record of the batch that had one.
pub(super) const SAME: u32 = 1;
/// It follows.
pub(super) const HERE: u32 = 2;
/// Of the node alone: as in an earlier record of the batch; which of the different ones follows.
pub(super) const BACK: u32 = 3;

/// Nodes of a batch that can be said so, and how many are looked at for each record.
pub(super) const MAX_NODES: usize = 250;
const LOOKED_AT: usize = 8;

/// Bytes of the longest number.
const LONGEST: usize = 10;

/// Numbers that grow, in front of those that do not; and the latter.
pub(super) const LONG: usize = 7;
pub(super) const SHORT: usize = 3;

/// In front of a record: each long number has four bytes, or, one of them being too large, eight.
pub(super) const NARROW: u8 = 0;
pub(super) const WIDE: u8 = 1;

/// In front of a batch: how many bytes follow, how many records they are, and what they add up to once
/// the batch is kept.
pub(super) const HEAD: usize = 16;

/// What is there of one try.
pub(super) const STATUS: u8 = 1;
pub(super) const REASON: u8 = 2;
pub(super) const CONNECT: u8 = 4;
pub(super) const FIRST_BYTE: u8 = 8;
/// Its node is the record's.
pub(super) const ITS_NODE: u8 = 16;
/// And its address is the one where that node was reached first.
pub(super) const ITS_ADDRESS: u8 = 32;

/// Records that a worker has not handed over yet.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    records: u32,
    /// Where in `bytes` each text stands that came last.
    last: [Place; TEXTS],
    /// The nodes that answered, and the place of the last one among them.
    nodes: Vec<NodeAt>,
    node: Option<usize>,
    /// Microseconds since 1970 of the record before.
    time: u64,
}

/// Where a text begins in the bytes, and its length.
type Place = (usize, usize);

/// No text is there.
const NOWHERE: Place = (0, usize::MAX);

/// Where the name of a node stands, and its address, once it is there.
#[derive(Debug)]
struct NodeAt {
    name: Place,
    address: Place,
}

/// Records handed over.
#[derive(Debug)]
pub struct Packet {
    pub(super) bytes: Vec<u8>,
    pub(super) records: u32,
}

impl Batch {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Takes a record in.
    pub fn append(&mut self, record: &Record<'_>) {
        if self.records == 0 {
            self.bytes.extend_from_slice(&[0; HEAD]);
            self.last = [NOWHERE; TEXTS];
            self.nodes.clear();
            self.node = None;
            self.time = 0;
        }
        self.records += 1;
        self.numbers(record);
        self.texts(record);
        varint(&mut self.bytes, record.request_id.len() as u64);
        self.bytes.extend_from_slice(record.request_id);
        varint(&mut self.bytes, record.tries.len() as u64);
        // As it is when the record begins: who reads it knows no more.
        let known = self.node.and_then(|place| self.nodes.get(place));
        let known = known.map_or(NOWHERE, |node| node.address);
        for one in record.tries {
            self.tried(one, record.node, known);
        }
    }

    /// What is in it, which it then lacks.
    pub fn take(&mut self) -> Packet {
        // The next one will be as long.
        let next = Vec::with_capacity(self.bytes.len());
        let mut bytes = std::mem::replace(&mut self.bytes, next);
        let records = std::mem::take(&mut self.records);
        let behind = u32::try_from(bytes.len().saturating_sub(HEAD)).unwrap_or(0);
        if let Some(head) = bytes.get_mut(..HEAD) {
            head[..4].copy_from_slice(&behind.to_le_bytes());
            head[4..8].copy_from_slice(&records.to_le_bytes());
        }
        Packet { bytes, records }
    }

    /// In places of their own: for numbers of any length each would cost several times as much, here and
    /// where they are read.
    fn numbers(&mut self, record: &Record<'_>) {
        let time = since_1970(record.time);
        // The difference to the one before, which may be before it; small ones are short.
        let step = time.wrapping_sub(self.time).cast_signed();
        self.time = time;
        let long: [u64; LONG] = [
            ((step << 1) ^ (step >> 63)).cast_unsigned(),
            micros(record.total),
            micros(record.queue),
            record.bytes_in,
            record.bytes_out,
            record.bytes_out_body,
            record.revision,
        ];
        let short: [u16; SHORT] = [record.status, record.client_port, record.listener_port];
        let short = short.map(u16::to_le_bytes);
        let long = long.map(u64::to_le_bytes);
        let is_narrow = long.iter().all(|number| number[4..] == [0; 4]);
        if is_narrow {
            let mut bytes = [NARROW; 1 + LONG * 4 + SHORT * 2];
            let (head, tail) = bytes.split_at_mut(1 + LONG * 4);
            for (place, number) in head[1..].chunks_exact_mut(4).zip(long) {
                place.copy_from_slice(&number[..4]);
            }
            tail.copy_from_slice(short.as_flattened());
            self.bytes.extend_from_slice(&bytes);
        } else {
            self.bytes.push(WIDE);
            self.bytes.extend_from_slice(long.as_flattened());
            self.bytes.extend_from_slice(short.as_flattened());
        }
    }

    fn texts(&mut self, record: &Record<'_>) {
        let (v4, v6);
        let client: &[u8] = match record.client_ip.to_canonical() {
            IpAddr::V4(ip) => {
                v4 = ip.octets();
                &v4
            }
            IpAddr::V6(ip) => {
                v6 = ip.octets();
                &v6
            }
        };
        let texts: [Option<&[u8]>; TEXTS] = [
            Some(record.listener.as_bytes()),
            record.site.map(str::as_bytes),
            record.route.map(str::as_bytes),
            Some(record.method),
            Some(record.host),
            Some(record.path),
            record.query,
            Some(record.protocol.as_bytes()),
            record.tls.map(str::as_bytes),
            record.reason.map(str::as_bytes),
            record.user_agent,
            record.referer,
            record.pool.map(str::as_bytes),
            // It stands behind all others.
            None,
            Some(record.user),
            Some(client),
        ];
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        let mut flags = 0;
        for (place, (text, last)) in texts.iter().zip(&mut self.last).enumerate() {
            let flag = match text {
                None => NONE,
                Some(text) if is_last(&self.bytes, *last, text) => SAME,
                Some(text) => {
                    varint(&mut self.bytes, text.len() as u64);
                    *last = (self.bytes.len(), text.len());
                    self.bytes.extend_from_slice(text);
                    HERE
                }
            };
            flags |= flag << (2 * place);
        }
        flags |= self.node(record.node) << (2 * Text::Node as usize);
        self.bytes[at..at + 4].copy_from_slice(&flags.to_le_bytes());
    }

    /// Which node answered: nodes come in turns, so that it is seldom that of the record before, but
    /// often the one that came behind it the last time.
    fn node(&mut self, node: Option<&str>) -> u32 {
        let Some(node) = node.map(str::as_bytes) else {
            self.node = None;
            return NONE;
        };
        let count = self.nodes.len();
        let next = self.node.map_or(0, |place| place + 1);
        let turn = (next..count).chain(0..next.min(count));
        for place in turn.take(LOOKED_AT) {
            if is_last(&self.bytes, self.nodes[place].name, node) {
                self.node = Some(place);
                self.bytes.push(place.to_le_bytes()[0]);
                return BACK;
            }
        }
        varint(&mut self.bytes, node.len() as u64);
        let name = (self.bytes.len(), node.len());
        self.bytes.extend_from_slice(node);
        self.node = (count < MAX_NODES).then(|| {
            let address = NOWHERE;
            self.nodes.push(NodeAt { name, address });
            count
        });
        HERE
    }

    fn tried(&mut self, one: &Try<'_>, node: Option<&str>, known: Place) {
        let its_node = node == Some(one.node);
        let its_address = its_node && is_last(&self.bytes, known, one.address.as_bytes());
        let out = &mut self.bytes;
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        out.push(
            flag(one.status.is_some(), STATUS)
                | flag(one.reason.is_some(), REASON)
                | flag(one.connect.is_some(), CONNECT)
                | flag(one.first_byte.is_some(), FIRST_BYTE)
                | flag(its_node, ITS_NODE)
                | flag(its_address, ITS_ADDRESS),
        );
        if !its_node {
            text(out, one.node.as_bytes());
        }
        if !its_address {
            text(out, one.address.as_bytes());
            let node = self.node.and_then(|place| self.nodes.get_mut(place));
            if let Some(node) = node.filter(|node| its_node && node.address == NOWHERE) {
                node.address = (out.len() - one.address.len(), one.address.len());
            }
        }
        if let Some(status) = one.status {
            varint(out, status.into());
        }
        if let Some(reason) = one.reason {
            text(out, reason.as_bytes());
        }
        match (one.connect, one.first_byte) {
            (Some(connect), Some(first)) => varints(out, [micros(connect), micros(first)]),
            (Some(time), None) | (None, Some(time)) => varints(out, [micros(time)]),
            (None, None) => {}
        }
    }
}

/// Whether `text` is what stands at `last`; nothing stands there where its length is no length.
fn is_last(bytes: &[u8], last: Place, text: &[u8]) -> bool {
    let (at, length) = last;
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
        0 => other.is_empty(),
        1 => one.first() == other.first(),
        17.. => {
            let (many, others) = (one.as_chunks::<16>().0, other.as_chunks::<16>().0);
            ends::<16>(one) == ends::<16>(other) && many == others
        }
        8..=16 => ends::<8>(one) == ends::<8>(other),
        4..=7 => ends::<4>(one) == ends::<4>(other),
        2..=3 => ends::<2>(one) == ends::<2>(other),
    }
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    varint(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Several numbers, put together apart: growing `out` byte by byte costs more than the bytes.
#[inline]
fn varints<const N: usize>(out: &mut Vec<u8>, numbers: [u64; N]) {
    let mut bytes = [[0; LONGEST]; N];
    let bytes = bytes.as_flattened_mut();
    let mut length = 0;
    for number in numbers {
        let mut left = number;
        while left >= 0x80 {
            bytes[length] = left.to_le_bytes()[0] | 0x80;
            length += 1;
            left >>= 7;
        }
        bytes[length] = left.to_le_bytes()[0];
        length += 1;
    }
    out.extend_from_slice(&bytes[..length]);
}

/// Seven bits a byte, the lowest first; all but the last byte have their top bit set.
pub(super) fn varint(out: &mut Vec<u8>, number: u64) {
    let mut left = number;
    loop {
        let [low, ..] = left.to_le_bytes();
        left >>= 7;
        if left == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// Microseconds since 1970; a clock before that counts as 1970.
pub(super) fn since_1970(time: SystemTime) -> u64 {
    micros(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn micros(time: Duration) -> u64 {
    // Not by `as_micros`, which divides 128 bits.
    time.as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(time.subsec_micros().into())
}
