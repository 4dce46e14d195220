//! What single nodes' settings do to the pool: backups and slow starts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::queue_tests::{asker, set_health};
use super::{Balancer, Health, Lease, Leasing, Registry, Tried};
use crate::model::{HealthCheck, Name, Node, NodeAddress, Policy, Pool};

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

const SLOW: Duration = Duration::from_secs(10);

// How many of a cycle's picks go to the first node.
fn share_of_first(balancer: &Arc<Balancer>, cycle: usize) -> usize {
    let picks = picks(balancer, cycle);
    picks.iter().filter(|index| **index == 0).count()
}

fn fall_and_rise(balancer: &Balancer) {
    set_health(balancer, 0, Health::Down);
    set_health(balancer, 0, Health::Up);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_comes_back_gets_its_share_little_by_little() {
    let balancer = balancer(|pool| {
        pool.nodes.truncate(2);
        pool.slow_start = SLOW;
    });
    assert_eq!(share_of_first(&balancer, 100), 50);
    fall_and_rise(&balancer);
    assert_eq!(share_of_first(&balancer, 101), 1);
    advance(SLOW / 2).await;
    // What is owed from before may shift it by one.
    assert!((49..=51).contains(&share_of_first(&balancer, 150)));
    advance(SLOW / 2).await;
    assert_eq!(share_of_first(&balancer, 200), 100);
}

#[tokio::test(start_paused = true)]
async fn under_least_conn_a_node_that_comes_back_is_asked_less() {
    let balancer = balancer(|pool| {
        pool.policy = Policy::LeastConn;
        pool.nodes.truncate(2);
        pool.slow_start = SLOW;
    });
    fall_and_rise(&balancer);
    advance(SLOW / 4).await;
    let held: Vec<_> = (0..50).map(|_| lease(&balancer, &[])).collect();
    let first = held.iter().filter(|lease| lease.index() == 0).count();
    assert_eq!(first, 10, "25 to 100");
}

#[tokio::test(start_paused = true)]
async fn a_node_s_own_time_counts_before_the_pool_s() {
    for (pool_s, node_s, is_slow) in [
        (SLOW, Some(Duration::ZERO), false),
        (Duration::ZERO, Some(SLOW), true),
        (SLOW, None, true),
    ] {
        let balancer = balancer(|pool| {
            pool.nodes.truncate(2);
            pool.slow_start = pool_s;
            pool.nodes[0].slow_start = node_s;
        });
        fall_and_rise(&balancer);
        let expected = if is_slow { 1 } else { 50 };
        assert_eq!(share_of_first(&balancer, 100), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn at_a_start_of_the_program_every_node_has_its_whole_weight() {
    for default_down in [true, false] {
        let balancer = balancer(|pool| {
            pool.nodes.truncate(2);
            pool.slow_start = SLOW;
            pool.health_check = Some(HealthCheck {
                default_down,
                ..HealthCheck::default()
            });
        });
        set_health(&balancer, 0, Health::Up);
        set_health(&balancer, 1, Health::Up);
        assert_eq!(share_of_first(&balancer, 100), 50);
    }
}

#[tokio::test(start_paused = true)]
async fn checks_that_go_on_passing_do_not_start_it_anew() {
    let balancer = balancer(|pool| {
        pool.nodes.truncate(2);
        pool.slow_start = SLOW;
    });
    fall_and_rise(&balancer);
    for _ in 0..2 {
        advance(SLOW / 2).await;
        set_health(&balancer, 0, Health::Up);
    }
    assert_eq!(share_of_first(&balancer, 100), 50);
}

#[test]
fn a_node_tells_its_health_and_its_errors() {
    assert_eq!(Health::ALL.map(Health::as_str), ["unknown", "up", "down"]);
    let balancer = balancer(|_| {});
    let state = &balancer.nodes()[0].state;
    state.count_error();
    state.count_error();
    assert_eq!(state.errors(), 2);
}
