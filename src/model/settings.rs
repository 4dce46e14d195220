//! Settings of the whole process.

use std::time::Duration;

use ipnet::IpNet;

use super::Secret;

/// Settings of the whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Peers whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Data workers; 0 is one per core. Read at start only.
    pub workers: u16,
    /// Most client connections at once; 0 is what the file descriptor limit allows.
    pub max_connections: u32,
    /// Most bytes of bodies held in memory at once, over all requests and answers.
    pub memory_budget: u64,
    /// Most bytes of bodies held in spool files at once; 0 is no such file.
    pub spool_limit: u64,
    /// How often the names of nodes are looked up again.
    pub dns_refresh: Duration,
    /// How long requests in flight may go on after a stop was asked for.
    pub shutdown_grace: Duration,
    /// The key that affinity cookies are signed with.
    pub affinity_secret: Secret,
}

impl Settings {
    /// Most data workers: beyond this a typing error is likelier than the machine.
    pub const MAX_WORKERS: u16 = 256;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            workers: 0,
            max_connections: 0,
            memory_budget: 256 * 1024 * 1024,
            spool_limit: 1024 * 1024 * 1024,
            dns_refresh: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(30),
            affinity_secret: Secret::Absent,
        }
    }
}
