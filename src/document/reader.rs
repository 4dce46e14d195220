//! Reading one table: known keys are taken, every Problem is kept, what is left over is told.

use super::later::{Later, nearest};
use super::place::join;
use super::tree::{Table, Tree, Value};
use super::value::Fault;
use crate::model::{Code, Name, Problem};

/// A Problem and the place in the tree that it is about.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

/// One table being read. A value that cannot be read leaves its Problem here and a fall-back
/// in the model, chosen so that no rule trips over it a second time.
pub(super) struct Reader<'t, 'f> {
    table: &'t Table,
    at: usize,
    path: String,
    asked: Vec<&'static str>,
    later: &'static [Later],
    /// How many Problems there were before those of this table.
    before: usize,
    found: &'f mut Vec<Found>,
}

/// A value that is there, and the way to it.
pub(super) struct Field<'t> {
    pub(super) path: String,
    pub(super) tree: &'t Tree,
}

static EMPTY: Table = Table(Vec::new());

impl<'t, 'f> Reader<'t, 'f> {
    /// Reads the whole document with `read`, which is told nothing more when it is no table.
    pub(super) fn document<T>(
        tree: &'t Tree,
        found: &'f mut Vec<Found>,
        read: impl Fn(&mut Reader<'_, '_>) -> T,
    ) -> T {
        let mut root = Reader::new(&EMPTY, tree.at, String::new(), found);
        root.enter(
            Field {
                path: String::new(),
                tree,
            },
            &read,
            || Fault::wrong_type("one table", tree),
        )
    }

    fn new(table: &'t Table, at: usize, path: String, found: &'f mut Vec<Found>) -> Self {
        Self {
            table,
            at,
            path,
            // Room for what most tables are asked for.
            asked: Vec::with_capacity(24),
            later: &[],
            before: found.len(),
            found,
        }
    }

    /// Names the keys of this table that belong to later capabilities.
    pub(super) fn later(&mut self, later: &'static [Later]) {
        self.later = later;
    }

    /// The way to `key` of this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Whether `key` is there, readable or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// Whether nothing is in this table.
    pub(super) fn is_empty(&self) -> bool {
        self.table.0.is_empty()
    }

    /// Whether `key`, or anything in it, has left a Problem.
    pub(super) fn failed(&self, key: &str) -> bool {
        let path = self.path_of(key);
        let own = &self.found[self.before..];
        let within = |rest: &str| rest.is_empty() || rest.starts_with(['[', '.']);
        let mut rests = own
            .iter()
            .map(|found| found.problem.field.strip_prefix(&path));
        rests.any(|rest| rest.is_some_and(within))
    }

