//! What is true of each node now, and what went wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::text::{Kind, Text};
use super::{Durations, add, read};
use crate::model::AdminState;

/// The words a node's health can be.
const HEALTH: [&str; 3] = ["unknown", "up", "down"];

/// What is true of one node now: told by the caller, who knows the snapshot.
#[derive(Debug, Clone)]
pub struct NodeFacts<'a> {
    /// The pool's name.
    pub pool: &'a str,
    /// The node's name.
    pub node: &'a str,
    /// Whether new requests may go there.
    pub up: bool,
    /// Its weight.
    pub weight: u16,
    /// What the operator wants of it.
    pub admin_state: AdminState,
    /// What probing concluded: `unknown`, `up` or `down`.
    pub health: &'a str,
    /// Requests now in flight.
    pub in_flight: u64,
    /// Clients bound to it.
    pub bound: u64,
    /// Probes that passed.
    pub checks_passed: u64,
    /// Probes that failed.
    pub checks_failed: u64,
    /// Bytes it sent that belong to no answer.
    pub excess_bytes: u64,
}

/// What is true of one pool now.
#[derive(Debug, Clone, Copy)]
pub struct PoolFacts<'a> {
    /// Its name.
    pub pool: &'a str,
    /// Requests that wait for one of its nodes to have room.
    pub queued: usize,
}

/// Writes the families about pools.
pub(super) fn write_pools(text: &mut Text, pools: &[PoolFacts<'_>]) {
    let name = "steelyard_queue_length";
    text.family(
        name,
        Kind::Gauge,
        "Requests that wait for a node with room.",
    );
    for pool in pools {
        text.sample(name, &[("pool", pool.pool)], pool.queued);
    }
}

/// What went wrong with a node: the node's part of the reason codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeErrorKind {
    /// It refused the connection, or could not be reached.
    Refused,
    /// It did not accept in time.
    ConnectTimeout,
    /// There was no TLS with it.
    NoTls,
    /// It did not answer in time.
    Timeout,
    /// It broke off.
    Reset,
    /// Its answer was not HTTP.
    BadResponse,
    /// It answered with a status the pool counts as a failure.
    Status,
}

impl NodeErrorKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Refused,
        Self::ConnectTimeout,
        Self::NoTls,
        Self::Timeout,
        Self::Reset,
        Self::BadResponse,
        Self::Status,
    ];

    /// The word in the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::NoTls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::BadResponse => "bad_response",
            Self::Status => "status",
        }
    }
}

/// Counters of the tries of one node.
#[derive(Debug, Default)]
pub struct NodeCounters {
    kinds: [AtomicU64; NodeErrorKind::ALL.len()],
    /// From the call to the connection, of those that were made.
    pub connect: Durations,
    /// From the request's last byte to the answer's first, of those that were answered.
    pub first_byte: Durations,
}

impl NodeCounters {
    /// Counts one try that went wrong.
    pub fn count(&self, kind: NodeErrorKind) {
        add(
            &self.kinds,
            NodeErrorKind::ALL.iter().position(|k| *k == kind),
        );
    }

    /// Tries that went wrong in this way.
    pub fn of(&self, kind: NodeErrorKind) -> u64 {
        let place = NodeErrorKind::ALL.iter().position(|k| *k == kind);
        place.map_or(0, |place| read(&self.kinds[place]))
    }
}

type Counters = BTreeMap<[String; 2], Arc<NodeCounters>>;

/// Writes the families about nodes.
pub(super) fn write(text: &mut Text, nodes: &[NodeFacts<'_>], counters: &Counters) {
    type Read = for<'a> fn(&NodeFacts<'a>) -> u64;
    let gauges: [(&str, &str, Read); 4] = [
        (
            "steelyard_node_up",
            "Whether new requests may go to the node.",
            |node| node.up.into(),
        ),
        ("steelyard_node_weight", "The node's weight.", |node| {
            node.weight.into()
        }),
        (
            "steelyard_requests_in_flight",
            "Requests now at the node.",
            |node| node.in_flight,
        ),
        (
            "steelyard_node_bound",
            "Clients whose affinity binds them to the node.",
            |node| node.bound,
        ),
    ];
    for (name, help, value) in gauges {
        text.family(name, Kind::Gauge, help);
        for node in nodes {
            text.sample(name, &labels(node), value(node));
        }
    }
    write_states(text, nodes);
    write_checks(text, nodes);
    let name = "steelyard_node_excess_bytes_total";
    let help =
        "Bytes behind a node's answer, or on an idle connection to it, that nobody asked for.";
    text.family(name, Kind::Counter, help);
    for node in nodes {
        text.sample(name, &labels(node), node.excess_bytes);
    }
    let name = "steelyard_node_errors_total";
    text.family(
        name,
        Kind::Counter,
        "Tries that went wrong by the node's doing.",
    );
    for ([pool, node], counters) in counters {
        for (kind, counter) in NodeErrorKind::ALL.iter().zip(&counters.kinds) {
            let labels = [
                ("pool", &**pool),
                ("node", &**node),
                ("kind", kind.as_str()),
            ];
            text.sample(name, &labels, read(counter));
        }
    }
    write_durations(text, counters);
}

fn write_durations(text: &mut Text, counters: &Counters) {
    type Read = fn(&NodeCounters) -> &Durations;
    let families: [(&str, &str, Read); 2] = [
        (
            "steelyard_node_connect_duration_seconds",
            "How long connections to the node took to be made.",
            |counters| &counters.connect,
        ),
        (
            "steelyard_node_first_byte_seconds",
            "From the request's last byte to the first of the node's answer.",
            |counters| &counters.first_byte,
        ),
    ];
    for (name, help, durations) in families {
        text.family(name, Kind::Histogram, help);
        for ([pool, node], counters) in counters {
            let labels = [("pool", pool.as_str()), ("node", node.as_str())];
            durations(counters).write(text, name, &labels);
        }
    }
}

// One sample per possible state, 1 for the present one: as Prometheus wants enums.
fn write_states(text: &mut Text, nodes: &[NodeFacts<'_>]) {
    let name = "steelyard_node_admin_state";
    text.family(name, Kind::Gauge, "What the operator wants of the node.");
    for node in nodes {
        let [pool, name_of] = labels(node);
        for state in AdminState::ALL {
            let labels = [pool, name_of, ("state", state.as_str())];
            text.sample(name, &labels, u8::from(state == node.admin_state));
        }
    }
    let name = "steelyard_node_health";
    text.family(name, Kind::Gauge, "What probing concluded of the node.");
    for node in nodes {
        let [pool, name_of] = labels(node);
        for health in HEALTH {
            let labels = [pool, name_of, ("state", health)];
            text.sample(name, &labels, u8::from(health == node.health));
        }
    }
}

fn write_checks(text: &mut Text, nodes: &[NodeFacts<'_>]) {
    let name = "steelyard_node_checks_total";
    text.family(name, Kind::Counter, "Probes of the node.");
    for node in nodes {
        let [pool, name_of] = labels(node);
        for (result, count) in [
            ("passed", node.checks_passed),
            ("failed", node.checks_failed),
        ] {
            text.sample(name, &[pool, name_of, ("result", result)], count);
        }
    }
}

fn labels<'a>(node: &NodeFacts<'a>) -> [(&'static str, &'a str); 2] {
    [("pool", node.pool), ("node", node.node)]
}
