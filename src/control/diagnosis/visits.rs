//! Nodes that are asked once, as a visitor would: what they say of themselves tells how Django
//! behind us is set. On a stopped instance every node is asked as its check would, since nobody
//! else does.

use super::super::{Handle, Trial, TrialFault, Tried};
use crate::balance::Health;
use crate::model::{AdminState, Config, HostPattern, Name, Target};

/// Limit: hosts of a pool that are asked for, and nodes of a stopped instance that are asked.
const HOSTS: usize = 4;
const NODES: usize = 64;

/// The name that is asked for where a site answers for any.
pub(super) const ANY_HOST: &str = "localhost";

/// What was answered.
#[derive(Debug, Default)]
pub(super) struct Visits {
    /// To visitors.
    pub(super) visitors: Vec<Visit>,
    /// To checks: `pool/node`, and what came.
    pub(super) checks: Vec<(String, Result<Tried, TrialFault>)>,
}

/// One visitor's request.
#[derive(Debug)]
pub(super) struct Visit {
    /// `pool/node`.
    pub(super) node: String,
    pub(super) host: String,
    pub(super) by_https: bool,
    pub(super) tried: Tried,
}

impl Handle {
    pub(super) async fn visits(&self) -> Visits {
        let wanted = self.visits_wanted();
        let visitors = self.trials(wanted.iter().map(Trial::from).collect()).await;
        let mut visits = Visits::default();
        for (wanted, tried) in wanted.into_iter().zip(visitors) {
            if let Ok(tried) = tried {
                visits.visitors.push(Visit {
                    node: format!("{}/{}", wanted.pool, wanted.node),
                    host: wanted.host,
                    by_https: wanted.by_https,
                    tried,
                });
            }
        }
        if !self.control.running {
            let config = self.config();
            let pools = config.pools.iter();
            let nodes = pools.flat_map(|pool| pool.nodes.iter().map(move |node| (pool, node)));
            let nodes: Vec<[String; 2]> = nodes
                .filter(|(_, node)| node.state != AdminState::Disabled)
                .map(|(pool, node)| [pool.name.to_string(), node.name.to_string()])
                .take(NODES)
                .collect();
            let trial = |[pool, node]: &[String; 2]| Trial::Node {
                pool: pool.clone(),
                node: node.clone(),
            };
            let tried = self.trials(nodes.iter().map(trial).collect()).await;
            let names = nodes.iter().map(|names| names.join("/"));
            visits.checks = names.zip(tried).collect();
        }
        visits
    }

    /// Of each pool the first node that is well, by each host that leads there.
    fn visits_wanted(&self) -> Vec<Wanted> {
        let (config, mut wanted) = (self.config(), Vec::new());
        let view = self.nodes_view(crate::model::Language::English);
        for pool in &view.pools {
            let mut nodes = pool.nodes.iter();
            let node = nodes.find(|node| node.is_well() && node.health != Health::Down);
            let Some(node) = node else { continue };
            for (host, by_https) in hosts(&config, &pool.name).into_iter().take(HOSTS) {
                wanted.push(Wanted {
                    pool: pool.name.clone(),
                    node: node.name.clone(),
                    host,
                    by_https,
                });
            }
        }
        wanted
    }
}

struct Wanted {
    pool: String,
    node: String,
    host: String,
    by_https: bool,
}

impl From<&Wanted> for Trial {
    fn from(wanted: &Wanted) -> Self {
        Self::Visit {
            pool: wanted.pool.clone(),
            node: wanted.node.clone(),
            host: wanted.host.clone(),
            by_https: wanted.by_https,
        }
    }
}

/// The names by which visitors come to the pool, and whether they may by HTTPS. A site that
/// answers for any name is asked for by [`ANY_HOST`].
pub(super) fn hosts(config: &Config, pool: &str) -> Vec<(String, bool)> {
    let leads_there = |target: &Target| match target {
        Target::Pool(name) => name.as_str() == pool,
        Target::Files(files) => files.fallback.as_ref().is_some_and(|f| f.as_str() == pool),
        Target::Redirect(_) | Target::Respond(_) => false,
    };
    let speaks_tls = |names: &[Name]| {
        let mut listeners = config.listeners.iter();
        listeners.any(|one| one.tls.is_some() && (names.is_empty() || names.contains(&one.name)))
    };
    let mut found = Vec::new();
    for site in &config.sites {
        if !site.routes.iter().any(|route| leads_there(&route.target)) {
            continue;
        }
        let by_https = speaks_tls(&site.listeners);
        let names = site.hosts.iter().filter_map(|host| match host {
            HostPattern::Exact(name) => Some((name.clone(), by_https)),
            HostPattern::Below(_) => None,
        });
        found.extend(names);
        if site.hosts.is_empty() {
            found.push((ANY_HOST.to_owned(), by_https));
        }
    }
    found
}
