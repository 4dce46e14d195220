//! Counters of the whole process, and their Prometheus text.
//!
//! Counting is relaxed atomics, without lock or allocation: whoever counts
//! holds the `Arc` of its series. Names are found once, when a snapshot is built.

mod buffers;
mod durations;
mod logs;
mod nodes;
mod process;
mod proxied;
mod reasons;
mod series;
mod sessions;
#[cfg(test)]
mod tests;
mod text;
mod tls;
mod webhooks;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use buffers::{Buffers, Place, Side};
pub use durations::{Counted, Durations};
pub use logs::LogLosses;
pub use nodes::{NodeCounters, NodeErrorKind, NodeFacts, PoolFacts};
pub use proxied::{Proxies, ProxyRefused};
pub use reasons::Reasons;
pub use series::{Series, Served};
pub use sessions::{SessionDatabaseFacts, SessionFacts};
pub use text::CONTENT_TYPE;
use text::{Kind, Text};
pub use tls::{CertificateFacts, Handshake, Handshakes};
pub use webhooks::{Deliveries, Delivery};

/// Why a request was tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryReason {
    /// The node refused, reset or broke off.
    Error,
    /// The node took too long to accept or to answer.
    Timeout,
    /// The node's answer was not HTTP.
    InvalidHeader,
    /// The node answered with a status the pool retries on.
    Status,
    /// A kept connection had been closed by the node meanwhile.
    Stale,
    /// A check turned the node Down while the request waited for it.
    NodeDown,
}

impl RetryReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Error,
        Self::Timeout,
        Self::InvalidHeader,
        Self::Status,
        Self::Stale,
        Self::NodeDown,
    ];

    /// The word in the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::InvalidHeader => "invalid_header",
            Self::Status => "status",
            Self::Stale => "stale",
            Self::NodeDown => "node_down",
        }
    }
}

/// What became of a request for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaticResult {
    /// It was there, and was sent.
    Hit,
    /// It was not there; another target may have been asked.
    Miss,
    /// It was there, and the client has it already (304).
    Revalidated,
}

impl StaticResult {
    /// Every result.
    pub const ALL: [Self; 3] = [Self::Hit, Self::Miss, Self::Revalidated];

    /// The word in the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Revalidated => "revalidated",
        }
    }
}

/// The counters of the process. One per process, shared.
#[derive(Debug, Default)]
pub struct Metrics {
    // Sorted, so that the text is in the same order at every scrape.
    names: Mutex<Names>,
    retries: [AtomicU64; RetryReason::ALL.len()],
    statics: [AtomicU64; StaticResult::ALL.len()],
    reloads: Reloads,
    panics: AtomicU64,
    /// Why requests were answered by the proxy itself.
    pub reasons: Reasons,
    /// Handshakes with clients.
    pub handshakes: Handshakes,
    /// Connections closed for want of the PROXY protocol.
    pub proxies: Proxies,
    /// What the logs could not keep.
    pub logs: LogLosses,
    buffers: Buffers,
}

#[derive(Debug, Default)]
struct Names {
    // By site, pool, node.
    series: BTreeMap<[String; 3], Arc<Series>>,
    // By pool, node.
    nodes: BTreeMap<[String; 2], Arc<NodeCounters>>,
    // By listener.
    connections: BTreeMap<String, Arc<Connections>>,
    // By webhook.
    deliveries: BTreeMap<String, Arc<Deliveries>>,
}

#[derive(Debug, Default)]
struct Reloads {
    succeeded: AtomicU64,
    failed: AtomicU64,
    last_succeeded: AtomicBool,
    // Milliseconds since 1970; 0 before the first.
    last_success: AtomicU64,
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counters of what `node` of `pool` answered for `site`; each may be
    /// empty where there is none (a file, an answer of our own).
    pub fn series(&self, site: &str, pool: &str, node: &str) -> Arc<Series> {
        let key = [site, pool, node].map(str::to_owned);
        self.lock().series.entry(key).or_default().clone()
    }

    /// The counters of a node's tries.
    pub fn node(&self, pool: &str, node: &str) -> Arc<NodeCounters> {
        let key = [pool, node].map(str::to_owned);
        self.lock().nodes.entry(key).or_default().clone()
    }

    /// Answers 5xx that clients got of nodes, by pool and node.
    pub fn server_errors(&self) -> BTreeMap<[String; 2], u64> {
        let mut errors = BTreeMap::new();
        for ([_, pool, node], series) in &self.lock().series {
            let count = series.server_errors();
            if count > 0 && !node.is_empty() {
                *errors.entry([pool.clone(), node.clone()]).or_default() += count;
            }
        }
        errors
    }

    /// The client connections of a listener.
    pub fn connections(&self, listener: &str) -> Arc<Connections> {
        let mut names = self.lock();
        let known = names.connections.entry(listener.to_owned());
        known.or_default().clone()
    }

    /// What became of the messages to a webhook.
    pub fn deliveries(&self, webhook: &str) -> Arc<Deliveries> {
        let mut names = self.lock();
        let known = names.deliveries.entry(webhook.to_owned());
        known.or_default().clone()
    }

