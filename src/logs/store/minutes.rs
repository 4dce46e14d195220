//! Minutes: how many requests, how fast, how much, over all and by site and node. Added up as
//! records arrive, so that a chart of a week reads ten thousand rows and not a billion records.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::decode::{Bytes, Damaged};
use super::encode::varint;
use super::latency::Latency;
use super::named::Named;
use super::segment::SegmentError;
use super::tally::Part;

/// Limit: sites with their nodes told apart within a minute. The sum counts all.
const MAX_WAYS: usize = 2000;

/// Limit: minutes held while they cannot be written.
const MAX_OPEN: usize = 10;

/// Microseconds.
pub(super) const MINUTE: u64 = 60_000_000;

/// What is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Everything; its name is empty.
    All = 0,
    /// By the name of the site.
    Site = 1,
    /// By `pool/node`, of the node whose answer the client got.
    Node = 2,
}

/// What a minute, or several, came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Requests by class: other, 2xx, 3xx, 4xx, 5xx.
    pub(super) classes: [u64; 5],
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// Of all but tunnels, which take as long as their users like.
    pub(super) latency: Latency,
}

impl Sums {
    fn add(&mut self, part: &Part<'_>) {
        for (sum, more) in self.classes.iter_mut().zip(part.classes) {
            *sum += more;
        }
        self.bytes_in = self.bytes_in.saturating_add(part.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(part.bytes_out);
        self.latency.add(&part.times);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.classes.iter_mut().zip(other.classes) {
            *sum += more;
        }
        self.bytes_in = self.bytes_in.saturating_add(other.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(other.bytes_out);
        self.latency.merge(&other.latency);
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in self
            .classes
            .into_iter()
            .chain([self.bytes_in, self.bytes_out])
        {
            varint(&mut out, number);
        }
        self.latency.write(&mut out);
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut left = Bytes(bytes);
        let mut sums = Self::default();
        for count in &mut sums.classes {
            *count = left.number()?;
        }
        sums.bytes_in = left.number()?;
        sums.bytes_out = left.number()?;
        sums.latency = Latency::read(&mut left)?;
        Ok(sums)
    }
}

/// The minutes that records still come for.
#[derive(Debug, Default)]
pub(super) struct Minutes {
    open: BTreeMap<u64, Open>,
}

/// One minute. What comes is added up once, by all of its names together; what a site, a node or all of
/// them come to is told from that when it is written.
#[derive(Debug, Default)]
struct Open {
    ways: Named<Sums, BORDER>,
    /// Those of names beyond the limit.
    others: Sums,
}

/// What parts the names of a way: no name holds it.
const BORDER: u8 = 0xff;

/// Kind and name.
type Name = (Kind, Vec<u8>);

impl Open {
    fn add(&mut self, part: &Part<'_>) {
        let [_, site, _, pool, node] = part.names;
        match self.ways.get(&[site, pool, node], MAX_WAYS) {
            Some(sums) => sums.add(part),
            None => self.others.add(part),
        }
    }

    fn sums(&self) -> BTreeMap<Name, Sums> {
        let mut all = BTreeMap::from([((Kind::All, Vec::new()), self.others.clone())]);
        for (way, sums) in self.ways.iter() {
            let mut names = way.split(|byte| *byte == BORDER);
            let mut next = || names.next().unwrap_or_default();
            let (site, pool, node) = (next(), next(), next());
            let site = (!site.is_empty()).then(|| (Kind::Site, site.to_vec()));
            let node = [pool, node];
            let node = (!node.contains(&&b""[..])).then(|| (Kind::Node, node.join(&b'/')));
            let whole = Some((Kind::All, Vec::new()));
            for name in [whole, site, node].into_iter().flatten() {
                all.entry(name).or_default().merge(sums);
            }
        }
        all
    }
}

impl Minutes {
    /// Takes records in.
    pub(super) fn add(&mut self, part: &Part<'_>) {
        self.open.entry(part.second / 60).or_default().add(part);
    }

    /// Writes all of them. A minute that is there from before, by an earlier start or before the
    /// clock was set, is added to.
    pub(super) fn write(&mut self, db: &mut Connection) -> Result<(), SegmentError> {
        let change = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for (minute, open) in &self.open {
            for ((kind, name), mut sums) in open.sums() {
                let name = String::from_utf8_lossy(&name);
                let key = params![kind as u8, name, minute.cast_signed()];
                let sql = "SELECT data FROM minutes WHERE kind = ?1 AND name = ?2 AND minute = ?3";
                let old: Option<Vec<u8>> = change
                    .prepare_cached(sql)?
                    .query_row(key, |row| row.get(0))
                    .optional()?;
                if let Some(old) = old {
                    sums.merge(&Sums::from_bytes(&old)?);
                }
                let sql = "INSERT OR REPLACE INTO minutes(kind, name, minute, data) \
                           VALUES (?1, ?2, ?3, ?4)";
                change.prepare_cached(sql)?.execute(params![
                    kind as u8,
                    name,
                    minute.cast_signed(),
                    sums.to_bytes()
                ])?;
            }
        }
        change.commit()?;
        self.open.clear();
        Ok(())
    }

    /// Forgets the oldest where there are too many, since they cannot be written.
    pub(super) fn bound(&mut self) {
        while self.open.len() > MAX_OPEN {
            self.open.pop_first();
        }
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
