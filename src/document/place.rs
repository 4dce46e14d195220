//! Problems with their places: which line and column a field stands at.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde_json::{Value as Json, json};

use super::part::{InPart, by_names};
use super::part_edit::PartEdit;
use super::tree::{Tree, Value};
use crate::model::{Problem, Problems};

/// One Problem and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedProblem {
    /// What is wrong.
    pub problem: Problem,
    /// The line, from 1; none where the document has no lines of its own (JSON).
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    pub column: Option<usize>,
    /// Where it stands in what was edited, where parts were.
    pub in_part: Option<InPart>,
}

impl PlacedProblem {
    /// The line for the operator: `FILE:LINE:COL: field: message`.
    pub fn text(&self, file: &str) -> String {
        let mut text = file.to_owned();
        for number in [self.line, self.column].into_iter().flatten() {
            text.push_str(&format!(":{number}"));
        }
        format!("{text}: {self}")
    }

    fn to_json(&self) -> Json {
        let mut json = json!({
            "field": self.problem.field,
            "line": self.line,
            "column": self.column,
            "code": self.problem.code.as_str(),
            "message": self.problem.message,
        });
        if let Some(InPart { edit, field }) = &self.in_part {
            json["in_part"] = json!({ "edit": edit, "field": field });
        }
        json
    }
}

/// `field: message`, on one line whatever the document put into a name.
impl fmt::Display for PlacedProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { field, message, .. } = &self.problem;
        let parts = if field.is_empty() {
            [message, ""].concat()
        } else {
            [field, ": ", message].concat()
        };
        for c in parts.chars() {
            if c.is_control() {
                write!(f, "{}", c.escape_default())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Every Problem of one document, in the order of the document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlacedProblems(Vec<PlacedProblem>);

impl PlacedProblems {
    pub(super) fn new(problems: Vec<PlacedProblem>) -> Self {
        Self(problems)
    }

    /// The same of an edit of parts: by names, as `edited` has them, and told which edit it is in.
    pub fn by_names(self, edited: &Json, edits: &[PartEdit]) -> Self {
        let named = self.0.into_iter().map(|mut found| {
            let (field, in_part) = by_names(edited, edits, &found.problem.field);
            found.problem.field = field;
            found.in_part = in_part;
            found
        });
        Self(named.collect())
    }

    /// The same, already by names, of the part of the edit numbered `number`.
    pub fn in_edit(mut self, number: usize, edit: &PartEdit) -> Self {
        let way = edit.part.to_string();
        for found in &mut self.0 {
            let rest = found.problem.field.strip_prefix(&way);
            let field = rest.map(|rest| rest.trim_start_matches('.').to_owned());
            found.in_part = field.map(|field| InPart {
                edit: number,
                field,
            });
        }
        self
    }

    /// The Problems.
    pub fn iter(&self) -> std::slice::Iter<'_, PlacedProblem> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One line for each: `FILE:LINE:COL: field: message`.
    pub fn text(&self, file: &str) -> String {
        self.0
            .iter()
            .map(|problem| problem.text(file) + "\n")
            .collect()
    }

    /// `{"problems":[{"field","line","column","code","message"}]}`.
    pub fn to_json(&self) -> Json {
        let problems: Vec<Json> = self.0.iter().map(PlacedProblem::to_json).collect();
        json!({ "problems": problems })
    }
}

/// Problems found outside any document.
impl From<Problems> for PlacedProblems {
    fn from(problems: Problems) -> Self {
        let unplaced = |problem| PlacedProblem {
            problem,
            line: None,
            column: None,
            in_part: None,
        };
        Self(problems.into_iter().map(unplaced).collect())
    }
}

/// The Problems without a file name, one a line.
impl fmt::Display for PlacedProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            if let (Some(line), Some(column)) = (problem.line, problem.column) {
                write!(f, "{line}:{column}: ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PlacedProblems {}

/// Where the lines of a text begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(i, _)| i + 1)).collect();
        Self { text, starts }
    }

    /// Line and column, both from 1, of the byte `at`.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[line - 1];
        let before = self.text.as_bytes().get(start..at).unwrap_or_default();
        // A byte that continues a character is no column, nor is a byte order mark.
        let mark = usize::from(before.starts_with("\u{feff}".as_bytes()));
        let columns = before.iter().filter(|b| (**b & 0xc0) != 0x80).count();
        (line, columns - mark + 1)
    }
}

/// The place of every field of a document.
pub(super) struct Places(HashMap<String, usize>);

impl Places {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut places = HashMap::new();
        walk(tree, String::new(), &mut places);
        Self(places)
    }

    /// Where `field` stands, or the nearest thing around it that does.
    pub(super) fn of_field(&self, field: &str) -> usize {
        let mut ways = std::iter::successors(Some(field), |way| parent(way));
        ways.find_map(|way| self.0.get(way)).copied().unwrap_or(0)
    }
}

fn walk(tree: &Tree, path: String, places: &mut HashMap<String, usize>) {
    match &tree.value {
        Value::List(list) => {
            for (i, element) in list.iter().enumerate() {
                walk(element, format!("{path}[{i}]"), places);
            }
        }
        Value::Table(table) => {
            for entry in &table.0 {
                walk(&entry.tree, join(&path, &entry.key), places);
            }
        }
        Value::Flag(_) | Value::Integer(_) | Value::Text(_) | Value::Other(_) => {}
    }
    places.insert(path, tree.at);
}

/// What `pools[0].nodes[1]` stands in: `pools[0].nodes`, then `pools[0]`, `pools` and nothing.
pub(super) fn parent(path: &str) -> Option<&str> {
    match path.rfind(['.', '[']) {
        Some(end) => Some(&path[..end]),
        None if path.is_empty() => None,
        None => Some(""),
    }
}

/// The way to `key` of the table at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    let key = written_key(key);
    if path.is_empty() {
        return key.into_owned();
    }
    [path, ".", &key].concat()
}

/// A key as TOML writes it: bare where it can be.
pub(super) fn written_key(key: &str) -> Cow<'_, str> {
    let bare = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if !key.is_empty() && key.bytes().all(bare) {
        Cow::Borrowed(key)
    } else {
        Cow::Owned(super::toml::quoted(key))
    }
}
