//! Requests that are bound to a node: where they go, and what that is to the others.

mod bindings;

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::proptest;
use proptest::{prop_assert, prop_assert_eq};
use tokio::time::Instant;

use super::{asker, fail, lease, pick, pool, set_health};
use crate::balance::{Asker, Balancer, Health, Leasing, Registry, Tried};
use crate::model::{AdminState, Affinity, Policy, Pool};

fn with_affinity(policy: Policy, weights: &[u16], max_age: u64) -> Pool {
    let mut pool = pool(policy, weights);
    pool.affinity = Some(Affinity {
        max_age: std::time::Duration::from_secs(max_age),
        ..Affinity::default()
    });
    pool
}

fn bound_asker(bound: Option<usize>) -> Asker {
    Asker {
        bound,
        ..asker(b"key")
    }
}

fn lease_bound<'a>(balancer: &'a Arc<Balancer>, index: usize, tried: &Tried) -> Leasing<'a> {
    balancer.lease(bound_asker(Some(index)), tried, Instant::now())
}

fn goes_to(balancer: &Arc<Balancer>, index: usize) -> usize {
    match lease_bound(balancer, index, &Tried::new()) {
        Leasing::Leased(lease) => lease.index(),
        other => panic!("{other:?}"),
    }
}

fn published(pool: &Pool, registry: &Registry) -> Arc<Balancer> {
    let balancer = Balancer::build(pool, registry);
    registry.retain([&balancer]);
    balancer
}

#[test]
fn a_bound_request_goes_to_its_node_whatever_the_policy() {
    for policy in Policy::ALL {
        let balancer = published(&with_affinity(policy, &[1, 9, 1], 0), &Registry::new());
        for index in [2, 0, 0, 1, 2, 2] {
            assert_eq!(goes_to(&balancer, index), index, "{policy:?}");
        }
    }
}

#[test]
fn a_node_that_is_draining_takes_bound_requests_only() {
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 0);
    pool.nodes[0].state = AdminState::Draining;
    let balancer = published(&pool, &Registry::new());
    for _ in 0..3 {
        assert_eq!(pick(&balancer), 1);
        assert_eq!(goes_to(&balancer, 0), 0);
    }
    // Also where it is the only one left.
    pool.nodes[1].state = AdminState::Disabled;
    let balancer = published(&pool, &Registry::new());
    assert_eq!(goes_to(&balancer, 0), 0);
    assert!(matches!(
        balancer.lease(bound_asker(None), &Tried::new(), Instant::now()),
        Leasing::NoNode
    ));
    set_health(&balancer, 0, Health::Down);
    assert!(matches!(
        lease_bound(&balancer, 0, &Tried::new()),
        Leasing::NoNode
    ));
}

#[test]
fn a_node_that_cannot_be_used_loses_its_bound_requests() {
    let down = |b: &Balancer| set_health(b, 0, Health::Down);
    let ejected = |b: &Balancer| fail(b, 0, 3);
    for make in [&down as &dyn Fn(&Balancer), &ejected] {
        let balancer = published(
            &with_affinity(Policy::RoundRobin, &[1, 1], 0),
            &Registry::new(),
        );
        assert_eq!(goes_to(&balancer, 0), 0);
        make(&balancer);
        assert_eq!(goes_to(&balancer, 0), 1);
    }
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 0);
    pool.nodes[0].state = AdminState::Disabled;
    assert_eq!(goes_to(&published(&pool, &Registry::new()), 0), 1);
    let balancer = published(
        &with_affinity(Policy::RoundRobin, &[1, 1], 0),
        &Registry::new(),
    );
    let mut tried = Tried::new();
    tried.insert(0);
    let Leasing::Leased(lease) = lease_bound(&balancer, 0, &tried) else {
        panic!("nothing leased")
    };
    assert_eq!(lease.index(), 1);
}

