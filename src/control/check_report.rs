//! Nodes as the check module's status page tells them: one row per node that is probed.

use super::Control;
use crate::balance::{Candidate, Health};
use crate::model::{HealthCheck, Language};

/// What the check module's status page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// The revision in force.
    pub generation: u64,
    /// Every node that has a check, in the document's order.
    pub rows: Vec<CheckRow>,
}

/// One node that has a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// Its pool's name.
    pub pool: String,
    /// Its name.
    pub node: String,
    /// Its address.
    pub address: String,
    /// Whether its probes let requests go there.
    pub up: bool,
    /// Probes in a row that passed; 0 where the last one failed.
    pub rise: u32,
    /// Probes in a row that failed; 0 where the last one passed.
    pub fall: u32,
    /// `tcp` or `http`.
    pub kind: &'static str,
    /// The port probed; 0 at a Unix socket.
    pub port: u16,
    /// What the last probe found; empty before the first.
    pub text: String,
}

impl Control {
    /// Every node that has a check.
    pub(super) fn check_report(&self, language: Language) -> CheckReport {
        let now = self.now.load();
        let pools = now.snapshot.pools.iter();
        let rows = pools.filter_map(|pool| {
            let check = pool.config.health_check.as_ref()?;
            let name = pool.balancer.name().as_str();
            let nodes = pool.balancer.nodes().iter();
            Some(nodes.map(move |node| row(name, node, check, language)))
        });
        CheckReport {
            generation: now.snapshot.revision,
            rows: rows.flatten().collect(),
        }
    }
}

fn row(pool: &str, node: &Candidate, check: &HealthCheck, language: Language) -> CheckRow {
    let last = node.state.check();
    let (rise, fall) = match &last {
        Some(last) if last.passed() => (last.in_row, 0),
        Some(last) => (0, last.in_row),
        None => (0, 0),
    };
    let port = check.port.map(Into::into).or(node.address.port());
    CheckRow {
        pool: pool.to_owned(),
        node: node.name.to_string(),
        address: node.address.to_string(),
        up: node.state.health() != Health::Down,
        rise,
        fall,
        kind: check.kind.as_str(),
        port: port.unwrap_or_default(),
        text: last.map_or_else(String::new, |last| last.text(language)),
    }
}
