//! Probing nodes, and looking up their names, all in the background.
//!
//! One task per node that has a check, and one per node whose address is a
//! name. They live on the control thread; what they find goes into the node's
//! state, where the workers read it.

mod ask;
mod greet;
mod judge;
mod names;
mod overheard;
mod probe;
mod socket;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tracing::{info, warn};

pub use names::{look_up, resolve_new};
pub use overheard::Exchange;
pub use probe::{Asked, try_once};

use crate::balance::{Balancer, Cause, CheckResult, Health, NodeState};
use crate::model::{HealthCheck, Language, Name, NodeAddress, Pool, ProxyProtocol};
use crate::tls::ToNode;
use tally::Tally;

/// A node on which requests wait unanswered for this long (a quarter of the interval, if that
/// is shorter) has to show that it lives, not only that its port is open.
const SILENCE: Duration = Duration::from_millis(500);

/// First probes of a change are spread over at most this.
const JITTER: Duration = Duration::from_millis(200);

/// One node to be watched.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its pool's name.
    pub pool: Name,
    /// Its name.
    pub node: Name,
    /// Where it listens.
    pub address: NodeAddress,
    /// How it is probed; none is not at all.
    pub check: Option<HealthCheck>,
    /// The Host that is asked for; none is the node's own address.
    pub host: Option<String>,
    /// How TLS is spoken to it; none is plain.
    pub tls: Option<Arc<ToNode>>,
    /// Whether it is told who a connection is for.
    pub proxy_protocol: ProxyProtocol,
    /// Where what is found is written down.
    pub state: Arc<NodeState>,
}

impl Target {
    /// The nodes of a pool, each to be probed as its `config` has it, asked for `host`; and to
    /// the first, the second, … by these TLS is spoken.
    pub fn of<'a>(
        pool: &'a Balancer,
        config: &'a Pool,
        host: Option<&'a str>,
        to_nodes: &'a [Arc<ToNode>],
    ) -> impl Iterator<Item = Self> + 'a {
        let nodes = pool.nodes().iter().enumerate();
        nodes.map(move |(index, candidate)| Self {
            pool: pool.name().clone(),
            node: candidate.name.clone(),
            address: candidate.address.clone(),
            check: config.health_check.clone(),
            proxy_protocol: config.proxy_protocol,
            host: host.map(str::to_owned),
            tls: to_nodes.get(index).cloned(),
            state: candidate.state.clone(),
        })
    }

    // The node as `steelyard node` takes it.
    fn label(&self) -> String {
        format!("{}/{}", self.pool, self.node)
    }
}

/// A node's health is another than before.
#[derive(Debug)]
pub struct Verdict {
    /// Its pool's name.
    pub pool: Name,
    /// The identity of its state.
    pub state: u64,
    /// What it is now.
    pub health: Health,
    /// What the last check found.
    pub check: CheckResult,
}

/// Keeps one probe and one look-up running per node of the snapshot that
/// serves. Dropping it ends them all.
#[derive(Debug, Default)]
pub struct Supervisor {
    // By node state: a kept state keeps its task, with all it has counted.
    // Beside it, what the next probe goes by.
    probes: HashMap<u64, (Task, watch::Sender<Manner>)>,
    names: HashMap<u64, Task>,
    dns_refresh: Duration,
    // Not bounded: verdicts are rarer than probes, and their reader runs on the same thread.
    verdicts: Option<UnboundedSender<Verdict>>,
}

/// What a probe goes by that makes no other check of it, so that what was found so far counts on.
#[derive(Debug, Clone)]
struct Manner {
    // Another name of a site.
    host: Option<String>,
    // Authorities that were read again.
    tls: Option<Arc<ToNode>>,
}

// A running task; dropping it ends it.
#[derive(Debug)]
struct Task(AbortHandle);

