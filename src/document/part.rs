//! A part of a document, known by names, and where a Problem's field stands in it.

use std::fmt;

use serde_json::Value as Json;

use super::diff::identity;
use super::part_edit::{PartEdit, PartOp};
use super::place::parent;
use crate::model::RoutePath;

/// One thing of a document that has a name, or one of its sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// `[settings]`
    Settings,
    /// `[admin]`
    Admin,
    /// `[sessions]`
    Sessions,
    /// `[logs]`
    Logs,
    /// `[backup]`
    Backup,
    /// A listener, by name.
    Listener(String),
    /// A certificate, by name.
    Certificate(String),
    /// An authority for certificates, by name.
    Acme(String),
    /// A pool with its nodes, by name.
    Pool(String),
    /// A node, by its pool's name and its own.
    Node(String, String),
    /// A site with its routes, by name.
    Site(String),
    /// A route, by its site's name and its path; an exact one with `=` before it.
    Route(String, String),
    /// A webhook, by name.
    Webhook(String),
}

impl Part {
    /// Takes a way by names, as [`super::Change::field`] has it: `pools.django.nodes.web-1`.
    ///
    /// # Errors
    /// What such a way looks like.
    pub fn parse(way: &str) -> Result<Self, String> {
        let (section, name) = match way.split_once('.') {
            Some((section, name)) => (section, Some(name).filter(|name| !name.is_empty())),
            None => (way, None),
        };
        let two = |between: &str| {
            let (outer, inner) = name?.split_once(between)?;
            let whole = !outer.is_empty() && !inner.is_empty();
            whole.then(|| (outer.to_owned(), inner.to_owned()))
        };
        let own = name.map(str::to_owned);
        let part = match (section, own) {
            ("settings", None) => Some(Self::Settings),
            ("admin", None) => Some(Self::Admin),
            ("sessions", None) => Some(Self::Sessions),
            ("logs", None) => Some(Self::Logs),
            ("backup", None) => Some(Self::Backup),
            ("listeners", Some(name)) => Some(Self::Listener(name)),
            ("certificates", Some(name)) => Some(Self::Certificate(name)),
            ("acme", Some(name)) => Some(Self::Acme(name)),
            ("webhooks", Some(name)) => Some(Self::Webhook(name)),
            ("pools", Some(name)) => Some(match two(".nodes.") {
                Some((pool, node)) => Self::Node(pool, node),
                None => Self::Pool(name),
            }),
            ("sites", Some(name)) => Some(match two(".routes.") {
                Some((site, route)) => Self::Route(site, route),
                None => Self::Site(name),
            }),
            _ => None,
        };
        part.ok_or_else(|| {
            let example = "pools.NAME, pools.NAME.nodes.NODE, sites.NAME, sites.NAME.routes./PATH, \
                listeners.NAME, certificates.NAME, acme.NAME, webhooks.NAME, settings, admin, sessions, logs or backup";
            format!("must be {example} (is {way:?})")
        })
    }

    /// The list it stands in, as keys and names to go by, and its name there; none of a section.
    pub(super) fn place(&self) -> Place<'_> {
        match self {
            Self::Settings => Place::Section("settings"),
            Self::Admin => Place::Section("admin"),
            Self::Sessions => Place::Section("sessions"),
            Self::Logs => Place::Section("logs"),
            Self::Backup => Place::Section("backup"),
            Self::Listener(name) => Place::List(None, "listeners", name),
            Self::Certificate(name) => Place::List(None, "certificates", name),
            Self::Acme(name) => Place::List(None, "acme", name),
            Self::Pool(name) => Place::List(None, "pools", name),
            Self::Site(name) => Place::List(None, "sites", name),
            Self::Webhook(name) => Place::List(None, "webhooks", name),
            Self::Node(pool, name) => Place::List(Some(("pools", pool)), "nodes", name),
            Self::Route(site, name) => Place::List(Some(("sites", site)), "routes", name),
        }
    }

    /// What it is and its name, for the operator: `node django/web-1`.
    pub fn words(&self) -> String {
        match self {
            Self::Settings => "settings".to_owned(),
            Self::Admin => "admin".to_owned(),
            Self::Sessions => "sessions".to_owned(),
            Self::Logs => "logs".to_owned(),
            Self::Backup => "backup".to_owned(),
            Self::Listener(name) => format!("listener {name}"),
            Self::Certificate(name) => format!("certificate {name}"),
            Self::Acme(name) => format!("authority {name}"),
            Self::Pool(name) => format!("pool {name}"),
            Self::Node(pool, name) => format!("node {pool}/{name}"),
            Self::Site(name) => format!("site {name}"),
            Self::Route(site, route) => format!("route {route} of site {site}"),
            Self::Webhook(name) => format!("webhook {name}"),
        }
    }

    /// What it says in `document`; none where it is not there. A section always is.
    pub fn of<'d>(&self, document: &'d Json) -> Option<&'d Json> {
        static EMPTY: Json = Json::Null;
        match self.place() {
            Place::Section(key) => Some(document.get(key).unwrap_or(&EMPTY)),
            Place::List(..) => document.pointer(&self.pointer(document)?),
        }
    }

    /// Where it stands in `document`, by number: `/pools/0`.
    pub(super) fn pointer(&self, document: &Json) -> Option<String> {
        match self.place() {
            Place::Section(key) => Some(format!("/{key}")),
            Place::List(outer, key, name) => {
                let outer = match outer {
                    Some((key, name)) => format!("/{key}/{}", index(document, key, name)?),
                    None => String::new(),
                };
                let list = document.pointer(&outer)?;
                Some(format!("{outer}/{key}/{}", index(list, key, name)?))
            }
        }
    }

    /// The way to it in `document` as a Problem writes it: `pools[0]`.
    fn field(&self, document: &Json) -> Option<String> {
        let pointer = self.pointer(document)?;
        let mut field = String::new();
        for step in pointer.split('/').skip(1) {
            match step.parse::<usize>() {
                Ok(index) => field.push_str(&format!("[{index}]")),
                Err(_) if field.is_empty() => field.push_str(step),
                Err(_) => field.push_str(&format!(".{step}")),
            }
        }
        Some(field)
    }
}

