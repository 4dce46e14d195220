//! The balancer as a whole: leases, ejection, failing open, what survives a change.

mod affinity;
mod facts;
mod policies;
mod share;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{
    Asker, Balancer, Cause, CheckResult, Health, KeyHash, Lease, Leasing, Registry, Tried,
};
use crate::model::{AdminState, Name, Node, NodeAddress, Policy, Pool};

fn asker(key: &[u8]) -> Asker {
    Asker {
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        key: KeyHash::from(key),
        bound: None,
    }
}

fn node(index: usize, weight: u16) -> Node {
    let address = format!("10.0.0.{}:80", index + 1);
    Node {
        weight,
        ..Node::new(
            Name::unchecked(&format!("web-{index}")),
            NodeAddress::parse(&address).unwrap(),
        )
    }
}

fn pool(policy: Policy, weights: &[u16]) -> Pool {
    let mut pool = Pool::new(Name::unchecked("django"));
    pool.policy = policy;
    pool.nodes = weights
        .iter()
        .enumerate()
        .map(|(i, w)| node(i, *w))
        .collect();
    pool
}

fn balancer(pool: &Pool) -> Arc<Balancer> {
    Balancer::build(pool, &Registry::new())
}

fn lease<'a>(balancer: &'a Arc<Balancer>, tried: &Tried) -> Option<Lease<'a>> {
    match balancer.lease(asker(b"key"), tried, Instant::now()) {
        Leasing::Leased(lease) => Some(lease),
        Leasing::NoNode | Leasing::Wait(_) | Leasing::Full => None,
    }
}

fn pick(balancer: &Arc<Balancer>) -> usize {
    lease(balancer, &Tried::new()).unwrap().index()
}

fn set_health(balancer: &Balancer, index: usize, health: Health) {
    let result = CheckResult::of((health != Health::Up).then_some(Cause::Refused));
    balancer.nodes()[index].state.set_check(result, health);
}

fn fail(balancer: &Balancer, index: usize, times: usize) {
    for _ in 0..times {
        balancer.failed(index, Instant::now());
    }
}

#[test]
fn threads_together_give_every_weight_its_exact_share() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[3, 2, 1]));
    let counts: Vec<usize> = std::thread::scope(|scope| {
        let work = || (0..600).map(|_| pick(&balancer)).collect::<Vec<_>>();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    let share = |index| counts.iter().filter(|chosen| **chosen == index).count();
    assert_eq!((share(0), share(1), share(2)), (2400, 1600, 800));
    assert!(balancer.nodes().iter().all(|c| c.state.in_flight() == 0));
    assert_eq!(balancer.nodes()[0].state.requests(), 2400);
}

#[test]
fn threads_together_never_give_a_node_more_than_its_load() {
    let balancer = balancer(&pool(Policy::LeastConn, &[1; 4]));
    let together = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let leases: Vec<_> = (0..50).map(|_| lease(&balancer, &Tried::new())).collect();
                together.wait();
                let shares: Vec<_> = balancer
                    .nodes()
                    .iter()
                    .map(|c| c.state.in_flight())
                    .collect();
                together.wait();
                drop(leases);
                assert_eq!(shares, [100; 4]);
            });
        }
    });
}

#[test]
fn dropping_a_lease_ends_its_claim_and_keeping_it_does_not() {
    let balancer = balancer(&pool(Policy::LeastConn, &[1, 1]));
    let first = lease(&balancer, &Tried::new()).unwrap();
    let second = lease(&balancer, &Tried::new()).unwrap();
    assert_ne!(first.index(), second.index());
    let state = first.candidate().state.clone();
    let silent_before = state.is_silent(Instant::now(), Duration::ZERO);
    let tunnel = first.keep();
    drop(second);
    drop(balancer);
    assert_eq!(tunnel.state().in_flight(), 1);
    // Nobody waits for an answer on it.
    let later = Instant::now() + Duration::from_secs(3600);
    assert!(!state.is_silent(later, Duration::from_secs(1)));
    assert!(silent_before);
    drop(tunnel);
    assert_eq!(state.in_flight(), 0);
}

#[test]
fn a_lease_dropped_by_a_panic_ends_its_claim() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1]));
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _lease = lease(&balancer, &Tried::new()).unwrap();
        panic!("a worker's bug");
    }));
    assert!(broken.is_err());
    assert_eq!(balancer.nodes()[0].state.in_flight(), 0);
    assert_eq!(pick(&balancer), 0);
}

#[test]
fn a_request_tries_each_node_once() {
    for policy in Policy::ALL {
        let balancer = balancer(&pool(policy, &[3, 2, 1]));
        let mut tried = Tried::new();
        while let Some(lease) = lease(&balancer, &tried) {
            assert!(!tried.contains(lease.index()));
            tried.insert(lease.index());
        }
        assert_eq!(tried.count(), 3);
    }
}

