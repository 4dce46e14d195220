//! A Config compiled for serving. It never changes: what happens at run time lives in
//! `balance::NodeState`, outside it.

mod access;
mod headers;
mod hosts;
mod https;
mod material;
mod news;
mod pages;
mod published;
mod routes;
mod troubles;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::balance::{AffinityKey, Balancer, Registry};
use crate::files::Root;
use crate::http::{Limits, OddNames};
use crate::metrics::{Connections, Metrics, NodeCounters, Series};
use crate::model::{self, Config, Name, Secrets, Underscores};
use crate::tls::{Authorities, Certificates, Chooser, ToNode};

pub use headers::HeaderPlan;
use hosts::HostTable;
pub use material::Material;
pub use pages::Pages;
pub use published::{Current, Held, Published};
pub use routes::{Found, RouteTable};

/// The compiled Config now serving, or one about to be.
#[derive(Debug)]
pub struct Snapshot {
    /// What it was compiled from.
    pub config: Arc<Config>,
    /// Its secrets, as far as they could be read.
    pub secrets: Arc<Secrets>,
    /// Its certificates, as far as they could be read.
    pub certificates: Arc<Certificates>,
    /// Whom its nodes with TLS are judged by, as far as they could be read.
    pub authorities: Arc<Authorities>,
    /// Its number.
    pub revision: u64,
    /// Who is shown which certificate by the session store; none speaks without TLS.
    pub sessions_tls: Option<Arc<Chooser>>,
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// Who answers.
    pub pools: Vec<Pool>,
    /// Which names lead where; with the implied one.
    pub sites: Vec<Site>,
}

/// A compiled listener.
#[derive(Debug)]
pub struct Listener {
    /// What it was compiled from.
    pub config: model::Listener,
    /// Its limits as the engine takes them.
    pub limits: Limits,
    /// Its gauge of open connections.
    pub connections: Arc<Connections>,
    /// Requests that found no site.
    pub unrouted: Arc<Series>,
    /// Who is shown which certificate; none speaks plain HTTP.
    pub tls: Option<Arc<Chooser>>,
    hosts: HostTable,
}

/// A compiled pool.
#[derive(Debug)]
pub struct Pool {
    /// What it was compiled from.
    pub config: model::Pool,
    /// Chooses and counts.
    pub balancer: Arc<Balancer>,
    /// Per node, how its tries went.
    pub counters: Vec<Arc<NodeCounters>>,
    /// Per node, its address as the log writes it.
    pub addresses: Vec<String>,
    /// Per node, how TLS is spoken to it; empty where it is not.
    pub to_nodes: Vec<Arc<ToNode>>,
}

/// A compiled site.
#[derive(Debug)]
pub struct Site {
    /// Its name.
    pub name: Name,
    /// Where who asks by HTTP is sent; none is served.
    pub to_https: Option<model::Redirect>,
    /// Methods it takes; empty is all.
    pub methods: Vec<String>,
    allow: Vec<ipnet::IpNet>,
    deny: Vec<ipnet::IpNet>,
    /// Whether it matters to who may ask which of its routes a path takes.
    guarded: bool,
    /// Its routes.
    pub routes: RouteTable,
    /// Its own pages for errors.
    pub pages: Pages,
    /// Requests answered without a node.
    pub local: Arc<Series>,
}

/// A compiled route.
#[derive(Debug)]
pub struct Route {
    /// What it was compiled from.
    pub config: model::Route,
    /// What it leads to.
    pub target: Target,
    /// Changes to the response head, the site's and its own.
    headers: HeaderPlan,
    /// The same by HTTPS, where it is another one.
    secure_headers: Option<HeaderPlan>,
    /// Changes to the request head, the site's and its own.
    pub request_headers: HeaderPlan,
}

/// What a compiled route leads to.
#[derive(Debug)]
pub enum Target {
    /// A pool.
    Pool(ToPool),
    /// A directory.
    Files {
        /// Where its files are.
        root: Arc<Root>,
        /// The pool asked where there is no file.
        fallback: Option<ToPool>,
    },
    /// Another URL.
    Redirect(model::Redirect),
    /// A fixed answer.
    Respond(model::Respond),
}

/// The way from a route to a pool.
#[derive(Debug)]
pub struct ToPool {
    /// Its place in the snapshot.
    pub pool: usize,
    /// Per node, what it answered for this site.
    pub series: Vec<Arc<Series>>,
}

impl Snapshot {
    /// Compiles a checked `config`. Facts of nodes that were there before live on. Reads the
    /// pages for errors, and so may wait for the disk.
    pub fn build(
        config: Arc<Config>,
        material: Arc<Material>,
        revision: u64,
        registry: &Registry,
        metrics: &Metrics,
    ) -> Self {
        let Material {
            secrets,
            certificates,
            authorities,
        } = Material::clone(&material);
        // Where it cannot be read cookies hold at least as long as this process runs.
        let secret = secrets.get(Config::AFFINITY_SECRET);
        let key = secret.map(|secret| AffinityKey::new(secret.bytes()));
        let key = key.unwrap_or_else(|| registry.affinity_key());
        let pools: Vec<Pool> = config
            .pools
            .iter()
            .map(|pool| Pool {
                to_nodes: Pool::to_nodes(pool, &authorities),
                ..Pool::build(pool, registry, metrics, &key)
            })
            .collect();
        let implied = implied_site(&config);
        let sites: Vec<&model::Site> = config.sites.iter().chain(&implied).collect();
        let listeners = config
            .listeners
            .iter()
            .map(|listener| Listener {
                tls: choose(listener.tls.as_ref(), &certificates),
                ..Listener::build(listener, &sites, metrics)
            })
            .collect();
        let place = config.pools.iter().map(|p| &p.name).zip(0..).collect();
        let sites = sites
            .iter()
            .map(|site| Site {
                to_https: https::redirect(site, &config.listeners),
                ..Site::build(site, &config.pools, &place, metrics)
            })
            .collect();
        Self {
            revision,
            sessions_tls: choose(config.sessions.tls.as_ref(), &certificates),
            listeners,
            pools,
            sites,
            config,
            secrets,
            certificates,
            authorities,
        }
    }