    /// Takes `key` as it is.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Field<'t>> {
        self.asked.push(key);
        let tree = self.table.get(key)?;
        Some(Field {
            path: self.path_of(key),
            tree,
        })
    }

    /// Takes `key` with `convert`; absent or faulty is none.
    pub(super) fn optional<T>(
        &mut self,
        key: &'static str,
        convert: impl FnOnce(&'t Tree) -> Result<T, Fault>,
    ) -> Option<T> {
        let field = self.take(key)?;
        self.keep(&field, convert(field.tree))
    }

    /// Takes `key` with `convert`; absent or faulty is the default.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        default: T,
        convert: impl FnOnce(&'t Tree) -> Result<T, Fault>,
    ) -> T {
        self.optional(key, convert).unwrap_or(default)
    }

    /// Takes `key` with `convert`; absent is the default, faulty is none.
    pub(super) fn unless_faulty<T>(
        &mut self,
        key: &'static str,
        default: T,
        convert: impl FnOnce(&'t Tree) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.take(key) {
            Some(field) => self.keep(&field, convert(field.tree)),
            None => Some(default),
        }
    }

    /// Takes `key`, which must be there; absent or faulty is none, and told.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        convert: impl FnOnce(&'t Tree) -> Result<T, Fault>,
    ) -> Option<T> {
        match self.take(key) {
            Some(field) => self.keep(&field, convert(field.tree)),
            None => {
                self.note_missing(key);
                None
            }
        }
    }

    /// Takes `key` as the name of this table. Where there is none it becomes the way to it,
    /// which no document can name.
    pub(super) fn name(&mut self, key: &'static str) -> Name {
        self.reference(key).unwrap_or_else(|| {
            self.note_missing(key);
            Name::unchecked(&self.path_of(key))
        })
    }

    /// Takes `key` as the name of something; a bad name is told and kept as it is.
    pub(super) fn reference(&mut self, key: &'static str) -> Option<Name> {
        let field = self.take(key)?;
        Some(self.name_at(&field))
    }

    /// The same, where empty text is no name.
    pub(super) fn reference_unless_empty(&mut self, key: &'static str) -> Option<Name> {
        let field = self.take(key)?;
        let empty = matches!(&field.tree.value, Value::Text(text) if text.is_empty());
        (!empty).then(|| self.name_at(&field))
    }

    /// The name at `field`; a bad one is told and kept as it is, so that what refers to it finds it.
    pub(super) fn name_at(&mut self, field: &Field<'_>) -> Name {
        let Value::Text(text) = &field.tree.value else {
            let fault = Fault::wrong_type("a name in quotes", field.tree);
            self.note(field.tree.at, field.path.clone(), fault);
            return Name::unchecked(&field.path);
        };
        let name = Name::parse(text).map_err(Fault::value);
        self.keep(field, name)
            .unwrap_or_else(|| Name::unchecked(text))
    }

    /// Takes `key` as a list of names.
    pub(super) fn names(&mut self, key: &'static str) -> Vec<Name> {
        let Some(fields) = self.elements(key) else {
            return Vec::new();
        };
        match fields {
            Ok(fields) => fields.iter().map(|field| self.name_at(field)).collect(),
            Err(path) => vec![Name::unchecked(&path)],
        }
    }

    /// Takes `key` as a list; absent is none. A faulty element becomes `fallback` of the way to
    /// it, so that those behind it keep their numbers.
    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        convert: impl Fn(&'t Tree) -> Result<T, Fault>,
        fallback: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        match self.elements(key)? {
            Ok(fields) => {
                let read = |field: Field<'t>| {
                    let value = self.keep(&field, convert(field.tree));
                    value.or_else(|| fallback(&field.path))
                };
                Some(fields.into_iter().filter_map(read).collect())
            }
            Err(path) => Some(fallback(&path).into_iter().collect()),
        }
    }

    /// The elements of the list `key`, or the way to what should have been one.
    fn elements(&mut self, key: &'static str) -> Option<Result<Vec<Field<'t>>, String>> {
        let field = self.take(key)?;
        let Value::List(list) = &field.tree.value else {
            let fault = Fault::wrong_type("a list in [ ]", field.tree);
            self.note(field.tree.at, field.path.clone(), fault);
            return Some(Err(field.path));
        };
        let numbered = list.iter().enumerate().map(|(i, tree)| Field {
            path: format!("{}[{i}]", field.path),
            tree,
        });
        Some(Ok(numbered.collect()))
    }

    /// Takes `key` as one table, read with `read`; absent is none, no table is what `read`
    /// makes of an empty one.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Reader<'_, '_>) -> T,
    ) -> Option<T> {
        let field = self.take(key)?;
        let tree = field.tree;
        let form = if self.path.is_empty() {
            format!("one table, [{key}]")
        } else {
            "one table, { … }".to_owned()
        };
        Some(self.enter(field, &read, || Fault::wrong_type(&form, tree)))
    }

    /// Takes `key` as `[[key]]`: tables, each read with `read`.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Reader<'_, '_>) -> T,
    ) -> Vec<T> {
        let Some(field) = self.take(key) else {
            return Vec::new();
        };
        let header = header(&field.path);
        let Value::List(list) = &field.tree.value else {
            let fault = Fault::wrong_type(&format!("a list of tables, {header}"), field.tree);
            self.note(field.tree.at, field.path, fault);
            return Vec::new();
        };
        let mut read_one = |(i, tree): (usize, &'t Tree)| {
            let path = format!("{}[{i}]", field.path);
            self.enter(Field { path, tree }, &read, || {
                Fault::wrong_type(&format!("a table, {header}"), tree)
            })
        };
        list.iter().enumerate().map(&mut read_one).collect()
    }

    /// Takes `key` as a table with keys of the operator's own.
    pub(super) fn entries(&mut self, key: &'static str) -> Vec<(&'t str, usize, Field<'t>)> {
        let Some(field) = self.take(key) else {
            return Vec::new();
        };
        let Value::Table(table) = &field.tree.value else {
            let fault = Fault::wrong_type("a table, { Name = \"value\" }", field.tree);
            self.note(field.tree.at, field.path, fault);
            return Vec::new();
        };
        let entry = |entry: &'t super::tree::Entry| {
            let path = join(&field.path, &entry.key);
            let tree = &entry.tree;
            (entry.key.as_str(), entry.key_at, Field { path, tree })
        };
        table.0.iter().map(entry).collect()
    }

    /// Reads the table at `field` with `read`; no table is a `fault` and what `read` makes of an
    /// empty one.
    pub(super) fn enter<T>(
        &mut self,
        field: Field<'_>,
        read: &impl Fn(&mut Reader<'_, '_>) -> T,
        fault: impl FnOnce() -> Fault,
    ) -> T {
        let at = field.tree.at;
        if let Value::Table(table) = &field.tree.value {
            let mut reader = Reader::new(table, at, field.path, self.found);
            let value = read(&mut reader);
            reader.tell_left_over();
            return value;
        }
        // What an empty table lacks has nothing to do with this one.
        let before = self.found.len();
        let value = read(&mut Reader::new(&EMPTY, at, field.path.clone(), self.found));
        self.found.truncate(before);
        self.note(at, field.path, fault());
        value
    }

    /// The value, or none and its Problem.
    pub(super) fn keep<T>(&mut self, field: &Field<'_>, read: Result<T, Fault>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(fault) => {
                self.note(field.tree.at, field.path.clone(), fault);
                None
            }
        }
    }

    /// Notes a Problem of this table as a whole.
    pub(super) fn note_here(&mut self, fault: Fault) {
        self.note(self.at, self.path.clone(), fault);
    }

    /// Notes a Problem of `key`, which is there.
    pub(super) fn note_key(&mut self, key: &str, fault: Fault) {
        let at = self.table.get(key).map_or(self.at, |tree| tree.at);
        self.note(at, self.path_of(key), fault);
    }

    fn note_missing(&mut self, key: &str) {
        let fault = Fault::new(Code::Missing, "is missing");
        self.note(self.at, self.path_of(key), fault);
    }

    /// Notes a Problem of the field `path` at the place `at`.
    pub(super) fn note(&mut self, at: usize, path: String, fault: Fault) {
        self.found.push(Found {
            at,
            problem: Problem {
                field: path,
                code: fault.code,
                message: fault.message,
            },
        });
    }

    fn tell_left_over(&mut self) {
        for entry in &self.table.0 {
            let key = entry.key.as_str();
            if self.asked.contains(&key) {
                continue;
            }
            let fault = match self.later.iter().find(|(later, _)| *later == key) {
                Some((_, off)) if off.is(&entry.tree) => continue,
                Some(_) => Fault::not_available(&format!("`{key}`")),
                None => Fault::new(Code::UnknownKey, self.unknown(key)),
            };
            self.note(entry.key_at, self.path_of(key), fault);
        }
    }

    fn unknown(&self, key: &str) -> String {
        match nearest(key, &self.asked) {
            Some(near) => format!("unknown key {key:?}; did you mean {near:?}?"),
            None => format!(
                "unknown key {key:?} (known here: {})",
                self.asked.join(", ")
            ),
        }
    }
}

/// `[[pools.nodes]]` for `pools[3].nodes`.
fn header(path: &str) -> String {
    let mut plain = String::from("[[");
    let mut in_index = false;
    for c in path.chars() {
        match c {
            '[' => in_index = true,
            ']' => in_index = false,
            c if !in_index => plain.push(c),
            _ => {}
        }
    }
    plain.push_str("]]");
    plain
}