#[test]
fn a_draining_or_disabled_node_takes_nothing_new() {
    for state in [AdminState::Draining, AdminState::Disabled] {
        for policy in Policy::ALL {
            let mut pool = pool(policy, &[1, 5]);
            pool.nodes[1].state = state;
            let balancer = balancer(&pool);
            assert!((0..20).all(|_| pick(&balancer) == 0));
        }
    }
}

#[test]
fn a_down_node_takes_nothing_and_an_unknown_one_counts_as_up() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1, 1]));
    set_health(&balancer, 0, Health::Down);
    set_health(&balancer, 1, Health::Up);
    let picks: Vec<_> = (0..4).map(|_| pick(&balancer)).collect();
    assert_eq!(picks, [1, 2, 1, 2]);
    set_health(&balancer, 0, Health::Up);
    assert!((0..3).any(|_| pick(&balancer) == 0));
}

#[test]
fn a_pool_without_a_good_node_fails_open_over_the_enabled_ones() {
    let mut pool = pool(Policy::RoundRobin, &[1, 1, 1]);
    pool.nodes[2].state = AdminState::Disabled;
    let balancer = balancer(&pool);
    set_health(&balancer, 0, Health::Down);
    assert!(!balancer.fail_open(Instant::now()));
    assert!(!lease(&balancer, &Tried::new()).unwrap().fail_open);
    set_health(&balancer, 1, Health::Down);
    assert!(balancer.fail_open(Instant::now()));
    let picks: Vec<_> = (0..4).map(|_| pick(&balancer)).collect();
    assert_eq!(picks.iter().filter(|index| **index == 0).count(), 2);
    assert!(!picks.contains(&2));
    assert!(lease(&balancer, &Tried::new()).unwrap().fail_open);
}

#[test]
fn a_retry_takes_a_down_node_rather_than_none() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1]));
    set_health(&balancer, 1, Health::Down);
    let mut tried = Tried::new();
    tried.insert(0);
    let last = lease(&balancer, &tried).unwrap();
    assert_eq!((last.index(), last.fail_open), (1, true));
    tried.insert(1);
    assert!(lease(&balancer, &tried).is_none());
}

#[test]
fn there_is_no_node_only_when_none_is_enabled() {
    let mut pool = pool(Policy::IpHash, &[1, 1]);
    for node in &mut pool.nodes {
        node.state = AdminState::Draining;
    }
    let draining = balancer(&pool);
    assert!(lease(&draining, &Tried::new()).is_none());
    assert!(!draining.fail_open(Instant::now()));
    pool.nodes.clear();
    assert!(lease(&balancer(&pool), &Tried::new()).is_none());
}

#[tokio::test(start_paused = true)]
async fn failures_eject_a_node_and_one_trial_a_window_brings_it_back() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1]));
    fail(&balancer, 0, 2);
    assert!(balancer.ejected_until(0, Instant::now()).is_none());
    fail(&balancer, 0, 1);
    let until = Instant::now() + Duration::from_secs(10);
    assert_eq!(balancer.ejected_until(0, Instant::now()), Some(until));
    assert!((0..10).all(|_| pick(&balancer) == 1));

    advance(Duration::from_millis(10_001)).await;
    let picks: Vec<_> = (0..10).map(|_| pick(&balancer)).collect();
    assert_eq!(
        picks.iter().filter(|index| **index == 0).count(),
        1,
        "one trial: {picks:?}"
    );
    fail(&balancer, 0, 1);
    advance(Duration::from_secs(5)).await;
    assert!(
        (0..10).all(|_| pick(&balancer) == 1),
        "a failed trial ejects again"
    );

    advance(Duration::from_millis(5001)).await;
    while pick(&balancer) != 0 {}
    balancer.succeeded(0);
    assert!(balancer.ejected_until(0, Instant::now()).is_none());
    let picks: Vec<_> = (0..10).map(|_| pick(&balancer)).collect();
    assert_eq!(picks.iter().filter(|index| **index == 0).count(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_success_begun_before_the_last_failure_proves_nothing() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1]));
    fail(&balancer, 0, 3);
    balancer.succeeded(0);
    assert!(balancer.ejected_until(0, Instant::now()).is_some());
}

