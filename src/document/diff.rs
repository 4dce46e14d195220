//! What differs between two Configs, in the operator's names.
//!
//! Identity is the name and order never matters, so a moved node is no change and a renamed one
//! is two.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::{Map, Value as Json, json};

use super::place::join;
use super::secret::HIDDEN;
use super::{to_full_json, to_json};
use crate::model::{Config, ExternalAccount};

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// It is new.
    Add,
    /// It is gone.
    Remove,
    /// It has another value.
    Change,
}

impl Op {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Change => "change",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What happened.
    pub op: Op,
    /// The way to the field by names: `pools.django.nodes.web-1.weight`. A route is known by
    /// its path, an exact one with `=` before it.
    pub field: String,
    /// The same way step by step, keys and names as they are: `["pools", "django", …]`.
    pub way: Vec<String>,
    /// The value before; none where the field is new.
    pub before: Option<Json>,
    /// The value after; none where the field is gone.
    pub after: Option<Json>,
}

impl Change {
    /// `{"op","field","before","after"}`.
    pub fn to_json(&self) -> Json {
        json!({
            "op": self.op.as_str(),
            "field": self.field,
            "before": self.before,
            "after": self.after,
        })
    }
}

/// One line: `~ pools.django.nodes.web-1.weight: 1 -> 3`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = &self.field;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "~ {field}: {before} -> {after}"),
            (None, Some(after)) => write!(f, "+ {field}: {after}"),
            (_, None) => write!(f, "- {field}"),
        }
    }
}

/// What `after` changes of `before`; nothing when both mean the same.
pub fn diff(before: &Config, after: &Config) -> Vec<Change> {
    let (full_before, full_after) = (to_full_json(before), to_full_json(after));
    let (brief_before, brief_after) = (to_json(before), to_json(after));
    let mut changes = Vec::new();
    compare(
        &mut changes,
        &Way::default(),
        Side::new(&full_before, Some(&brief_before)),
        Side::new(&full_after, Some(&brief_after)),
    );
    compare_texts(&mut changes, before, after);
    changes
}

/// Secrets given as text: both sides show the same, so that neither shows it.
fn compare_texts(changes: &mut Vec<Change>, before: &Config, after: &Config) {
    let before = before.secret_texts();
    for (owner, text) in after.secret_texts() {
        let old = before.iter().find(|(other, _)| *other == owner);
        if old.is_some_and(|(_, old)| *old != text) {
            changes.push(Change {
                op: Op::Change,
                way: steps_of(&owner),
                field: owner,
                before: Some(HIDDEN.into()),
                after: Some(HIDDEN.into()),
            });
        }
    }
}

/// `webhooks.NAME.secret`, `acme.NAME.eab.hmac`, `settings.affinity_secret` or `sessions.databases.NAME.password`, step by step: a name may hold dots.
fn steps_of(owner: &str) -> Vec<String> {
    let acme = owner.strip_prefix("acme.");
    if let Some(name) = acme.and_then(|rest| rest.strip_suffix(ExternalAccount::HMAC)) {
        return ["acme", name, "eab", "hmac"].map(str::to_owned).to_vec();
    }
    let (first, rest) = owner.split_once('.').unwrap_or((owner, ""));
    let (list, rest) = match rest.strip_prefix("databases.") {
        Some(rest) if first == "sessions" => ("databases", rest),
        _ => ("", rest),
    };
    let (name, last) = rest.rsplit_once('.').unwrap_or(("", rest));
    let steps = [first, list, name, last].into_iter();
    steps.filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// The way to a field, as it is shown and step by step.
#[derive(Default)]
struct Way {
    field: String,
    steps: Vec<String>,
}

impl Way {
    /// On to a key of a table.
    fn key(&self, key: &str) -> Self {
        self.step(join(&self.field, key), key)
    }

    /// On to an element of a list, by its name.
    fn name(&self, name: &str) -> Self {
        self.step(format!("{}.{name}", self.field), name)
    }

    fn step(&self, field: String, step: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step.to_owned());
        Self { field, steps }
    }
}

