//! Taking one change back out of a Config that others have changed since.

use serde_json::{Map, Value as Json};

use super::diff::{Change, Op, diff, identity};
use super::{Format, PlacedProblems, parse, to_full_json};
use crate::model::{Config, Secret};

/// Why a change cannot be taken back.
#[derive(Debug, Clone, PartialEq)]
pub enum NotTakenBack {
    /// The documents do not differ: what was changed is a secret, and nothing keeps that.
    Nothing,
    /// All of it is already as it was before.
    Already,
    /// These changes since are of the same fields.
    Touched(Vec<Change>),
    /// What follows it needs it: the rest would have these Problems.
    Needed(PlacedProblems),
}

/// `now` without what led from `before` to `after`. What is as it was before anyway stays.
///
/// A secret given as text is left out: whoever has it keeps it.
///
/// # Errors
/// Why it cannot be done.
pub fn take_back(before: &Config, after: &Config, now: &Config) -> Result<Config, NotTakenBack> {
    let (before, after) = (without_texts(before), without_texts(after));
    let now = without_texts(now);
    let changes = diff(&before, &after);
    if changes.is_empty() {
        return Err(NotTakenBack::Nothing);
    }
    let (since, left) = (diff(&after, &now), diff(&before, &now));
    let undo: Vec<&Change> = changes.iter().filter(|c| touches(&left, c)).collect();
    if undo.is_empty() {
        return Err(NotTakenBack::Already);
    }
    let is_touched = |one: &&Change| undo.iter().any(|c| overlap(&c.way, &one.way));
    let touched: Vec<Change> = since.iter().filter(is_touched).cloned().collect();
    if !touched.is_empty() {
        return Err(NotTakenBack::Touched(touched));
    }
    let (was, mut tree) = (to_full_json(&before), to_full_json(&now));
    for change in undo {
        put(&mut tree, &was, &change.way, value_before(change));
    }
    let parsed = parse(&tree.to_string(), Format::Json).map_err(NotTakenBack::Needed)?;
    Ok(parsed.config)
}

fn value_before(change: &Change) -> Option<&Json> {
    match change.op {
        Op::Add => None,
        Op::Remove | Op::Change => change.before.as_ref(),
    }
}

fn touches(changes: &[Change], one: &Change) -> bool {
    changes.iter().any(|change| overlap(&change.way, &one.way))
}

/// Whether one of two fields holds the other.
fn overlap(one: &[String], other: &[String]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn without_texts(config: &Config) -> Config {
    let mut config = config.clone();
    for place in config.secrets_mut() {
        if matches!(place.secret, Secret::Text(_)) {
            *place.secret = Secret::Absent;
        }
    }
    config
}

/// Makes the field at `way` what `value` says; none takes it away. What is put into a list goes
/// to where it stood in `was`.
fn put(tree: &mut Json, was: &Json, way: &[String], value: Option<&Json>) {
    let Some((step, rest)) = way.split_first() else {
        return;
    };
    match tree {
        Json::Array(items) => {
            let found = items.iter().position(|item| identity(item) == *step);
            let index = |list: &Json| {
                let list = list.as_array()?;
                list.iter().position(|item| identity(item) == *step)
            };
            let place = index(was);
            match (found, rest.is_empty(), value) {
                (Some(at), false, value) => {
                    let was = place.map_or(&Json::Null, |place| &was[place]);
                    put(&mut items[at], was, rest, value);
                }
                (Some(at), true, None) => _ = items.remove(at),
                (Some(at), true, Some(value)) => items[at] = value.clone(),
                (None, true, Some(value)) => {
                    let at = place.unwrap_or(items.len()).min(items.len());
                    items.insert(at, value.clone());
                }
                (None, ..) => {}
            }
        }
        Json::Object(table) if rest.is_empty() => match value {
            Some(value) => _ = table.insert(step.clone(), value.clone()),
            None => _ = table.remove(step),
        },
        Json::Object(table) => {
            let inner = table
                .entry(step.clone())
                .or_insert_with(|| Json::Object(Map::new()));
            put(inner, &was[step.as_str()], rest, value);
        }
        _ => {}
    }
}
