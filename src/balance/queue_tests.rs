//! The queue as a whole: order, limits, who is woken by what.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, advance};

use super::{
    Asker, Balancer, Cause, CheckResult, Health, KeyHash, Lease, Leasing, Registry, Tried, Waiting,
};
use crate::model::{AdminState, HealthCheck, Name, Node, NodeAddress, Policy, Pool};

pub(super) fn asker() -> Asker {
    Asker {
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        key: KeyHash::default(),
        bound: None,
    }
}

pub(super) fn pool(limits: &[u32], size: u32) -> Pool {
    let mut pool = Pool::new(Name::unchecked("django"));
    pool.queue.size = size;
    let node = |(i, max_conns): (usize, &u32)| {
        let address = NodeAddress::parse(&format!("10.0.0.{}:80", i + 1)).unwrap();
        let max_conns = *max_conns;
        let name = Name::unchecked(&format!("web-{i}"));
        Node {
            max_conns,
            ..Node::new(name, address)
        }
    };
    pool.nodes = limits.iter().enumerate().map(node).collect();
    pool
}

pub(super) fn balancer(limits: &[u32], size: u32) -> Arc<Balancer> {
    Balancer::build(&pool(limits, size), &Registry::new())
}

pub(super) fn ask<'a>(balancer: &'a Arc<Balancer>, tried: &Tried) -> Leasing<'a> {
    balancer.lease(asker(), tried, Instant::now())
}

pub(super) fn lease(balancer: &Arc<Balancer>) -> Lease<'_> {
    match ask(balancer, &Tried::new()) {
        Leasing::Leased(lease) => lease,
        other => panic!("{other:?}"),
    }
}

fn wait(balancer: &Arc<Balancer>) -> Waiting<'_> {
    wait_after(balancer, &[])
}

fn wait_after<'a>(balancer: &'a Arc<Balancer>, asked: &[usize]) -> Waiting<'a> {
    let mut tried = Tried::new();
    asked.iter().for_each(|index| tried.insert(*index));
    match ask(balancer, &tried) {
        Leasing::Wait(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

pub(super) fn given<'a>(waiting: &mut Waiting<'a>) -> Option<Lease<'a>> {
    match waiting.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(lease) => Some(lease.expect("there is a node")),
        Poll::Pending => None,
    }
}

fn is_told_of_no_node(waiting: &mut Waiting<'_>) -> bool {
    let told = waiting.poll(&mut Context::from_waker(Waker::noop()));
    matches!(told, Poll::Ready(None))
}

pub(super) fn set_health(balancer: &Balancer, index: usize, health: Health) {
    let result = CheckResult::of((health != Health::Up).then_some(Cause::Refused));
    balancer.nodes()[index].state.set_check(result, health);
}

#[test]
fn a_place_that_comes_free_goes_to_who_waits_longest() {
    let balancer = balancer(&[1, 1], 10);
    let (a, b) = (lease(&balancer), lease(&balancer));
    let (mut first, mut second) = (wait(&balancer), wait(&balancer));
    assert_eq!(balancer.queued(), 2);
    assert!(given(&mut first).is_none());
    drop(b);
    assert!(given(&mut second).is_none());
    let lease = given(&mut first).unwrap();
    assert_eq!((lease.index(), balancer.queued()), (1, 1));
    drop(a);
    assert_eq!(given(&mut second).unwrap().index(), 0);
    assert_eq!(balancer.queued(), 0);
}

#[test]
fn nobody_comes_between_a_place_that_was_given_and_its_taking() {
    let balancer = balancer(&[1], 10);
    let held = lease(&balancer);
    let mut first = wait(&balancer);
    drop(held);
    let mut newcomer = wait(&balancer);
    drop(given(&mut first).unwrap());
    assert!(given(&mut newcomer).is_some());
}