    /// Forgets the counters nobody holds any more: of sites, nodes and
    /// listeners that are gone. To be called after a publish.
    pub fn forget_gone(&self) {
        let mut names = self.lock();
        names.series.retain(|_, held| Arc::strong_count(held) > 1);
        names.nodes.retain(|_, held| Arc::strong_count(held) > 1);
        names
            .connections
            .retain(|_, held| Arc::strong_count(held) > 1);
        names
            .deliveries
            .retain(|_, held| Arc::strong_count(held) > 1);
    }

    /// Counts one retry.
    pub fn count_retry(&self, reason: RetryReason) {
        add(
            &self.retries,
            RetryReason::ALL.iter().position(|r| *r == reason),
        );
    }

    /// Counts one request for a file.
    pub fn count_static(&self, result: StaticResult) {
        add(
            &self.statics,
            StaticResult::ALL.iter().position(|r| *r == result),
        );
    }

    /// Counts one request to the panel that ran into a mistake of ours.
    pub fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one attempt to put a configuration in force.
    pub fn count_reload(&self, succeeded: bool, at: SystemTime) {
        let reloads = &self.reloads;
        reloads.last_succeeded.store(succeeded, Ordering::Relaxed);
        if !succeeded {
            reloads.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        reloads.succeeded.fetch_add(1, Ordering::Relaxed);
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        reloads.last_success.store(millis, Ordering::Relaxed);
    }

    /// What bodies hold now.
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// All of it as Prometheus text. The nodes' present facts come from the
    /// caller, who knows the snapshot.
    pub fn text(
        &self,
        nodes: &[NodeFacts<'_>],
        pools: &[PoolFacts<'_>],
        certificates: &[CertificateFacts<'_>],
        sessions: Option<&SessionFacts>,
    ) -> String {
        let mut text = Text::default();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        text.family(
            "steelyard_build_info",
            Kind::Gauge,
            "The version that runs; always 1.",
        );
        text.sample("steelyard_build_info", &version, 1);
        let names = self.lock();
        series::write(&mut text, &names.series);
        write_connections(&mut text, &names.connections);
        nodes::write(&mut text, nodes, &names.nodes);
        nodes::write_pools(&mut text, pools);
        webhooks::write(&mut text, &names.deliveries);
        drop(names);
        tls::write(&mut text, &self.handshakes, certificates);
        proxied::write(&mut text, &self.proxies);
        sessions::write(&mut text, sessions);
        self.write_requests(&mut text);
        self.reasons.write(&mut text);
        self.buffers.write(&mut text);
        self.write_process(&mut text);
        text.finish()
    }

    fn write_requests(&self, text: &mut Text) {
        let name = "steelyard_retries_total";
        text.family(
            name,
            Kind::Counter,
            "Requests tried again, by what had gone wrong.",
        );
        for (reason, counter) in RetryReason::ALL.iter().zip(&self.retries) {
            text.sample(name, &[("reason", reason.as_str())], read(counter));
        }
        let name = "steelyard_static_requests_total";
        let help = "Requests for files: sent, not there, or known to the client already.";
        text.family(name, Kind::Counter, help);
        for (result, counter) in StaticResult::ALL.iter().zip(&self.statics) {
            text.sample(name, &[("result", result.as_str())], read(counter));
        }
    }

    fn write_process(&self, text: &mut Text) {
        let name = "steelyard_admin_panics_total";
        let help = "Requests to the panel or the API that ran into a mistake of ours.";
        text.family(name, Kind::Counter, help);
        text.sample(name, &[], read(&self.panics));
        let name = "steelyard_config_reloads_total";
        text.family(
            name,
            Kind::Counter,
            "Configurations put in force or refused.",
        );
        text.sample(
            name,
            &[("result", "success")],
            read(&self.reloads.succeeded),
        );
        text.sample(name, &[("result", "failure")], read(&self.reloads.failed));
        let last = u8::from(self.reloads.last_succeeded.load(Ordering::Relaxed));
        let name = "steelyard_config_last_reload_successful";
        text.family(
            name,
            Kind::Gauge,
            "Whether the last configuration came in force.",
        );
        text.sample(name, &[], last);
        let at = Duration::from_millis(read(&self.reloads.last_success));
        let name = "steelyard_config_last_reload_success_timestamp_seconds";
        text.family(
            name,
            Kind::Gauge,
            "When a configuration last came in force.",
        );
        text.sample(name, &[], at.as_secs_f64());
        self.logs.write(text);
        process::write(text);
    }

    // Maps and counters cannot be left half written, so a poisoned lock is as good.
    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client connections now open on one listener.
#[derive(Debug, Default)]
pub struct Connections {
    open: AtomicU64,
}

impl Connections {
    /// Counts one connection until what it returns is dropped.
    pub fn opened(self: &Arc<Self>) -> OpenConnection {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(self.clone())
    }

    /// How many are open.
    pub fn open(&self) -> u64 {
        read(&self.open)
    }
}

/// One open connection; dropping it counts it closed.
#[derive(Debug)]
#[must_use = "a connection dropped at once is counted closed"]
pub struct OpenConnection(Arc<Connections>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn write_connections(text: &mut Text, connections: &BTreeMap<String, Arc<Connections>>) {
    let name = "steelyard_connections_open";
    text.family(name, Kind::Gauge, "Client connections now open.");
    for (listener, connections) in connections {
        text.sample(name, &[("listener", listener)], connections.open());
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

// One more at a place that every caller takes out of its own fixed list.
fn add(counters: &[AtomicU64], place: Option<usize>) {
    if let Some(counter) = place.and_then(|place| counters.get(place)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
