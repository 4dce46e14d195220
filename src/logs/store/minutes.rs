//! Minutes: how many requests, how fast, how much, over all and by site and node. Added up as
//! records arrive, so that a chart of a week reads ten thousand rows and not a billion records.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::decode::{Bytes, Damaged, Raw};
use super::encode::{Text, varint};
use super::latency::Latency;
use super::named::Named;
use super::segment::SegmentError;
use super::summary::class;

/// Limit: sites and nodes told apart within a minute. The sum counts all.
const MAX_NAMES: usize = 1000;

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
    fn add(&mut self, raw: &Raw<'_>) {
        self.classes[class(raw.status)] += 1;
        self.bytes_in = self.bytes_in.saturating_add(raw.bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(raw.bytes_out);
        if raw.status != 101 {
            self.latency.add(raw.total);
        }
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

#[derive(Debug, Default)]
struct Open {
    all: Sums,
    sites: Names,
    nodes: Names,
}

/// A name, or a pool's and a node's.
type Names = Named<Sums, b'/'>;

impl Open {
    fn names(&self) -> impl Iterator<Item = (Kind, &[u8], &Sums)> {
        let sites = self
            .sites
            .iter()
            .map(|(name, sums)| (Kind::Site, name, sums));
        let nodes = self
            .nodes
            .iter()
            .map(|(name, sums)| (Kind::Node, name, sums));
        let all: &[u8] = b"";
        std::iter::once((Kind::All, all, &self.all))
            .chain(sites)
            .chain(nodes)
    }
}

impl Minutes {
    /// Takes a record in.
    pub(super) fn add(&mut self, raw: &Raw<'_>) {
        let open = self.open.entry(raw.time / MINUTE).or_default();
        open.all.add(raw);
        if let Some(site) = raw.text(Text::Site) {
            count(&mut open.sites, &[site], raw);
        }
        if let (Some(pool), Some(node)) = (raw.text(Text::Pool), raw.text(Text::Node)) {
            count(&mut open.nodes, &[pool, node], raw);
        }
    }

    /// Writes all of them. A minute that is there from before, by an earlier start or before the
    /// clock was set, is added to.
    pub(super) fn write(&mut self, db: &mut Connection) -> Result<(), SegmentError> {
        let change = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for (minute, open) in &self.open {
            for (kind, name, sums) in open.names() {
                let name = String::from_utf8_lossy(name);
                let mut sums = sums.clone();
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

fn count(names: &mut Names, name: &[&[u8]], raw: &Raw<'_>) {
    if let Some(sums) = names.get(name, MAX_NAMES) {
        sums.add(raw);
    }
}
