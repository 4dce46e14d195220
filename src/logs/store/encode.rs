//! Records as bytes: how a worker leaves them, and how they are kept.
//!
//! Written once, in the worker, for as few instructions as can be: a text that is the same as in
//! the record before is one comparison and two bits, a node that answered before, with its address,
//! one byte. What a worker hands over at once is a batch; only within it does a record lean on those
//! before. A request finds next to none of this code in the processor's cache: so what is seldom done
//! stands apart, and what is done often is not repeated where it is called.

use std::net::IpAddr;
use std::time::SystemTime;

use super::lent::{Home, Lent};
use super::nodes::{Nodes, Reached};
pub(super) use super::numbers::since_1970;
use super::numbers::{micros, narrow, write_wide};
use super::put::{Few, NOWHERE, Place, is_last, text, written};
pub(super) use super::put::{is_same, varint};
use super::way::Way;
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
/// The first that is no name of the way a request went.
const ASKED: usize = Text::Method as usize;

/// The first bit of each text's two: in all of them, «as before».
pub(super) const SAMES: u32 = 0x5555_5555;

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

/// The names of a way.
const NAMES: u32 = ((1 << (2 * ASKED)) - 1) | (3 << (2 * Text::Pool as u32));

/// Nodes of a batch that can be said so.
pub(super) const MAX_NODES: usize = 250;

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
    home: Home,
    records: u32,
    /// Where in `bytes` each text stands that came last.
    last: [Place; WORDS],
    client: Option<IpAddr>,
    /// The way of the record before, and what there is of its names.
    way: Way,
    names: u32,
    nodes: Nodes,
    /// Microseconds since 1970 of the record before.
    time: u64,
    /// A time, and the same in microseconds since 1970.
    clock: Option<(SystemTime, u64)>,
}

