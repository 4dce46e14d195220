//! The tables of the document as a part is put (the path has its name) and as it is changed (any
//! of its keys, null for the default): made of the tables' own schemas.

use serde_json::{Map, Value, json};

use super::schema::{maybe, of};

/// Tables whose name may be left to the path, and the key that has it.
const PUT: &[(&str, &str)] = &[
    ("Listener", "name"),
    ("Certificate", "name"),
    ("Acme", "name"),
    ("Pool", "name"),
    ("Site", "name"),
    ("Route", "path"),
    ("Webhook", "name"),
];

/// Tables that can be changed in part, or stand in one that can.
const PATCHED: &[&str] = &[
    "Settings",
    "Admin",
    "Listener",
    "Certificate",
    "Acme",
    "Pool",
    "HealthCheck",
    "Site",
    "Route",
    "Files",
    "Sessions",
    "Logs",
    "Webhook",
    "Backup",
];

/// The components, of the tables' own.
pub(super) fn components(tables: &Map<String, Value>) -> Map<String, Value> {
    let mut all = Map::new();
    for (table, key) in PUT {
        let mut schema = tables.get(*table).cloned().unwrap_or_default();
        let required = schema.get_mut("required").and_then(Value::as_array_mut);
        if let Some(required) = required {
            required.retain(|required| required != key);
        }
        if schema.get("required") == Some(&json!([])) {
            without(&mut schema, "required");
        }
        all.insert(format!("{table}Put"), schema);
    }
    for table in PATCHED {
        let schema = tables.get(*table).cloned().unwrap_or_default();
        all.insert(format!("{table}Patch"), patch(schema));
    }
    all
}

/// What a change in part may say where `schema` is the whole.
fn patch(mut schema: Value) -> Value {
    if let Some(table) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next())
        && PATCHED.contains(&table)
    {
        return of(&format!("{table}Patch"));
    }
    if let Some(forms) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        for form in forms {
            *form = patch(form.take());
        }
    }
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    if let Some(fields) = fields {
        for field in fields.values_mut() {
            *field = maybe(patch(field.take()));
        }
        without(&mut schema, "required");
        without(&mut schema, "oneOf");
        // RFC 7396: null for what is not there changes nothing, whatever it is called.
        schema["additionalProperties"] = json!({ "type": "null" });
    }
    // Absent is «as it is», not the default.
    without(&mut schema, "default");
    schema
}

fn without(schema: &mut Value, key: &str) {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove(key);
    }
}
