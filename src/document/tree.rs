//! A document before it means anything: values with their places, from TOML or from JSON.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use toml::de::{DeTable, DeValue};

/// One value and where it stands.
#[derive(Debug)]
pub(super) struct Tree {
    /// In TOML the byte it begins at; in JSON its number in document order.
    pub(super) at: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Flag(bool),
    Integer(i128),
    Text(String),
    List(Vec<Tree>),
    Table(Table),
    /// What no key takes (a float, a date, null), as it is shown to the operator.
    Other(String),
}

/// Keys in document order, each once.
#[derive(Debug, Default)]
pub(super) struct Table(pub(super) Vec<Entry>);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: usize,
    pub(super) tree: Tree,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Tree> {
        let entry = self.0.iter().find(|entry| entry.key == key);
        entry.map(|entry| &entry.tree)
    }
}

/// As it is shown at the end of a Problem: `(is …)`.
impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Flag(flag) => write!(f, "{flag}"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::List(_) => f.write_str("a list"),
            Value::Table(_) => f.write_str("a table"),
            Value::Other(shown) => f.write_str(shown),
        }
    }
}

/// Why a text is no document at all, and at which byte where that is known.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) at: Option<usize>,
}

/// Reads TOML. The parser's own limit on nesting, 80, keeps the recursion here short.
pub(super) fn from_toml(text: &str) -> Result<Tree, SyntaxError> {
    let table = DeTable::parse(text).map_err(|error| SyntaxError {
        message: error.message().replace('\n', ", "),
        at: error.span().map(|span| span.start),
    })?;
    Ok(Tree {
        at: 0,
        value: Value::Table(toml_table(table.get_ref())),
    })
}

fn toml_table(table: &DeTable<'_>) -> Table {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_at: key.span().start,
            tree: toml_value(value.span().start, value.get_ref()),
        })
        .collect();
    // The parser sorts by key.
    entries.sort_by_key(|entry| entry.key_at);
    Table(entries)
}

fn toml_value(at: usize, value: &DeValue<'_>) -> Tree {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Other(number.to_string()),
        },
        DeValue::Float(number) => Value::Other(number.as_str().to_owned()),
        DeValue::Datetime(date) => Value::Other(date.to_string()),
        DeValue::Array(list) => Value::List(
            list.iter()
                .map(|element| toml_value(element.span().start, element.get_ref()))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(toml_table(table)),
    };
    Tree { at, value }
}

/// Reads JSON. The parser's own limit on nesting is 128.
pub(super) fn from_json(text: &str) -> Result<Tree, SyntaxError> {
    let mut tree: Tree = serde_json::from_str(text).map_err(|error| {
        let shown = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        SyntaxError {
            message: shown.strip_suffix(&place).unwrap_or(&shown).to_owned(),
            at: byte_at(text, error.line(), error.column()),
        }
    })?;
    let mut next = 0;
    number(&mut tree, &mut next);
    Ok(tree)
}

/// The byte that the JSON parser means: it counts lines from 1 and the bytes it has read of one.
fn byte_at(text: &str, line: usize, column: usize) -> Option<usize> {
    let before = line.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    Some((start + column.saturating_sub(1)).min(text.len()))
}

fn number(tree: &mut Tree, next: &mut usize) {
    tree.at = *next;
    *next += 1;
    match &mut tree.value {
        Value::List(list) => list.iter_mut().for_each(|element| number(element, next)),
        Value::Table(table) => {
            for entry in &mut table.0 {
                entry.key_at = *next;
                number(&mut entry.tree, next);
            }
        }
        Value::Flag(_) | Value::Integer(_) | Value::Text(_) | Value::Other(_) => {}
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = deserializer.deserialize_any(JsonValue)?;
        Ok(Self { at: 0, value })
    }
}

struct JsonValue;

/// Keys of a table that are compared one by one.
const FEW_KEYS: usize = 16;

impl<'de> Visitor<'de> for JsonValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Other(format!("{number:?}")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other("null".to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = seq.next_element()? {
            list.push(element);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut table = Table::default();
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            // Nearly every table is as short as this, and looked through sooner than hashed.
            let twice = match table.0.len() {
                0..FEW_KEYS => table.get(&key).is_some(),
                FEW_KEYS => {
                    seen.extend(table.0.iter().map(|entry| entry.key.clone()));
                    !seen.insert(key.clone())
                }
                _ => !seen.insert(key.clone()),
            };
            if twice {
                return Err(A::Error::custom(format!("duplicate key {key:?}")));
            }
            table.0.push(Entry {
                key,
                key_at: 0,
                tree: map.next_value()?,
            });
        }
        Ok(Value::Table(table))
    }
}