/// `pools.django.nodes.web-1`.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Place::Section(key) => f.write_str(key),
            Place::List(None, key, name) => write!(f, "{key}.{name}"),
            Place::List(Some((outer, of)), key, name) => write!(f, "{outer}.{of}.{key}.{name}"),
        }
    }
}

/// Where a part stands.
pub(super) enum Place<'p> {
    /// A table of its own.
    Section(&'static str),
    /// The table that the list stands in by list and name, the list, the name in it.
    List(Option<(&'static str, &'p str)>, &'static str, &'p str),
}

/// Which of the list `key` of `table` is named `name`.
pub(super) fn index(table: &Json, key: &str, name: &str) -> Option<usize> {
    let name = spelled(key, name);
    let list = table.get(key)?.as_array()?;
    list.iter().position(|one| identity(one) == name)
}

/// A route's path in the spelling that a document is exported in.
pub(super) fn spelled(key: &str, name: &str) -> String {
    let (mark, path) = match name.strip_prefix('=') {
        Some(path) => ("=", path),
        None => ("", name),
    };
    match RoutePath::parse(path) {
        Ok(path) if key == "routes" => format!("{mark}{path}"),
        _ => name.to_owned(),
    }
}

/// A Problem's field by names, and where it stands in what was edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPart {
    /// Which edit, from 0.
    pub edit: usize,
    /// The way within the part: `health_check.interval`; empty is the part itself.
    pub field: String,
}

/// The way `field` of the edited `document` by names: `pools.django.policy` for
/// `pools[0].policy`, and in which of `edits` it stands.
pub(super) fn by_names(
    document: &Json,
    edits: &[PartEdit],
    field: &str,
) -> (String, Option<InPart>) {
    let places = edits
        .iter()
        .enumerate()
        .filter(|(_, e)| e.op != PartOp::Remove);
    let within = places.filter_map(|(edit, e)| {
        let place = e.part.field(document)?;
        let rest = field.strip_prefix(&place)?;
        let field = match rest.strip_prefix('.') {
            Some(rest) => rest,
            None if rest.is_empty() => rest,
            None => return None,
        };
        let field = field.to_owned();
        Some(InPart { edit, field })
    });
    // Of a pool and one of its nodes, the node.
    let within = within.min_by_key(|within| within.field.len());
    (names(document, field), within)
}

fn names(document: &Json, field: &str) -> String {
    let mut ways: Vec<&str> = std::iter::successors(Some(field), |way| parent(way)).collect();
    ways.reverse();
    let mut now = Some(document);
    let mut named = String::new();
    for (outer, way) in ways.iter().zip(ways.iter().skip(1)) {
        let step = &way[outer.len()..];
        let index = step
            .strip_prefix('[')
            .and_then(|step| step.strip_suffix(']'));
        match index.and_then(|index| index.parse::<usize>().ok()) {
            Some(index) => {
                now = now.and_then(|list| list.get(index));
                let name = now.filter(|one| one.is_object()).map(identity);
                match name.filter(|name| !name.is_empty()) {
                    Some(name) => named.push_str(&format!(".{name}")),
                    None => named.push_str(step),
                }
            }
            None => {
                let key = step.strip_prefix('.').unwrap_or(step);
                now = now.and_then(|table| table.get(key));
                named.push_str(step);
            }
        }
    }
    named
}
