//! A change as a row of a table: the field, what it was and what it is, in full.

use serde_json::Value as Json;

use super::labels::Kind;
use super::{find, named, shown, subject, text};
use crate::admin::texts::Texts;
use crate::document::{Change, Op};

/// Limit: of a value so many characters are shown.
const LONGEST: usize = 600;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::admin) struct Row {
    /// Its name in the reader's words, and what it belongs to.
    pub(in crate::admin) name: String,
    /// Its way in the document.
    pub(in crate::admin) field: String,
    /// What it was; none where it was not there.
    pub(in crate::admin) before: Option<String>,
    /// What it is.
    pub(in crate::admin) after: Option<String>,
}

/// The row of one change.
pub(in crate::admin) fn row(t: Texts, change: &Change) -> Row {
    let way: Vec<&str> = change.way.iter().map(String::as_str).collect();
    let side = |value: &Option<Json>| value.as_ref().map(|value| full(t, &way, value));
    let (mut before, mut after) = (side(&change.before), side(&change.after));
    // A default that is not written is a value too.
    if find(&way).is_some_and(|label| label.kind == Kind::Flag) {
        before = before.or_else(|| Some(t.value_off().to_owned()));
        after = after.or_else(|| Some(t.value_off().to_owned()));
    }
    if change.op == Op::Change && before == after {
        after = Some(t.secret_changed().to_owned());
        before = None;
    }
    Row {
        name: name(t, &way).unwrap_or_else(|| shown(&change.field)),
        field: cut(&change.field),
        before,
        after,
    }
}

fn name(t: Texts, way: &[&str]) -> Option<String> {
    if let ["pools", pool, "nodes", node] = way {
        return Some(t.of_node(shown(node), shown(pool)));
    }
    let subject = subject(t, way)?;
    let is_whole = way.len() == 2 || matches!(way, ["sites", _, "routes", _]);
    match find(way) {
        None if is_whole && !subject.is_empty() => Some(subject),
        None => None,
        Some(label) if subject.is_empty() => Some(named(t, label, way)),
        Some(label) => Some(t.label_of(named(t, label, way), subject)),
    }
}

fn full(t: Texts, way: &[&str], value: &Json) -> String {
    match value {
        Json::Object(_) => cut(&table(value)),
        Json::String(text) if text.chars().count() > super::LONGEST => cut(text),
        Json::Array(items) if !items.is_empty() => cut(&super::list(t, items)),
        value => match find(way) {
            Some(label) => text(t, label, way, Some(value)),
            None => None,
        }
        .unwrap_or_else(|| cut(&plain(value))),
    }
}

/// A table as lines of `key value`, deeper ones behind their key.
fn table(value: &Json) -> String {
    let mut lines = Vec::new();
    write(value, "", &mut lines);
    lines.join(" · ")
}

fn write(value: &Json, way: &str, lines: &mut Vec<String>) {
    let on = |key: &str| match way {
        "" => key.to_owned(),
        way => format!("{way}.{key}"),
    };
    match value {
        Json::Object(fields) => {
            for (key, value) in fields {
                write(value, &on(key), lines);
            }
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            for item in items {
                let own = item
                    .get("name")
                    .or(item.get("path"))
                    .or(item.get("address"));
                let own = own.and_then(Json::as_str).unwrap_or_default();
                lines.push(format!("{way} {own}"));
            }
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            lines.push(format!("{way} {}", items.join(", ")));
        }
        value => lines.push(format!("{way} {}", plain(value))),
    }
}

fn plain(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn cut(text: &str) -> String {
    super::shown_up_to(text, LONGEST)
}
