//! Choosing a node, and counting what is in flight: one step under one short
//! lock per pool, which all workers share, so that every share is exact.
//!
//! Where every node that may be asked has its `max_conns`, requests wait in `queue`.
//!
//! Rules are nginx's (round robin, least_conn, ip_hash, hash, max_fails) with
//! three of our own: a node that is Down takes nothing, a pool without any good node
//! fails open, and retries have a budget. No sockets and no HTTP here.

mod affinity;
mod asker;
mod budget;
mod check;
mod choice;
mod crc32;
mod hash;
mod ip_hash;
mod latency;
mod lease;
mod least_conn;
mod least_time;
mod lookup;
mod node_state;
#[cfg(test)]
mod node_tests;
mod outlook;
mod passive;
mod queue;
#[cfg(test)]
mod queue_crowd_tests;
#[cfg(test)]
mod queue_tests;
mod random_two;
mod registry;
mod round_robin;
mod slot;
mod slow_start;
#[cfg(test)]
mod tests;
mod tried;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use affinity::Bindings;
pub use affinity::{Affinity, AffinityKey, Bound, BoundTo, CookieValue, unix_now};
pub use asker::{Asker, KeyHash};
use budget::Budget;
pub use check::{Cause, CheckResult, Facts, MOST_PAST_CHECKS, Past, PastCheck, quoted};
use choice::{Claim, Wish};
pub use lease::{Lease, OwnedLease};
pub use lookup::Unresolved;
pub use node_state::{Health, NodeState};
pub use outlook::{Outlook, Room};
use passive::Rules;
pub use queue::Waiting;
use queue::{Ask, Queue};
pub use registry::Registry;
use registry::Turn;
pub use tried::Tried;

use crate::model::{AdminState, Name, NodeAddress, Policy, Pool};

/// One node of a compiled pool: what the operator wants of it, and its facts.
#[derive(Debug)]
pub struct Candidate {
    /// Its name.
    pub name: Name,
    /// Where it listens.
    pub address: NodeAddress,
    /// Its weight, 1 to 1000.
    pub weight: u16,
    /// Whether it is used only while no other node can be.
    pub backup: bool,
    /// Most requests at it at a time; 0 is no limit.
    pub max_conns: u32,
    /// How long it takes to its whole weight when it comes back up; 0 is no time.
    pub slow_start: Duration,
    /// What the operator wants of it.
    pub admin_state: AdminState,
    /// Its run-time facts, which outlive the snapshot.
    pub state: Arc<NodeState>,
    /// Who is bound to it, which outlives even that.
    bindings: Arc<Bindings>,
}

