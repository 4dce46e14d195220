//! What an instance says of itself: `status`, readiness, and the facts in `/metrics`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::recent::{RECENT_STEP, Recent};
use super::{Control, Started};
use crate::balance::{
    Balancer, Candidate, Cause, CheckResult, Facts, Health, PastCheck, Unresolved, unix_now,
};
use crate::metrics::{CertificateFacts, NodeFacts, PoolFacts};
use crate::model::{AdminState, Language, Name, Way};
use crate::snapshot::Pool;

/// Whether an outer balancer should send requests here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Yes.
    Ready,
    /// Yes, and somebody should look.
    Degraded {
        /// What is wrong, one sentence each.
        reasons: Vec<String>,
    },
    /// No.
    NotReady {
        /// Why, one sentence each.
        reasons: Vec<String>,
    },
}

impl Control {
    /// What `status --json` says.
    pub(super) fn status(&self, language: Language) -> Value {
        let now = self.now.load();
        let readiness = self.readiness();
        let (state, reasons) = match (&now.started, &readiness) {
            (Started::Setup, _) => ("setup", Vec::new()),
            (_, Readiness::Ready) => ("serving", Vec::new()),
            (_, Readiness::Degraded { reasons } | Readiness::NotReady { reasons }) => {
                ("degraded", reasons.clone())
            }
        };
        let read_only = matches!(
            now.started,
            Started::LastKnownGood { .. } | Started::Nothing { .. }
        );
        let clock = Clock::now();
        let pools = now.snapshot.pools.iter();
        json!({
            "revision": now.snapshot.revision,
            "state": state,
            "reasons": reasons,
            "ready": !matches!(readiness, Readiness::NotReady { .. }),
            "read_only": read_only,
            "listeners": self.listeners_json(),
            "sessions": self.sessions_json(),
            "pools": pools.map(|pool| self.pool_json(&pool.balancer, clock, language)).collect::<Vec<_>>(),
        })
    }

