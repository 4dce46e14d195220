//! Edits of parts of a document: add, put, merge, remove. Pure; what the edited document means is
//! for [`super::parse`] to say.

use serde_json::{Map, Value as Json, json};

use super::part::{Part, Place, index, spelled};
use crate::model::{Code, Problem};

/// What is done to a part. A value is the part's table as the document has it, in JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum PartOp {
    /// It is new; refused where it is there.
    Add(Json),
    /// It says this and nothing else, whether it was there or not.
    Put(Json),
    /// It says this too (RFC 7396: null takes a key back to its default).
    Merge(Json),
    /// It is gone; a section says nothing.
    Remove,
}

/// One edit.
#[derive(Debug, Clone, PartialEq)]
pub struct PartEdit {
    /// Of what.
    pub part: Part,
    /// What.
    pub op: PartOp,
}

impl PartEdit {
    /// An edit of `part`.
    pub fn new(part: Part, op: PartOp) -> Self {
        Self { part, op }
    }
}

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoEdit {
    /// What is to be edited is not there.
    NotFound(String),
    /// What it is to say makes no sense in itself.
    Problem(Problem),
}

/// Makes an edit of `document`.
///
/// # Errors
/// Why not; the document is as it was then.
pub fn edit(document: &mut Json, edit: &PartEdit) -> Result<(), NoEdit> {
    let PartEdit { part, op } = edit;
    let there = part.pointer(document);
    let there = there.filter(|at| document.pointer(at).is_some());
    let value = match op {
        PartOp::Remove => return remove(document, part, there),
        PartOp::Add(_) if there.is_some() => {
            let message = format!("there is a {} already", part.words());
            return Err(problem(part, naming_key(part), Code::Duplicate, message));
        }
        PartOp::Merge(_) if there.is_none() && !matches!(part.place(), Place::Section(_)) => {
            return Err(not_there(document, part));
        }
        PartOp::Add(value) | PartOp::Put(value) => named(part, value)?,
        PartOp::Merge(patch) => {
            let old = there.as_ref().and_then(|at| document.pointer(at));
            let mut merged = old.cloned().unwrap_or_else(|| json!({}));
            merge(&mut merged, &Json::Object(named_patch(part, patch)?));
            merged
        }
    };
    match (there, part.place()) {
        (None, Place::List(..)) => list_of(document, part)?.push(value),
        (_, Place::Section(key)) => {
            if let Some(table) = document.as_object_mut() {
                table.insert(key.to_owned(), value);
            }
        }
        (Some(at), Place::List(..)) => {
            if let Some(slot) = document.pointer_mut(&at) {
                *slot = value;
            }
        }
    }
    Ok(())
}

/// Puts what was edited behind everything else of its list: order means nothing, and of two that
/// claim one thing the check tells the later.
pub fn put_last(document: &mut Json, edits: &[PartEdit]) {
    for PartEdit { part, .. } in edits {
        let at = part.pointer(document).unwrap_or_default();
        let (list, index) = at.rsplit_once('/').unwrap_or_default();
        let list = document.pointer_mut(list).and_then(Json::as_array_mut);
        if let (Some(list), Ok(index)) = (list, index.parse::<usize>())
            && index < list.len()
        {
            let edited = list.remove(index);
            list.push(edited);
        }
    }
}

fn remove(document: &mut Json, part: &Part, there: Option<String>) -> Result<(), NoEdit> {
    if let Place::Section(key) = part.place() {
        if let Some(table) = document.as_object_mut() {
            table.shift_remove(key);
        }
        return Ok(());
    }
    let at = there.ok_or_else(|| not_there(document, part))?;
    let (list, index) = at.rsplit_once('/').unwrap_or_default();
    let list = document.pointer_mut(list).and_then(Json::as_array_mut);
    if let (Some(list), Ok(index)) = (list, index.parse()) {
        list.remove(index);
    }
    Ok(())
}

