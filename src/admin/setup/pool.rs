//! The second step and the document: what it has of the only pool, and what is made of that.

use serde_json::{Value, json};

use super::nodes::Typed;
use super::paste::{Entry, Line};
use crate::document::{Part, PartEdit, PartOp, to_json};
use crate::model::{CheckKind, Config, HostPattern, Node, Pool};

/// The pool that is made where there is none.
const POOL: &str = "app";

/// What the page shows of the only pool.
pub(super) fn of_config(config: &Config, revision: u64) -> Typed {
    let pool = match config.pools.as_slice() {
        [pool] => Some(pool),
        _ => None,
    };
    let line = |node: &Node| match node.weight {
        1 => format!("{} {}\n", node.name, node.address),
        weight => format!("{} {} {weight}\n", node.name, node.address),
    };
    let nodes = pool.map(|pool| pool.nodes.iter().map(line).collect());
    let (path, host) = match pool.and_then(|pool| pool.health_check.as_ref()) {
        Some(check) => match &check.kind {
            CheckKind::Http(http) => {
                let host = http.host.as_ref().map(|host| host.as_str().to_owned());
                (http.path.clone(), host.unwrap_or_default())
            }
            CheckKind::Tcp => Default::default(),
        },
        None if pool.is_some() => Default::default(),
        None => ("/".to_owned(), String::new()),
    };
    Typed {
        nodes: nodes.unwrap_or_default(),
        path,
        host,
        revision: Some(revision),
    }
}

/// A host name that visitors ask for.
pub(super) fn known_host(config: &Config) -> String {
    let hosts = config.sites.iter().flat_map(|site| &site.hosts);
    let mut exact = hosts.filter_map(|host| match host {
        HostPattern::Exact(name) => Some(name.clone()),
        HostPattern::Below(_) => None,
    });
    exact.next().unwrap_or_default()
}

/// The pool with these nodes and this check. What else there is of a node that stays, stays.
pub(super) fn edit(config: &Config, typed: &Typed, lines: &[Line]) -> PartEdit {
    let check = match typed.path.as_str() {
        "" => json!({
            "kind": "tcp", "path": null, "host": null, "method": null, "headers": null,
            "expect": null, "body": null,
        }),
        path => json!({
            "kind": "http", "path": path,
            "host": Some(&typed.host).filter(|host| !host.is_empty()),
        }),
    };
    let pool = config.pools.first();
    let nodes = nodes(pool, config, lines);
    match pool {
        Some(pool) => PartEdit::new(
            Part::Pool(pool.name.to_string()),
            PartOp::Merge(json!({ "health_check": check, "nodes": nodes })),
        ),
        None => {
            let check: serde_json::Map<String, Value> = match check {
                Value::Object(keys) => keys.into_iter().filter(|(_, v)| !v.is_null()).collect(),
                _ => serde_json::Map::new(),
            };
            PartEdit::new(
                Part::Pool(POOL.to_owned()),
                PartOp::Add(json!({ "name": POOL, "health_check": check, "nodes": nodes })),
            )
        }
    }
}

fn nodes(pool: Option<&Pool>, config: &Config, lines: &[Line]) -> Vec<Value> {
    let document = to_json(config);
    let there = pool.and_then(|_| document.pointer("/pools/0/nodes")?.as_array());
    let there: &[Value] = there.map_or(&[], Vec::as_slice);
    let entries = || lines.iter().filter_map(|line| line.node.as_ref().ok());
    let old = |entry: &Entry| {
        let nodes = pool.map_or(&[][..], |pool| &pool.nodes);
        let place = nodes
            .iter()
            .position(|node| node.address == entry.address)?;
        there.get(place).zip(nodes.get(place))
    };
    let mut taken: Vec<String> = entries().filter_map(|entry| entry.name.clone()).collect();
    taken.extend(entries().filter_map(|entry| Some(old(entry)?.1.name.to_string())));
    let mut number = 0;
    let mut nodes = Vec::new();
    for entry in entries() {
        let mut node = old(entry).map_or_else(|| json!({}), |(node, _)| node.clone());
        let name = match (&entry.name, old(entry)) {
            (Some(name), _) => name.clone(),
            (None, Some((_, node))) => node.name.to_string(),
            (None, None) => loop {
                number += 1;
                let name = format!("web-{number}");
                if !taken.contains(&name) {
                    break name;
                }
            },
        };
        node["name"] = name.into();
        node["address"] = entry.address.to_string().into();
        node["weight"] = entry.weight.into();
        nodes.push(node);
    }
    nodes
}
