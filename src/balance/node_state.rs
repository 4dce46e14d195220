//! The run-time facts of one node in one pool.
//!
//! Shared by every snapshot and every worker, and outside both: a change of
//! something else forgets nothing of it. What the operator wants is not here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::time::Instant;

use super::latency::Latency;
use super::lookup::{Lookup, Unresolved};
use super::passive::Passive;
use super::queue::Queue;
use super::{CheckResult, Past};
use crate::model::{AdminState, HealthCheck, Node};

/// What probing last concluded of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Health {
    /// Not probed yet, or never: counts as up.
    Unknown,
    /// Answers its probes.
    Up,
    /// Does not.
    Down,
}

impl Health {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Up, Self::Down];

    /// The word in `status` and in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Up => 1,
            Self::Down => 2,
        }
    }
}

/// The run-time facts of one node in one pool.
#[derive(Debug)]
pub struct NodeState {
    id: u64,
    in_flight: AtomicU64,
    // Those of them that are tunnels: nothing waits on them.
    pub(super) tunnels: AtomicU64,
    // Most leases at a time, as last published: also for requests of an older snapshot, or a
    // node would get more than the operator now wants.
    limit: AtomicU64,
    // What the published snapshot wants of it, an `AdminState`; gone is disabled.
    wanted: AtomicU8,
    // Its pool's, told of every change here that may let a request go on.
    queue: Arc<Queue>,
    requests: AtomicU64,
    errors: AtomicU64,
    excess_bytes: AtomicU64,
    health: AtomicU8,
    // When it last came back up, in nanoseconds since it is known; 0 before it ever went down.
    recovered: AtomicU64,
    has_fallen: AtomicBool,
    born: Instant,
    check: ArcSwapOption<CheckResult>,
    past: Past,
    /// Milliseconds from `born` to the last answer's first byte.
    heard: AtomicU64,
    checks_passed: AtomicU64,
    checks_failed: AtomicU64,
    addresses: ArcSwap<Vec<SocketAddr>>,
    lookup: Lookup,
    pub(super) passive: Passive,
    pub(super) latency: Latency,
}

impl NodeState {
    /// A node of which nothing is known yet. `id` is unlike every other's.
    pub(super) fn new(
        id: u64,
        node: &Node,
        check: Option<&HealthCheck>,
        queue: Arc<Queue>,
    ) -> Self {
        let address = node.address.as_socket();
        let health = match check {
            Some(check) if check.default_down => Health::Down,
            _ => Health::Unknown,
        };
        Self {
            id,
            in_flight: AtomicU64::new(0),
            tunnels: AtomicU64::new(0),
            limit: AtomicU64::new(limit(node.max_conns)),
            wanted: AtomicU8::new(AdminState::Enabled as u8),
            queue,
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            excess_bytes: AtomicU64::new(0),
            health: AtomicU8::new(health.number()),
            recovered: AtomicU64::new(0),
            has_fallen: AtomicBool::new(false),
            born: Instant::now(),
            check: ArcSwapOption::empty(),
            past: Past::default(),
            heard: AtomicU64::new(0),
            checks_passed: AtomicU64::new(0),
            checks_failed: AtomicU64::new(0),
            addresses: ArcSwap::from_pointee(address.into_iter().collect()),
            lookup: Lookup::default(),
            passive: Passive::new(Instant::now()),
            latency: Latency::default(),
        }
    }

