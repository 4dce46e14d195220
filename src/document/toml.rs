//! The document as TOML text, from its JSON value.

use serde_json::{Map, Value as Json};

use super::place::written_key;

/// `document` as TOML: plain keys first, then `[tables]` and `[[lists of tables]]` in their
/// order with one blank line before each; a table within a table stands on one line.
pub(super) fn render(document: &Map<String, Json>) -> String {
    let mut text = String::new();
    render_table(&mut text, "", document);
    text
}

fn render_table(text: &mut String, path: &str, table: &Map<String, Json>) {
    let own_header =
        |value: &Json| is_list_of_tables(value) || path.is_empty() && value.is_object();
    for (key, value) in table.iter().filter(|(_, value)| !own_header(value)) {
        text.push_str(&format!("{} = {}\n", written_key(key), inline(value)));
    }
    for (key, value) in table.iter().filter(|(_, value)| own_header(value)) {
        let way = super::place::join(path, key);
        match value {
            Json::Object(inner) => {
                text.push_str(&format!("\n[{way}]\n"));
                render_table(text, &way, inner);
            }
            Json::Array(list) => {
                for inner in list.iter().filter_map(Json::as_object) {
                    text.push_str(&format!("\n[[{way}]]\n"));
                    render_table(text, &way, inner);
                }
            }
            _ => {}
        }
    }
}

fn is_list_of_tables(value: &Json) -> bool {
    let list = value.as_array().filter(|list| !list.is_empty());
    list.is_some_and(|list| list.iter().all(Json::is_object))
}

fn inline(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(list) => {
            let list: Vec<String> = list.iter().map(inline).collect();
            format!("[{}]", list.join(", "))
        }
        Json::Object(table) if table.is_empty() => "{}".to_owned(),
        Json::Object(table) => {
            let entry = |(key, value): (&String, &Json)| {
                format!("{} = {}", written_key(key), inline(value))
            };
            let entries: Vec<String> = table.iter().map(entry).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        // Numbers and flags are written alike; the schema has no null.
        Json::Null | Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

/// A TOML basic string: everything that may not stand there is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
