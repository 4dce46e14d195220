//! Records as bytes: how a worker leaves them, and how they are kept.
//!
//! Written once, in the worker, for as few instructions as can be: a text that is the same as in
//! the record before is one comparison and two bits, a node that answered before, with its address,
//! one byte. What a worker hands over at once is a batch; only within it does a record lean on those
//! before.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::put::{Few, NOWHERE, Place, is_last, text, written};
pub(super) use super::put::{is_same, varint};
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
/// Those before the client, which is compared as an address.
const WORDS: usize = TEXTS - 1;

/// There is none.
pub(super) const NONE: u32 = 0;
/// As in the last record of the batch that had one.
pub(super) const SAME: u32 = 1;
/// It follows.
pub(super) const HERE: u32 = 2;
/// Of the node alone: as in an earlier record of the batch; which of the different ones follows.
pub(super) const BACK: u32 = 3;

/// Whether any text but the node follows.
const HERES: u32 = 0xaaaa_aaaa & !(BACK << (2 * Text::Node as u32));

/// Nodes of a batch that can be said so, and how many are looked at for each record.
pub(super) const MAX_NODES: usize = 250;
const LOOKED_AT: usize = 8;

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
    last: [Place; WORDS],
    client: Option<IpAddr>,
    /// The nodes that answered, and the place of the last one among them.
    nodes: Vec<NodeAt>,
    node: Option<usize>,
    /// Microseconds since 1970 of the record before.
    time: u64,
    /// A time, and the same in microseconds since 1970.
    clock: Option<(SystemTime, u64)>,
}

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
            self.begin();
        }
        self.records += 1;
        let texts = texts(record);
        let mut flags = self.known(&texts);
        let is_client = self.client == Some(record.client_ip);
        flags |= if is_client { SAME } else { HERE } << (2 * Text::Client as usize);
        let node = record.node.map(str::as_bytes);
        self.node = node.and_then(|node| self.turn(node));
        flags |= match (node, self.node) {
            (None, _) => NONE,
            (_, Some(_)) => BACK,
            (_, None) => HERE,
        } << (2 * Text::Node as usize);
        self.head(record, flags);
        if flags & HERES != 0 {
            self.write(&texts, flags);
            self.write_client(record.client_ip, is_client);
        }
        match (node, self.node) {
            (None, _) => {}
            (_, Some(place)) => self.bytes.push(place.to_le_bytes()[0]),
            (Some(node), None) => self.write_node(node),
        }
        text(&mut self.bytes, record.request_id);
        varint(&mut self.bytes, record.tries.len() as u64);
        // As it is when the record begins: who reads it knows no more.
        let known = self.node.and_then(|place| self.nodes.get(place));
        let known = known.map_or(NOWHERE, |node| node.address);
        for one in record.tries {
            self.tried(one, record.node, known);
        }
    }

    fn begin(&mut self) {
        self.bytes.extend_from_slice(&[0; HEAD]);
        self.last = [NOWHERE; WORDS];
        self.client = None;
        self.nodes.clear();
        self.node = None;
        self.time = 0;
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

    /// The numbers, and which texts there are. In places of their own: for numbers of any length each
    /// would cost several times as much, here and where they are read.
    fn head(&mut self, record: &Record<'_>, flags: u32) {
        // A worker's clock goes by milliseconds.
        let time = match self.clock {
            Some((time, micros)) if time == record.time => micros,
            _ => since_1970(record.time),
        };
        self.clock = Some((record.time, time));
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
        let all = long.iter().fold(0, |all, number| all | number);
        let long = long.map(u64::to_le_bytes);
        if u32::try_from(all).is_ok() {
            let mut bytes = [NARROW; 1 + LONG * 4 + SHORT * 2 + 4];
            let (head, tail) = bytes.split_at_mut(1 + LONG * 4);
            for (place, number) in head[1..].chunks_exact_mut(4).zip(long) {
                place.copy_from_slice(&number[..4]);
            }
            tail[..SHORT * 2].copy_from_slice(short.as_flattened());
            tail[SHORT * 2..].copy_from_slice(&flags.to_le_bytes());
            self.bytes.extend_from_slice(&bytes);
        } else {
            self.bytes.push(WIDE);
            self.bytes.extend_from_slice(long.as_flattened());
            self.bytes.extend_from_slice(short.as_flattened());
            self.bytes.extend_from_slice(&flags.to_le_bytes());
        }
    }

    /// What there is of each text: mostly as before, and then nothing is written. Apart, and of any
    /// number of texts, so that the code stays short: between two requests it is forgotten.
    #[inline(never)]
    fn known(&self, texts: &[Option<&[u8]>]) -> u32 {
        let (mut flags, mut same) = (0, SAME);
        for (text, last) in texts.iter().zip(&self.last) {
            if let Some(text) = text {
                // «Follows» is the bit beside «as before».
                let is_last = is_last(&self.bytes, *last, text);
                flags |= if is_last { same } else { same << 1 };
            }
            same <<= 2;
        }
        flags
    }

    #[inline(never)]
    fn write(&mut self, texts: &[Option<&[u8]>; WORDS], flags: u32) {
        for (place, (text, last)) in texts.iter().zip(&mut self.last).enumerate() {
            if let Some(text) = text.filter(|_| flags >> (2 * place) & 3 == HERE) {
                *last = written(&mut self.bytes, text);
            }
        }
    }

    fn write_client(&mut self, client: IpAddr, is_known: bool) {
        if is_known {
            return;
        }
        self.client = Some(client);
        match client.to_canonical() {
            IpAddr::V4(ip) => text(&mut self.bytes, &ip.octets()),
            IpAddr::V6(ip) => text(&mut self.bytes, &ip.octets()),
        }
    }

    /// The place of a node that answered before. Nodes come in turns, so that it is seldom that of the
    /// record before, but often the one that came behind it the last time.
    fn turn(&self, node: &[u8]) -> Option<usize> {
        let count = self.nodes.len();
        let mut place = self.node.map_or(0, |place| place + 1);
        for _ in 0..count.min(LOOKED_AT) {
            if place >= count {
                place = 0;
            }
            if is_last(&self.bytes, self.nodes[place].name, node) {
                return Some(place);
            }
            place += 1;
        }
        None
    }

    #[inline(never)]
    fn write_node(&mut self, node: &[u8]) {
        let name = written(&mut self.bytes, node);
        let count = self.nodes.len();
        self.node = (count < MAX_NODES).then(|| {
            let address = NOWHERE;
            self.nodes.push(NodeAt { name, address });
            count
        });
    }

    fn tried(&mut self, one: &Try<'_>, node: Option<&str>, known: Place) {
        // Nearly always the very same name.
        let its_node = node.is_some_and(|node| std::ptr::eq(node, one.node) || node == one.node);
        let its_address = its_node && is_last(&self.bytes, known, one.address.as_bytes());
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let mut few = Few::default();
        few.number(u64::from(
            flag(one.status.is_some(), STATUS)
                | flag(one.reason.is_some(), REASON)
                | flag(one.connect.is_some(), CONNECT)
                | flag(one.first_byte.is_some(), FIRST_BYTE)
                | flag(its_node, ITS_NODE)
                | flag(its_address, ITS_ADDRESS),
        ));
        if !its_address {
            few.move_to(&mut self.bytes);
            self.write_address(one, its_node);
        }
        if let Some(status) = one.status {
            few.number(status.into());
        }
        if let Some(reason) = one.reason {
            few.move_to(&mut self.bytes);
            text(&mut self.bytes, reason.as_bytes());
        }
        for time in [one.connect, one.first_byte].into_iter().flatten() {
            few.number(micros(time));
        }
        few.move_to(&mut self.bytes);
    }

    #[inline(never)]
    fn write_address(&mut self, one: &Try<'_>, its_node: bool) {
        if !its_node {
            text(&mut self.bytes, one.node.as_bytes());
        }
        let address = written(&mut self.bytes, one.address.as_bytes());
        let node = self.node.and_then(|place| self.nodes.get_mut(place));
        if let Some(node) = node.filter(|node| its_node && node.address == NOWHERE) {
            node.address = address;
        }
    }
}

/// The texts before the client's; the node's stands behind all others, in a way of its own.
#[inline]
fn texts<'r>(record: &Record<'r>) -> [Option<&'r [u8]>; WORDS] {
    [
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
        None,
        Some(record.user),
    ]
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
