//! Records read back from their bytes.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::encode::{
    BACK, CONNECT, FIRST_BYTE, HERE, ITS_ADDRESS, ITS_NODE, MAX_NODES, NONE, REASON, SAMES, STATUS,
    TEXTS, Text,
};
use super::numbers::{LONG, NARROW, SHORT, WIDE};
pub(super) use super::read::{Bytes, Damaged};
use crate::logs::{Record, Try};

/// One record, as it lies in its bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw<'b> {
    /// Microseconds since 1970.
    pub(super) time: u64,
    pub(super) status: u16,
    /// In microseconds, as all times here.
    pub(super) total: u64,
    queue: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    bytes_out_body: u64,
    revision: u64,
    client_port: u16,
    listener_port: u16,
    /// Those that came last; which of them are this record's, `flags` tells.
    texts: Texts<'b>,
    /// Two bits for each text.
    flags: u32,
    pub(super) request_id: &'b [u8],
    tries: u64,
    /// Which of the different nodes of the batch its node is, if that is kept.
    place: Option<usize>,
    /// Where its node was reached before, if it was.
    address: Option<&'b [u8]>,
    /// The tries, not taken apart.
    rest: &'b [u8],
    /// Whether one of them was of another node than the one that answered.
    others_tried: bool,
}

/// Texts by their place.
type Texts<'b> = [&'b [u8]; TEXTS];

/// One try of it.
#[derive(Debug, Clone, Copy)]
struct RawTry<'b> {
    node: &'b [u8],
    address: &'b [u8],
    status: Option<u16>,
    reason: Option<&'b [u8]>,
    connect: Option<u64>,
    first_byte: Option<u64>,
}

impl<'b> Raw<'b> {
    pub(super) fn text(&self, text: Text) -> Option<&'b [u8]> {
        (flag(self.flags, text as usize) != NONE).then_some(self.texts[text as usize])
    }

    /// Whether it may be one that no record of the batch had before.
    pub(super) fn is_fresh(&self, text: Text) -> bool {
        flag(self.flags, text as usize) == HERE
    }

    /// Of these texts, none of which is the node: whether one may be another than the last of its kind, and
    /// a bit for each that is there.
    pub(super) fn said<const N: usize>(&self, texts: [Text; N]) -> (bool, u32) {
        let bits = |all, text: &Text| all | (3 << (2 * *text as usize));
        let flags = self.flags & texts.iter().fold(0, bits);
        let is_other = (flags >> 1) & SAMES != 0;
        (is_other, (flags | (flags >> 1)) & SAMES)
    }

    /// The number of its node within the batch; 0 is that of no node, none one beyond those that have a
    /// number.
    pub(super) fn node_number(&self) -> Option<usize> {
        match flag(self.flags, Text::Node as usize) {
            NONE => Some(0),
            _ => self.place.map(|place| place + 1),
        }
    }

    /// Whether a node of this name answered it or was asked in vain.
    pub(super) fn asked(&self, node: &[u8]) -> bool {
        if self.text(Text::Node) == Some(node) {
            return true;
        }
        let mut is_there = false;
        let whole = self.each_try(|one| is_there |= one.node == node);
        whole.is_ok() && is_there
    }

    /// Hands the name of each node asked to `take`, unless an earlier record of the batch had it.
    pub(super) fn nodes(&self, mut take: impl FnMut(&'b [u8])) {
        if !self.others_tried {
            if self.is_fresh(Text::Node) {
                take(self.text(Text::Node).unwrap_or_default());
            }
            return;
        }
        // One that can be read no further was handed over as far as it goes.
        let _ = self.each_try(|one| take(one.node));
    }

    /// The client's address.
    pub(super) fn client(&self) -> IpAddr {
        let bytes = self.text(Text::Client).unwrap_or_default();
        if let Ok(four) = <[u8; 4]>::try_from(bytes) {
            return four.into();
        }
        <[u8; 16]>::try_from(bytes).unwrap_or_default().into()
    }

    /// Hands the whole record to `take`.
    pub(super) fn with<T>(&self, take: impl FnOnce(&Record<'_>) -> T) -> Result<T, Damaged> {
        let mut tries = Vec::new();
        self.each_try(|one| tries.push(one))?;
        let tries: Vec<Try<'_>> = tries.iter().map(RawTry::as_try).collect();
        let bytes = |text| self.text(text).unwrap_or_default();
        let string = |text| self.text(text).map(string);
        Ok(take(&Record {
            time: UNIX_EPOCH
                .checked_add(Duration::from_micros(self.time))
                .unwrap_or(SystemTime::UNIX_EPOCH),
            listener: string(Text::Listener).unwrap_or_default(),
            listener_port: self.listener_port,
            site: string(Text::Site),
            route: string(Text::Route),
            client_ip: self.client(),
            client_port: self.client_port,
            user: bytes(Text::User),
            method: bytes(Text::Method),
            host: bytes(Text::Host),
            path: bytes(Text::Path),
            query: self.text(Text::Query),
            protocol: string(Text::Protocol).unwrap_or_default(),
            tls: string(Text::Tls),
            status: self.status,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            bytes_out_body: self.bytes_out_body,
            reason: string(Text::Reason),
            revision: self.revision,
            request_id: self.request_id,
            user_agent: self.text(Text::UserAgent),
            referer: self.text(Text::Referer),
            pool: string(Text::Pool),
            node: string(Text::Node),
            tries: &tries,
            snapshot: 0,
            queue: Duration::from_micros(self.queue),
            total: Duration::from_micros(self.total),
        }))
    }

    fn each_try(&self, mut take: impl FnMut(RawTry<'b>)) -> Result<(), Damaged> {
        let mut left = Bytes(self.rest);
        for _ in 0..self.tries {
            take(left.tried(self.text(Text::Node), self.address)?);
        }
        Ok(())
    }
}

impl RawTry<'_> {
    fn as_try(&self) -> Try<'_> {
        Try {
            node: string(self.node),
            address: string(self.address),
            status: self.status,
            reason: self.reason.map(string),
            connect: self.connect.map(Duration::from_micros),
            first_byte: self.first_byte.map(Duration::from_micros),
        }
    }
}

