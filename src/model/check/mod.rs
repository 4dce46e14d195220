//! The rules that no single field can hold: names that must exist, be unique, not collide.

mod affinity;
mod sessions;
mod tls;
mod to_nodes;

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display};
use std::hash::Hash;

use super::listener::collide;
use super::{Code, Config, HashKey, HostPattern, Name, Node, Policy, Pool, Problems, Site, Target};

impl Config {
    /// Every Problem of this configuration as a whole, in the order of the document.
    pub fn check(&self) -> Problems {
        let mut problems = Problems::default();
        self.check_listeners(&mut problems);
        tls::check(self, &mut problems);
        self.check_pools(&mut problems);
        to_nodes::check(self, &mut problems);
        self.check_sites(&mut problems);
        sessions::check(self, &mut problems);
        let mut names = Unique::default();
        for (i, webhook) in self.webhooks.iter().enumerate() {
            names.see(&mut problems, &webhook.name, i, "webhooks");
        }
        let mut names = Unique::default();
        for (i, acme) in self.acme.iter().enumerate() {
            names.see(&mut problems, &acme.name, i, "acme");
        }
        problems
    }

    /// What is allowed and probably not meant. Shown, never refused.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.listeners.is_empty() {
            warnings.push("nothing listens: there is no [[listeners]]".to_owned());
        }
        for pool in self.pools.iter().filter(|pool| pool.nodes.is_empty()) {
            warnings.push(format!("pool {} has no nodes", pool.name));
        }
        let unused =
            |pool: &&Pool| pool.policy != Policy::Hash && pool.hash_key != HashKey::default();
        for pool in self.pools.iter().filter(unused) {
            warnings.push(format!(
                "pool {}: its hash_key is not used, because its policy is {} and not hash",
                pool.name,
                pool.policy.as_str()
            ));
        }
        warnings.append(&mut tls::warnings(self));
        warnings.append(&mut to_nodes::warnings(self));
        warnings.append(&mut affinity::warnings(self));
        warnings.extend(sessions::warnings(self));
        warnings
    }

    fn check_listeners(&self, problems: &mut Problems) {
        let mut names = Unique::default();
        for (i, listener) in self.listeners.iter().enumerate() {
            if listener.proxy_protocol && self.settings.trusted_proxies.is_empty() {
                let message = "needs the proxies that may speak it in settings.trusted_proxies: nobody else gets in";
                let field = format!("listeners[{i}].proxy_protocol");
                problems.add(field, Code::Missing, message);
            }
            names.see(problems, &listener.name, i, "listeners");
            let field = format!("listeners[{i}].address");
            let clash = self.listeners[..i]
                .iter()
                .find(|other| collide(other.address, listener.address));
            if let Some(other) = clash {
                let message = format!(
                    "{} is already taken by listener {}, which listens on {}",
                    listener.address, other.name, other.address
                );
                problems.add(field, Code::Duplicate, message);
            } else if collide(self.admin.address, listener.address) {
                let message = format!(
                    "{} is already taken by the admin address {}; change one of them",
                    listener.address, self.admin.address
                );
                problems.add(field, Code::Duplicate, message);
            }
        }
    }

    fn check_pools(&self, problems: &mut Problems) {
        let mut names = Unique::default();
        for (i, pool) in self.pools.iter().enumerate() {
            names.see(problems, &pool.name, i, "pools");
            let mut node_names = Unique::default();
            for (j, node) in pool.nodes.iter().enumerate() {
                node_names.see(problems, &node.name, j, format_args!("pools[{i}].nodes"));
                self.check_node(problems, format_args!("pools[{i}].nodes[{j}]"), node);
            }
            check_held_back(problems, format_args!("pools[{i}]"), pool);
            check_health_check(problems, format_args!("pools[{i}].health_check"), pool);
            check_port(problems, format_args!("pools[{i}].health_check.port"), pool);
            check_ring(problems, format_args!("pools[{i}].policy"), pool);
        }
    }

    // A node that is our own door would let a visitor of a site use it.
    fn check_node(&self, problems: &mut Problems, at: fmt::Arguments<'_>, node: &Node) {
        let own = node
            .address
            .as_socket()
            .is_some_and(|address| address.port() != 0 && collide(address, self.admin.address));
        if own {
            problems.add(
                format!("{at}.address"),
                Code::Conflict,
                format!("{} is the admin address of this program", node.address),
            );
        }
    }

    fn check_sites(&self, problems: &mut Problems) {
        if self.sites.is_empty() && self.pools.len() > 1 {
            let message = format!(
                "must say which of the {} pools gets which requests: add [[sites]] with routes",
                self.pools.len()
            );
            problems.add("sites", Code::Missing, message);
        }
        let mut names = Unique::default();
        let listeners: HashSet<&Name> = self.listeners.iter().map(|l| &l.name).collect();
        let pools: HashSet<&Name> = self.pools.iter().map(|p| &p.name).collect();
        let mut taken = Taken::default();
        for (i, site) in self.sites.iter().enumerate() {
            names.see(problems, &site.name, i, "sites");
            for (j, listener) in site.listeners.iter().enumerate() {
                if !listeners.contains(listener) {
                    let field = format!("sites[{i}].listeners[{j}]");
                    problems.add(
                        field,
                        Code::Dangling,
                        dangling("listener", listener, &listeners),
                    );
                }
            }
            taken.check_hosts(problems, i, site);
            let mut earlier = HashSet::new();
            for (j, route) in site.routes.iter().enumerate() {
                let field = format_args!("sites[{i}].routes[{j}]");
                if !earlier.insert((&route.path, route.path_match)) {
                    problems.add(
                        format!("{field}.path"),
                        Code::Duplicate,
                        format!(
                            "{} is already taken by another route of this site",
                            route.path
                        ),
                    );
                }
                if let Some((key, pool)) = asked_pool(&route.target)
                    && !pools.contains(pool)
                {
                    let message = dangling("pool", pool, &pools);
                    problems.add(format!("{field}.{key}"), Code::Dangling, message);
                }
            }
        }
    }
}

