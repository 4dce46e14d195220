//! The kinds of values that a document has, as `document/` reads them.

use serde_json::{Map, Value, json};

use super::schema::{any_of, form, number, of, said, text, word};
use crate::model::{AdminState, Node};

/// The components.
pub(super) fn components() -> Map<String, Value> {
    let all = [
        ("Name", name()),
        ("Time", time()),
        ("Size", size()),
        ("Network", network()),
        ("SocketAddress", socket()),
        ("NodeName", node_name()),
        ("NodeAddress", node_address()),
        ("Weight", weight()),
        ("Headers", headers()),
        ("Secret", secret()),
    ];
    all.map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}

fn name() -> Value {
    let mut name = form("^[A-Za-z0-9._-]+$");
    name["minLength"] = json!(1);
    name["maxLength"] = json!(64);
    said(name, "An identity: a rename is a remove and an add.")
}

fn time() -> Value {
    let unit = |unit| format!("([0-9]+(\\.[0-9]+)?{unit})?");
    let units = ["d", "h", "m", "s", "ms"].map(unit).concat();
    said(
        form(&format!("^(0|(?=[0-9]){units})$")),
        "Such as 1.5s, 250ms or 1h30m.",
    )
}

fn size() -> Value {
    let text = form("^[0-9]+([kKmMgGtT]([iI][bB])?)?$");
    let bytes = json!({ "type": "integer", "minimum": 0 });
    said(any_of([text, bytes]), "Bytes, or such as 64k or 1MiB.")
}

fn network() -> Value {
    said(
        form("^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"),
        "An address or a network, such as 10.0.0.0/8.",
    )
}

fn socket() -> Value {
    let form = form("^([0-9.]+|\\[[0-9A-Fa-f:.]+(%[0-9]+)?\\]):[0-9]{1,5}$");
    said(form, "IP:PORT, such as 0.0.0.0:80 or [::]:80.")
}

fn node_name() -> Value {
    said(
        any_of([of("Name"), of("NodeAddress")]),
        "Its address where it has none.",
    )
}

fn node_address() -> Value {
    let form = form("^([Uu][Nn][Ii][Xx]:/.+|[^/\\s]+:[0-9]{1,5})$");
    said(form, "HOST:PORT, or unix:/PATH.")
}

fn headers() -> Value {
    let schema = json!({
        "type": "object",
        "propertyNames": { "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" },
        "additionalProperties": text(),
    });
    said(schema, "Header fields by their names.")
}

fn secret() -> Value {
    let place = |key: &str| {
        json!({
            "type": "object", "properties": { (key): text() },
            "required": [key], "additionalProperties": false,
        })
    };
    let mut given = text();
    given["minLength"] = json!(1);
    let words = "Text, or where it is read from. Text is never shown again, and stays where the key is absent.";
    said(any_of([given, place("file"), place("env")]), words)
}

fn weight() -> Value {
    number(1, Node::MAX_WEIGHT.into())
}

/// What is wanted of a node.
pub(super) fn state() -> Value {
    word(AdminState::ALL.map(AdminState::as_str))
}