#[test]
fn a_request_of_before_sees_what_was_published_since() {
    let registry = Registry::new();
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 0);
    let old = published(&pool, &registry);
    pool.nodes[0].state = AdminState::Draining;
    let _draining = published(&pool, &registry);
    assert_eq!(goes_to(&old, 0), 0);
    pool.nodes[0].state = AdminState::Disabled;
    let _disabled = published(&pool, &registry);
    assert_eq!(goes_to(&old, 0), 1);
    pool.nodes[0].state = AdminState::Enabled;
    let _enabled = published(&pool, &registry);
    assert_eq!(goes_to(&old, 0), 0);
    pool.nodes.remove(0);
    let _gone = published(&pool, &registry);
    assert_eq!(goes_to(&old, 0), 1);
}

#[test]
fn where_no_node_is_well_clients_keep_theirs() {
    let balancer = published(
        &with_affinity(Policy::RoundRobin, &[1, 1, 1], 0),
        &Registry::new(),
    );
    for index in 0..3 {
        set_health(&balancer, index, Health::Down);
    }
    for index in [2, 2, 0, 1, 1] {
        let Leasing::Leased(lease) = lease_bound(&balancer, index, &Tried::new()) else {
            panic!("nothing leased")
        };
        assert_eq!((lease.index(), lease.fail_open), (index, true));
    }
}

#[test]
fn a_full_node_is_waited_for_and_others_pass_by() {
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 0);
    (pool.nodes[0].max_conns, pool.nodes[1].max_conns) = (1, 2);
    pool.queue.size = 2;
    let balancer = published(&pool, &Registry::new());
    let Leasing::Leased(first) = lease_bound(&balancer, 0, &Tried::new()) else {
        panic!("nothing leased")
    };
    let Leasing::Wait(mut second) = lease_bound(&balancer, 0, &Tried::new()) else {
        panic!("not waiting")
    };
    // Who is bound to nothing, or to the other node, is not held up.
    let other = lease(&balancer, &Tried::new()).unwrap();
    assert_eq!((other.index(), goes_to(&balancer, 1)), (1, 1));
    let Leasing::Wait(third) = lease_bound(&balancer, 0, &Tried::new()) else {
        panic!("not waiting")
    };
    assert!(matches!(
        lease_bound(&balancer, 0, &Tried::new()),
        Leasing::Full
    ));
    let (mut context, given) = (std::task::Context::from_waker(std::task::Waker::noop()), 0);
    assert!(second.poll(&mut context).is_pending());
    drop(third);
    drop(first);
    let std::task::Poll::Ready(lease) = second.poll(&mut context) else {
        panic!("not given")
    };
    assert_eq!(lease.unwrap().index(), given);
}

#[test]
fn who_waits_in_front_for_another_node_holds_up_nobody() {
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1, 1], 0);
    pool.nodes.iter_mut().for_each(|node| node.max_conns = 1);
    (pool.nodes[1].state, pool.nodes[2].state) = (AdminState::Draining, AdminState::Draining);
    let balancer = published(&pool, &Registry::new());
    let mut leases: Vec<_> = (0..3)
        .map(|index| match lease_bound(&balancer, index, &Tried::new()) {
            Leasing::Leased(lease) => lease,
            other => panic!("{other:?}"),
        })
        .collect();
    let waits = |bound| match balancer.lease(bound_asker(bound), &Tried::new(), Instant::now()) {
        Leasing::Wait(waiting) => waiting,
        other => panic!("{other:?}"),
    };
    let mut waiting = [
        waits(None),
        waits(Some(1)),
        waits(Some(2)),
        waits(Some(2)),
        waits(None),
    ];
    let mut given = move || {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let polls = waiting.iter_mut().map(|waiting| waiting.poll(&mut context));
        // Kept: a lease that is dropped gives its place to the next.
        let given = polls.map(|poll| match poll {
            std::task::Poll::Ready(lease) => Some(Box::leak(Box::new(lease.unwrap())).index()),
            std::task::Poll::Pending => None,
        });
        given.collect::<Vec<_>>()
    };
    drop(leases.pop());
    assert_eq!(given(), [None, None, Some(2), None, None]);
    drop(leases.pop());
    assert_eq!(given(), [None, Some(1), None, None, None]);
    drop(leases.pop());
    assert_eq!(given(), [Some(0), None, None, None, None]);
}

