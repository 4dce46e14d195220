//! By a key of the request, mapped as nginx's `hash … consistent` maps it (ketama): each node
//! stands at many points of a ring, and a key belongs to the first point at or behind its
//! hash. A node that comes or goes moves its own share of the keys and no other.
//!
//! All nodes stand on the ring, also those that are down or disabled: so the others keep
//! their keys.

use std::collections::HashMap;

use super::asker::KeyHash;
use super::crc32::Crc32;
use super::round_robin;
use super::slot::Slot;

/// Points per unit of weight (nginx's number).
const POINTS: usize = 160;

/// After so many points whose node could not be used, the choice goes in turn (nginx's number).
const TRIES: usize = 20;

/// The points of a pool's nodes. It is empty for every other policy.
#[derive(Debug, Default)]
pub(super) struct Ring {
    // Hash and group, by hash, each hash once.
    points: Box<[(u32, u32)]>,
    // Per node, the first node of the same address. These share their points and take turns.
    groups: Box<[u32]>,
}

impl Ring {
    /// The ring of nodes of these addresses, as `export` writes them, and weights. nginx takes
    /// the text of its `server` line, where a name may have capital letters: ours has none.
    pub(super) fn build<'n>(nodes: impl IntoIterator<Item = (&'n str, u16)>) -> Self {
        let (mut points, mut groups) = (Vec::new(), Vec::new());
        let mut first = HashMap::new();
        for ((address, weight), index) in nodes.into_iter().zip(0..) {
            let group = *first.entry(address).or_insert(index);
            groups.push(group);
            points.extend(hashes(address, weight).map(|hash| (hash, group)));
        }
        // Where two nodes meet at one point, the first of them has it.
        points.sort_unstable();
        points.dedup_by_key(|(hash, _)| *hash);
        Self {
            points: points.into(),
            groups: groups.into(),
        }
    }

    /// The first group that `may` be chosen, at or behind `hash`.
    fn walk(&self, hash: u32, may: impl Fn(u32) -> bool) -> Option<u32> {
        let start = self.points.partition_point(|(point, _)| *point < hash);
        let (before, behind) = self.points.split_at(start);
        let mut groups = behind.iter().chain(before).map(|(_, group)| *group);
        groups.by_ref().take(TRIES + 1).find(|group| may(*group))
    }
}

/// The points of one node: the checksum of host, NUL and port, each point's with the one
/// before it (Cache::Memcached::Fast did it so first).
fn hashes(address: &str, weight: u16) -> impl Iterator<Item = u32> {
    let (host, port) = match address.strip_prefix("unix:") {
        Some(path) => (path, ""),
        None => address.rsplit_once(':').unwrap_or((address, "")),
    };
    let mut base = Crc32::new();
    for piece in [host.as_bytes(), b"\0", port.as_bytes()] {
        base.update(piece);
    }
    let next = move |previous: u32| {
        let mut crc = base;
        crc.update(&previous.to_le_bytes());
        crc.finish()
    };
    std::iter::successors(Some(next(0)), move |hash| Some(next(*hash)))
        .take(usize::from(weight) * POINTS)
}