/// The list that a new `part` goes into, made where there is none.
fn list_of<'d>(document: &'d mut Json, part: &Part) -> Result<&'d mut Vec<Json>, NoEdit> {
    let not_found = not_there(document, part);
    let Place::List(outer, key, _) = part.place() else {
        return Err(not_found);
    };
    let outer = match outer {
        None => String::new(),
        Some((outer, name)) => match index(document, outer, name) {
            Some(index) => format!("/{outer}/{index}"),
            None => return Err(not_found),
        },
    };
    let table = document.pointer_mut(&outer).and_then(Json::as_object_mut);
    let list = table.map(|table| table.entry(key).or_insert_with(|| json!([])));
    list.and_then(Json::as_array_mut).ok_or(not_found)
}

fn not_there(document: &Json, part: &Part) -> NoEdit {
    let outer = match part {
        Part::Node(pool, _) => Some(Part::Pool(pool.clone())),
        Part::Route(site, _) => Some(Part::Site(site.clone())),
        _ => None,
    };
    let missing = outer.filter(|outer| outer.of(document).is_none());
    let missing = missing.as_ref().unwrap_or(part);
    NoEdit::NotFound(format!("there is no {}", missing.words()))
}

fn problem(part: &Part, key: &str, code: Code, message: impl Into<String>) -> NoEdit {
    let way = part.to_string();
    let field = match key {
        "" => way,
        key => format!("{way}.{key}"),
    };
    NoEdit::Problem(Problem {
        field,
        code,
        message: message.into(),
    })
}

fn naming_key(part: &Part) -> &'static str {
    match part {
        Part::Settings | Part::Admin | Part::Sessions | Part::Logs | Part::Backup => "",
        Part::Route(..) => "path",
        _ => "name",
    }
}

/// `value` with the name by which the part is known.
fn named(part: &Part, value: &Json) -> Result<Json, NoEdit> {
    let mut table = named_patch(part, value)?;
    let Place::List(_, key, name) = part.place() else {
        return Ok(Json::Object(table));
    };
    let mut put = |key: &str, value: &str| {
        table.entry(key).or_insert_with(|| value.into());
    };
    match (key, name.strip_prefix('=')) {
        ("routes", Some(path)) => {
            put("path", path);
            put("match", "exact");
        }
        ("routes", None) => put("path", name),
        _ => put("name", name),
    }
    Ok(Json::Object(table))
}

/// A table that does not call the part by another name.
fn named_patch(part: &Part, value: &Json) -> Result<Map<String, Json>, NoEdit> {
    let Json::Object(table) = value else {
        let message = "must be a table, a JSON object";
        return Err(problem(part, "", Code::Type, message));
    };
    let Place::List(_, key, name) = part.place() else {
        return Ok(table.clone());
    };
    let same = |key: &str, name: &str| table.get(key).is_none_or(|value| value == name);
    let other = match (key, name.strip_prefix('=')) {
        ("routes", exact) => {
            let path = exact.unwrap_or(name);
            let path_of = |value: &Json| spelled("routes", value.as_str().unwrap_or_default());
            let same_path = |value: &Json| path_of(value) == spelled("routes", path);
            let word = exact.map_or("prefix", |_| "exact");
            match () {
                () if !table.get("path").is_none_or(same_path) => Some(("path", path)),
                // A prefix is what a route is that does not say.
                () if !same("match", word) => Some(("match", word)),
                () => None,
            }
        }
        _ => (!same("name", name)).then_some(("name", name)),
    };
    match other {
        None => Ok(table.clone()),
        Some((key, wanted)) => {
            let message = format!(
                "must be {wanted}, as the part is named; for another, remove this and add that"
            );
            Err(problem(part, key, Code::Conflict, message))
        }
    }
}

/// RFC 7396.
fn merge(target: &mut Json, patch: &Json) {
    let Json::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(table) = target.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            table.shift_remove(key);
        } else {
            merge(table.entry(key).or_insert(Json::Null), value);
        }
    }
}
