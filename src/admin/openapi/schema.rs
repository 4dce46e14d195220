//! JSON Schema in few words.

use serde_json::{Map, Value, json};

/// An object: which fields there are and which of them always.
#[derive(Debug, Default)]
pub(in crate::admin) struct Object {
    fields: Map<String, Value>,
    always: Vec<&'static str>,
}

impl Object {
    /// Without fields yet.
    pub(in crate::admin) fn new() -> Self {
        Self::default()
    }

    /// A field that is always there.
    pub(in crate::admin) fn must(mut self, name: &'static str, schema: Value) -> Self {
        self.fields.insert(name.to_owned(), schema);
        self.always.push(name);
        self
    }

    /// A field that may be left out.
    pub(in crate::admin) fn may(mut self, name: &'static str, schema: Value) -> Self {
        self.fields.insert(name.to_owned(), schema);
        self
    }

    /// Of an answer: later versions may add fields.
    pub(in crate::admin) fn told(self) -> Value {
        json!({ "type": "object", "properties": self.fields, "required": self.always })
    }

    /// Of a body: any other field is refused.
    pub(in crate::admin) fn taken(self) -> Value {
        let mut schema = json!({
            "type": "object", "properties": self.fields, "additionalProperties": false,
        });
        if !self.always.is_empty() {
            schema["required"] = json!(self.always);
        }
        schema
    }

    /// Of a body that must hold a field at least.
    pub(in crate::admin) fn taken_in_part(self) -> Value {
        let mut schema = self.taken();
        schema["minProperties"] = json!(1);
        schema
    }
}

/// The component of this name.
pub(in crate::admin) fn of(component: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{component}") })
}

/// `schema`, with what it means.
pub(in crate::admin) fn said(mut schema: Value, words: &str) -> Value {
    schema["description"] = words.into();
    schema
}

/// `schema`, and its value where nobody says.
pub(in crate::admin) fn or(mut schema: Value, default: impl Into<Value>) -> Value {
    schema["default"] = default.into();
    schema
}

/// Any text.
pub(in crate::admin) fn text() -> Value {
    json!({ "type": "string" })
}

/// One of these words.
pub(in crate::admin) fn word<'w>(words: impl IntoIterator<Item = &'w str>) -> Value {
    let words: Vec<&str> = words.into_iter().collect();
    json!({ "type": "string", "enum": words })
}

/// Text of this form.
pub(in crate::admin) fn form(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

/// True or false.
pub(in crate::admin) fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// A whole number.
pub(in crate::admin) fn number(low: i64, high: i64) -> Value {
    json!({ "type": "integer", "minimum": low, "maximum": high })
}

/// A whole number that counts something.
pub(in crate::admin) fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// A number of seconds.
pub(in crate::admin) fn seconds() -> Value {
    json!({ "type": "number", "minimum": 0 })
}

/// A list.
pub(in crate::admin) fn list(of: Value) -> Value {
    json!({ "type": "array", "items": of })
}

/// `schema` or null.
pub(in crate::admin) fn maybe(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// One of several.
pub(in crate::admin) fn any_of(schemas: impl Into<Vec<Value>>) -> Value {
    json!({ "anyOf": schemas.into() })
}

/// UTC, to the millisecond or finer.
pub(in crate::admin) fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// Seconds since 1970.
pub(in crate::admin) fn unix_time() -> Value {
    said(json!({ "type": "integer" }), "Seconds since 1970.")
}
