//! What is known of a block of records without looking into it: enough to pass over most.

use super::decode::{Bytes, Damaged, Raw};
use super::encode::{Text, varint};
use super::filter::Filter;

/// Different names of a kind that are kept; where there are more, any may be in the block.
const MAX_WORDS: usize = 64;

/// Bits in the sieve for each record: two keys, sixteen bits each. One block in a thousand is
/// then looked into in vain.
const BITS_A_RECORD: usize = 32;

/// Bits set for each key.
const BITS_A_KEY: u64 = 6;

/// Which key it is, so that a client is no request id.
const REQUEST_ID: u64 = 1;
const CLIENT: u64 = 2;

/// One block of records, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) records: u64,
    /// Microseconds since 1970 of the earliest and the latest.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The longest time taken, in microseconds.
    slowest: u64,
    /// How many by class: 1xx to 5xx; what is none of these is under 1xx.
    pub(super) classes: [u64; 5],
    statuses: Words<u16>,
    sites: Words<Vec<u8>>,
    nodes: Words<Vec<u8>>,
    methods: Words<Vec<u8>>,
    reasons: Words<Vec<u8>>,
    /// The request ids and clients, hashed, until the sieve is made of them.
    keys: Vec<u64>,
    sieve: Vec<u8>,
}

/// The different words of a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Words<W> {
    there: Vec<W>,
    /// There were too many.
    any: bool,
}

impl<W: PartialEq> Words<W> {
    fn add<B>(&mut self, word: &B)
    where
        B: ToOwned<Owned = W> + ?Sized,
        W: PartialEq<B>,
    {
        if self.any || self.there.iter().rev().any(|known| known == word) {
            return;
        }
        self.any = self.there.len() == MAX_WORDS;
        if !self.any {
            self.there.push(word.to_owned());
        }
    }

    fn may_have(&self, is_wanted: impl Fn(&W) -> bool) -> bool {
        self.any || self.there.iter().any(is_wanted)
    }
}

/// The class of a status, from 0.
pub(super) fn class(status: u16) -> usize {
    match status {
        200..=299 => 1,
        300..=399 => 2,
        400..=499 => 3,
        500..=599 => 4,
        _ => 0,
    }
}

impl Summary {
    /// Takes in a record of the block.
    pub(super) fn add(&mut self, raw: &Raw<'_>) {
        if self.records == 0 {
            (self.first, self.last) = (raw.time, raw.time);
        }
        self.records += 1;
        self.first = self.first.min(raw.time);
        self.last = self.last.max(raw.time);
        self.slowest = self.slowest.max(raw.total);
        self.classes[class(raw.status)] += 1;
        self.statuses.add(&raw.status);
        let words = [
            (Text::Site, &mut self.sites),
            (Text::Method, &mut self.methods),
            (Text::Reason, &mut self.reasons),
        ];
        for (text, words) in words {
            // As in the record before: it is known.
            if let Some(word) = raw.text(text)
                && raw.is_fresh(text)
            {
                words.add(word);
            }
        }
        raw.nodes(|node| self.nodes.add(node));
        self.keys.push(hash(REQUEST_ID, raw.request_id));
        if raw.is_fresh(Text::Client) {
            let client = raw.text(Text::Client).unwrap_or_default();
            self.keys.push(hash(CLIENT, client));
        }
    }

    /// Whether a record that `filter` takes may be in the block.
    pub(super) fn may_have(&self, filter: &Filter) -> bool {
        let has = |words: &Words<Vec<u8>>, wanted: Option<&str>| {
            wanted.is_none_or(|wanted| words.may_have(|word| word == wanted.as_bytes()))
        };
        let status = |range| {
            self.statuses
                .may_have(|s| std::ops::RangeInclusive::contains(range, s))
        };
        let node = filter.pool_and_node().map(|(_, node)| node);
        filter.reaches(self.first, self.last)
            && filter
                .slower_micros()
                .is_none_or(|least| self.slowest > least)
            && (filter.status.is_empty() || filter.status.iter().any(status))
            && has(&self.sites, filter.site.as_deref())
            && has(&self.nodes, node)
            && has(&self.methods, filter.method.as_deref())
            && has(&self.reasons, filter.reason.as_deref())
            && self.sieve_has(filter)
    }