/// The hosts of the sites seen so far, and by whom they are taken: a thousand sites are not each
/// compared with all others.
#[derive(Default)]
struct Taken<'c> {
    any: Vec<&'c Site>,
    hosts: HashMap<&'c HostPattern, Vec<&'c Site>>,
}

impl<'c> Taken<'c> {
    fn check_hosts(&mut self, problems: &mut Problems, i: usize, site: &'c Site) {
        let shares = |other: &&&Site| share_a_listener(site, other);
        if site.hosts.is_empty() {
            if let Some(other) = self.any.iter().find(shares) {
                problems.add(
                    format!("sites[{i}].hosts"),
                    Code::Duplicate,
                    format!(
                        "any host is already taken by site {}: name the hosts of one of them",
                        other.name
                    ),
                );
            }
            self.any.push(site);
        }
        let mut seen: HashSet<&HostPattern> = HashSet::new();
        for (j, host) in site.hosts.iter().enumerate() {
            let field = format_args!("sites[{i}].hosts[{j}]");
            let earlier = self.hosts.entry(host).or_default();
            if !seen.insert(host) {
                let message = format!("{host} stands here twice");
                problems.add(field.to_string(), Code::Duplicate, message);
                continue;
            }
            if let Some(other) = earlier.iter().find(shares) {
                let message = format!("{host} is already taken by site {}", other.name);
                problems.add(field.to_string(), Code::Duplicate, message);
            }
            earlier.push(site);
        }
    }
}

fn share_a_listener(a: &Site, b: &Site) -> bool {
    a.listeners.is_empty()
        || b.listeners.is_empty()
        || a.listeners.iter().any(|name| b.listeners.contains(name))
}

// A policy that maps keys to nodes, or draws lots, has no place for nodes held back.
fn check_held_back(problems: &mut Problems, at: fmt::Arguments<'_>, pool: &Pool) {
    if pool.policy.may_hold_back() {
        return;
    }
    let message = format!("cannot be used with policy {}", pool.policy.as_str());
    let mut add = |field: String| problems.add(field, Code::Conflict, message.clone());
    if !pool.slow_start.is_zero() {
        add(format!("{at}.slow_start"));
    }
    for (j, node) in pool.nodes.iter().enumerate() {
        if node.backup {
            add(format!("{at}.nodes[{j}].backup"));
        }
        if node.slow_start.is_some_and(|time| !time.is_zero()) {
            add(format!("{at}.nodes[{j}].slow_start"));
        }
    }
}

fn check_health_check(problems: &mut Problems, at: fmt::Arguments<'_>, pool: &Pool) {
    if let Some(check) = &pool.health_check
        && check.timeout > check.interval
    {
        problems.add(
            format!("{at}.timeout"),
            Code::Conflict,
            format!(
                "must be at most the interval, {:?} (is {:?})",
                check.interval, check.timeout
            ),
        );
    }
}

// Another port is at another address: what it would tell of a socket is not known.
fn check_port(problems: &mut Problems, at: fmt::Arguments<'_>, pool: &Pool) {
    let has_port = pool.health_check.as_ref().is_some_and(|c| c.port.is_some());
    if has_port && let Some(node) = pool.nodes.iter().find(|node| node.address.is_unix()) {
        problems.add(
            at.to_string(),
            Code::Conflict,
            format!(
                "cannot be used with node {}, whose address is a Unix socket and has no port: leave it out, or put nodes with and without ports into pools of their own",
                node.name
            ),
        );
    }
}

fn check_ring(problems: &mut Problems, at: fmt::Arguments<'_>, pool: &Pool) {
    let total: u64 = pool.nodes.iter().map(|node| u64::from(node.weight)).sum();
    if pool.policy == Policy::Hash && total > Pool::MAX_HASH_WEIGHT {
        problems.add(
            at.to_string(),
            Code::Conflict,
            format!(
                "hash takes weights of {} in all (these are {total}): divide them all by the same number",
                Pool::MAX_HASH_WEIGHT
            ),
        );
    }
}

/// The pool that a target may ask, and the key that names it.
fn asked_pool(target: &Target) -> Option<(&'static str, &Name)> {
    match target {
        Target::Pool(pool) => Some(("pool", pool)),
        Target::Files(files) => Some(("files.fallback", files.fallback.as_ref()?)),
        Target::Redirect(_) | Target::Respond(_) => None,
    }
}

fn dangling(what: &str, name: &Name, known: &HashSet<&Name>) -> String {
    let mut names: Vec<&str> = known.iter().map(|n| n.as_str()).collect();
    names.sort_unstable();
    if names.is_empty() {
        format!("no {what} is named {name}; there is none yet")
    } else {
        format!(
            "no {what} is named {name} (there are: {})",
            names.join(", ")
        )
    }
}

/// Names seen so far in one table.
struct Unique<T>(HashMap<T, usize>);

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Hash + Eq + Clone + Display> Unique<T> {
    fn see(&mut self, problems: &mut Problems, name: &T, i: usize, table: impl Display) {
        if let Some(first) = self.0.get(name) {
            problems.add(
                format!("{table}[{i}].name"),
                Code::Duplicate,
                format!("{name} is already the name of {table}[{first}]"),
            );
        } else {
            self.0.insert(name.clone(), i);
        }
    }
}

#[cfg(test)]
mod tests;
