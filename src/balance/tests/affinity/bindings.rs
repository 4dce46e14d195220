//! Cookies handed out, and who is known to be bound by them.

use super::{published, with_affinity};
use crate::balance::{AffinityKey, Balancer, Bound, Registry, unix_now};
use crate::model::{AdminState, Policy};

fn open(balancer: &Balancer, cookie: &[u8]) -> Option<Bound> {
    balancer.affinity().unwrap().open(cookie, unix_now())
}

#[test]
fn a_cookie_is_handed_out_once_renewed_and_moved() {
    let registry = Registry::new();
    let pool = with_affinity(Policy::RoundRobin, &[1, 1], 100);
    let balancer = published(&pool, &registry);
    let now = unix_now();
    let bound_to = |index: usize, now| balancer.bound_to(&balancer.nodes()[index], now).clients;
    let cookie = balancer.bind(0, None, now).unwrap();
    let bound = open(&balancer, &cookie);
    assert_eq!(bound.map(|b| b.index), Some(0));
    assert_eq!(balancer.bind(0, bound, now + 50), None);
    let renewed = balancer.bind(0, bound, now + 51).unwrap();
    assert_ne!(renewed, cookie);
    assert_eq!((bound_to(0, now + 51), bound_to(1, now + 51)), (1, 0));
    let bound = open(&balancer, &renewed);
    let moved = balancer.bind(1, bound, now + 52).unwrap();
    assert_eq!(open(&balancer, &moved).map(|b| b.index), Some(1));
    assert_eq!((bound_to(0, now + 52), bound_to(1, now + 52)), (0, 1));
    // Once it has expired it is worth nothing.
    assert_eq!(balancer.affinity().unwrap().open(&moved, now + 153), None);
    assert!(
        balancer
            .affinity()
            .unwrap()
            .open(&moved, now + 152)
            .is_some()
    );
    // Nor for another key.
    let other = Balancer::signing(&pool, &registry, &AffinityKey::new(b"K"));
    registry.retain([&other]);
    assert_eq!(open(&other, &moved), None);
    assert_eq!(other.bound_to(&other.nodes()[1], now + 52).clients, 0);
}

#[test]
fn nobody_is_bound_anew_to_a_node_that_is_to_be_rid_of_its_clients() {
    let registry = Registry::new();
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 100);
    let old = published(&pool, &registry);
    let now = unix_now();
    let cookie = old.bind(0, None, now).unwrap();
    pool.nodes[0].state = AdminState::Draining;
    let new = published(&pool, &registry);
    for balancer in [&old, &new] {
        assert_eq!(balancer.bind(0, None, now), None);
        assert_eq!(balancer.bind(0, open(balancer, &cookie), now + 99), None);
    }
    assert_eq!(new.bound_to(&new.nodes()[0], now + 100).clients, 1);
    assert_eq!(new.bound_to(&new.nodes()[0], now + 101).until, None);
}

#[test]
fn who_is_bound_is_known_through_every_change() {
    let registry = Registry::new();
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 100);
    let first = published(&pool, &registry);
    let cookie = first.bind(0, None, unix_now()).unwrap();
    let clients = |balancer: &Balancer| {
        let nodes = balancer.nodes().iter();
        nodes
            .map(|n| balancer.bound_to(n, unix_now()).clients)
            .collect::<Vec<_>>()
    };
    // Another address, another check: another node state, the same clients.
    pool.nodes[0].address = crate::model::NodeAddress::parse("10.9.9.9:80").unwrap();
    pool.health_check = None;
    assert_eq!(clients(&published(&pool, &registry)), [1, 0]);
    let removed = pool.nodes.remove(0);
    let without = published(&pool, &registry);
    assert_eq!(clients(&without), [0]);
    assert_eq!(open(&without, &cookie), None);
    pool.nodes.push(removed);
    let back = published(&pool, &registry);
    assert_eq!(clients(&back), [0, 1]);
    assert_eq!(open(&back, &cookie).map(|b| b.index), Some(1));
    pool.affinity = None;
    let off = published(&pool, &registry);
    assert_eq!(clients(&off), [0, 0]);
    assert!(off.affinity().is_none());
}

#[test]
fn a_start_is_careful_about_those_bound_before() {
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 100);
    pool.nodes[1].state = AdminState::Draining;
    let balancer = published(&pool, &Registry::new());
    let until = |index: usize| balancer.bound_to(&balancer.nodes()[index], 1000).until;
    balancer.began(1000, 950);
    assert_eq!((until(0), until(1)), (Some(1101), Some(1051)));
    // Drained for longer than any cookie lasts: nobody can be bound.
    let long_drained = published(&pool, &Registry::new());
    long_drained.began(1000, 500);
    assert_eq!(
        long_drained.bound_to(&long_drained.nodes()[1], 1000).until,
        None
    );
    let session = published(
        &with_affinity(Policy::RoundRobin, &[1], 0),
        &Registry::new(),
    );
    session.began(1000, 1000);
    assert_eq!(session.bound_to(&session.nodes()[0], 1000).until, None);
}

#[test]
fn a_client_bound_by_another_appliance_is_known_as_soon_as_it_comes() {
    let key = AffinityKey::new(b"shared");
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 100);
    let (there, here) = (Registry::new(), Registry::new());
    let elsewhere = Balancer::signing(&pool, &there, &key);
    let balancer = Balancer::signing(&pool, &here, &key);
    let now = unix_now();
    let cookie = elsewhere.bind(1, None, now).unwrap();
    let bound = open(&balancer, &cookie).unwrap();
    let until = |balancer: &Balancer| balancer.bound_to(&balancer.nodes()[1], now).until;
    assert_eq!(until(&balancer), None);
    balancer.see(bound, now);
    assert_eq!(until(&balancer), until(&elsewhere));
    assert!(until(&elsewhere).is_some());
    // One that cannot stay is not waited for.
    pool.nodes[1].state = AdminState::Disabled;
    let disabled = Balancer::signing(&pool, &Registry::new(), &key);
    disabled.see(bound, now);
    assert_eq!(until(&disabled), None);
}

#[test]
fn it_is_known_beforehand_whether_an_answer_brings_a_cookie() {
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1, 1], 100);
    pool.nodes[2].state = AdminState::Draining;
    let balancer = published(&pool, &Registry::new());
    let now = unix_now();
    let cookie = balancer.bind(0, None, now).unwrap();
    let cookies = [None, open(&balancer, &cookie)];
    for (index, node) in balancer.nodes().iter().enumerate() {
        for bound in cookies {
            for now in [now, now + 60] {
                let affinity = balancer.affinity().unwrap();
                let told = affinity.would_bind((index, node), bound, now);
                let brought = balancer.bind(index, bound, now).is_some();
                assert_eq!(told, brought, "{index} {bound:?} {now}");
            }
        }
    }
}
