//! Where requests go, as columns and what leads from each to the next: listeners, sites, routes,
//! nodes. No drawing here.

use std::collections::HashMap;

use super::numbers::{cut, rate};
use crate::admin::events::hour;
use crate::admin::links;
use crate::admin::page::Shell;
use crate::admin::texts::Texts;
use crate::balance::Health;
use crate::control::{LeadsTo, NodeView, NodesView, Outline};
use crate::logs::LastMinute;
use crate::model::AdminState;

/// Limit: of each column so many are drawn one by one: those that are wrong and those with most
/// requests. The rest is one, together.
pub(super) const MOST: [usize; 4] = [5, 7, 9, 12];

/// Longest name, in characters: what fits between two columns.
const LONGEST: usize = 20;

/// How something stands, which says its colour and shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tone {
    /// As it should.
    #[default]
    Plain,
    /// A node that takes requests.
    Up,
    /// Slow or leaving.
    Warn,
    /// It does not work.
    Down,
    /// Not wanted.
    Off,
    /// Not known.
    Unknown,
}

/// One thing of a column.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    /// Its name, cut.
    pub(super) name: String,
    /// All that is to be said of it.
    pub(super) title: String,
    /// What stands below its name.
    pub(super) below: String,
    /// Where its name leads.
    pub(super) href: String,
    pub(super) tone: Tone,
    /// Requests of the last minute.
    pub(super) requests: u64,
    /// Whether it has a mark before its name.
    pub(super) is_node: bool,
}

/// What leads from one column to the next: places, requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) requests: u64,
}

/// The whole picture.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) columns: [Vec<Item>; 4],
    /// From each column to the next.
    pub(super) links: [Vec<Link>; 3],
}

/// Puts what is configured and what went where into one picture.
pub(super) fn graph(
    shell: &Shell,
    (outline, nodes): (&Outline, &NodesView),
    minute: &LastMinute,
) -> Graph {
    let mut sketch = Sketch {
        shell,
        t: shell.t,
        minute,
        places: Default::default(),
        graph: Graph::default(),
        links: Default::default(),
    };
    sketch.items(outline);
    sketch.nodes(nodes);
    sketch.ways(outline, nodes);
    sketch.flows();
    sketch.done()
}

/// What something is known by: its own name and that of what it is part of.
type Key = (String, String);

struct Sketch<'a> {
    shell: &'a Shell,
    t: Texts,
    minute: &'a LastMinute,
    places: [HashMap<Key, usize>; 4],
    graph: Graph,
    links: [HashMap<(usize, usize), u64>; 3],
}

fn key(one: &str, two: &str) -> Key {
    (one.to_owned(), two.to_owned())
}