/// One value with every default, to compare by, and as `export` writes it, to show.
#[derive(Clone, Copy)]
struct Side<'a> {
    full: &'a Json,
    brief: Option<&'a Json>,
}

impl<'a> Side<'a> {
    fn new(full: &'a Json, brief: Option<&'a Json>) -> Self {
        Self { full, brief }
    }

    fn shown(self) -> Json {
        self.brief.unwrap_or(self.full).clone()
    }

    fn inner(self, table: &'a Map<String, Json>) -> impl Iterator<Item = (String, Side<'a>)> {
        let brief = move |key: &str| self.brief.and_then(|brief| brief.get(key));
        table
            .iter()
            .map(move |(key, full)| (key.clone(), Side::new(full, brief(key))))
    }

    fn elements(self, list: &'a [Json]) -> impl Iterator<Item = (String, Side<'a>)> {
        let brief = move |i: usize| self.brief.and_then(|brief| brief.get(i));
        list.iter()
            .enumerate()
            .map(move |(i, full)| (identity(full), Side::new(full, brief(i))))
    }
}

fn compare(changes: &mut Vec<Change>, way: &Way, before: Side<'_>, after: Side<'_>) {
    match (before.full, after.full) {
        (Json::Object(b), Json::Object(a)) => {
            let (b, a) = (before.inner(b).collect(), after.inner(a).collect());
            compare_each(changes, b, a, |key| way.key(key));
        }
        (Json::Array(b), Json::Array(a)) if b.iter().chain(a).any(Json::is_object) => {
            let (b, a) = (before.elements(b).collect(), after.elements(a).collect());
            compare_each(changes, b, a, |name| way.name(name));
        }
        (b, a) if same(&way.field, b, a) => {}
        (b, a) => changes.push(Change {
            op: Op::Change,
            field: way.field.clone(),
            way: way.steps.clone(),
            before: Some(b.clone()),
            after: Some(a.clone()),
        }),
    }
}

fn compare_each(
    changes: &mut Vec<Change>,
    before: Vec<(String, Side<'_>)>,
    after: Vec<(String, Side<'_>)>,
    way: impl Fn(&str) -> Way,
) {
    let later: HashMap<&str, Side<'_>> = after.iter().map(|(k, s)| (k.as_str(), *s)).collect();
    let earlier: HashSet<&str> = before.iter().map(|(k, _)| k.as_str()).collect();
    for (key, side) in &before {
        let way = way(key);
        match later.get(key.as_str()) {
            Some(other) => compare(changes, &way, *side, *other),
            None => changes.push(Change {
                op: Op::Remove,
                field: way.field,
                way: way.steps,
                before: Some(side.shown()),
                after: None,
            }),
        }
    }
    for (key, side) in after.iter().filter(|(k, _)| !earlier.contains(k.as_str())) {
        let way = way(key);
        changes.push(Change {
            op: Op::Add,
            field: way.field,
            way: way.steps,
            before: None,
            after: Some(side.shown()),
        });
    }
}

/// The name of a listener, pool, node or site; the path of a route.
pub(super) fn identity(table: &Json) -> String {
    let text = |key: &str| table.get(key).and_then(Json::as_str);
    match (text("name"), text("path")) {
        (Some(name), _) => name.to_owned(),
        (None, Some(path)) if text("match") == Some("exact") => format!("={path}"),
        // Nodes are named by it where nothing else is said, which is not exported.
        (None, path) => path.or(text("address")).unwrap_or_default().to_owned(),
    }
}

/// Whether two values mean the same. Index files are tried in their order, and the first of a
/// listener's certificates is shown to who asks for none; no other list has one.
fn same(field: &str, before: &Json, after: &Json) -> bool {
    match (before, after) {
        (Json::Array(b), Json::Array(a)) if !has_an_order(field) => {
            let sorted = |list: &[Json]| {
                let mut texts: Vec<String> = list.iter().map(Json::to_string).collect();
                texts.sort_unstable();
                texts
            };
            sorted(b) == sorted(a)
        }
        (b, a) => b == a,
    }
}

fn has_an_order(field: &str) -> bool {
    field.ends_with(".index") || field.ends_with(".tls.certificates")
}