/// Names and codes of ours, which are text; damaged ones are nothing.
fn string(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Hands every record of `bytes`, batches one behind another, to `take`.
pub(super) fn each<'b>(bytes: &'b [u8], mut take: impl FnMut(&Raw<'b>)) -> Result<(), Damaged> {
    let mut left = Bytes(bytes);
    while let Some((head, behind)) = left.batch()? {
        let mut batch = Bytes(behind);
        // The next record is read over the one before: most of it stays.
        let (mut raw, mut before) = (Raw::default(), Before::default());
        for _ in 0..head.records {
            batch.record(&mut raw, &mut before)?;
            take(&raw);
        }
        if !batch.0.is_empty() {
            return Err(Damaged);
        }
    }
    Ok(())
}

/// What stands in front of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) records: u32,
    /// What its bytes added up to when it was kept.
    pub(super) sum: u64,
}

/// What there is of a text, by its place.
#[inline]
fn flag(flags: u32, place: usize) -> u32 {
    (flags >> (2 * place)) & 3
}

/// What the next record of a batch leans on, besides the time and the texts of the last one.
#[derive(Debug, Default)]
struct Before<'b> {
    /// The first of two bits for each text that came.
    came: u32,
    /// The different nodes that came, each with its address once that came, and the last one's place.
    nodes: Vec<(&'b [u8], Option<&'b [u8]>)>,
    node: Option<usize>,
}

impl<'b> Bytes<'b> {
    /// The next batch: its head, and what is behind that; none at the end.
    pub(super) fn batch(&mut self) -> Result<Option<(Head, &'b [u8])>, Damaged> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let [length, records] = [self.array()?, self.array()?].map(u32::from_le_bytes);
        let sum = u64::from_le_bytes(self.array()?);
        let behind = self.take(usize::try_from(length).map_err(|_| Damaged)?)?;
        Ok(Some((Head { records, sum }, behind)))
    }

    #[inline]
    fn long_numbers(&mut self) -> Result<[u64; LONG], Damaged> {
        let mut numbers = [0; LONG];
        match self.byte()? {
            NARROW => {
                let bytes: [u8; LONG * 4] = self.array()?;
                for (number, four) in numbers.iter_mut().zip(bytes.as_chunks().0) {
                    *number = u32::from_le_bytes(*four).into();
                }
            }
            WIDE => {
                let bytes: [u8; LONG * 8] = self.array()?;
                for (number, eight) in numbers.iter_mut().zip(bytes.as_chunks().0) {
                    *number = u64::from_le_bytes(*eight);
                }
            }
            _ => return Err(Damaged),
        }
        Ok(numbers)
    }

