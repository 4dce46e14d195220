//! A pool: interchangeable nodes, one policy, one health check.

use std::time::Duration;

use super::{
    Affinity, HashKey, HeaderValue, HealthCheck, Name, Node, Policy, PoolTls, ProxyProtocol, Retry,
};

/// Connections to a node kept for the next request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keepalive {
    /// Most idle connections per node and worker; 0 is no reuse.
    pub idle: u16,
    /// How long one may idle. Below Gunicorn's 2 s, so that ours closes first.
    pub timeout: Duration,
    /// Most requests on one connection.
    pub requests: u32,
    /// Longest life of one connection.
    pub max_age: Duration,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            idle: 32,
            timeout: Duration::from_millis(1500),
            requests: 1000,
            max_age: Duration::from_secs(3600),
        }
    }
}

/// Where requests wait while every node has as many as it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Most requests that wait; 0 is none.
    pub size: u32,
    /// Longest wait.
    pub timeout: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            size: 100,
            timeout: Duration::from_secs(10),
        }
    }
}

/// Interchangeable nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its identity.
    pub name: Name,
    /// How it chooses.
    pub policy: Policy,
    /// What `hash` chooses by; without meaning for the other policies.
    pub hash_key: HashKey,
    /// How TLS is spoken to its nodes; none is plain.
    pub tls: Option<PoolTls>,
    /// Whether its nodes are told who a connection is for, ahead of all else on it.
    pub proxy_protocol: ProxyProtocol,
    /// Host sent to the nodes; none is the client's.
    pub host: Option<HeaderValue>,
    /// Longest time to connect to a node.
    pub connect_timeout: Duration,
    /// Longest time between two writes to a node.
    pub send_timeout: Duration,
    /// Longest time between two reads from a node.
    pub read_timeout: Duration,
    /// Connections kept for the next request.
    pub keepalive: Keepalive,
    /// Passive failures within `fail_timeout` that eject a node; 0 is off.
    pub max_fails: u16,
    /// How long failures count, and how long an ejected node rests.
    pub fail_timeout: Duration,
    /// How long a node that comes back up takes to its whole weight; 0 is no time.
    pub slow_start: Duration,
    /// Where requests wait; used where a node has `max_conns`.
    pub queue: Queue,
    /// When a request is tried again.
    pub retry: Retry,
    /// How its nodes are probed; none is not at all.
    pub health_check: Option<HealthCheck>,
    /// How clients are kept on their node; none is not at all.
    pub affinity: Option<Affinity>,
    /// Its nodes.
    pub nodes: Vec<Node>,
}

impl Pool {
    /// Most weight that the nodes of a pool with `hash` have in all: 50 nodes of the greatest.
    /// Each unit is 160 points on the ring, 8 bytes each: 64 MB, and half a second to sort them.
    pub const MAX_HASH_WEIGHT: u64 = 50_000;

    /// A pool with every default of the document and no nodes.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            policy: Policy::RoundRobin,
            hash_key: HashKey::default(),
            tls: None,
            proxy_protocol: ProxyProtocol::Off,
            host: None,
            connect_timeout: Duration::from_secs(1),
            send_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(60),
            keepalive: Keepalive::default(),
            max_fails: 3,
            fail_timeout: Duration::from_secs(10),
            slow_start: Duration::ZERO,
            queue: Queue::default(),
            retry: Retry::default(),
            health_check: Some(HealthCheck::default()),
            affinity: None,
            nodes: Vec::new(),
        }
    }
}
