//! What single nodes' settings do to the pool: backups.

use std::sync::Arc;

use tokio::time::Instant;

use super::queue_tests::{asker, set_health};
use super::{Balancer, Health, Lease, Leasing, Registry, Tried};
use crate::model::{Name, Node, NodeAddress, Policy, Pool};

// Three nodes, changed by `change`.
fn balancer(change: impl Fn(&mut Pool)) -> Arc<Balancer> {
    let mut pool = Pool::new(Name::unchecked("django"));
    let node = |i| {
        let address = NodeAddress::parse(&format!("10.0.0.{i}:80")).unwrap();
        Node::new(Name::unchecked(&format!("web-{i}")), address)
    };
    pool.nodes = (1..=3).map(node).collect();
    change(&mut pool);
    Balancer::build(&pool, &Registry::new())
}

fn lease<'a>(balancer: &'a Arc<Balancer>, tried: &[usize]) -> Lease<'a> {
    let mut set = Tried::new();
    tried.iter().for_each(|index| set.insert(*index));
    match balancer.lease(asker(), &set, Instant::now()) {
        Leasing::Leased(lease) => lease,
        other => panic!("{other:?}"),
    }
}

fn picks(balancer: &Arc<Balancer>, count: usize) -> Vec<usize> {
    (0..count).map(|_| lease(balancer, &[]).index()).collect()
}

fn with_backups(pool: &mut Pool) {
    pool.nodes[1].backup = true;
    pool.nodes[2].backup = true;
    pool.nodes[2].weight = 2;
}

#[test]
fn a_backup_is_used_only_while_no_other_node_is_good() {
    for policy in [Policy::RoundRobin, Policy::LeastConn] {
        let balancer = balancer(|pool| {
            with_backups(pool);
            pool.policy = policy;
        });
        assert_eq!(picks(&balancer, 4), [0; 4]);
        set_health(&balancer, 0, Health::Down);
        assert!(!balancer.fail_open(Instant::now()), "the backups are good");
        assert_eq!(picks(&balancer, 6), [2, 1, 2, 2, 1, 2], "by their weights");
        set_health(&balancer, 0, Health::Up);
        assert_eq!(picks(&balancer, 4), [0; 4]);
    }
}

#[test]
fn a_backup_takes_what_the_others_have_no_room_for_or_failed_at() {
    let balancer = balancer(|pool| {
        with_backups(pool);
        pool.nodes[0].max_conns = 1;
        pool.nodes[1].max_conns = 1;
        pool.nodes[2].max_conns = 1;
    });
    let held: Vec<_> = (0..3).map(|_| lease(&balancer, &[])).collect();
    let chosen: Vec<_> = held.iter().map(Lease::index).collect();
    assert_eq!(chosen, [0, 2, 1]);
    let all_full = balancer.lease(asker(), &Tried::new(), Instant::now());
    assert!(matches!(all_full, Leasing::Wait(_)), "{all_full:?}");
    drop((all_full, held));
    assert_ne!(lease(&balancer, &[0]).index(), 0, "a retry");
}

#[test]
fn a_pool_without_a_good_node_tries_the_others_before_the_backups() {
    let balancer = balancer(with_backups);
    for index in 0..3 {
        set_health(&balancer, index, Health::Down);
    }
    assert_eq!(picks(&balancer, 3), [0; 3]);
    assert!(lease(&balancer, &[]).fail_open);
    assert!([1, 2].contains(&lease(&balancer, &[0]).index()));
}
