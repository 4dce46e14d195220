//! What records come to, added up once for many of them.
//!
//! A worker hands over hundreds of records at a time, and they went few ways. Finding the counters of
//! a way by its names costs as much as all else that is done with a record; so those of one way and
//! one second are added up here first, and a record that goes the way of an earlier one finds it by
//! the number that its node has in the batch.

use super::decode::Raw;
use super::encode::Text;
use super::latency;
use super::summary::class;

/// The names that make a way, in their order.
pub(super) const NAMES: [Text; 5] = [
    Text::Listener,
    Text::Site,
    Text::Route,
    Text::Pool,
    Text::Node,
];

/// Those that are said by flags alone.
const SAID: [Text; 4] = [Text::Listener, Text::Site, Text::Route, Text::Pool];

/// Limit: parts at once. More are handed on, and it begins anew.
const MAX_PARTS: usize = 64;

/// So many parts are looked at for a record whose way is not known by number. A way may so have
/// several parts, which come to the same.
const LOOKED_AT: usize = 8;

const MICROS: u64 = 1_000_000;

/// What records of one way that ended in one second come to.
#[derive(Debug)]
pub(super) struct Part<'b> {
    /// Empty where there is none.
    pub(super) names: [&'b [u8]; NAMES.len()],
    /// Seconds since 1970.
    pub(super) second: u64,
    /// Requests by class: other, 2xx, 3xx, 4xx, 5xx.
    pub(super) classes: [u64; 5],
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Where each time taken is counted; of tunnels, which take as long as their users like, none.
    pub(super) times: Vec<u16>,
}

impl Part<'_> {
    /// Its records.
    pub(super) fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }
}

/// Adds records up, and hands each part on.
#[derive(Debug)]
pub(super) struct Tally<'b, F> {
    parts: Vec<Part<'b>>,
    /// Which part is that of a node, by its number in the batch; the first is of no node.
    known: Vec<Option<usize>>,
    /// Which names, but for the node's, the record before had.
    there: u32,
    hand_on: F,
}

impl<'b, F: FnMut(&Part<'b>)> Tally<'b, F> {
    /// One that hands parts on so.
    pub(super) fn new(hand_on: F) -> Self {
        Self {
            parts: Vec::new(),
            known: Vec::new(),
            there: 0,
            hand_on,
        }
    }

    /// Takes the next record in.
    pub(super) fn add(&mut self, raw: &Raw<'b>) {
        let second = raw.time / MICROS;
        let is_over = |part: &Part<'_>| part.second != second;
        if self.parts.first().is_some_and(is_over) || self.parts.len() >= MAX_PARTS {
            self.hand_on();
        }
        let place = self.place(raw, second);
        let Some(part) = self.parts.get_mut(place) else {
            return;
        };
        part.classes[class(raw.status)] += 1;
        part.bytes_in = part.bytes_in.saturating_add(raw.bytes_in);
        part.bytes_out = part.bytes_out.saturating_add(raw.bytes_out);
        if raw.status != 101 {
            part.times.push(latency::place(raw.total));
        }
    }

    /// Hands on what is left.
    pub(super) fn finish(mut self) {
        self.hand_on();
    }

    fn hand_on(&mut self) {
        self.parts.iter().for_each(&mut self.hand_on);
        self.parts.clear();
        self.known.clear();
    }

    /// Which part a record belongs to.
    fn place(&mut self, raw: &Raw<'b>, second: u64) -> usize {
        let (is_other, there) = raw.said(SAID);
        if is_other || there != self.there {
            self.there = there;
            self.known.clear();
        }
        let number = raw.node_number();
        if let Some(Some(place)) = number.and_then(|number| self.known.get(number)) {
            return *place;
        }
        let place = self.find(raw, second);
        if let Some(number) = number {
            if self.known.len() <= number {
                self.known.resize(number + 1, None);
            }
            self.known[number] = Some(place);
        }
        place
    }

    fn find(&mut self, raw: &Raw<'b>, second: u64) -> usize {
        let names = NAMES.map(|name| raw.text(name).unwrap_or_default());
        let latest = self.parts.iter().enumerate().rev().take(LOOKED_AT);
        for (place, part) in latest {
            if part.names == names {
                return place;
            }
        }
        self.parts.push(Part {
            names,
            second,
            classes: [0; 5],
            bytes_in: 0,
            bytes_out: 0,
            times: Vec::new(),
        });
        self.parts.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::{NAMES, Tally};
    use crate::logs::Record;
    use crate::logs::store::decode::each;
    use crate::logs::store::encode::Batch;
    use std::collections::BTreeMap;
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::{prop_assert_eq, proptest};

    /// What a way and a second come to: requests, failures, bytes in and out, times.
    type Sums = BTreeMap<(String, u64), [u64; 5]>;

    fn key(names: [Option<&str>; NAMES.len()], second: u64) -> (String, u64) {
        (names.map(Option::unwrap_or_default).join("|"), second)
    }

    proptest! {
        #[test]
        fn parts_come_to_what_the_records_do_whatever_ways_they_go(
            asked in vec(
                (0..3_u64, 0..2_usize, option::of(0..3_usize), option::of(0..90_usize), 0..3_usize),
                0..400,
            ),
            cut in 0..400_usize,
        ) {
            let nodes: Vec<String> = (0..90).map(|n| format!("n{n}")).collect();
            let (mut plain, mut batch, mut bytes) = (Sums::new(), Batch::default(), Vec::new());
            for (n, (second, listener, site, node, status)) in asked.iter().enumerate() {
                if n == cut {
                    bytes.extend_from_slice(&batch.take().bytes);
                }
                let listener = ["http", "other"][*listener];
                let site = site.map(|site| ["a", "b", "ab"][site]);
                let node = node.map(|node| nodes[node].as_str());
                let status = [200, 502, 101][*status];
                let record = Record {
                    time: UNIX_EPOCH + Duration::from_millis(second * 1000 + 7),
                    listener,
                    site,
                    route: site,
                    pool: site,
                    node,
                    tries: &[],
                    status,
                    ..Record::example()
                };
                batch.append(&record);
                let sums = plain.entry(key([Some(listener), site, site, site, node], *second)).or_default();
                let is = |is: bool| u64::from(is);
                for (sum, more) in sums.iter_mut().zip([
                    1, is(status == 502), record.bytes_in, record.bytes_out, is(status != 101),
                ]) {
                    *sum += more;
                }
            }
            if !batch.is_empty() {
                bytes.extend_from_slice(&batch.take().bytes);
            }
            let mut told = Sums::new();
            let mut tally = Tally::new(|part: &super::Part<'_>| {
                let names = part.names.map(|name| std::str::from_utf8(name).ok());
                let sums = told.entry(key(names, part.second)).or_default();
                let parts = [
                    part.requests(), part.classes[4], part.bytes_in, part.bytes_out, part.times.len() as u64,
                ];
                for (sum, more) in sums.iter_mut().zip(parts) {
                    *sum += more;
                }
            });
            each(&bytes, |raw| tally.add(raw)).unwrap();
            tally.finish();
            prop_assert_eq!(told, plain);
        }
    }
}