    fn sieve_has(&self, filter: &Filter) -> bool {
        let id = filter.request_id.as_ref();
        let id = id.map(|id| hash(REQUEST_ID, id.as_bytes()));
        let client = filter
            .client
            .filter(|net| net.prefix_len() == net.max_prefix_len());
        let client = client.map(|net| match net.addr() {
            std::net::IpAddr::V4(ip) => hash(CLIENT, &ip.octets()),
            std::net::IpAddr::V6(ip) => hash(CLIENT, &ip.octets()),
        });
        [id, client]
            .into_iter()
            .flatten()
            .all(|key| match self.sieve.is_empty() {
                true => self.keys.contains(&key),
                false => bits(key, self.sieve.len()).all(|(byte, bit)| self.sieve[byte] & bit != 0),
            })
    }

    /// As it is kept, the sieve made for as many keys as there are.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [self.records, self.first, self.last, self.slowest] {
            varint(&mut out, number);
        }
        for count in self.classes {
            varint(&mut out, count);
        }
        varint(&mut out, u64::from(self.statuses.any));
        varint(&mut out, self.statuses.there.len() as u64);
        for status in &self.statuses.there {
            varint(&mut out, (*status).into());
        }
        for words in [&self.sites, &self.nodes, &self.methods, &self.reasons] {
            varint(&mut out, u64::from(words.any));
            varint(&mut out, words.there.len() as u64);
            for word in &words.there {
                varint(&mut out, word.len() as u64);
                out.extend_from_slice(word);
            }
        }
        // A power of two, so that a key finds its bits without a division.
        let length = (self.keys.len() * BITS_A_RECORD / 2 / 8)
            .next_power_of_two()
            .max(8);
        let at = out.len();
        out.resize(at + length, 0);
        for key in &self.keys {
            for (byte, bit) in bits(*key, length) {
                out[at + byte] |= bit;
            }
        }
        out
    }

    /// What was kept.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut left = Bytes(bytes);
        let mut summary = Self {
            records: left.number()?,
            first: left.number()?,
            last: left.number()?,
            slowest: left.number()?,
            ..Self::default()
        };
        for count in &mut summary.classes {
            *count = left.number()?;
        }
        summary.statuses.any = left.number()? != 0;
        for _ in 0..left.number()? {
            let status = u16::try_from(left.number()?).map_err(|_| Damaged)?;
            summary.statuses.there.push(status);
        }
        let words = [
            &mut summary.sites,
            &mut summary.nodes,
            &mut summary.methods,
            &mut summary.reasons,
        ];
        for words in words {
            words.any = left.number()? != 0;
            for _ in 0..left.number()? {
                words.there.push(left.text()?.to_owned());
            }
        }
        if !left.0.len().is_power_of_two() {
            return Err(Damaged);
        }
        summary.sieve = left.0.to_owned();
        Ok(summary)
    }
}

/// The places of a key in a sieve of so many bytes, a power of two.
fn bits(key: u64, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    // The second half as the step: as good as six hashes, for the price of one.
    let step = (key >> 32) | 1;
    (0..BITS_A_KEY).map(move |n| {
        let place = key.wrapping_add(step.wrapping_mul(n));
        let byte = usize::try_from((place >> 3) & (bytes as u64 - 1)).unwrap_or(0);
        (byte, 1 << (place & 7))
    })
}

