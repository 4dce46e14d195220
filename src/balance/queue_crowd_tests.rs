//! The queue against a plain line of people, and under threads that push.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::{collection, prop_assert, prop_assert_eq};

use super::queue_tests::{ask, balancer, given, set_health};
use super::{Health, Lease, Leasing, Tried, Waiting};

/// A step of one request, or of a node's health.
#[derive(Debug, Clone)]
enum Step {
    Come,
    End(usize),
    Leave(usize),
    Health(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Come),
        3 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Leave),
        1 => (0..3_usize, any::<bool>()).prop_map(|(i, up)| Step::Health(i, up)),
    ]
}

proptest! {
    // The stupidest queue: who came first is next as soon as any allowed node has room.
    #[test]
    fn every_step_agrees_with_a_plain_line_of_people(
        limits in collection::vec(1_u32..4, 3..=3),
        size in 0_u32..6,
        steps in collection::vec(step(), 1..80),
    ) {
        let balancer = balancer(&limits, size);
        let mut line: VecDeque<Waiting<'_>> = VecDeque::new();
        let mut served: Vec<Lease<'_>> = Vec::new();
        let mut up = [true; 3];
        for step in steps {
            let load = |served: &[Lease<'_>], i| served.iter().filter(|l| l.index() == i).count();
            let room = |served: &[Lease<'_>], up: &[bool; 3]| {
                let any_up = up.contains(&true);
                (0..3).any(|i| (up[i] || !any_up) && load(served, i) < usize::try_from(limits[i]).unwrap())
            };
            match step {
                Step::Come => {
                    let free = line.is_empty() && room(&served, &up);
                    match ask(&balancer, &Tried::new()) {
                        Leasing::Leased(lease) => {
                            prop_assert!(free);
                            served.push(lease);
                        }
                        Leasing::Wait(waiting) => {
                            prop_assert!(!free && line.len() < usize::try_from(size).unwrap());
                            line.push_back(waiting);
                        }
                        Leasing::Full => prop_assert!(!free && line.len() == usize::try_from(size).unwrap()),
                        Leasing::NoNode => prop_assert!(false, "there are nodes"),
                    }
                }
                Step::End(which) if !served.is_empty() => drop(served.swap_remove(which % served.len())),
                Step::Leave(which) if !line.is_empty() => drop(line.remove(which % line.len())),
                Step::End(_) | Step::Leave(_) => {}
                Step::Health(i, is_up) => {
                    up[i] = is_up;
                    set_health(&balancer, i, if is_up { Health::Up } else { Health::Down });
                }
            }
            while !line.is_empty() && room(&served, &up) {
                let lease = given(&mut line[0]);
                prop_assert!(lease.is_some(), "the first is served");
                served.extend(lease);
                line.pop_front();
            }
            for waiting in &mut line {
                prop_assert!(given(waiting).is_none(), "and nobody else");
            }
            prop_assert_eq!(balancer.queued(), line.len());
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

// Waits as a task would: asleep until it is woken, and only that.
fn sleep_for<'a>(mut waiting: Waiting<'a>) -> Lease<'a> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match waiting.poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(lease) => return lease.unwrap(),
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn threads_together_lose_no_wake_and_overfill_no_node() {
    const ROUNDS: usize = 2000;
    let balancer = balancer(&[1, 2], 8);
    let held: [AtomicU64; 2] = Default::default();
    let served = AtomicU64::new(0);
    let together = Barrier::new(8);
    std::thread::scope(|scope| {
        for number in 0..8_usize {
            let (balancer, held, served, together) = (&balancer, &held, &served, &together);
            scope.spawn(move || {
                together.wait();
                for round in 0..ROUNDS {
                    let lease = match ask(balancer, &Tried::new()) {
                        Leasing::Leased(lease) => lease,
                        // Some leave, at whatever moment that is for the others.
                        Leasing::Wait(waiting) if (round + number) % 5 == 0 => {
                            drop(waiting);
                            continue;
                        }
                        Leasing::Wait(waiting) => sleep_for(waiting),
                        other => panic!("{other:?}"),
                    };
                    let index = lease.index();
                    let others = held[index].fetch_add(1, Ordering::SeqCst);
                    assert!(others <= u64::try_from(index).unwrap());
                    if round % 3 == 0 {
                        std::thread::yield_now();
                    }
                    held[index].fetch_sub(1, Ordering::SeqCst);
                    served.fetch_add(1, Ordering::SeqCst);
                    drop(lease);
                }
            });
        }
    });
    assert_eq!(balancer.queued(), 0);
    assert!(balancer.nodes().iter().all(|c| c.state.in_flight() == 0));
    assert!(served.into_inner() > 0);
}
