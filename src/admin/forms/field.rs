//! What a form asks for, as a table: a row for each key of the document, with its words.

use serde_json::{Map, Value as Json, json};

use crate::admin::form::Form;
use crate::admin::texts::Texts;
use crate::model::Language;

/// A text in English and in Chinese.
pub(in crate::admin) type Words = [&'static str; 2];

/// No words.
pub(in crate::admin) const NONE: Words = ["", ""];

/// The text for who reads.
pub(in crate::admin) fn pick(t: Texts, [english, chinese]: Words) -> &'static str {
    match t.0 {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

/// How a value is typed.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) enum Kind {
    /// One line.
    Text,
    /// A number, with its unit.
    Number(Words),
    /// `64k`
    Size,
    /// `1.5s`
    Time,
    /// Yes or no.
    Flag,
    /// One of these.
    Choice(&'static [(&'static str, Words)]),
    /// One of these, each explained.
    Cards(&'static [(&'static str, Words, Words)]),
    /// Any of these.
    Many(&'static [(&'static str, Words)]),
    /// The name of something there is, or nothing.
    Name,
    /// Any of the names there are.
    Names,
    /// One a line.
    Lines,
    /// `Name: value`, one a line.
    Pairs,
    /// Several lines of text.
    Area,
    /// PEM: several lines, or a file.
    Pem,
    /// The same, never shown again.
    PemKey,
    /// Never shown as it is: a new one or nothing.
    Secret,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Field {
    /// The way within the part: `health_check.interval`.
    pub(in crate::admin) key: &'static str,
    pub(in crate::admin) kind: Kind,
    pub(in crate::admin) label: Words,
    pub(in crate::admin) help: Words,
    /// The class that hides it where another choice has no use for it.
    pub(in crate::admin) when: &'static str,
}

impl Field {
    /// A row.
    pub(in crate::admin) const fn new(
        key: &'static str,
        kind: Kind,
        label: Words,
        help: Words,
    ) -> Self {
        Self {
            key,
            kind,
            label,
            help,
            when: "",
        }
    }

    /// One that only some choice of another has a use for.
    pub(in crate::admin) const fn when(mut self, class: &'static str) -> Self {
        self.when = class;
        self
    }
}

/// Rows that belong together.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Group {
    pub(in crate::admin) title: Words,
    pub(in crate::admin) hint: Words,
    /// Whether it is rarely looked at.
    pub(in crate::admin) folded: bool,
    pub(in crate::admin) fields: &'static [Field],
}

/// Where the values of a form come from.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) enum Source<'a> {
    /// A part of the document, every default written.
    Document(&'a Json),
    /// What somebody typed.
    Typed(&'a Form),
}

impl Source<'_> {
    /// The value of a field as it is typed.
    pub(super) fn text(self, field: &Field) -> String {
        match self {
            _ if matches!(field.kind, Kind::PemKey) => String::new(),
            Self::Typed(form) if matches!(field.kind, Kind::Many(_) | Kind::Names) => {
                form.all(field.key).collect::<Vec<_>>().join("\n")
            }
            // A key in the wrong place is not shown again either.
            Self::Typed(form) if form.get(field.key).contains("PRIVATE KEY") => String::new(),
            Self::Typed(form) => form.get(field.key).to_owned(),
            Self::Document(_) if matches!(field.kind, Kind::Secret) => String::new(),
            Self::Document(part) => at(part, field.key).map_or_else(String::new, typed),
        }
    }
}

/// What stands at the way `key`.
pub(in crate::admin) fn at<'j>(table: &'j Json, key: &str) -> Option<&'j Json> {
    key.split('.').try_fold(table, |table, key| table.get(key))
}

/// A value as it is typed.
fn typed(value: &Json) -> String {
    match value {
        Json::Null | Json::Bool(false) => String::new(),
        Json::Bool(true) => "on".to_owned(),
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Array(list) => {
            let lines: Vec<String> = list.iter().map(typed).collect();
            lines.join("\n")
        }
        Json::Object(table) => {
            let line = |(name, value): (&String, &Json)| format!("{name}: {}", typed(value));
            let lines: Vec<String> = table.iter().map(line).collect();
            lines.join("\n")
        }
    }
}

/// Puts what was typed into `part`; what is empty says nothing, which is the default.
pub(in crate::admin) fn fill(part: &mut Json, groups: &[Group], form: &Form) {
    for field in groups.iter().flat_map(|group| group.fields) {
        let value = value(field, form);
        // A secret's file or variable stays where no new secret was typed.
        if value.is_some() || !matches!(field.kind, Kind::Secret) {
            set(part, field.key, value);
        }
    }
}

fn value(field: &Field, form: &Form) -> Option<Json> {
    let text = match field.kind {
        Kind::Area | Kind::Pem | Kind::PemKey => form.get(field.key),
        _ => form.get(field.key).trim(),
    };
    let whole = || text.parse::<i64>().map_or_else(|_| text.into(), Json::from);
    let said = (!text.is_empty()).then_some(text);
    let lines = || {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.map(Json::from).collect::<Vec<Json>>()
    };
    match field.kind {
        Kind::Flag => Some((!text.is_empty()).into()),
        Kind::Many(_) | Kind::Names => Some(form.all(field.key).collect::<Vec<_>>().into()),
        Kind::Lines => Some(lines().into()),
        Kind::Pairs => Some(pairs(text)),
        Kind::Number(_) | Kind::Size => said.map(|_| whole()),
        _ => said.map(Json::from),
    }
}

/// A line without a colon is a name without a value, of which the check tells.
fn pairs(text: &str) -> Json {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.trim().to_owned(), Json::from(value.trim()))
    };
    Json::Object(lines.map(pair).collect::<Map<_, _>>())
}

/// Puts `value` at the way `key` of `table`, or takes away what stands there.
pub(in crate::admin) fn set(table: &mut Json, key: &str, value: Option<Json>) {
    if !table.is_object() {
        *table = json!({});
    }
    let Some(object) = table.as_object_mut() else {
        return;
    };
    match (key.split_once('.'), value) {
        (None, None) => _ = object.shift_remove(key),
        (None, Some(value)) => _ = object.insert(key.to_owned(), value),
        (Some((outer, _)), None) if !object.contains_key(outer) => {}
        (Some((outer, rest)), value) => {
            set(object.entry(outer).or_insert(Json::Null), rest, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{at, pairs, set, typed};

    #[test]
    fn a_value_goes_to_its_place_and_nothing_takes_it_away() {
        let mut part = json!({ "health_check": "off", "host": "a" });
        set(&mut part, "health_check.kind", Some("http".into()));
        set(&mut part, "queue.size", None);
        set(&mut part, "host", None);
        assert_eq!(part, json!({ "health_check": { "kind": "http" } }));
        assert_eq!(at(&part, "health_check.kind"), Some(&json!("http")));
        assert_eq!(at(&part, "health_check.path"), None);
    }

    #[test]
    fn lists_and_tables_are_typed_a_line_each() {
        let table = pairs("X-A: 1: 2\r\n\r\n X-B :3\nX-C");
        assert_eq!(table, json!({ "X-A": "1: 2", "X-B": "3", "X-C": "" }));
        assert_eq!(typed(&table), "X-A: 1: 2\nX-B: 3\nX-C: ");
        assert_eq!(typed(&json!(["a", "b"])), "a\nb");
        assert_eq!(
            (typed(&json!(true)), typed(&json!(7))),
            ("on".into(), "7".into())
        );
    }
}
