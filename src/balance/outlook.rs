//! What would come of a request for a node, found as for a real one but on a copy: nothing
//! is counted, and nobody's turn is taken.

use tokio::time::Instant;

use super::choice::Wish;
use super::{Asker, Balancer, Claim, Tried};
use crate::model::Policy;

/// What would come of a request for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Per candidate, whether it might be chosen.
    pub eligible: Vec<bool>,
    /// The one that is chosen, where that goes by who asks.
    pub bound: Option<usize>,
    /// Whether it is so by the affinity cookie.
    pub by_cookie: bool,
    /// Whether no good node is left, and others are asked all the same.
    pub fail_open: bool,
    /// Whether a node is to be had at once.
    pub room: Room,
}

/// Whether a node is to be had at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    AtOnce,
    /// No node is enabled.
    Never,
    /// No: every one that may be asked is full, or others wait.
    Later,
    /// The same, and no more may wait.
    Full,
}

impl Balancer {
    /// What would come of a request of `asker` at `now`.
    pub fn outlook(&self, asker: Asker, now: Instant) -> Outlook {
        let mut slots = self.turn.lock().clone();
        let wish = Wish {
            asker,
            tried: &Tried::new(),
            waits: false,
        };
        let best = self.mark_best(&mut slots, wish, now);
        let queued = self.queued();
        let room = match &best {
            Ok(_) if queued == 0 => Room::AtOnce,
            Err(Claim::Nobody) => Room::Never,
            Ok(_) | Err(_) if queued < self.queue_size => Room::Later,
            Ok(_) | Err(_) => Room::Full,
        };
        let mut eligible: Vec<bool> = match best {
            Ok(_) => slots.iter().map(|slot| slot.eligible).collect(),
            Err(_) => vec![false; slots.len()],
        };
        if let Some(node) = self.bound_node(asker, &Tried::new(), now) {
            eligible[node] = self.nodes()[node].state.has_room();
            let room = match eligible[node] {
                true => Room::AtOnce,
                false if queued < self.queue_size => Room::Later,
                false => Room::Full,
            };
            return Outlook {
                eligible,
                bound: Some(node),
                by_cookie: true,
                fail_open: false,
                room,
            };
        }
        let fail_open = matches!(best, Ok(true));
        if let Some(node) = asker.bound.filter(|node| fail_open && eligible[*node]) {
            return Outlook {
                eligible,
                bound: Some(node),
                by_cookie: true,
                fail_open,
                room,
            };
        }
        let by_asker = matches!(self.policy, Policy::IpHash | Policy::Hash);
        let bound = match by_asker && best.is_ok() {
            true => self.choose(&mut slots, asker, now),
            false => None,
        };
        Outlook {
            eligible,
            bound,
            by_cookie: false,
            fail_open,
            room,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::Room;
    use crate::balance::queue_tests::{ask, asker, balancer, lease, pool, set_health};
    use crate::balance::{Asker, Balancer, Health, Leasing, Registry, Tried};
    use crate::model::{AdminState, Policy};

    #[test]
    fn room_is_what_the_next_request_finds() {
        let balancer = balancer(&[1, 1], 2);
        let mut held = Vec::new();
        for _ in 0..6 {
            let told = balancer.outlook(asker(), Instant::now()).room;
            let found = ask(&balancer, &Tried::new());
            let is = match &found {
                Leasing::Leased(_) => Room::AtOnce,
                Leasing::Wait(_) => Room::Later,
                Leasing::Full => Room::Full,
                Leasing::NoNode => Room::Never,
            };
            assert_eq!(told, is);
            held.push(found);
        }
        assert!(matches!(held[5], Leasing::Full));
    }

    #[test]
    fn who_finds_others_waiting_has_to_wait() {
        let balancer = balancer(&[1, 1], 2);
        let (first, _second) = (lease(&balancer), lease(&balancer));
        let mut tried = Tried::new();
        tried.insert(first.index());
        let _retry = ask(&balancer, &tried);
        drop(first);
        let outlook = balancer.outlook(asker(), Instant::now());
        assert_eq!(outlook.room, Room::Later);
    }

    fn bound(index: usize) -> Asker {
        Asker {
            bound: Some(index),
            ..asker()
        }
    }

    #[test]
    fn a_bound_client_waits_for_its_own_node_while_there_is_room_to_wait() {
        let balancer = balancer(&[1, 0], 2);
        let now = Instant::now();
        let outlook = || balancer.outlook(bound(0), now);
        let mut held = Vec::new();
        for (told, waiting) in [
            (Room::AtOnce, 0),
            (Room::Later, 0),
            (Room::Later, 1),
            (Room::Full, 2),
        ] {
            let is = outlook();
            assert_eq!((is.room, balancer.queued()), (told, waiting));
            assert_eq!((is.bound, is.by_cookie), (Some(0), true));
            assert_eq!(is.eligible, [told == Room::AtOnce, true]);
            held.push(balancer.lease(bound(0), &Tried::new(), now));
        }
        assert!(matches!(held[3], Leasing::Full));
    }

    #[test]
    fn where_all_are_down_a_cookie_holds_unless_its_node_is_disabled() {
        let mut pool = pool(&[0, 0, 0], 2);
        pool.nodes[2].state = AdminState::Disabled;
        let balancer = Balancer::build(&pool, &Registry::new());
        (0..3).for_each(|index| set_health(&balancer, index, Health::Down));
        let told = |index| {
            let outlook = balancer.outlook(bound(index), Instant::now());
            assert!(outlook.fail_open);
            (outlook.bound, outlook.by_cookie)
        };
        assert_eq!(told(1), (Some(1), true));
        assert_eq!(told(2), (None, false));
    }

    #[test]
    fn only_a_policy_that_goes_by_who_asks_tells_the_node() {
        for (policy, is_told) in [(Policy::RoundRobin, false), (Policy::IpHash, true)] {
            let mut pool = pool(&[0, 0], 2);
            pool.policy = policy;
            let balancer = Balancer::build(&pool, &Registry::new());
            let outlook = balancer.outlook(asker(), Instant::now());
            assert_eq!(outlook.bound.is_some(), is_told, "{policy:?}");
            assert!(!outlook.by_cookie && !outlook.fail_open);
        }
    }
}