impl Sketch<'_> {
    fn add(&mut self, column: usize, key: Key, mut item: Item) -> usize {
        item.name = cut(&item.name, LONGEST);
        let items = &mut self.graph.columns[column];
        items.push(item);
        self.places[column].insert(key, items.len() - 1);
        items.len() - 1
    }

    fn items(&mut self, outline: &Outline) {
        let t = self.t;
        for listener in &outline.listeners {
            let port = listener.address.port();
            let item = Item {
                name: format!("{} :{port}", listener.name),
                title: format!("{} {}", listener.name, listener.address),
                below: match (listener.open, listener.tls) {
                    (false, _) => t.listener_closed().to_owned(),
                    (true, true) => "https".to_owned(),
                    (true, false) => "http".to_owned(),
                },
                href: links::listeners(),
                tone: if listener.open {
                    Tone::Plain
                } else {
                    Tone::Down
                },
                ..Item::default()
            };
            self.add(0, key(listener.name.as_str(), ""), item);
        }
        for site in &outline.sites {
            let host = site.hosts.first().map(ToString::to_string);
            let hosts: Vec<String> = site.hosts.iter().map(ToString::to_string).collect();
            let item = Item {
                title: match hosts.is_empty() {
                    true => site.name.to_string(),
                    false => format!("{}: {}", site.name, hosts.join(", ")),
                },
                name: host.unwrap_or_else(|| site.name.to_string()),
                href: links::site(&site.name),
                ..Item::default()
            };
            self.add(1, key(site.name.as_str(), ""), item);
            for route in &site.routes {
                let item = Item {
                    name: route.path.clone(),
                    title: format!("{} {}", site.name, route.path),
                    below: match &route.leads_to {
                        LeadsTo::Pool(pool) => t.to_pool(cut(pool.as_str(), 14)),
                        LeadsTo::Files(_) => t.to_files().to_owned(),
                        LeadsTo::Redirect => t.to_redirect().to_owned(),
                        LeadsTo::Respond => t.to_respond().to_owned(),
                    },
                    href: links::site(&site.name),
                    ..Item::default()
                };
                self.add(2, key(site.name.as_str(), &route.path), item);
            }
        }
    }

    fn nodes(&mut self, nodes: &NodesView) {
        for pool in &nodes.pools {
            for node in &pool.nodes {
                let (tone, below) = stands(self.shell, node);
                let item = Item {
                    name: node.name.clone(),
                    title: format!("{}/{} {}", pool.name, node.name, node.address),
                    below,
                    href: links::node(&pool.name, &node.name),
                    tone,
                    is_node: true,
                    ..Item::default()
                };
                self.add(3, key(&pool.name, &node.name), item);
            }
        }
    }

    /// What may go where, though nothing does.
    fn ways(&mut self, outline: &Outline, nodes: &NodesView) {
        for site in &outline.sites {
            let Some(&at) = self.places[1].get(&key(site.name.as_str(), "")) else {
                continue;
            };
            for listener in &outline.listeners {
                if site.listeners.is_empty() || site.listeners.contains(&listener.name) {
                    self.link(0, key(listener.name.as_str(), ""), (1, at), 0);
                }
            }
            for route in &site.routes {
                let of = key(site.name.as_str(), &route.path);
                let Some(&place) = self.places[2].get(&of) else {
                    continue;
                };
                self.link(1, key(site.name.as_str(), ""), (2, place), 0);
                // Where files are, a node is asked only for what is none.
                let LeadsTo::Pool(pool) = &route.leads_to else {
                    continue;
                };
                let found = nodes.pool(pool.as_str());
                for node in found.iter().flat_map(|pool| &pool.nodes) {
                    let to = key(pool.as_str(), &node.name);
                    if let Some(&node) = self.places[3].get(&to) {
                        self.link(2, of.clone(), (3, node), 0);
                    }
                }
            }
        }
    }

    fn link(&mut self, column: usize, from: Key, to: (usize, usize), requests: u64) {
        if let Some(&from) = self.places[column].get(&from) {
            let link = self.links[to.0 - 1].entry((from, to.1)).or_default();
            *link += requests;
        }
    }

    /// What went. What has been removed from the configuration within the minute is not there any
    /// more; what found no site or no route ends where it was.
    fn flows(&mut self) {
        let minute = self.minute;
        for flow in &minute.flows {
            let (way, requests) = (&flow.way, flow.requests);
            let keys = [
                key(&way.listener, ""),
                key(&way.site, ""),
                key(&way.site, &way.route),
                key(&way.pool, &way.node),
            ];
            let mut before = None;
            for (column, key) in keys.into_iter().enumerate() {
                let Some(&place) = self.places[column].get(&key) else {
                    break;
                };
                self.graph.columns[column][place].requests += requests;
                if let Some(before) = before {
                    let link = self.links[column - 1].entry((before, place)).or_default();
                    *link += requests;
                }
                before = Some(place);
            }
        }
    }

    fn done(mut self) -> Graph {
        let (t, seconds) = (self.t, self.minute.seconds);
        let mut moved: [Vec<usize>; 4] = Default::default();
        for (column, moved) in moved.iter_mut().enumerate() {
            let items = std::mem::take(&mut self.graph.columns[column]);
            let (mut items, places) = bounded(t, items, MOST[column], column);
            for item in &mut items {
                let rate = t.per_second(rate(item.requests, seconds));
                item.title = format!("{}\n{}", item.title, t.in_last_minute(item.requests));
                item.below = match item.below.as_str() {
                    "" => rate,
                    // Since when it is down has no room beside it, and matters more.
                    below
                        if item.is_node
                            && (item.requests == 0 || matches!(item.tone, Tone::Down)) =>
                    {
                        below.to_owned()
                    }
                    below if item.is_node => format!("{below}, {rate}"),
                    below => format!("{rate} {below}"),
                };
            }
            self.graph.columns[column] = items;
            *moved = places;
        }
        for (column, links) in self.links.into_iter().enumerate() {
            let mut sums: HashMap<(usize, usize), u64> = HashMap::new();
            for ((from, to), requests) in links {
                *sums
                    .entry((moved[column][from], moved[column + 1][to]))
                    .or_default() += requests;
            }
            let mut links: Vec<Link> = sums
                .into_iter()
                .map(|((from, to), requests)| Link { from, to, requests })
                .collect();
            links.sort_unstable_by_key(|link| (link.from, link.to));
            self.graph.links[column] = links;
        }
        self.graph
    }
}

/// How a node stands, and in words where that is not well.
fn stands(shell: &Shell, node: &NodeView) -> (Tone, String) {
    let t = shell.t;
    let since = |since| t.is_down_since(hour(shell, since));
    match (node.admin_state, node.health) {
        (AdminState::Disabled, _) => (Tone::Off, t.is_off().to_owned()),
        (AdminState::Draining, _) => (Tone::Warn, t.is_draining().to_owned()),
        (AdminState::Enabled, Health::Down) => {
            let words = node.since.map_or_else(|| t.is_down().to_owned(), since);
            (Tone::Down, words)
        }
        (AdminState::Enabled, _) if node.ejected_until.is_some() => {
            (Tone::Warn, t.is_resting().to_owned())
        }
        (AdminState::Enabled, Health::Up) => (Tone::Up, String::new()),
        (AdminState::Enabled, Health::Unknown) => (Tone::Unknown, String::new()),
    }
}

/// At most `most` of `items`, in their order, and where each of them went.
fn bounded(t: Texts, items: Vec<Item>, most: usize, column: usize) -> (Vec<Item>, Vec<usize>) {
    if items.len() <= most {
        let places = (0..items.len()).collect();
        return (items, places);
    }
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&place| {
        let item = &items[place];
        let is_wrong = matches!(item.tone, Tone::Down | Tone::Warn);
        (!is_wrong, std::cmp::Reverse(item.requests), place)
    });
    let kept = &order[..most - 1];
    let mut shown = Vec::new();
    let mut places = Vec::new();
    let mut rest = Item {
        href: all(column),
        is_node: false,
        ..Item::default()
    };
    let mut left = 0;
    for (place, item) in items.into_iter().enumerate() {
        if kept.contains(&place) {
            places.push(shown.len());
            shown.push(item);
        } else {
            left += 1;
            rest.requests += item.requests;
            places.push(most - 1);
        }
    }
    rest.name = t.and_others(left);
    rest.title.clone_from(&rest.name);
    shown.push(rest);
    (shown, places)
}

/// Where all of a column are.
fn all(column: usize) -> String {
    match column {
        0 => links::listeners(),
        1 | 2 => links::sites(),
        _ => links::nodes(),
    }
}