/// The answer to a request for a node.
#[derive(Debug)]
pub enum Leasing<'a> {
    /// This one.
    Leased(Lease<'a>),
    /// Every node that may be asked has as many requests as it may: wait.
    Wait(Waiting<'a>),
    /// The same, and as many wait as may.
    Full,
    /// No node is enabled, or every enabled one was tried.
    NoNode,
}

/// One pool of one snapshot.
#[derive(Debug)]
pub struct Balancer {
    name: Name,
    policy: Policy,
    // None where passive failures do not count: switched off, or a single
    // node, which is never ejected (as in nginx).
    rules: Option<Rules>,
    nodes: Vec<Candidate>,
    has_backups: bool,
    turn: Arc<Turn>,
    queue: Arc<Queue>,
    queue_size: usize,
    budget: Arc<Budget>,
    affinity: Option<Affinity>,
}

impl Balancer {
    /// [`Balancer::signing`], for a test to which it is all one what signs its cookies.
    #[cfg(test)]
    pub(crate) fn build(pool: &Pool, registry: &Registry) -> Arc<Self> {
        Self::signing(pool, registry, &registry.affinity_key())
    }

    /// Compiles a pool, whose cookies are signed with `key`. Facts of nodes that were there before
    /// are taken over.
    pub fn signing(pool: &Pool, registry: &Registry, key: &AffinityKey) -> Arc<Self> {
        let affinity = pool.affinity.as_ref();
        let candidate = |node: &crate::model::Node| Candidate {
            name: node.name.clone(),
            address: node.address.clone(),
            weight: node.weight,
            backup: node.backup,
            max_conns: node.max_conns,
            slow_start: node.slow_start.unwrap_or(pool.slow_start),
            admin_state: node.state,
            state: registry.node(pool, node),
            bindings: registry.bindings(&pool.name, &node.name),
        };
        let nodes: Vec<Candidate> = pool.nodes.iter().map(candidate).collect();
        let weights = nodes.iter().map(|c| (c.state.id(), c.weight)).collect();
        let counted = pool.max_fails > 0 && nodes.len() > 1;
        Arc::new(Self {
            name: pool.name.clone(),
            policy: pool.policy,
            rules: counted.then_some(Rules {
                max_fails: pool.max_fails,
                fail_timeout: pool.fail_timeout,
            }),
            turn: registry.turn(pool, weights),
            queue: registry.queue(&pool.name),
            queue_size: usize::try_from(pool.queue.size).unwrap_or(usize::MAX),
            budget: registry.budget(&pool.name),
            affinity: affinity.map(|config| Affinity::build(config, pool, key)),
            has_backups: nodes.iter().any(|c| c.backup),
            nodes,
        })
    }

    /// The pool's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// How the pool chooses.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// The pool's nodes, in the document's order.
    pub fn nodes(&self) -> &[Candidate] {
        &self.nodes
    }

    /// Chooses a node that is not in `tried` and counts the request on it.
    ///
    /// Backups are chosen only where no other node can be. When no eligible node is left,
    /// fails open: chooses among the enabled ones, down or ejected as they are. Whoever
    /// finds others waiting waits behind them.
    pub fn lease<'a>(
        self: &'a Arc<Self>,
        asker: Asker,
        tried: &Tried,
        now: Instant,
    ) -> Leasing<'a> {
        if self.queue.length() == 0 {
            let wish = Wish {
                asker,
                tried,
                waits: false,
            };
            match self.claim(wish, now) {
                Claim::Counted { index, fail_open } => {
                    return Leasing::Leased(Lease::counted(self, index, fail_open));
                }
                Claim::Nobody => return Leasing::NoNode,
                Claim::Full => {}
            }
        }
        let tried = tried.clone();
        self.queue.join(self, Ask { asker, tried })
    }

    /// How many requests wait for a node of the pool.
    pub fn queued(&self) -> usize {
        self.queue.length()
    }

    /// A try succeeded: the node answered acceptably.
    pub fn succeeded(&self, index: usize) {
        let passive = &self.nodes[index].state.passive;
        // Most nodes have nothing to be forgiven: no lock for them.
        if passive.has_failed() {
            let _turn = self.turn.lock();
            passive.succeeded();
        }
    }

    /// The node took `time` to the first byte of its answer, or counts so. Only `least_time`
    /// looks at it.
    pub fn took(&self, index: usize, time: Duration, now: Instant) {
        self.nodes[index].state.latency.note(time, now);
    }

    /// A try failed by the node's doing, and there is evidence for it: connect
    /// errors and resets always, a listed status or a read timeout only once
    /// another node answered the same request acceptably.
    pub fn failed(&self, index: usize, now: Instant) {
        let Some(rules) = self.rules else { return };
        let mut slots = self.turn.lock();
        slots[index].weaken(rules.max_fails);
        self.nodes[index].state.passive.failed(rules, now);
        drop(slots);
        // With the last good node ejected, the pool fails open over the others.
        self.queue.settle();
    }

    /// Until when the candidate is ejected; none if it is not at `now`.
    pub fn ejected_until(&self, index: usize, now: Instant) -> Option<Instant> {
        self.rules?;
        self.nodes[index].state.ejected_until(now)
    }

    /// Counts one request towards the retry budget, whatever tries it takes.
    pub fn count_request(&self, now: Instant) {
        self.budget.count_request(now);
    }

    /// Whether one more retry is within the budget (20 % of the requests of
    /// ten seconds, at least 3 a second); counts it if so.
    pub fn may_retry(&self, now: Instant) -> bool {
        self.budget.may_retry(now)
    }

    /// How the pool keeps clients on their nodes, if it does.
    pub fn affinity(&self) -> Option<&Affinity> {
        self.affinity.as_ref()
    }

    /// A client that is `bound` has come: this is known of its node from now on, whoever handed
    /// its cookie out, unless the client cannot stay there.
    pub fn see(&self, bound: Bound, now: u64) {
        let node = &self.nodes[bound.index];
        if self.keeps(node, Instant::now()) {
            bound.see(&node.bindings, now);
        }
    }

    /// The candidate answers a client that is `bound`: the cookie that the client is given; none
    /// where it keeps what it has. To be called before the lease ends. `now` is in seconds since
    /// 1970.
    pub fn bind(&self, index: usize, bound: Option<Bound>, now: u64) -> Option<CookieValue> {
        let affinity = self.affinity.as_ref()?;
        affinity.bind(&self.nodes, index, bound, now)
    }

    /// The process has started at `now`, in seconds since 1970: clients may be bound since before,
    /// but to nodes that were draining already when the Config in force was made, at `made`.
    pub fn began(&self, now: u64, made: u64) {
        let max_age = self.affinity.as_ref().map_or(0, Affinity::max_age);
        for node in self.nodes.iter().filter(|_| max_age > 0) {
            let last = if is_enabled(node) { now } else { made.min(now) };
            node.bindings.may_last_until(last + 1 + max_age);
        }
    }

    /// Who is bound to the candidate at `now`, in seconds since 1970. Without affinity nobody.
    pub fn bound_to(&self, candidate: &Candidate, now: u64) -> BoundTo {
        match &self.affinity {
            Some(_) => candidate.bindings.bound_to(now),
            None => BoundTo::default(),
        }
    }

    /// Whether every enabled node is down or ejected, and there is one.
    pub fn fail_open(&self, now: Instant) -> bool {
        let any_eligible = self.nodes.iter().any(|c| self.is_eligible(c, now));
        !any_eligible && self.nodes.iter().any(is_enabled)
    }

    /// Whether new requests go to the candidate at `now`, as far as none is full.
    pub fn takes(&self, candidate: &Candidate, now: Instant) -> bool {
        let fail_open = self.fail_open(now);
        let may_take = |node: &Candidate| match fail_open {
            true => is_enabled(node),
            false => self.is_eligible(node, now),
        };
        let backups_rest = || self.nodes.iter().any(|node| !node.backup && may_take(node));
        may_take(candidate) && !(candidate.backup && backups_rest())
    }

    /// What the candidate's part in new requests at `now` is in proportion to: its weight, of which
    /// it has only a part while it warms up; 0 where none go to it.
    pub fn weight_now(&self, candidate: &Candidate, now: Instant) -> u64 {
        match self.takes(candidate, now) {
            true => slow_start::weight(candidate, now).unsigned_abs(),
            false => 0,
        }
    }

    /// The part of its weight that the candidate has while it warms up, in percent.
    pub fn warm(&self, candidate: &Candidate, now: Instant) -> u64 {
        slow_start::percent(candidate, now)
    }

    /// Whether requests bound to the candidate go there at `now`: a draining one takes them too.
    pub fn keeps(&self, candidate: &Candidate, now: Instant) -> bool {
        let ejected = self.rules.is_some() && candidate.state.ejected_until(now).is_some();
        let wanted = candidate.admin_state != AdminState::Disabled && !candidate.state.is_barred();
        wanted && candidate.state.health() != Health::Down && !ejected
    }

    /// Whether new requests may go to the candidate at `now`. One that is enabled here and
    /// no more in the snapshot published since counts as not good: requests of before go to
    /// another where there is one, so that drained means drained.
    pub fn is_eligible(&self, candidate: &Candidate, now: Instant) -> bool {
        let wanted = is_enabled(candidate) && !candidate.state.is_withdrawn();
        wanted && self.keeps(candidate, now)
    }
}

fn is_enabled(candidate: &Candidate) -> bool {
    candidate.admin_state == AdminState::Enabled
}
