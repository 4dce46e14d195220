//! By the client's address, mapped as nginx's `ip_hash` maps it.
//!
//! The weights of all nodes count, also of those that are down or disabled:
//! so the others keep their clients.

use std::net::IpAddr;

use super::round_robin;
use super::slot::Slot;

/// After so many nodes that could not be used, the choice goes in turn
/// (nginx's number).
const TRIES: usize = 20;

/// Chooses the client's node, or the next one its address leads to.
pub(super) fn choose(slots: &mut [Slot], client: IpAddr) -> Option<usize> {
    walk(slots, client).or_else(|| round_robin::choose(slots))
}

fn walk(slots: &[Slot], client: IpAddr) -> Option<usize> {
    // nginx takes the plain round robin when there is one node.
    if slots.len() < 2 {
        return None;
    }
    let total: u64 = slots.iter().map(|slot| slot.weight.unsigned_abs()).sum();
    let mut hash = 89;
    for _ in 0..=TRIES {
        hash = match client {
            // The last byte is left out: one client often has a whole /24.
            IpAddr::V4(ip) => mix(hash, &ip.octets()[..3]),
            IpAddr::V6(ip) => mix(hash, &ip.octets()),
        };
        let index = at_weight(slots, hash % total)?;
        if slots[index].eligible {
            return Some(index);
        }
    }
    None
}

fn mix(hash: u64, bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(hash, |hash, byte| (hash * 113 + u64::from(*byte)) % 6271)
}

fn at_weight(slots: &[Slot], mut place: u64) -> Option<usize> {
    slots.iter().position(|slot| {
        let weight = slot.weight.unsigned_abs();
        let here = place < weight;
        place = place.saturating_sub(weight);
        here
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::{any, proptest};
    use proptest::{collection, prop_assert_eq};

    use super::{Slot, choose, mix};

    fn slots(nodes: &[(u16, bool)]) -> Vec<Slot> {
        let slot = |(weight, eligible): &(u16, bool)| Slot {
            eligible: *eligible,
            ..Slot::new(*weight)
        };
        nodes.iter().map(slot).collect()
    }

    // Asked of nginx 1.22.1: `server … weight=3; … weight=2; …;` and
    // `server … weight=3; … weight=2 down; …; … weight=4 down;`.
    #[test]
    fn clients_are_mapped_as_nginx_maps_them() {
        for (client, all_up, some_down) in [
            ("10.0.0.1", 1, 2),
            ("10.0.1.77", 1, 0),
            ("192.168.7.9", 1, 0),
            ("203.0.113.200", 0, 0),
            ("8.8.8.8", 2, 0),
            ("172.16.31.4", 0, 0),
            ("0.0.0.0", 0, 2),
            ("2001:db8::1", 0, 0),
            ("2001:db8::2", 1, 0),
            ("::1", 2, 2),
            ("fe80::1234:5678", 1, 2),
        ] {
            let client: IpAddr = client.parse().unwrap();
            let mut up = slots(&[(3, true), (2, true), (1, true)]);
            assert_eq!(choose(&mut up, client), Some(all_up), "{client}");
            let mut down = slots(&[(3, true), (2, false), (1, true), (4, false)]);
            assert_eq!(choose(&mut down, client), Some(some_down), "{client}");
        }
    }

    #[test]
    fn when_the_address_leads_nowhere_the_choice_goes_in_turn() {
        // One weight in 1001 is next to never met in 21 tries.
        let mut pool = slots(&[(1000, false), (1, true)]);
        let client = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
        assert_eq!(choose(&mut pool, client), Some(1));
        assert_eq!(choose(&mut slots(&[(1, true)]), client), Some(0));
        assert_eq!(choose(&mut slots(&[(1, false), (1, false)]), client), None);
        assert_eq!(choose(&mut [], client), None);
    }

    proptest! {
        #[test]
        fn the_walk_agrees_with_one_ticket_per_unit_of_weight(
            nodes in collection::vec((1u16..9, any::<bool>()), 2..6),
            ip in any::<[u8; 4]>(),
        ) {
            let tickets: Vec<usize> = nodes.iter().enumerate()
                .flat_map(|(index, (weight, _))| vec![index; usize::from(*weight)])
                .collect();
            let mut hash = 89;
            let first = (0..21).find_map(|_| {
                hash = mix(hash, &ip[..3]);
                let index = tickets[usize::try_from(hash).unwrap() % tickets.len()];
                nodes[index].1.then_some(index)
            });
            let in_turn = || super::round_robin::choose(&mut slots(&nodes));
            let expected = first.or_else(in_turn);
            prop_assert_eq!(choose(&mut slots(&nodes), IpAddr::from(ip)), expected);
        }
    }
}