#[test]
fn a_full_queue_says_so_at_once() {
    let small = balancer(&[1], 2);
    let held = lease(&small);
    let (first, _second) = (wait(&small), wait(&small));
    assert!(matches!(ask(&small, &Tried::new()), Leasing::Full));
    drop(first);
    let _third = wait(&small);
    assert!(matches!(ask(&small, &Tried::new()), Leasing::Full));
    drop(held);
    let none = balancer(&[1], 0);
    let _held = lease(&none);
    assert!(matches!(ask(&none, &Tried::new()), Leasing::Full));
    assert_eq!(none.queued(), 0);
}

#[test]
fn who_leaves_with_a_place_just_given_passes_it_on() {
    let balancer = balancer(&[1], 10);
    let held = lease(&balancer);
    let (first, mut second) = (wait(&balancer), wait(&balancer));
    drop(held);
    assert!(given(&mut second).is_none());
    drop(first);
    assert!(given(&mut second).is_some());
    assert_eq!(balancer.nodes()[0].state.in_flight(), 0);
}

#[test]
fn a_retry_waits_for_nodes_it_has_not_asked_and_holds_up_nobody() {
    let balancer = balancer(&[1, 1], 10);
    let (a, b) = (lease(&balancer), lease(&balancer));
    let (mut retry, mut fresh) = (wait_after(&balancer, &[0]), wait(&balancer));
    drop(a);
    assert!(given(&mut retry).is_none());
    assert_eq!(given(&mut fresh).unwrap().index(), 0);
    drop(b);
    assert_eq!(given(&mut retry).unwrap().index(), 1);
    let both = ask(&balancer, &{
        let mut tried = Tried::new();
        tried.insert(0);
        tried.insert(1);
        tried
    });
    assert!(matches!(both, Leasing::NoNode));
}

#[test]
fn a_node_that_comes_up_is_given_to_who_waits() {
    let balancer = balancer(&[1, 1], 10);
    set_health(&balancer, 1, Health::Down);
    let _held = lease(&balancer);
    let mut waiting = wait(&balancer);
    assert!(
        given(&mut waiting).is_none(),
        "a good node is full: no failing open"
    );
    set_health(&balancer, 1, Health::Up);
    let lease = given(&mut waiting).unwrap();
    assert_eq!((lease.index(), lease.fail_open), (1, false));
}