    fn record(&mut self, raw: &mut Raw<'b>, before: &mut Before<'b>) -> Result<(), Damaged> {
        let [step, total, queue, bytes_in, bytes_out, body, revision] = self.long_numbers()?;
        let short: [u8; SHORT * 2] = self.array()?;
        let [status, client_port, listener_port] = *short.as_chunks().0 else {
            return Err(Damaged);
        };
        let step = (step >> 1).cast_signed() ^ -((step & 1).cast_signed());
        raw.time = raw.time.wrapping_add_signed(step);
        raw.status = u16::from_le_bytes(status);
        (raw.total, raw.queue) = (total, queue);
        (raw.bytes_in, raw.bytes_out, raw.bytes_out_body) = (bytes_in, bytes_out, body);
        raw.revision = revision;
        raw.client_port = u16::from_le_bytes(client_port);
        raw.listener_port = u16::from_le_bytes(listener_port);
        raw.flags = self.texts(&mut raw.texts, before)?;
        raw.place = before.node;
        raw.request_id = self.text()?;
        raw.tries = self.number()?;
        raw.rest = self.0;
        raw.others_tried = false;
        let node = before.node.and_then(|place| before.nodes.get_mut(place));
        raw.address = node.as_ref().and_then(|(_, address)| *address);
        let has_node = raw.text(Text::Node).is_some();
        let mut first = raw.address;
        for _ in 0..raw.tries {
            let (is_its, address) = self.pass_try(has_node, raw.address)?;
            raw.others_tried |= !is_its;
            first = first.or(is_its.then_some(address));
        }
        if let Some((_, address)) = node {
            *address = first;
        }
        Ok(())
    }

    /// Takes in the texts that stand here; most are those of the record before.
    fn texts(&mut self, texts: &mut Texts<'b>, before: &mut Before<'b>) -> Result<u32, Damaged> {
        let all = u32::from_le_bytes(self.array()?);
        // The node is said in another way than all others.
        let flags = all & !(3 << (2 * Text::Node as usize));
        let (same, mut here) = (flags & SAMES, (flags >> 1) & SAMES);
        if same & here != 0 || same & !before.came != 0 {
            return Err(Damaged);
        }
        before.came |= here;
        while here != 0 {
            let place = (here.trailing_zeros() / 2) as usize;
            texts[place] = self.text()?;
            here &= here - 1;
        }
        texts[Text::Node as usize] = self.node(flag(all, Text::Node as usize), before)?;
        Ok(all)
    }

    fn node(&mut self, flag: u32, before: &mut Before<'b>) -> Result<&'b [u8], Damaged> {
        let (place, node) = match flag {
            NONE => (None, &[][..]),
            HERE => {
                let node = self.text()?;
                let count = before.nodes.len();
                let place = (count < MAX_NODES).then(|| {
                    before.nodes.push((node, None));
                    count
                });
                (place, node)
            }
            BACK => {
                let place = usize::from(self.byte()?);
                let (node, _) = before.nodes.get(place).ok_or(Damaged)?;
                (Some(place), *node)
            }
            _ => return Err(Damaged),
        };
        before.node = place;
        Ok(node)
    }

    /// Goes past a try; whether its node is the record's, and its address.
    fn pass_try(
        &mut self,
        has_node: bool,
        known: Option<&'b [u8]>,
    ) -> Result<(bool, &'b [u8]), Damaged> {
        let flags = self.byte()?;
        let has = |flag: u8| flags & flag != 0;
        let is_its = has(ITS_NODE) && has_node;
        if !is_its {
            self.text()?;
        }
        let address = match has(ITS_ADDRESS) {
            true => known.ok_or(Damaged)?,
            false => self.text()?,
        };
        if has(STATUS) {
            self.small()?;
        }
        if has(REASON) {
            self.text()?;
        }
        for _ in 0..usize::from(has(CONNECT)) + usize::from(has(FIRST_BYTE)) {
            self.number()?;
        }
        Ok((is_its, address))
    }

    fn tried(
        &mut self,
        node: Option<&'b [u8]>,
        known: Option<&'b [u8]>,
    ) -> Result<RawTry<'b>, Damaged> {
        let flags = self.byte()?;
        let has = |flag: u8| flags & flag != 0;
        Ok(RawTry {
            node: match node {
                Some(node) if has(ITS_NODE) => node,
                _ => self.text()?,
            },
            address: match has(ITS_ADDRESS) {
                true => known.ok_or(Damaged)?,
                false => self.text()?,
            },
            status: has(STATUS).then(|| self.small()).transpose()?,
            reason: has(REASON).then(|| self.text()).transpose()?,
            connect: has(CONNECT).then(|| self.number()).transpose()?,
            first_byte: has(FIRST_BYTE).then(|| self.number()).transpose()?,
        })
    }
}
