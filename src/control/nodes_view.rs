//! Pools and nodes with all that is known of them, for a page: what the operator wants, what the
//! checks see, what happens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::recent::Recent;
use super::status::{Clock, lookup_text};
use super::{Control, Handle};
use crate::balance::{Balancer, Candidate, CheckResult, Health, PastCheck};
use crate::model::{AdminState, HealthCheck, Language, Policy};
use crate::snapshot::Pool;

/// Every pool of the revision in force.
#[derive(Debug, Clone)]
pub struct NodesView {
    /// The revision in force.
    pub revision: u64,
    /// Its pools, in the document's order.
    pub pools: Vec<PoolView>,
}

/// A pool, and what becomes of requests for it.
#[derive(Debug, Clone)]
pub struct PoolView {
    /// Its name.
    pub name: String,
    /// How it chooses.
    pub policy: Policy,
    /// How its nodes are probed; none is not at all.
    pub check: Option<HealthCheck>,
    /// Whether no enabled node is well, and all of them are tried.
    pub fail_open: bool,
    /// Requests that wait for a node to have room.
    pub queued: usize,
    /// Its nodes, in the document's order.
    pub nodes: Vec<NodeView>,
}

/// A node.
#[derive(Debug, Clone)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// Its weight, 1 to 1000.
    pub weight: u16,
    /// Whether it is used only while no other node can be.
    pub backup: bool,
    /// Most requests at it at a time; 0 is no limit.
    pub max_conns: u32,
    /// What the operator wants of it.
    pub admin_state: AdminState,
    /// What probing last concluded.
    pub health: Health,
    /// Whether it is probed at all.
    pub is_checked: bool,
    /// Since when; none before the first verdict.
    pub since: Option<SystemTime>,
    /// The last probe; none before the first.
    pub check: Option<CheckResult>,
    /// The last probes, the oldest first.
    pub past: Vec<PastCheck>,
    /// Why its name has no address, and what its requests do meanwhile.
    pub lookup: Option<String>,
    /// Until when it rests after requests that failed.
    pub ejected_until: Option<SystemTime>,
    /// Whether new requests go there.
    pub takes: bool,
    /// The part of its weight that it has while it warms up, in percent; 100 otherwise.
    pub warm: u64,
    /// Requests now at it.
    pub in_flight: u64,
    /// Clients bound to it.
    pub bound: u64,
    /// When the last binding ends that there may be.
    pub bound_until: Option<SystemTime>,
    /// Whether it is draining and empty: safe to stop.
    pub drained: bool,
    /// The part of the pool's requests that its weight stands for, 0 to 1, were all well.
    pub wanted: f64,
    /// The part that goes there now; none while none come.
    pub now: Option<f64>,
    /// What went there.
    pub recent: Recent,
}

impl NodesView {
    /// The pool of this name.
    pub fn pool(&self, name: &str) -> Option<&PoolView> {
        self.pools.iter().find(|pool| pool.name == name)
    }
}

impl PoolView {
    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<&NodeView> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// Nodes that take new requests.
    pub fn taking(&self) -> usize {
        self.nodes.iter().filter(|node| node.takes).count()
    }

    /// Nodes that would be well without these: taken away, requests would have nowhere to go.
    pub fn well_without(&self, names: &[String]) -> usize {
        let stays = |node: &&NodeView| node.is_well() && !names.contains(&node.name);
        self.nodes.iter().filter(stays).count()
    }
}

impl NodeView {
    /// Whether its weight counts among those of the pool.
    pub fn counts(&self) -> bool {
        self.admin_state == AdminState::Enabled && !self.backup
    }

    /// Whether it is meant to serve and nothing is known against it.
    pub fn is_well(&self) -> bool {
        let is_on = self.admin_state == AdminState::Enabled;
        is_on && self.health != Health::Down && self.ejected_until.is_none()
    }

    /// Whether somebody should look at it.
    pub fn is_wrong(&self) -> bool {
        let is_meant = self.admin_state != AdminState::Disabled;
        let is_bad = self.health == Health::Down || self.ejected_until.is_some();
        is_meant && (is_bad || self.lookup.is_some())
    }
}

impl Handle {
    /// Every pool and node with what is known of it, for a page.
    pub fn nodes_view(&self, language: Language) -> NodesView {
        self.control.nodes_view(language)
    }
}

impl Control {
    pub(super) fn nodes_view(&self, language: Language) -> NodesView {
        let snapshot = &self.now.load().snapshot;
        let clock = Clock::now();
        let pool = |pool| self.pool_view(pool, clock, language);
        NodesView {
            revision: snapshot.revision,
            pools: snapshot.pools.iter().map(pool).collect(),
        }
    }

    fn pool_view(&self, pool: &Pool, clock: Clock, language: Language) -> PoolView {
        let balancer = &pool.balancer;
        let mut nodes: Vec<NodeView> = (0..balancer.nodes().len())
            .map(|index| self.node_view(balancer, index, clock, language))
            .collect();
        for node in &mut nodes {
            node.is_checked = pool.config.health_check.is_some();
        }
        share_out(&mut nodes);
        PoolView {
            name: balancer.name().to_string(),
            policy: balancer.policy(),
            check: pool.config.health_check.clone(),
            fail_open: balancer.fail_open(clock.instant),
            queued: balancer.queued(),
            nodes,
        }
    }

    fn node_view(
        &self,
        pool: &Balancer,
        index: usize,
        clock: Clock,
        language: Language,
    ) -> NodeView {
        let node = &pool.nodes()[index];
        // First: whoever is bound by an answer under way is bound before that ends.
        let in_flight = node.state.in_flight();
        let bound = pool.bound_to(node, clock.unix());
        let idle = in_flight == 0 && bound.until.is_none();
        let ejected = pool.ejected_until(index, clock.instant);
        NodeView {
            name: node.name.to_string(),
            address: node.address.to_string(),
            weight: node.weight,
            backup: node.backup,
            max_conns: node.max_conns,
            admin_state: node.admin_state,
            health: node.state.health(),
            is_checked: false,
            since: node.state.past().since(),
            check: node.state.check(),
            past: node.state.past().checks(),
            lookup: lookup_text(node, language),
            ejected_until: ejected.map(|until| clock.time + (until - clock.instant)),
            takes: pool.takes(node, clock.instant),
            warm: warm(pool, node, clock),
            in_flight,
            bound: bound.clients,
            bound_until: bound
                .until
                .map(|until| UNIX_EPOCH + Duration::from_secs(until)),
            drained: node.admin_state == AdminState::Draining && idle,
            wanted: 0.0,
            now: None,
            recent: self.watched.of(node.state.id()),
        }
    }
}

fn warm(pool: &Balancer, node: &Candidate, clock: Clock) -> u64 {
    match pool.takes(node, clock.instant) {
        true => pool.warm(node, clock.instant),
        false => 100,
    }
}

/// Tells every node its parts, which are of the same whole.
fn share_out(nodes: &mut [NodeView]) {
    // While nothing else is on, backups are all there is.
    let only_backups = !nodes.iter().any(NodeView::counts);
    let weight = |node: &NodeView| match node.admin_state {
        AdminState::Enabled if node.backup == only_backups => f64::from(node.weight),
        _ => 0.0,
    };
    let weights: f64 = nodes.iter().map(weight).sum();
    let rates: f64 = nodes.iter().map(|node| node.recent.per_second).sum();
    for node in nodes {
        if weights > 0.0 {
            node.wanted = weight(node) / weights;
        }
        node.now = (rates > 0.0).then(|| node.recent.per_second / rates);
    }
}
