//! What outlives a snapshot: node states, each pool's turn, retry budgets.
//!
//! Invariant: a snapshot that is built and then refused changes nothing here.
//! So building only adds; `retain`, after a publish, drops what no longer serves.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Balancer;
use super::affinity::{AffinityKey, Bindings, unix_now};
use super::budget::Budget;
use super::hash::Ring;
use super::node_state::NodeState;
use super::queue::Queue;
use super::slot::Slot;
use crate::model::{
    AdminState, HealthCheck, Name, Node, NodeAddress, Policy, Pool, PoolTls, ProxyProtocol,
};

/// Limit: nodes that are gone and whose clients are still remembered. More in the time of one
/// binding are made by a program, and none of them comes back.
const MAX_GONE: usize = 1000;

/// What outlives a snapshot, for all pools. One per process.
#[derive(Debug, Default)]
pub struct Registry {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    last_id: u64,
    affinity_key: Option<AffinityKey>,
    nodes: HashMap<(Name, Name), Vec<Known>>,
    turns: HashMap<Name, Vec<Arc<Turn>>>,
    queues: HashMap<Name, Arc<Queue>>,
    budgets: HashMap<Name, Arc<Budget>>,
    bindings: HashMap<(Name, Name), Arc<Bindings>>,
}

// One node state and what would make it worthless.
#[derive(Debug)]
struct Known {
    address: NodeAddress,
    tls: Option<PoolTls>,
    proxy_protocol: ProxyProtocol,
    check: Option<HealthCheck>,
    state: Arc<NodeState>,
}

/// Whose turn it is in one pool. Choosing and counting happen under its lock,
/// which all workers share.
#[derive(Debug)]
pub(super) struct Turn {
    policy: Policy,
    // Node states and weights, in the document's order.
    nodes: Vec<(u64, u16)>,
    // Whether its slots are fine enough for a slow start.
    fine: bool,
    /// The ring of `hash`, which never changes; empty for the others.
    pub(super) ring: Ring,
    slots: Mutex<Vec<Slot>>,
}

