//! Each policy through the balancer: what reaches it, and what comes of it.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{asker, balancer, lease, node, pick, pool, set_health};
use crate::balance::{Balancer, Health, Leasing, Registry, Tried};
use crate::model::Policy;

#[test]
fn a_key_stays_on_its_node_and_one_without_goes_in_turn() {
    let balancer = balancer(&pool(Policy::Hash, &[1, 1, 1]));
    let pick_for = |key: &[u8]| match balancer.lease(asker(key), &Tried::new(), Instant::now()) {
        Leasing::Leased(lease) => lease.index(),
        other => panic!("{other:?}"),
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

#[tokio::test(start_paused = true)]
async fn the_faster_node_is_asked_and_the_slower_tried_again_in_time() {
    let balancer = balancer(&pool(Policy::LeastTime, &[1, 1]));
    let ask = || {
        let index = pick(&balancer);
        let time = Duration::from_millis([10, 40][index]);
        balancer.took(index, time, Instant::now());
        index
    };
    let first: Vec<_> = (0..2).map(|_| ask()).collect();
    assert_eq!(first, [0, 1], "each is tried");
    let mut picks = Vec::new();
    for _ in 0..150 {
        advance(Duration::from_millis(100)).await;
        picks.push(ask());
    }
    // When its 40 ms have faded to 10: after 10 s × ln 4.
    let again = picks.iter().position(|index| *index == 1).unwrap();
    assert!((137..=140).contains(&again), "{again}");
    assert!(picks[again + 1..].iter().all(|index| *index == 0));
}

#[test]
fn a_node_of_which_nothing_is_known_is_not_overrun() {
    let registry = Registry::new();
    let mut pool = pool(Policy::LeastTime, &[1]);
    let alone = Balancer::build(&pool, &registry);
    alone.took(0, Duration::from_millis(10), Instant::now());
    pool.nodes.push(node(1, 1));
    let both = Balancer::build(&pool, &registry);
    let leases: Vec<_> = (0..10)
        .map(|_| lease(&both, &Tried::new()).unwrap())
        .collect();
    assert_eq!(leases[0].index(), 1, "it is tried at once");
    let new = leases.iter().filter(|lease| lease.index() == 1).count();
    assert_eq!(new, 5);
}