    /// The listener of this name, and its place.
    pub fn listener(&self, name: &Name) -> Option<&Listener> {
        self.listeners.iter().find(|l| l.config.name == *name)
    }

    /// The site that answers for `host` (without port) on `listener`.
    pub fn site(&self, listener: &Listener, host: &[u8]) -> Option<&Site> {
        self.sites.get(listener.hosts.find(host)?)
    }

    /// Whether what `peer` forwards is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        let trusted = &self.config.settings.trusted_proxies;
        trusted.iter().any(|net| net.contains(&peer))
    }
}

/// Who is shown which certificate by `listener`, where it speaks TLS.
fn choose(tls: Option<&model::ListenerTls>, certificates: &Certificates) -> Option<Arc<Chooser>> {
    Some(Arc::new(Chooser::build(tls?, certificates)))
}

/// Without sites, any host leads to the only pool.
fn implied_site(config: &Config) -> Option<model::Site> {
    let pool = match (&config.sites[..], &config.pools[..]) {
        ([], [pool]) => pool,
        _ => return None,
    };
    let mut site = model::Site::new(pool.name.clone());
    let root = model::RoutePath::parse("/").ok()?;
    let target = model::Target::Pool(pool.name.clone());
    site.routes.push(model::Route::new(root, target));
    Some(site)
}

impl Listener {
    fn build(config: &model::Listener, sites: &[&model::Site], metrics: &Metrics) -> Self {
        let mut hosts = HostTable::default();
        for (index, site) in sites.iter().enumerate() {
            if site.listeners.is_empty() || site.listeners.contains(&config.name) {
                hosts.add(index, &site.hosts);
            }
        }
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        Self {
            limits: Limits {
                head: size(config.max_head),
                target: size(config.max_target),
                fields: usize::from(config.max_fields),
                odd_names: match config.underscores {
                    Underscores::Drop => OddNames::Drop,
                    Underscores::Reject => OddNames::Reject,
                    Underscores::Keep => OddNames::Keep,
                },
            },
            connections: metrics.connections(config.name.as_str()),
            unrouted: metrics.series("", "", ""),
            tls: None,
            hosts,
            config: config.clone(),
        }
    }
}

impl Listener {
    /// Whether it speaks TLS and has no certificate for that.
    pub fn shows_nothing(&self) -> bool {
        let chooser = self.tls.as_ref();
        chooser.is_some_and(|chooser| chooser.choose(None).is_none())
    }
}

impl Pool {
    fn build(
        config: &model::Pool,
        registry: &Registry,
        metrics: &Metrics,
        key: &AffinityKey,
    ) -> Self {
        let counters = |node: &model::Node| metrics.node(config.name.as_str(), node.name.as_str());
        Self {
            balancer: Balancer::signing(config, registry, key),
            counters: config.nodes.iter().map(counters).collect(),
            addresses: config
                .nodes
                .iter()
                .map(|node| node.address.to_string())
                .collect(),
            to_nodes: Vec::new(),
            config: config.clone(),
        }
    }
}

impl Pool {
    fn to_nodes(config: &model::Pool, authorities: &Authorities) -> Vec<Arc<ToNode>> {
        let tls = config.tls.iter();
        let nodes = tls.flat_map(|tls| config.nodes.iter().map(move |node| (tls, node)));
        let to_node = |(tls, node): (_, &model::Node)| authorities.to_node(tls, &node.address);
        nodes.map(to_node).collect()
    }
}

impl Site {
    fn build(
        site: &model::Site,
        pools: &[model::Pool],
        place: &HashMap<&Name, usize>,
        metrics: &Metrics,
    ) -> Self {
        let to_pool = |name: &Name| {
            // The check has refused every name that no pool has.
            let pool = *place.get(name)?;
            let series = |node: &model::Node| {
                metrics.series(site.name.as_str(), name.as_str(), node.name.as_str())
            };
            let series = pools[pool].nodes.iter().map(series).collect();
            Some(ToPool { pool, series })
        };
        let routes = site.routes.iter().filter_map(|route| {
            let target = match &route.target {
                model::Target::Pool(name) => Target::Pool(to_pool(name)?),
                model::Target::Files(files) => Target::Files {
                    root: Arc::new(Root::new(files)),
                    fallback: files.fallback.as_ref().and_then(to_pool),
                },
                model::Target::Redirect(redirect) => Target::Redirect(redirect.clone()),
                model::Target::Respond(respond) => Target::Respond(respond.clone()),
            };
            let headers = |site: &[_]| HeaderPlan::build(site, &route.headers);
            Some(Route {
                target,
                headers: headers(&site.headers),
                secure_headers: https::headers(site).map(|site| headers(&site)),
                request_headers: HeaderPlan::build(&site.request_headers, &route.request_headers),
                config: route.clone(),
            })
        });
        Self {
            name: site.name.clone(),
            to_https: None,
            methods: site.methods.clone(),
            allow: site.allow.clone(),
            deny: site.deny.clone(),
            guarded: site.routes.iter().any(|route| !route.allow.is_empty()),
            routes: RouteTable::build(routes.collect()),
            pages: Pages::read(&site.error_pages),
            local: metrics.series(site.name.as_str(), "", ""),
        }
    }
}