#[tokio::test(start_paused = true)]
async fn failures_far_apart_do_not_add_up() {
    let balancer = balancer(&pool(Policy::RoundRobin, &[1, 1]));
    for _ in 0..10 {
        fail(&balancer, 0, 2);
        advance(Duration::from_secs(11)).await;
        while pick(&balancer) != 0 {}
        balancer.succeeded(0);
    }
    assert!(balancer.ejected_until(0, Instant::now()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_single_node_is_never_ejected_nor_is_any_with_max_fails_0() {
    let single = balancer(&pool(Policy::RoundRobin, &[1]));
    let mut off = pool(Policy::RoundRobin, &[1, 1]);
    off.max_fails = 0;
    for balancer in [single, balancer(&off)] {
        fail(&balancer, 0, 100);
        assert!(balancer.ejected_until(0, Instant::now()).is_none());
        assert!(!balancer.fail_open(Instant::now()));
        assert_eq!(pick(&balancer), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_whose_nodes_are_all_ejected_fails_open() {
    let balancer = balancer(&pool(Policy::LeastConn, &[1, 1]));
    fail(&balancer, 0, 3);
    fail(&balancer, 1, 3);
    assert!(balancer.fail_open(Instant::now()));
    assert!(lease(&balancer, &Tried::new()).unwrap().fail_open);
}

#[test]
fn facts_and_turn_survive_a_change_of_other_things() {
    let registry = Registry::new();
    let mut pool = pool(Policy::RoundRobin, &[3, 2, 1]);
    let old = Balancer::build(&pool, &registry);
    let picks: Vec<_> = (0..2).map(|_| pick(&old)).collect();
    assert_eq!(picks, [0, 1]);
    set_health(&old, 2, Health::Down);

    pool.read_timeout = Duration::from_secs(5);
    pool.nodes[0].state = AdminState::Disabled;
    let new = Balancer::build(&pool, &registry);
    registry.retain([&new]);
    assert_eq!(new.nodes()[2].state.health(), Health::Down);
    pool.nodes[0].state = AdminState::Enabled;
    let newer = Balancer::build(&pool, &registry);
    registry.retain([&newer]);
    assert_eq!(pick(&newer), 0, "a b, then a as if nothing had happened");
}

#[test]
fn a_weight_change_starts_the_turn_anew_and_keeps_the_facts() {
    let registry = Registry::new();
    let mut pool = pool(Policy::RoundRobin, &[1, 1]);
    let old = Balancer::build(&pool, &registry);
    assert_eq!(pick(&old), 0);
    set_health(&old, 1, Health::Up);
    pool.nodes[0].weight = 2;
    let new = Balancer::build(&pool, &registry);
    assert_eq!(pick(&new), 0);
    assert_eq!(new.nodes()[1].state.health(), Health::Up);
    assert!(Arc::ptr_eq(&old.nodes()[0].state, &new.nodes()[0].state));
}

#[test]
fn a_new_address_or_check_is_a_new_node_state() {
    let registry = Registry::new();
    let mut pool = pool(Policy::RoundRobin, &[1, 1]);
    let old = Balancer::build(&pool, &registry);
    pool.nodes[0].address = NodeAddress::parse("10.9.9.9:80").unwrap();
    let moved = Balancer::build(&pool, &registry);
    assert_ne!(old.nodes()[0].state.id(), moved.nodes()[0].state.id());
    assert_eq!(old.nodes()[1].state.id(), moved.nodes()[1].state.id());
    pool.health_check = None;
    let unchecked = Balancer::build(&pool, &registry);
    assert_ne!(moved.nodes()[1].state.id(), unchecked.nodes()[1].state.id());
}

#[test]
fn a_refused_change_forgets_nothing_and_a_published_one_forgets_the_gone() {
    let registry = Registry::new();
    let mut pool = pool(Policy::RoundRobin, &[1, 1]);
    let serving = Balancer::build(&pool, &registry);
    let mut refused = pool.clone();
    refused.nodes[0].address = NodeAddress::parse("10.9.9.9:80").unwrap();
    drop(Balancer::build(&refused, &registry));
    let again = Balancer::build(&pool, &registry);
    assert_eq!(serving.nodes()[0].state.id(), again.nodes()[0].state.id());

    pool.nodes.remove(0);
    let smaller = Balancer::build(&pool, &registry);
    registry.retain([&smaller]);
    pool.nodes.insert(0, node(0, 1));
    let back = Balancer::build(&pool, &registry);
    assert_ne!(serving.nodes()[0].state.id(), back.nodes()[0].state.id());
    assert_eq!(serving.nodes()[1].state.id(), back.nodes()[1].state.id());
}

#[tokio::test(start_paused = true)]
async fn the_retry_budget_survives_a_change_of_the_pool() {
    let registry = Registry::new();
    let mut pool = pool(Policy::RoundRobin, &[1, 1]);
    let old = Balancer::build(&pool, &registry);
    while old.may_retry(Instant::now()) {}
    pool.nodes[0].weight = 7;
    let new = Balancer::build(&pool, &registry);
    assert!(!new.may_retry(Instant::now()));
    for _ in 0..155 {
        new.count_request(Instant::now());
    }
    assert!(new.may_retry(Instant::now()), "155 requests allow 31");
}