#[test]
fn who_waits_for_a_node_that_goes_down_is_given_another() {
    let mut pool = with_affinity(Policy::RoundRobin, &[1, 1], 0);
    pool.nodes[0].max_conns = 1;
    let balancer = published(&pool, &Registry::new());
    let _first = match lease_bound(&balancer, 0, &Tried::new()) {
        Leasing::Leased(lease) => lease,
        other => panic!("{other:?}"),
    };
    let Leasing::Wait(mut second) = lease_bound(&balancer, 0, &Tried::new()) else {
        panic!("not waiting")
    };
    set_health(&balancer, 0, Health::Down);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(lease) = second.poll(&mut context) else {
        panic!("not given")
    };
    assert_eq!(lease.unwrap().index(), 1);
}

// Whom a pool of one policy would have to ask, told by the rules alone.
#[derive(Debug, Clone, Copy)]
struct Told {
    state: AdminState,
    down: bool,
}

fn usable(told: Told) -> bool {
    told.state != AdminState::Disabled && !told.down
}

proptest! {
    #[test]
    fn a_bound_request_goes_where_the_rules_say(
        nodes in vec((0..3_usize, proptest::bool::ANY), 1..5),
        asks in vec((0..5_usize, proptest::bool::ANY), 1..30),
    ) {
        let told: Vec<Told> = nodes
            .iter()
            .map(|(state, down)| Told { state: AdminState::ALL[*state], down: *down })
            .collect();
        let mut pool = with_affinity(Policy::RoundRobin, &vec![1; told.len()], 0);
        for (node, told) in pool.nodes.iter_mut().zip(&told) {
            node.state = told.state;
        }
        let balancer = published(&pool, &Registry::new());
        for (index, told) in told.iter().enumerate().filter(|(_, told)| told.down) {
            set_health(&balancer, index, if told.down { Health::Down } else { Health::Up });
        }
        let enabled = |t: &Told| t.state == AdminState::Enabled;
        let good: Vec<usize> =
            (0..told.len()).filter(|i| enabled(&told[*i]) && !told[*i].down).collect();
        for (to, is_bound) in asks {
            let bound = (is_bound && to < told.len()).then_some(to);
            let leased = match balancer.lease(bound_asker(bound), &Tried::new(), Instant::now()) {
                Leasing::Leased(lease) => Some(lease.index()),
                _ => None,
            };
            match (bound.filter(|to| usable(told[*to])), leased) {
                (Some(to), leased) => prop_assert_eq!(leased, Some(to)),
                (None, Some(index)) if good.is_empty() => {
                    prop_assert!(enabled(&told[index]));
                    if let Some(to) = bound.filter(|to| enabled(&told[*to])) {
                        prop_assert_eq!(index, to);
                    }
                }
                (None, Some(index)) => prop_assert!(good.contains(&index)),
                (None, None) => prop_assert!(!told.iter().any(enabled)),
            }
        }
    }
}

#[test]
fn bound_requests_count_in_the_round_and_cannot_starve_anyone() {
    let balancer = published(
        &with_affinity(Policy::RoundRobin, &[1, 1], 0),
        &Registry::new(),
    );
    // One of two bound: the next that is free goes to the other.
    for _ in 0..5 {
        assert_eq!(goes_to(&balancer, 0), 0);
        assert_eq!(pick(&balancer), 1);
    }
    // Ever so many do not put the node off for longer than its turn.
    for _ in 0..100 {
        assert_eq!(goes_to(&balancer, 0), 0);
    }
    let next: Vec<usize> = (0..4).map(|_| pick(&balancer)).collect();
    assert_eq!(next, [1, 0, 1, 0]);
}

#[test]
fn who_is_bound_to_a_full_node_that_is_draining_waits_for_it() {
    let mut pool = with_affinity(Policy::RoundRobin, &[1], 0);
    pool.nodes[0].state = AdminState::Draining;
    pool.nodes[0].max_conns = 1;
    pool.queue.size = 1;
    let balancer = published(&pool, &Registry::new());
    let held = lease_bound(&balancer, 0, &Tried::new());
    assert!(matches!(held, Leasing::Leased(_)));
    let waits = lease_bound(&balancer, 0, &Tried::new());
    assert!(matches!(waits, Leasing::Wait(_)));
    // Nobody else has anything to wait for.
    let other = balancer.lease(bound_asker(None), &Tried::new(), Instant::now());
    assert!(matches!(other, Leasing::NoNode));
}