impl Turn {
    // No code under the lock panics, and numbers cannot be left half written.
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state of a node of `pool`: the one it had if its address, how it is spoken to and its
    /// check are as they were, else a new one.
    pub fn node(&self, pool: &Pool, node: &Node) -> Arc<NodeState> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let (name, check) = (&pool.name, pool.health_check.as_ref());
        let known = inner.nodes.entry((name.clone(), node.name.clone()));
        let known = known.or_default();
        let same = |k: &&Known| {
            let is_asked_so = k.tls == pool.tls && k.proxy_protocol == pool.proxy_protocol;
            k.address == node.address && is_asked_so && k.check == pool.health_check
        };
        if let Some(known) = known.iter().find(same) {
            return known.state.clone();
        }
        inner.last_id += 1;
        let queue = inner.queues.entry(name.clone()).or_default().clone();
        let state = Arc::new(NodeState::new(inner.last_id, node, check, queue));
        known.push(Known {
            address: node.address.clone(),
            tls: pool.tls.clone(),
            proxy_protocol: pool.proxy_protocol,
            check: check.cloned(),
            state: state.clone(),
        });
        state
    }

    /// A key for affinity cookies that is made up here, for where none is to be had.
    pub fn affinity_key(&self) -> AffinityKey {
        let mut inner = self.lock();
        let key = inner.affinity_key.get_or_insert_with(AffinityKey::random);
        key.clone()
    }

    /// Who is bound to the node of this name: the same as long as anybody is.
    pub(super) fn bindings(&self, pool: &Name, node: &Name) -> Arc<Bindings> {
        let mut inner = self.lock();
        let bindings = inner.bindings.entry((pool.clone(), node.clone()));
        bindings
            .or_insert_with(|| Arc::new(Bindings::new()))
            .clone()
    }

    /// Forgets everything that none of the `published` balancers uses, and has what is new
    /// in them seen by requests that wait since before.
    pub fn retain<'a>(&self, published: impl IntoIterator<Item = &'a Arc<Balancer>>) {
        let mut there = HashMap::new();
        let (mut nodes, mut turns, mut pools) = (HashSet::new(), HashSet::new(), HashSet::new());
        for balancer in published {
            for candidate in balancer.nodes() {
                nodes.insert(candidate.state.id());
                there.insert((balancer.name(), &candidate.name), candidate);
                candidate.state.set_limit(candidate.max_conns);
                // What is drained comes last: who waits for both never sees neither.
                if candidate.admin_state == AdminState::Enabled {
                    candidate.state.set_wanted(AdminState::Enabled);
                }
                if let Some(affinity) = balancer.affinity() {
                    candidate.bindings.use_key(affinity.key());
                }
            }
            turns.insert(Arc::as_ptr(&balancer.turn));
            pools.insert(balancer.name());
        }
        for candidate in there.values() {
            candidate.state.set_wanted(candidate.admin_state);
        }
        let mut inner = self.lock();
        inner.nodes.retain(|(pool, node), known| {
            // One that is only checked in another way is there, for those who wait for it.
            let now = there.get(&(pool, node));
            known.retain(|k| {
                let stays = nodes.contains(&k.state.id());
                if !stays {
                    let same = now.filter(|candidate| candidate.address == k.address);
                    let wanted = same.map_or(AdminState::Disabled, |c| c.admin_state);
                    k.state.set_wanted(wanted);
                }
                stays
            });
            !known.is_empty()
        });
        inner.turns.retain(|_, known| {
            known.retain(|turn| turns.contains(&Arc::as_ptr(turn)));
            !known.is_empty()
        });
        inner.budgets.retain(|pool, _| pools.contains(pool));
        let is_there = |(pool, node): &(Name, Name)| there.contains_key(&(pool, node));
        forget_unbound(&mut inner.bindings, is_there);
        let queues: Vec<_> = inner.queues.values().cloned().collect();
        inner.queues.retain(|pool, _| pools.contains(pool));
        drop(inner);
        for queue in queues {
            queue.settle();
        }
    }

    /// The pool's queue, the same as long as the pool is there.
    pub(super) fn queue(&self, pool: &Name) -> Arc<Queue> {
        let mut inner = self.lock();
        inner.queues.entry(pool.clone()).or_default().clone()
    }

    /// The turn of `pool`, whose node states and weights are `nodes`: the one it
    /// had if these and the policy are as they were, else a new one.
    pub(super) fn turn(&self, pool: &Pool, nodes: Vec<(u64, u16)>) -> Arc<Turn> {
        let policy = pool.policy;
        let mut inner = self.lock();
        let known = inner.turns.entry(pool.name.clone()).or_default();
        let slow = |node: &Node| !node.slow_start.unwrap_or(pool.slow_start).is_zero();
        let fine = pool.nodes.iter().any(slow);
        let same =
            |turn: &&Arc<Turn>| turn.policy == policy && turn.nodes == nodes && turn.fine == fine;
        if let Some(turn) = known.iter().find(same) {
            return turn.clone();
        }
        let slot = if fine { Slot::fine } else { Slot::new };
        let slots = nodes.iter().map(|(_, weight)| slot(*weight)).collect();
        let turn = Arc::new(Turn {
            policy,
            nodes,
            fine,
            ring: ring(pool),
            slots: Mutex::new(slots),
        });
        known.push(turn.clone());
        turn
    }

    /// The pool's retry budget, the same as long as the pool is there.
    pub(super) fn budget(&self, pool: &Name) -> Arc<Budget> {
        let mut inner = self.lock();
        let budget = inner.budgets.entry(pool.clone());
        budget
            .or_insert_with(|| Arc::new(Budget::new(Instant::now())))
            .clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// A node that comes back under its name has its clients again.
fn forget_unbound(
    bindings: &mut HashMap<(Name, Name), Arc<Bindings>>,
    is_there: impl Fn(&(Name, Name)) -> bool,
) {
    let now = unix_now();
    let mut lasting: Vec<u64> = bindings
        .iter()
        .filter(|(name, _)| !is_there(name))
        .filter_map(|(_, bindings)| bindings.bound_to(now).until)
        .collect();
    lasting.sort_unstable_by(|a, b| b.cmp(a));
    let earliest = lasting.get(MAX_GONE).copied().unwrap_or(now);
    bindings
        .retain(|name, bindings| is_there(name) || bindings.bound_to(now).until > Some(earliest));
}

fn ring(pool: &Pool) -> Ring {
    if pool.policy != Policy::Hash {
        return Ring::default();
    }
    let addresses: Vec<String> = pool.nodes.iter().map(|n| n.address.to_string()).collect();
    let weights = pool.nodes.iter().map(|node| node.weight);
    Ring::build(addresses.iter().map(String::as_str).zip(weights))
}
