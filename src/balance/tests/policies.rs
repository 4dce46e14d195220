//! Each policy through the balancer: what reaches it, and what comes of it.

use tokio::time::Instant;

use super::{asker, balancer, lease, pool, set_health};
use crate::balance::{Health, Leasing, Tried};
use crate::model::Policy;

#[test]
fn a_key_stays_on_its_node_and_one_without_goes_in_turn() {
    let balancer = balancer(&pool(Policy::Hash, &[1, 1, 1]));
    let pick_for = |key: &[u8]| match balancer.lease(asker(key), &Tried::new(), Instant::now()) {
        Leasing::Leased(lease) => lease.index(),
        Leasing::NoNode => panic!("no node"),
    };
    let keys: Vec<String> = (0..100).map(|i| format!("/article/{i}")).collect();
    let owners = |keys: &[String]| -> Vec<usize> {
        keys.iter().map(|key| pick_for(key.as_bytes())).collect()
    };
    let before = owners(&keys);
    assert!((0..3).all(|index| before.contains(&index)));
    assert_eq!(owners(&keys), before);
    set_health(&balancer, 1, Health::Down);
    for (before, after) in before.iter().zip(owners(&keys)) {
        assert!(*before == after || *before == 1, "{before} became {after}");
    }
    set_health(&balancer, 1, Health::Up);
    assert_eq!(owners(&keys), before);
    let mut in_turn: Vec<_> = (0..3).map(|_| pick_for(b"")).collect();
    in_turn.sort_unstable();
    assert_eq!(in_turn, [0, 1, 2]);
}

#[test]
fn of_two_nodes_random_two_takes_the_less_busy() {
    let balancer = balancer(&pool(Policy::RandomTwo, &[1, 2]));
    let leases: Vec<_> = (0..30).map(|_| lease(&balancer, &Tried::new())).collect();
    let state = |index: usize| &balancer.nodes()[index].state;
    assert_eq!((state(0).in_flight(), state(1).in_flight()), (10, 20));
    drop(leases);
}