#[test]
fn a_pool_that_fails_open_keeps_to_its_limits() {
    let balancer = balancer(&[1, 1], 10);
    set_health(&balancer, 1, Health::Down);
    let _held = lease(&balancer);
    let mut waiting = wait(&balancer);
    set_health(&balancer, 0, Health::Down);
    let last_resort = given(&mut waiting).unwrap();
    assert_eq!((last_resort.index(), last_resort.fail_open), (1, true));
    let mut next = wait(&balancer);
    assert!(given(&mut next).is_none());
    drop(last_resort);
    assert!(given(&mut next).unwrap().fail_open);
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_rest_is_over_is_found_by_looking() {
    let balancer = balancer(&[1, 1], 10);
    let state = |index: usize| &balancer.nodes()[index].state;
    for _ in 0..3 {
        balancer.failed(1, Instant::now());
    }
    let _held = lease(&balancer);
    assert_eq!((state(0).in_flight(), state(1).in_flight()), (1, 0));
    let mut waiting = wait(&balancer);
    waiting.look();
    assert!(given(&mut waiting).is_none());
    advance(Duration::from_millis(10_001)).await;
    waiting.look();
    assert_eq!(given(&mut waiting).unwrap().index(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_comes_when_a_rest_is_over_stays_behind_who_waited_for_it() {
    let balancer = balancer(&[1, 1], 10);
    for _ in 0..3 {
        balancer.failed(1, Instant::now());
    }
    let _held = lease(&balancer);
    let mut first = wait(&balancer);
    advance(Duration::from_millis(10_001)).await;
    let mut newcomer = wait(&balancer);
    assert!(given(&mut newcomer).is_none());
    assert_eq!(given(&mut first).unwrap().index(), 1);
}

#[test]
fn a_published_change_is_seen_by_who_waits_since_before() {
    let registry = Registry::new();
    let mut wanted = pool(&[1], 10);
    let old = Balancer::build(&wanted, &registry);
    let held = lease(&old);
    let (mut first, mut second) = (wait(&old), wait(&old));

    wanted.nodes[0].max_conns = 2;
    let new = Balancer::build(&wanted, &registry);
    assert!(given(&mut first).is_none(), "built is not published");
    registry.retain([&new]);
    let freed = given(&mut first).unwrap();
    assert!(given(&mut second).is_none());
    assert_eq!(new.queued(), 1, "one queue for all snapshots");
    let mut newcomer = wait(&new);
    drop(freed);
    assert!(
        given(&mut newcomer).is_none(),
        "the order is kept across them"
    );
    assert!(given(&mut second).is_some());

    wanted.nodes[0].max_conns = 0;
    registry.retain([&Balancer::build(&wanted, &registry)]);
    assert!(given(&mut newcomer).is_some());
    drop(held);
}

#[test]
fn who_waits_for_nodes_that_take_nothing_any_more_is_told_at_once() {
    for state in [None, Some(AdminState::Draining), Some(AdminState::Disabled)] {
        let registry = Registry::new();
        let mut wanted = pool(&[1], 10);
        let old = Balancer::build(&wanted, &registry);
        let held = lease(&old);
        let (mut first, mut second) = (wait(&old), wait(&old));
        match state {
            None => wanted.nodes.clear(),
            Some(state) => wanted.nodes[0].state = state,
        }
        let new = Balancer::build(&wanted, &registry);
        registry.retain([&new]);
        assert!(is_told_of_no_node(&mut first));
        assert!(is_told_of_no_node(&mut second));
        assert_eq!(new.queued(), 0);
        assert!(matches!(ask(&new, &Tried::new()), Leasing::NoNode));
        // One that comes late with the old snapshot does not wait in vain either.
        assert!(matches!(ask(&old, &Tried::new()), Leasing::NoNode));
        drop(held);
        assert_eq!(old.nodes()[0].state.in_flight(), 0);
    }
}

#[test]
fn who_waits_for_a_node_that_is_checked_in_another_way_gets_it() {
    let registry = Registry::new();
    let mut wanted = pool(&[1], 10);
    let old = Balancer::build(&wanted, &registry);
    let held = lease(&old);
    let mut waiting = wait(&old);
    wanted.health_check = Some(HealthCheck {
        rise: 7,
        ..HealthCheck::default()
    });
    let new = Balancer::build(&wanted, &registry);
    registry.retain([&new]);
    assert_ne!(old.nodes()[0].state.id(), new.nodes()[0].state.id());
    assert!(given(&mut waiting).is_none());
    drop(held);
    assert!(given(&mut waiting).is_some());
}

#[test]
fn who_waits_since_before_a_node_was_drained_goes_to_another() {
    for gone in [true, false] {
        let registry = Registry::new();
        let mut wanted = pool(&[1, 1], 10);
        let old = Balancer::build(&wanted, &registry);
        let (a, b) = (lease(&old), lease(&old));
        let mut waiting = wait(&old);
        match gone {
            true => drop(wanted.nodes.remove(0)),
            false => wanted.nodes[0].state = AdminState::Draining,
        }
        registry.retain([&Balancer::build(&wanted, &registry)]);
        drop(a);
        assert!(given(&mut waiting).is_none(), "drained is drained");
        drop(b);
        let lease = given(&mut waiting).unwrap();
        assert_eq!((lease.index(), lease.fail_open), (1, false));
    }
}

#[test]
fn two_snapshots_together_keep_to_a_node_s_limit() {
    let registry = Registry::new();
    let mut wanted = pool(&[2], 10);
    let old = Balancer::build(&wanted, &registry);
    wanted.policy = Policy::LeastConn;
    let new = Balancer::build(&wanted, &registry);
    let _leases = (lease(&old), lease(&new));
    let _waiting = (wait(&old), wait(&new));
    assert_eq!(new.nodes()[0].state.in_flight(), 2);
}