/// Chooses the key's node, or the next one on the ring. A request without the key goes in
/// turn. Those that are passed over lose `eligible`.
pub(super) fn choose(slots: &mut [Slot], ring: &Ring, key: KeyHash) -> Option<usize> {
    if let Some(hash) = key.finish() {
        let may = |group| {
            let mut slots = slots.iter().zip(&ring.groups);
            slots.any(|(slot, its)| slot.eligible && *its == group)
        };
        if let Some(group) = ring.walk(hash, may) {
            for (slot, its) in slots.iter_mut().zip(&ring.groups) {
                slot.eligible &= *its == group;
            }
        }
    }
    round_robin::choose(slots)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert, prop_assert_eq};

    use super::{KeyHash, Ring, Slot, choose, round_robin};

    fn checksum(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
            }
        }
        !crc
    }

    /// Every point by itself, from the whole text each time.
    fn points(nodes: &[(String, u16)]) -> BTreeMap<u32, String> {
        let mut points = BTreeMap::new();
        for (address, weight) in nodes {
            let (host, port) = address.rsplit_once(':').unwrap();
            let mut previous = 0_u32;
            for _ in 0..u32::from(*weight) * 160 {
                let text = [
                    host.as_bytes(),
                    b"\0",
                    port.as_bytes(),
                    &previous.to_le_bytes(),
                ];
                previous = checksum(&text.concat());
                points.entry(previous).or_insert_with(|| address.clone());
            }
        }
        points
    }

    #[test]
    fn a_key_that_is_a_point_belongs_to_it_and_twenty_one_points_are_asked() {
        let nodes: Vec<String> = (0..30).map(|n| format!("10.0.0.{n}:80")).collect();
        let ring = Ring::build(nodes.iter().map(|node| (node.as_str(), 1)));
        for (hash, group) in &ring.points {
            assert_eq!(ring.walk(*hash, |_| true), Some(*group));
        }
        let asked = std::cell::Cell::new(0);
        let never = |_| {
            asked.set(asked.get() + 1);
            false
        };
        assert_eq!((ring.walk(7, never), asked.get()), (None, 21));
    }

    fn slots(nodes: &[(String, u16)], eligible: impl Fn(usize) -> bool) -> Vec<Slot> {
        let slot = |(index, (_, weight)): (usize, &(String, u16))| Slot {
            eligible: eligible(index),
            ..Slot::new(*weight)
        };
        nodes.iter().enumerate().map(slot).collect()
    }

    fn ring(nodes: &[(String, u16)]) -> Ring {
        Ring::build(nodes.iter().map(|(address, weight)| (&**address, *weight)))
    }

    proptest! {
        #[test]
        fn every_key_agrees_with_looking_at_all_points(
            // Some have the same address.
            nodes in collection::vec((0u8..5, 1u16..5, 0u8..4), 1..7),
            keys in collection::vec(collection::vec(any::<u8>(), 0..5), 1..20),
        ) {
            let eligible = |index: usize| nodes[index].2 > 0;
            let nodes: Vec<(String, u16)> = nodes
                .iter()
                .map(|(host, weight, _)| (format!("10.0.0.{host}:8000"), *weight))
                .collect();
            let (ring, points) = (ring(&nodes), points(&nodes));
            let (mut ours, mut theirs) = (slots(&nodes, eligible), slots(&nodes, eligible));
            for key in keys {
                for (index, slot) in ours.iter_mut().enumerate() {
                    slot.eligible = eligible(index);
                    theirs[index].eligible = slot.eligible;
                }
                let may = |address: &String| {
                    (0..nodes.len()).any(|i| eligible(i) && nodes[i].0 == *address)
                };
                let hash = checksum(&key);
                let from_here = points.range(hash..).chain(points.range(..hash));
                let owner = from_here.map(|(_, address)| address).take(21).find(|a| may(a));
                if let Some(owner) = owner && !key.is_empty() {
                    for (index, slot) in theirs.iter_mut().enumerate() {
                        slot.eligible = slot.eligible && nodes[index].0 == *owner;
                    }
                }
                let expected = round_robin::choose(&mut theirs);
                prop_assert_eq!(choose(&mut ours, &ring, KeyHash::from(&key[..])), expected);
                prop_assert_eq!(&ours, &theirs);
            }
        }

        #[test]
        fn a_node_that_leaves_moves_no_other_node_s_keys(
            weights in collection::vec(1u16..4, 2..6),
            gone in any::<proptest::sample::Index>(),
            keys in collection::vec(any::<u64>(), 50),
        ) {
            let gone = gone.index(weights.len());
            let all: Vec<(String, u16)> = weights.iter().enumerate().map(|(i, w)| (format!("a{i}:1"), *w)).collect();
            let mut left = all.clone();
            left.remove(gone);
            let owners = |nodes: &[(String, u16)]| -> Vec<String> {
                let ring = ring(nodes);
                let owner = |key: &u64| {
                    let key = KeyHash::from(&key.to_le_bytes()[..]);
                    let index = choose(&mut slots(nodes, |_| true), &ring, key).unwrap();
                    nodes[index].0.clone()
                };
                keys.iter().map(owner).collect()
            };
            for (before, after) in owners(&all).into_iter().zip(owners(&left)) {
                prop_assert!(before == after || before == all[gone].0, "{} {}", before, after);
            }
        }
    }

    #[test]
    fn a_big_pool_has_all_its_points() {
        let nodes: Vec<(String, u16)> = (0..1000).map(|i| (format!("node-{i}:80"), 2)).collect();
        let ring = ring(&nodes);
        // A few meet by chance.
        assert!((319_900..=320_000).contains(&ring.points.len()));
        let mut counts = vec![0; 1000];
        for key in 0..20_000_u32 {
            let key = KeyHash::from(&key.to_le_bytes()[..]);
            let hash = key.finish().unwrap();
            counts[usize::try_from(ring.walk(hash, |_| true).unwrap()).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (2..60).contains(count)));
    }
}
