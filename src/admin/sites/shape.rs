//! A route as its form shows it, and back: what it leads to, and how long files are kept, are
//! choices there.

use serde_json::{Value as Json, json};

const TARGETS: [&str; 4] = ["pool", "files", "redirect", "respond"];

/// What each choice of how long files are kept says: `expires` and `cache_control`.
const CACHES: [(&str, &str, &str); 4] = [
    ("hashed", "off", "public, max-age=31536000, immutable"),
    ("short", "5m", ""),
    ("private", "off", "private, no-cache"),
    ("off", "off", ""),
];

/// Which of the choices `files` makes.
pub(in crate::admin) fn cache(files: &Json) -> &'static str {
    let text = |key: &str| files.get(key).and_then(Json::as_str).unwrap_or_default();
    let expires = Some(text("expires")).filter(|text| !text.is_empty());
    let (expires, control) = (expires.unwrap_or("off"), text("cache_control"));
    let mut known = CACHES.iter();
    let found = known.find(|(_, e, c)| (*e, *c) == (expires, control));
    found.map_or("other", |(name, ..)| name)
}

/// A route as the form shows it.
pub(in crate::admin) fn open(route: &mut Json) {
    let target = TARGETS.iter().find(|key| route.get(**key).is_some());
    route["target"] = (*target.unwrap_or(&"pool")).into();
    if route.get("match").is_none() {
        route["match"] = "prefix".into();
    }
    let defaults = json!({
        "files": { "precompressed": true, "index": ["index.html"], "expires": "off" },
        "redirect": { "to": "", "status": 301 },
        "respond": { "status": 200, "body": "", "content_type": "text/plain; charset=utf-8" },
    });
    for key in ["files", "redirect", "respond"] {
        if route.get(key).is_none() {
            route[key] = defaults[key].clone();
        }
    }
    route["cache"] = match *target.unwrap_or(&"") {
        "files" => cache(&route["files"]),
        _ => "short",
    }
    .into();
}

/// The same as the document has it.
pub(in crate::admin) fn close(route: &mut Json) {
    let target = route["target"].as_str().unwrap_or_default().to_owned();
    let cache = route["cache"].as_str().unwrap_or_default().to_owned();
    if target == "files"
        && let Some((_, expires, control)) = CACHES.iter().find(|(name, ..)| *name == cache)
    {
        route["files"]["expires"] = (*expires).into();
        route["files"]["cache_control"] = (*control).into();
    }
    let status = route["redirect"]["status"].as_str();
    if let Some(status) = status.and_then(|status| status.parse::<u16>().ok()) {
        route["redirect"]["status"] = status.into();
    }
    let Some(table) = route.as_object_mut() else {
        return;
    };
    table.retain(|key, _| {
        let is_target = TARGETS.contains(&key.as_str());
        !matches!(key.as_str(), "target" | "cache") && (!is_target || *key == target)
    });
    // A fixed answer of every default is one all the same.
    let has_table = matches!(target.as_str(), "files" | "redirect" | "respond");
    if has_table && !table.contains_key(&target) {
        table.insert(target, json!({}));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{cache, close, open};

    #[test]
    fn what_is_opened_and_closed_again_says_the_same() {
        for route in [
            json!({ "path": "/", "match": "prefix", "pool": "django" }),
            json!({ "path": "/a", "match": "exact", "redirect": { "to": "/b", "status": 308 } }),
            json!({ "path": "/s/", "match": "prefix", "files": { "root": "/srv", "expires": "30d", "cache_control": "" } }),
            json!({ "path": "/s/", "match": "prefix", "files": { "root": "/srv", "expires": "off", "cache_control": "private, no-cache" } }),
        ] {
            let mut shown = route.clone();
            open(&mut shown);
            close(&mut shown);
            assert_eq!(shown, route);
        }
        assert_eq!(cache(&json!({ "expires": "5m" })), "short");
        assert_eq!(cache(&json!({ "expires": "30d" })), "other");
    }
}
