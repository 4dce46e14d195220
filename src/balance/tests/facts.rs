//! What is known of one node, as it is told.

use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{asker, balancer, lease, pool, set_health};
use crate::balance::{
    Asker, Balancer, Cause, CheckResult, Health, Leasing, NodeState, Tried, Unresolved,
};
use crate::model::Policy;

fn state(balancer: &Balancer, index: usize) -> &NodeState {
    &balancer.nodes()[index].state
}

#[test]
fn what_is_counted_of_a_node_is_its_own() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1]));
    let (first, second) = (state(&balancer, 0), state(&balancer, 1));
    first.count_excess_bytes(7);
    first.count_excess_bytes(5);
    assert_eq!((first.excess_bytes(), second.excess_bytes()), (12, 0));
    for _ in 0..3 {
        first.set_check(CheckResult::of(None), Health::Up);
    }
    for _ in 0..2 {
        first.set_check(CheckResult::of(Some(Cause::Refused)), Health::Up);
    }
    assert_eq!((first.checks(), second.checks()), ((3, 2), (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_node_is_silent_once_requests_wait_longer_than_since_its_last_answer() {
    const SECOND: Duration = Duration::from_secs(1);
    let balancer = balancer(&pool(Policy::RoundRobin, &[1]));
    let node = state(&balancer, 0);
    advance(10 * SECOND).await;
    assert!(!node.is_silent(Instant::now(), SECOND), "nothing waits");
    let held = lease(&balancer, &Tried::new()).unwrap();
    assert!(node.is_silent(Instant::now(), SECOND), "it never answered");
    node.hear(Instant::now());
    assert!(
        !node.is_silent(Instant::now(), SECOND),
        "it has just answered"
    );
    advance(SECOND / 2).await;
    assert!(!node.is_silent(Instant::now(), SECOND));
    advance(SECOND / 2).await;
    assert!(node.is_silent(Instant::now(), SECOND));
    let tunnel = held.keep();
    assert!(
        !node.is_silent(Instant::now(), SECOND),
        "on a tunnel nothing waits"
    );
    drop(tunnel);
}

#[test]
fn a_check_that_passes_forgives_only_a_node_that_was_down() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1]));
    let now = Instant::now();
    set_health(&balancer, 0, Health::Up);
    (0..3).for_each(|_| balancer.failed(0, now));
    assert!(balancer.ejected_until(0, now).is_some());
    // Its checks pass all along: what it does to requests is another matter.
    set_health(&balancer, 0, Health::Up);
    assert!(balancer.ejected_until(0, now).is_some());
    set_health(&balancer, 0, Health::Down);
    assert!(balancer.ejected_until(0, now).is_some());
    set_health(&balancer, 0, Health::Up);
    assert!(balancer.ejected_until(0, now).is_none());
}

#[tokio::test(start_paused = true)]
async fn only_a_node_that_went_down_has_come_back() {
    let mut pool = pool(Policy::RoundRobin, &[1, 1]);
    pool.health_check = Some(crate::model::HealthCheck {
        default_down: true,
        ..crate::model::HealthCheck::default()
    });
    let balancer = balancer(&pool);
    let node = state(&balancer, 0);
    advance(Duration::from_secs(1)).await;
    // It began down and still is; then it comes up: nothing is known to be cold.
    set_health(&balancer, 0, Health::Down);
    set_health(&balancer, 0, Health::Up);
    assert_eq!(node.recovered_for(Instant::now()), None);
    set_health(&balancer, 0, Health::Up);
    assert_eq!(node.recovered_for(Instant::now()), None);
    set_health(&balancer, 0, Health::Down);
    set_health(&balancer, 0, Health::Up);
    assert_eq!(node.recovered_for(Instant::now()), Some(Duration::ZERO));
}

#[test]
fn a_bound_client_s_turn_is_counted_among_those_that_are_up() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1, 5]));
    set_health(&balancer, 2, Health::Down);
    let bound = Asker {
        bound: Some(0),
        ..asker(b"")
    };
    let leased = balancer.lease(bound, &Tried::new(), Instant::now());
    assert!(matches!(leased, Leasing::Leased(lease) if lease.index() == 0));
    // The turn of two, not of seven: the node's next is the second from here.
    let next = (0..4).map(|_| lease(&balancer, &Tried::new()).unwrap().index());
    assert_eq!(next.collect::<Vec<_>>(), [1, 0, 1, 0]);
}

#[test]
fn a_name_that_was_not_found_is_told_until_it_is() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1]));
    let node = state(&balancer, 0);
    assert_eq!(node.look_up_failed(), None);
    node.set_unresolved(Unresolved::NotFound);
    assert_eq!(node.look_up_failed(), Some(Unresolved::NotFound));
    node.set_addresses(Vec::new());
    assert_eq!(node.look_up_failed(), None);
}

#[test]
fn a_full_node_gives_no_lease_whoever_asks() {
    let mut pool = pool(Policy::RoundRobin, &[1]);
    pool.nodes[0].max_conns = 2;
    let balancer = balancer(&pool);
    let node = state(&balancer, 0);
    let begun: Vec<bool> = (0..4).map(|_| node.begin()).collect();
    assert_eq!(begun, [true, true, false, false]);
    assert_eq!((node.in_flight(), node.requests()), (2, 2));
    node.end();
    assert!(node.begin() && !node.begin());
}
