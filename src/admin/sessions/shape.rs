//! `[sessions]` as its form shows it, and back: databases are lines of a name and a number there.

use serde_json::{Map, Value as Json, json};

pub(super) use crate::admin::listeners::shape::{close as close_tls, open as open_tls};

/// As the form shows it.
pub(super) fn open(sessions: &mut Json) {
    open_tls(sessions);
    let databases = sessions["databases"].as_array();
    let line = |one: &Json| Some((one["name"].as_str()?.to_owned(), one["index"].clone()));
    let lines: Map<String, Json> = databases.into_iter().flatten().filter_map(line).collect();
    sessions["databases"] = Json::Object(lines);
}

/// As the document has it. What `before` says of a database beside name and number stays.
pub(super) fn close(sessions: &mut Json, before: &Json) {
    close_tls(sessions);
    let Some(Json::Object(lines)) = sessions.get("databases").cloned() else {
        return;
    };
    let known = |name: &str| {
        let mut known = before["databases"].as_array().into_iter().flatten();
        known.find(|one| one["name"] == name).cloned()
    };
    let database = |(name, index): (String, Json)| {
        let mut one = known(&name).unwrap_or_else(|| json!({}));
        let text = index.as_str().unwrap_or_default();
        // What is no number is told as such by the check.
        one["index"] = text.parse::<u64>().map_or_else(|_| text.into(), Json::from);
        one["name"] = name.into();
        one
    };
    sessions["databases"] = lines.into_iter().map(database).collect();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{close, open};

    #[test]
    fn databases_are_lines_and_keep_what_the_form_does_not_show() {
        let file = json!({ "file": "/etc/shop.password" });
        let before = json!({ "databases": [{ "index": 1, "name": "shop", "password": file }] });
        let mut shown = before.clone();
        open(&mut shown);
        assert_eq!(shown["databases"], json!({ "shop": 1 }));
        assert_eq!(shown["tls"]["on"], false);
        shown["databases"] = json!({ "shop": "2", "blog": "x" });
        close(&mut shown, &before);
        let all = json!([
            { "index": 2, "name": "shop", "password": file }, { "index": "x", "name": "blog" }
        ]);
        assert_eq!(shown, json!({ "databases": all }));
    }
}