impl Task {
    fn start(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work).abort_handle())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Supervisor {
    /// Watches nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells every verdict from now on. To be called before there is anything to watch.
    pub fn tell(&mut self, verdicts: UnboundedSender<Verdict>) {
        self.verdicts = Some(verdicts);
    }

    /// Watches exactly these nodes from now on, and looks their names up every
    /// `dns_refresh`. To be called on the runtime that shall do it.
    pub fn follow(&mut self, targets: impl IntoIterator<Item = Target>, dns_refresh: Duration) {
        if self.dns_refresh != dns_refresh {
            self.names.clear();
            self.dns_refresh = dns_refresh;
        }
        let mut seen = HashSet::new();
        for target in targets {
            seen.insert(target.state.id());
            self.watch(target);
        }
        self.probes.retain(|id, _| seen.contains(id));
        self.names.retain(|id, _| seen.contains(id));
    }

    fn watch(&mut self, target: Target) {
        let id = target.state.id();
        if target.address.is_name() {
            let (address, state) = (target.address.clone(), target.state.clone());
            let (label, every) = (target.label(), self.dns_refresh);
            let start = || Task::start(names::keep_fresh(label, address, state, every));
            self.names.entry(id).or_insert_with(start);
        }
        // A state lives no longer than its check, so a kept one has the same.
        if let Some(check) = target.check.clone() {
            let manner = Manner {
                host: target.host.clone(),
                tls: target.tls.clone(),
            };
            let start = || {
                let (teller, told) = watch::channel(manner.clone());
                let verdicts = self.verdicts.clone();
                let task = Task::start(keep_probing(target, check, told, verdicts));
                (task, teller)
            };
            let (_, teller) = self.probes.entry(id).or_insert_with(start);
            teller.send_replace(manner);
        }
    }
}

// Probes at a fixed rate, from start to start.
async fn keep_probing(
    target: Target,
    check: HealthCheck,
    manner: watch::Receiver<Manner>,
    verdicts: Option<UnboundedSender<Verdict>>,
) {
    // Many nodes added by one change are not all probed in the same instant: first soon,
    // since the operator is watching, and from then on anywhere within the interval.
    sleep(any_part_of(JITTER.min(check.interval))).await;
    let second = Instant::now() + any_part_of(check.interval);
    let label = target.label();
    let state = &target.state;
    let mut tally = Tally::new(check.rise, check.fall, state.health());
    let mut ticks = interval_at(second, check.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let addresses = state.socket_addresses();
        let unresolved = state.unresolved();
        let silent = state.is_silent(Instant::now(), SILENCE.min(check.interval / 4));
        let Manner { host, tls } = manner.borrow().clone();
        let asked = probe::Asked {
            check: &check,
            node: &target.address,
            tls: tls.as_deref(),
            proxy_protocol: target.proxy_protocol,
            host: host.as_deref(),
            silent,
        };
        let mut result = probe::probe(asked, &addresses, unresolved).await;
        let mut health = state.health();
        // A probe that we could not make says nothing of the node.
        if result.cause != Some(Cause::OwnShortage) {
            health = tally.count(result.passed());
            result.in_row = tally.in_row();
        }
        result.needs_rise = tally.flaps().then(|| tally.rise());
        let news = (health != state.health()).then(|| Verdict {
            pool: target.pool.clone(),
            state: state.id(),
            health,
            check: result.clone(),
        });
        if news.is_some() {
            tell(&label, health, &result);
        }
        state.set_check(result, health);
        // Behind what it tells of. Nobody listens any more while the program ends.
        if let (Some(news), Some(verdicts)) = (news, &verdicts) {
            let _ = verdicts.send(news);
        }
        ticks.tick().await;
    }
}

fn any_part_of(time: Duration) -> Duration {
    rand::random_range(Duration::ZERO..=time)
}

// Once per verdict: what an operator finds in the log afterwards.
fn tell(label: &str, health: Health, result: &CheckResult) {
    let text = result.text(Language::English);
    match health {
        Health::Down => warn!("node {label} is down: {text}"),
        Health::Up => info!("node {label} is up: {text}"),
        Health::Unknown => {}
    }
}