/// Records handed over.
#[derive(Debug)]
pub struct Packet {
    pub(super) bytes: Lent,
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
        let way = Way::of(record);
        let names = match way.is(&self.way) {
            true => self.names,
            false => self.turn_to(way, record),
        };
        let mut texts = texts(record);
        texts[Text::Pool as usize] = None;
        let asked = self.known(&texts[ASKED..], &self.last[ASKED..]);
        let is_client = self.client == Some(record.client_ip);
        let client = if is_client { SAME } else { HERE };
        let number = match record.node {
            Some(node) => self.nodes.turn_to(&self.bytes, node),
            None => None,
        };
        let node = match (record.node, number) {
            (None, _) => NONE,
            (_, Some(_)) => BACK,
            (_, None) => HERE,
        };
        let step = self.step(record.time);
        let flags = names
            | asked << (2 * ASKED)
            | client << (2 * Text::Client as usize)
            | node << (2 * Text::Node as usize);
        let mut few = match (
            narrow(record, step, flags),
            number,
            record.request_id.try_into(),
        ) {
            (Some(head), Some(number), Ok(id)) if flags & HERES == 0 => {
                Few::usual(&head, number.to_le_bytes()[0], id)
            }
            _ => self.unusual(record, step, flags, number),
        };
        few.number(record.tries.len() as u64);
        // As it is when the record begins: who reads it knows no more.
        let reached = self.nodes.reached();
        for one in record.tries {
            self.tried(&mut few, one, record.node, reached);
        }
        if record.tries.is_empty() {
            few.move_to(&mut self.bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn begin(&mut self) {
        self.bytes.extend_from_slice(&[0; HEAD]);
        self.last = [NOWHERE; WORDS];
        self.client = None;
        self.way = Way::default();
        self.nodes.clear();
        self.time = 0;
    }

    /// All up to the tries, where a text or a node follows.
    #[cold]
    #[inline(never)]
    fn unusual(
        &mut self,
        record: &Record<'_>,
        step: u64,
        flags: u32,
        number: Option<usize>,
    ) -> Few {
        match narrow(record, step, flags) {
            Some(head) => self.bytes.extend_from_slice(&head),
            None => write_wide(&mut self.bytes, record, step, flags),
        }
        self.write(record, flags);
        match (record.node, number) {
            (None, _) => self.nodes.none(),
            (_, Some(number)) => self.bytes.push(number.to_le_bytes()[0]),
            (Some(node), None) => {
                let name = written(&mut self.bytes, node.as_bytes());
                self.nodes.add(name, node);
            }
        }
        text(&mut self.bytes, record.request_id);
        Few::default()
    }

    /// What there is of the names of another way.
    #[cold]
    #[inline(never)]
    fn turn_to(&mut self, way: Way, record: &Record<'_>) -> u32 {
        if !way.shares_snapshot(&self.way) {
            self.nodes.forget(way.is_of_snapshot());
        }
        let names = self.known(&texts(record), &self.last) & NAMES;
        self.way = way;
        // Those that follow now are the last ones of the next record.
        self.names = (names | (names >> 1)) & SAMES;
        names
    }

    /// What is in it, which it then lacks.
    pub fn take(&mut self) -> Packet {
        // The next one will be as long.
        let next = self.home.buffer(self.bytes.len());
        let mut bytes = std::mem::replace(&mut self.bytes, next);
        let records = std::mem::take(&mut self.records);
        let behind = u32::try_from(bytes.len().saturating_sub(HEAD)).unwrap_or(0);
        if let Some(head) = bytes.get_mut(..HEAD) {
            head[..4].copy_from_slice(&behind.to_le_bytes());
            head[4..8].copy_from_slice(&records.to_le_bytes());
        }
        let bytes = self.home.lend(bytes);
        Packet { bytes, records }
    }

    /// The difference to the time before, which may be before it; small ones are short.
    #[inline]
    fn step(&mut self, time: SystemTime) -> u64 {
        // A worker's clock goes by milliseconds.
        let time = match self.clock {
            Some((last, micros)) if last == time => micros,
            _ => self.turn_clock(time),
        };
        let step = time.wrapping_sub(self.time).cast_signed();
        self.time = time;
        ((step << 1) ^ (step >> 63)).cast_unsigned()
    }

    #[cold]
    #[inline(never)]
    fn turn_clock(&mut self, time: SystemTime) -> u64 {
        let micros = since_1970(time);
        self.clock = Some((time, micros));
        micros
    }

    /// What there is of each text: mostly as at its place, and then nothing is written. Apart, and of any
    /// number of texts, so that the code stays short.
    #[inline(never)]
    fn known(&self, texts: &[Option<&[u8]>], places: &[Place]) -> u32 {
        let (mut flags, mut same) = (0, SAME);
        for (text, place) in texts.iter().zip(places) {
            if let Some(text) = text {
                // «Follows» is the bit beside «as before».
                let is_last = is_last(&self.bytes, *place, text);
                flags |= if is_last { same } else { same << 1 };
            }
            same <<= 2;
        }
        flags
    }

    #[inline(never)]
    fn write(&mut self, record: &Record<'_>, flags: u32) {
        let is_here = |place: usize| flags >> (2 * place) & 3 == HERE;
        for (place, (text, last)) in texts(record).iter().zip(&mut self.last).enumerate() {
            if let Some(text) = text.filter(|_| is_here(place)) {
                *last = written(&mut self.bytes, text);
            }
        }
        if is_here(Text::Client as usize) {
            self.client = Some(record.client_ip);
            match record.client_ip.to_canonical() {
                IpAddr::V4(ip) => text(&mut self.bytes, &ip.octets()),
                IpAddr::V6(ip) => text(&mut self.bytes, &ip.octets()),
            }
        }
    }

    #[inline]
    fn tried(&mut self, few: &mut Few, one: &Try<'_>, node: Option<&str>, reached: Reached) {
        // Nearly always the very same name.
        let its_node = node.is_some_and(|node| std::ptr::eq(node, one.node) || node == one.node);
        let its_address = its_node && self.nodes.is_there(reached, &self.bytes, one.address);
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        few.byte(
            flag(one.status.is_some(), STATUS)
                | flag(one.reason.is_some(), REASON)
                | flag(one.connect.is_some(), CONNECT)
                | flag(one.first_byte.is_some(), FIRST_BYTE)
                | flag(its_node, ITS_NODE)
                | flag(its_address, ITS_ADDRESS),
        );
        if !its_address {
            few.move_to(&mut self.bytes);
            self.write_address(one, its_node);
        }
        if let Some(status) = one.status {
            few.number(status.into());
        }
        if let Some(reason) = one.reason {
            self.write_reason(few, reason);
        }
        for time in [one.connect, one.first_byte].into_iter().flatten() {
            few.number(micros(time));
        }
        few.move_to(&mut self.bytes);
    }

    #[cold]
    #[inline(never)]
    fn write_reason(&mut self, few: &mut Few, reason: &str) {
        few.move_to(&mut self.bytes);
        text(&mut self.bytes, reason.as_bytes());
    }

    #[cold]
    #[inline(never)]
    fn write_address(&mut self, one: &Try<'_>, its_node: bool) {
        if !its_node {
            text(&mut self.bytes, one.node.as_bytes());
        }
        let address = written(&mut self.bytes, one.address.as_bytes());
        if its_node {
            self.nodes.is_at(address, one.address);
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