    fn pool_json(&self, pool: &Balancer, clock: Clock, language: Language) -> Value {
        let fail_open = pool.fail_open(clock.instant);
        let weight = |node: &Candidate| pool.weight_now(node, clock.instant);
        let all: u64 = pool.nodes().iter().map(weight).sum();
        let nodes: Vec<Value> = pool
            .nodes()
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let ejected = pool.ejected_until(index, clock.instant);
                let ejected = ejected.map(|until| time(clock.time + (until - clock.instant)));
                // First: whoever is bound by an answer under way is bound before that ends.
                let in_flight = node.state.in_flight();
                let bound = pool.bound_to(node, clock.unix());
                let idle = in_flight == 0 && bound.until.is_none();
                json!({
                    "name": node.name.as_str(),
                    "address": node.address.to_string(),
                    "weight": node.weight,
                    "share": share(weight(node), all),
                    "admin_state": node.admin_state.as_str(),
                    "health": node.state.health().as_str(),
                    "health_since": node.state.past().since().and_then(time),
                    "check": node.state.check().map(|check| check_json(&check, language)),
                    "last_checks": last_checks_json(&node.state.past().checks()),
                    "lookup": lookup_json(node, language),
                    "ejected_until": ejected,
                    "in_flight": in_flight,
                    "bound": bound.clients,
                    "bound_until": bound.until.and_then(|until| time(UNIX_EPOCH + Duration::from_secs(until))),
                    "requests": node.state.requests(),
                    "errors": node.state.errors(),
                    "recent": recent_json(&self.watched.of(node.state.id())),
                    "drained": node.admin_state == AdminState::Draining && idle,
                })
            })
            .collect();
        json!({
            "name": pool.name().as_str(),
            "policy": pool.policy().as_str(),
            "fail_open": fail_open,
            "queued": pool.queued(),
            "nodes": nodes,
        })
    }

    /// How many nodes that are wanted are down.
    pub(super) fn nodes_down(&self) -> usize {
        let now = self.now.load();
        let pools = now.snapshot.pools.iter();
        let nodes = pools.flat_map(|pool| pool.balancer.nodes());
        let down = nodes.filter(|node| {
            node.admin_state == AdminState::Enabled && node.state.health() == Health::Down
        });
        down.count()
    }

    /// Listeners in the Config's order, and whether they are open.
    fn listeners(&self) -> Vec<(Name, String, bool)> {
        let open = match &self.parts.data_plane {
            Some(data_plane) => data_plane.listeners(),
            None => Vec::new(),
        };
        let now = self.now.load();
        let wanted = now.snapshot.config.listeners.iter();
        wanted
            .map(|listener| {
                let found = open.iter().find(|(name, ..)| *name == listener.name);
                let address = found.map_or(listener.address, |(_, address, _)| *address);
                let open = found.is_some_and(|(.., open)| *open);
                (listener.name.clone(), address.to_string(), open)
            })
            .collect()
    }

    fn listeners_json(&self) -> Vec<Value> {
        let one = |(name, address, open): &(Name, String, bool)| json!({ "name": name.as_str(), "address": address, "open": open });
        self.listeners().iter().map(one).collect()
    }

    /// Whether requests can be served: the listeners are open, something is configured,
    /// and no stop is under way.
    pub(super) fn readiness(&self) -> Readiness {
        let now = self.now.load();
        let mut hard = Vec::new();
        let mut soft = Vec::new();
        if self.is_stopping() {
            hard.push("the instance is stopping".to_owned());
        }
        match &now.started {
            Started::Serving => {}
            Started::Setup => hard.push("nothing is configured yet".to_owned()),
            Started::LastKnownGood { why } => soft.push(why.clone()),
            Started::Nothing { why } => hard.push(why.clone()),
        }
        let listeners = self.listeners();
        let closed: Vec<String> = listeners
            .iter()
            .filter(|(.., open)| !open)
            .map(|(name, address, _)| format!("listener {name} is not open on {address}"))
            .collect();
        match closed.len() == listeners.len() {
            true if !closed.is_empty() => hard.extend(closed),
            true if hard.is_empty() => {
                hard.push("nothing listens: there is no listener".to_owned())
            }
            _ => soft.extend(closed),
        }
        let instant = Instant::now();
        for pool in &now.snapshot.pools {
            if pool.balancer.fail_open(instant) {
                soft.push(format!(
                    "pool {} fails open: no enabled node is well",
                    pool.balancer.name()
                ));
            }
        }
        for pool in &now.snapshot.pools {
            soft.extend(unreachable(&pool.balancer));
        }
        for missing in now.snapshot.secrets.missing() {
            soft.push(format!("a secret is missing: {missing}"));
        }
        for listener in &now.snapshot.listeners {
            if listener.shows_nothing() {
                let name = &listener.config.name;
                soft.push(format!("listener {name} has no certificate to show"));
            }
        }
        soft.extend(self.certificate_troubles());
        soft.extend(self.session_troubles());
        if let Some(why) = self.not_kept() {
            soft.push(format!("the last-known-good could not be written: {why}"));
        }
        if let Some(why) = self.nightly.why() {
            soft.push(format!("the nightly backup could not be made: {why}"));
        }
        if hard.is_empty() && soft.is_empty() {
            Readiness::Ready
        } else if hard.is_empty() {
            Readiness::Degraded { reasons: soft }
        } else {
            hard.extend(soft);
            Readiness::NotReady { reasons: hard }
        }
    }

    /// The text for `/metrics`.
    pub(super) fn metrics_text(&self) -> String {
        let now = self.now.load();
        let instant = Instant::now();
        let balancers = now.snapshot.pools.iter().map(|pool| &pool.balancer);
        let facts: Vec<NodeFacts<'_>> = balancers
            .flat_map(|pool| {
                pool.nodes()
                    .iter()
                    .map(move |node| facts(pool, node, instant))
            })
            .collect();
        let pools: Vec<PoolFacts<'_>> = now.snapshot.pools.iter().map(pool_facts).collect();
        let certificates = now.snapshot.certificates.usable();
        let certificates: Vec<CertificateFacts<'_>> = certificates
            .map(|certificate| CertificateFacts {
                name: certificate.name.as_str(),
                not_after: certificate.not_after,
            })
            .collect();
        let metrics = &self.parts.metrics;
        metrics.text(&facts, &pools, &certificates, self.session_facts().as_ref())
    }
}

/// One moment, as deadlines and as people tell it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) instant: Instant,
    pub(super) time: SystemTime,
}

impl Clock {
    pub(super) fn now() -> Self {
        Self {
            instant: Instant::now(),
            time: SystemTime::now(),
        }
    }

    /// Seconds since 1970.
    pub(super) fn unix(self) -> u64 {
        let since = self.time.duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    }
}