    /// A number no other node state of this process has: the key of a worker's
    /// idle connections and of a probe's task.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Leases now held on the node.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Leases ever given: one per try.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Tries that went wrong by the node's doing.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Counts one try that went wrong by the node's doing. Whether it is also
    /// evidence against the node is `Balancer::failed`'s question.
    pub fn count_error(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Bytes the node sent beyond the end of its answers, all thrown away.
    pub fn excess_bytes(&self) -> u64 {
        self.excess_bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes beyond the end of an answer.
    pub fn count_excess_bytes(&self, bytes: u64) {
        self.excess_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What probing last concluded.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            0 => Health::Unknown,
            1 => Health::Up,
            _ => Health::Down,
        }
    }

    /// Notes that an answer has begun at `now`.
    pub fn hear(&self, now: Instant) {
        let millis = now.saturating_duration_since(self.born).as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        self.heard.store(millis, Ordering::Relaxed);
    }

    /// Whether requests wait on the node and none has been answered for `time`: it may be
    /// busy, or stopped with its door open.
    pub fn is_silent(&self, now: Instant, time: Duration) -> bool {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        let waiting = self.in_flight() > self.tunnels.load(Ordering::Relaxed);
        waiting && now.saturating_duration_since(self.born + heard) >= time
    }

    /// The last probe's result; none before the first.
    pub fn check(&self) -> Option<CheckResult> {
        self.check.load().as_deref().cloned()
    }

    /// The last probes, and since when they conclude what they do.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// Probes that passed and probes that failed.
    pub fn checks(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.checks_passed), count(&self.checks_failed))
    }

    /// Writes down a probe's result and what all of them together conclude.
    pub fn set_check(&self, result: CheckResult, health: Health) {
        let counter = match result.passed() {
            true => &self.checks_passed,
            false => &self.checks_failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.past.note(&result, health != self.health());
        self.check.store(Some(Arc::new(result)));
        // Before the verdict, so that nobody sees the node up at its whole weight.
        if health == Health::Up && self.health() == Health::Down {
            // Its failures were before: it is used again after `rise` checks.
            self.passive.forgive();
            self.note_recovery();
        }
        let before = self.health.swap(health.number(), Ordering::AcqRel);
        if health == Health::Down && before != Health::Down.number() {
            self.has_fallen.store(true, Ordering::Relaxed);
        }
        if health.number() != before {
            self.queue.settle();
        }
    }

    /// Until when the node rests after passive failures; none if it does not at `now`.
    pub fn ejected_until(&self, now: Instant) -> Option<Instant> {
        self.passive.ejected_until(now)
    }

    /// Where to connect, in the order to try; empty while a name has not been
    /// found.
    pub fn socket_addresses(&self) -> Arc<Vec<SocketAddr>> {
        self.addresses.load_full()
    }

    /// Writes down what the node's name was found to be.
    pub fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        self.addresses.store(Arc::new(addresses));
        self.lookup.note(None);
    }

    /// Writes down that no address was found for the node's name. Its last ones stay.
    pub fn set_unresolved(&self, why: Unresolved) {
        self.lookup.note(Some(why));
    }

    /// Why the last look-up of the node's name found nothing, if so.
    pub fn look_up_failed(&self) -> Option<Unresolved> {
        self.lookup.failed()
    }

    /// Why the node's name has no address, if it has none.
    pub fn unresolved(&self) -> Unresolved {
        self.lookup.failed().unwrap_or(Unresolved::Silent)
    }

    // A node that began Down has not come back: nothing is known to be cold.
    fn note_recovery(&self) {
        if self.has_fallen.load(Ordering::Relaxed) {
            let nanos = self.born.elapsed().as_nanos();
            let nanos = u64::try_from(nanos).unwrap_or(u64::MAX).max(1);
            self.recovered.store(nanos, Ordering::Release);
        }
    }

    /// How long ago it came back up; none if it never was down.
    pub(super) fn recovered_for(&self, now: Instant) -> Option<Duration> {
        let nanos = self.recovered.load(Ordering::Acquire);
        let at = self.born + Duration::from_nanos(nanos);
        (nanos > 0).then(|| now.saturating_duration_since(at))
    }

    /// Whether one more lease may be given.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight() < self.limit.load(Ordering::Relaxed)
    }

    /// Takes over the `max_conns` of a published snapshot.
    pub(super) fn set_limit(&self, max_conns: u32) {
        self.limit.store(limit(max_conns), Ordering::SeqCst);
    }

    /// Whether the published snapshot gives it nothing new.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) != AdminState::Enabled as u8
    }

    /// Whether the published snapshot does not even give it what is bound to it.
    pub(super) fn is_barred(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) == AdminState::Disabled as u8
    }

    /// Takes over what a published snapshot wants of it; one that is gone counts as disabled.
    pub(super) fn set_wanted(&self, wanted: AdminState) {
        self.wanted.store(wanted as u8, Ordering::SeqCst);
    }

    // The two halves of a lease. The first is called under the pool's lock only, and is
    // false when the node is full: two snapshots choose under two locks.
    pub(super) fn begin(&self) -> bool {
        let most = self.limit.load(Ordering::Relaxed);
        let counted = match most {
            u64::MAX => {
                self.in_flight.fetch_add(1, Ordering::SeqCst);
                true
            }
            most => {
                let one_more = |count| (count < most).then_some(count + 1);
                self.in_flight
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more)
                    .is_ok()
            }
        };
        if counted {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        counted
    }

    pub(super) fn end(&self) {
        let before = self.in_flight.fetch_sub(1, Ordering::SeqCst);
        assert!(before > 0, "a lease ends once");
        self.queue.settle();
    }
}

fn limit(max_conns: u32) -> u64 {
    match max_conns {
        0 => u64::MAX,
        most => most.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CheckResult, Health, NodeState, Unresolved};
    use crate::balance::Cause;
    use crate::model::{HealthCheck, Name, Node, NodeAddress};

    fn state(address: &str) -> NodeState {
        state_with(address, None)
    }

    fn state_with(address: &str, check: Option<&HealthCheck>) -> NodeState {
        let address = NodeAddress::parse(address).unwrap();
        let node = Node::new(Name::unchecked("web-1"), address);
        NodeState::new(1, &node, check, Arc::default())
    }

    fn result(passed: bool) -> CheckResult {
        CheckResult::of((!passed).then_some(Cause::Refused))
    }

    #[test]
    fn a_node_begins_unknown_or_where_the_check_says_so_down() {
        let begins = |default_down| {
            let check = HealthCheck {
                default_down,
                ..HealthCheck::default()
            };
            state_with("10.0.0.1:80", Some(&check)).health()
        };
        assert_eq!(begins(false), Health::Unknown);
        assert_eq!(begins(true), Health::Down);
    }

    #[test]
    fn a_probe_s_result_and_the_verdict_are_written_together() {
        let state = state("10.0.0.1:80");
        assert_eq!((state.health(), state.check()), (Health::Unknown, None));
        state.set_check(result(false), Health::Unknown);
        state.set_check(result(true), Health::Up);
        assert_eq!(state.health(), Health::Up);
        assert_eq!(state.check(), Some(result(true)));
        assert_eq!(state.checks(), (1, 1));
    }

    #[test]
    fn a_name_has_no_address_until_it_is_found() {
        assert_eq!(state("10.0.0.1:80").socket_addresses().len(), 1);
        let state = state("web-1:80");
        assert!(state.socket_addresses().is_empty());
        assert_eq!(state.unresolved(), Unresolved::Silent);
        state.set_unresolved(Unresolved::NotFound);
        assert_eq!(state.unresolved(), Unresolved::NotFound);
        state.set_addresses(vec!["10.0.0.9:80".parse().unwrap()]);
        assert_eq!(state.socket_addresses()[0].to_string(), "10.0.0.9:80");
        assert_eq!(state.look_up_failed(), None);
    }
}
