//! Writing one table of the document as JSON; a value that is the default is left out.

use std::fmt::Display;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::{size, time};

/// One table being written. Keys come out in the order they are put in.
pub(super) struct Writer {
    table: Map<String, Json>,
    with_defaults: bool,
}

impl Writer {
    /// An empty table; `with_defaults` writes what is the default too, to compare by.
    pub(super) fn new(with_defaults: bool) -> Self {
        Self {
            table: Map::new(),
            with_defaults,
        }
    }

    /// The table written.
    pub(super) fn finish(self) -> Map<String, Json> {
        self.table
    }

    /// Puts a value that is always written.
    pub(super) fn always(&mut self, key: &str, value: impl Into<Json>) {
        self.table.insert(key.to_owned(), value.into());
    }

    /// Puts a value unless it is the default.
    pub(super) fn field<T: PartialEq + Into<Json>>(&mut self, key: &str, value: T, default: T) {
        if self.with_defaults || value != default {
            self.always(key, value);
        }
    }

    /// Puts what is shown where two Configs are compared, and never exported.
    pub(super) fn only_with_defaults(&mut self, key: &str, value: &str) {
        if self.with_defaults {
            self.always(key, value);
        }
    }

    /// Puts a time.
    pub(super) fn time(&mut self, key: &str, value: Duration, default: Duration) {
        self.field(key, time::write(value), time::write(default));
    }

    /// Puts a size: text where a unit divides it, else a number.
    pub(super) fn size(&mut self, key: &str, value: impl Into<u64>, default: impl Into<u64>) {
        let written = |size: u64| {
            let text = size::write(size);
            if text.ends_with(|c: char| c.is_ascii_digit()) {
                Json::from(size)
            } else {
                Json::from(text)
            }
        };
        self.field(key, written(value.into()), written(default.into()));
    }

    /// Puts a list of what is written as text.
    pub(super) fn list<T: PartialEq + Display>(&mut self, key: &str, list: &[T], default: &[T]) {
        if self.with_defaults || list != default {
            let texts: Vec<Json> = list.iter().map(|v| v.to_string().into()).collect();
            self.always(key, texts);
        }
    }

    /// Puts a table, unless nothing is in it.
    pub(super) fn table(&mut self, key: &str, write: impl FnOnce(&mut Writer)) {
        let table = self.inner(write);
        if self.with_defaults || !table.is_empty() {
            self.always(key, table);
        }
    }

    /// Puts a table even when every value in it is the default.
    pub(super) fn table_always(&mut self, key: &str, write: impl FnOnce(&mut Writer)) {
        let table = self.inner(write);
        self.always(key, table);
    }

    /// Puts a list of tables, unless it is empty.
    pub(super) fn tables<T>(&mut self, key: &str, list: &[T], write: impl Fn(&mut Writer, &T)) {
        if self.with_defaults || !list.is_empty() {
            let one = |value| Json::Object(self.inner(|w| write(w, value)));
            let tables: Vec<Json> = list.iter().map(one).collect();
            self.always(key, tables);
        }
    }

    fn inner(&self, write: impl FnOnce(&mut Writer)) -> Map<String, Json> {
        let mut writer = Writer::new(self.with_defaults);
        write(&mut writer);
        writer.finish()
    }
}