/// The part of new requests that goes to a node by its weight, 0 to 1, to the third place.
fn share(weight: u64, all: u64) -> f64 {
    let thousandths = (weight * 1000 + all / 2).checked_div(all).unwrap_or(0);
    f64::from(u32::try_from(thousandths).unwrap_or(1000)) / 1000.0
}

/// The oldest first. What a failed one means is told by `check.text` of the last.
fn last_checks_json(checks: &[PastCheck]) -> Vec<Value> {
    let one = |check: &PastCheck| {
        json!({
            "at": time(check.at),
            "code": check.code(),
            "cause": check.cause().map(Cause::as_str),
            "status": check.status,
            "ms": check.ms,
        })
    };
    checks.iter().map(one).collect()
}

/// What went to a node in the last five minutes, in steps of so many seconds.
fn recent_json(recent: &Recent) -> Value {
    json!({
        "step_s": RECENT_STEP.as_secs(),
        "requests": recent.requests,
        "requests_per_second": (recent.per_second * 10.0).round() / 10.0,
        "p95_s": recent.p95().map(|p95| p95.as_secs_f64()),
        "errors": recent.errors,
    })
}

fn check_json(check: &CheckResult, language: Language) -> Value {
    json!({
        "code": check.code(),
        "cause": check.cause.map(Cause::as_str),
        "status": check.status(),
        "ms": check.ms,
        "flapping": check.needs_rise.is_some(),
        "needs_rise": check.needs_rise,
        "text": check.text(language),
        "at": time(check.at),
    })
}

/// Why the last look-up of the node's name found nothing, and what its requests do meanwhile.
fn lookup_json(node: &Candidate, language: Language) -> Option<Value> {
    let (cause, _) = not_found(node, language)?;
    let kept = !node.state.socket_addresses().is_empty();
    let text = lookup_text(node, language);
    Some(json!({ "cause": cause.as_str(), "text": text, "keeps_addresses": kept }))
}

/// The words of it.
pub(super) fn lookup_text(node: &Candidate, language: Language) -> Option<String> {
    let (_, text) = not_found(node, language)?;
    let kept = !node.state.socket_addresses().is_empty();
    let then = match (language, kept) {
        (Language::English, true) => "; its last addresses stay in use",
        (Language::English, false) => "; requests to it fail until it is found",
        (Language::Chinese, true) => "；继续使用上次的地址",
        (Language::Chinese, false) => "；在找到之前，发往它的请求都会失败",
    };
    Some(text + then)
}

/// Why the node's name is not found, if so.
fn not_found(node: &Candidate, language: Language) -> Option<(Cause, String)> {
    let Way::Name { host, .. } = node.address.way() else {
        return None;
    };
    let cause = match node.state.look_up_failed()? {
        Unresolved::Silent => Cause::NameServerSilent,
        Unresolved::NotFound => Cause::NameNotFound,
    };
    let facts = Facts {
        name: host.to_owned(),
        ..Facts::default()
    };
    Some((cause, cause.text(&facts, language)))
}

/// A sentence for each node that requests go to although its name has no address.
fn unreachable(pool: &Balancer) -> impl Iterator<Item = String> {
    let nodes = pool.nodes().iter().filter(|node| {
        let asked = node.admin_state == AdminState::Enabled && node.state.health() != Health::Down;
        asked && node.state.socket_addresses().is_empty()
    });
    nodes.filter_map(|node| {
        let (_, text) = not_found(node, Language::English)?;
        Some(format!("node {}/{}: {text}", pool.name(), node.name))
    })
}

/// UTC to the second. A time out of range is a clock gone wrong, and told as none.
pub(super) fn utc(at: SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// UTC to the millisecond. A time out of range is a clock gone wrong, and told as none.
fn time(at: SystemTime) -> Option<String> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

fn pool_facts(pool: &Pool) -> PoolFacts<'_> {
    PoolFacts {
        pool: pool.balancer.name().as_str(),
        queued: pool.balancer.queued(),
    }
}

fn facts<'a>(pool: &'a Balancer, node: &'a Candidate, now: Instant) -> NodeFacts<'a> {
    let (checks_passed, checks_failed) = node.state.checks();
    NodeFacts {
        pool: pool.name().as_str(),
        node: node.name.as_str(),
        up: pool.is_eligible(node, now),
        weight: node.weight,
        admin_state: node.admin_state,
        health: node.state.health().as_str(),
        in_flight: node.state.in_flight(),
        bound: pool.bound_to(node, unix_now()).clients,
        checks_passed,
        checks_failed,
        excess_bytes: node.state.excess_bytes(),
    }
}