/// A hash that is the same for ever: it is on disk. Who chooses ids so that they collide only has
/// his own searches look into more blocks.
pub(super) fn hash(kind: u64, bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = kind.wrapping_mul(ODD);
    let mut chunks = bytes.chunks_exact(8);
    let mut mix = |word: u64| {
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(ODD);
        hash ^= hash >> 29;
    };
    for chunk in &mut chunks {
        mix(chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let mut last = [0; 8];
    let rest = chunks.remainder();
    last[..rest.len()].copy_from_slice(rest);
    mix(u64::from_le_bytes(last));
    mix(bytes.len() as u64);
    hash
}

#[cfg(test)]
mod tests {
    use super::Summary;
    use crate::logs::Record;
    use crate::logs::store::decode::each;
    use crate::logs::store::encode::Batch;
    use crate::logs::store::filter::Filter;
    use std::net::IpAddr;
    use std::time::Duration;

    fn of(records: u32) -> (Summary, Vec<u8>) {
        let mut batch = Batch::default();
        for n in 0..records {
            let status = if n % 100 == 7 { 502 } else { 200 };
            batch.append(&Record {
                request_id: format!("id-{n}").as_bytes(),
                client_ip: IpAddr::from([10, 0, 0, (n % 200).try_into().unwrap()]),
                status,
                total: Duration::from_millis(n.into()),
                ..Record::example()
            });
        }
        let bytes = batch.take().bytes.to_vec();
        let mut summary = Summary::default();
        each(&bytes, |raw| summary.add(raw)).unwrap();
        (summary, bytes)
    }

    #[test]
    fn no_block_is_passed_over_that_has_what_is_searched_for() {
        let (summary, bytes) = of(1000);
        let kept = Summary::from_bytes(&summary.to_bytes()).unwrap();
        each(&bytes, |raw| {
            let text = |bytes: &[u8]| Some(String::from_utf8(bytes.to_owned()).unwrap());
            let filter = Filter {
                from: Some(raw.time),
                to: Some(raw.time),
                status: vec![raw.status..=raw.status],
                node: Some("web-1".into()),
                request_id: text(raw.request_id),
                client: Some(raw.client().into()),
                reason: None,
                ..Filter::default()
            };
            assert!(filter.takes(raw));
            assert!(kept.may_have(&filter) && summary.may_have(&filter));
        })
        .unwrap();
        assert_eq!(kept.classes, [0, 990, 0, 0, 10]);
    }

    #[test]
    fn most_blocks_are_passed_over_that_have_it_not() {
        let (summary, _) = of(1000);
        let kept = Summary::from_bytes(&summary.to_bytes()).unwrap();
        let some = |text: &str| Some(text.to_owned());
        let all = Filter::default();
        for filter in [
            Filter {
                status: vec![400..=499],
                ..all.clone()
            },
            Filter {
                node: some("web-9"),
                ..all.clone()
            },
            Filter {
                site: some("blog"),
                ..all.clone()
            },
            Filter {
                method: some("PUT"),
                ..all.clone()
            },
            Filter {
                reason: some("no_node"),
                ..all.clone()
            },
            Filter {
                slower_than: Some(Duration::from_secs(1)),
                ..all.clone()
            },
            Filter {
                to: Some(5),
                ..all.clone()
            },
            Filter {
                client: Some("10.0.1.1/32".parse().unwrap()),
                ..all.clone()
            },
        ] {
            assert!(!kept.may_have(&filter), "{filter:?}");
        }
        let in_vain = (0..10_000).filter(|n| {
            let id = some(&format!("other-{n}"));
            kept.may_have(&Filter {
                request_id: id,
                ..all.clone()
            })
        });
        // One in a thousand by design.
        assert!(in_vain.count() < 50);
    }

    #[test]
    fn a_damaged_summary_is_an_error() {
        let (summary, _) = of(10);
        let bytes = summary.to_bytes();
        for cut in 0..bytes.len() {
            let _ = Summary::from_bytes(&bytes[..cut]);
        }
        assert!(Summary::from_bytes(&bytes[..5]).is_err());
        assert!(Summary::from_bytes(&[]).is_err());
    }
}
