//! What a change was, in words short enough for a list of revisions.

use serde_json::{Value as Json, json};

use crate::document::Change;
use crate::model::WebhookUrl;

/// Changes told one by one; the rest is counted.
const TOLD: usize = 3;

/// Limit: bytes of a value in an event's facts.
const MAX_VALUE: usize = 1000;

/// `~ pools.django.nodes.web-1.weight: 1 -> 3, + sites.shop: … and 4 more`.
pub(super) fn of(changes: &[Change]) -> String {
    let told: Vec<String> = changes.iter().take(TOLD).map(told_of).collect();
    let told = told.join(", ");
    match changes.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// The same for words in another language: the first changes as [`Change::to_json`] has them, and
/// how many more there are. Long values are left out.
pub(super) fn facts(changes: &[Change]) -> Json {
    let told: Vec<Json> = changes.iter().take(TOLD).map(fact_of).collect();
    json!({ "changes": told, "more": changes.len().saturating_sub(TOLD) })
}

fn fact_of(change: &Change) -> Json {
    let short = |value: &Option<Json>| {
        let value = value
            .clone()
            .filter(|value| value.to_string().len() <= MAX_VALUE);
        match change.field.starts_with("webhooks") {
            true => value.map(without_ways),
            false => value,
        }
    };
    let (before, after) = (short(&change.before), short(&change.after));
    json!({ "op": change.op.as_str(), "field": change.field, "before": before, "after": after })
}

// Whoever knows the way to a webhook may use it, with most who offer one: these words are logged,
// and sent to other webhooks.
fn told_of(change: &Change) -> String {
    if !change.field.starts_with("webhooks") {
        return change.to_string();
    }
    let shown = |value: &Option<Json>| value.clone().map(without_ways);
    let (before, after) = (shown(&change.before), shown(&change.after));
    let shown = Change {
        before,
        after,
        ..change.clone()
    };
    shown.to_string()
}

fn without_ways(value: Json) -> Json {
    match value {
        Json::String(text) => match WebhookUrl::parse(&text) {
            Ok(url) => format!("{}/…", url.origin()).into(),
            Err(_) => text.into(),
        },
        Json::Array(items) => items.into_iter().map(without_ways).collect(),
        Json::Object(fields) => {
            let shown = fields
                .into_iter()
                .map(|(key, value)| (key, without_ways(value)));
            Json::Object(shown.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::document::{Format, diff, parse};
    use crate::model::Config;

    fn config(hooks: &[(&str, &str)]) -> Config {
        let table = |(name, url): &(&str, &str)| {
            format!("[[webhooks]]\nname = \"{name}\"\nurl = \"{url}\"\n")
        };
        let tables: String = hooks.iter().map(table).collect();
        let text = format!("version = 1\n{tables}");
        parse(&text, Format::Toml).unwrap().config
    }

    #[test]
    fn the_way_to_a_webhook_is_not_told_to_others() {
        let none = config(&[]);
        let old = config(&[("chat", "https://hooks.example.com/T0KEN?k=T0KEN")]);
        let new = config(&[("chat", "https://hooks.example.com:8443/T1KEN")]);
        let two = config(&[
            ("chat", "https://hooks.example.com:8443/T1KEN"),
            ("ops", "http://127.0.0.1/T2KEN"),
        ]);
        let words = |before, after| of(&diff(before, after));
        assert_eq!(
            words(&old, &new),
            r#"~ webhooks.chat.url: "https://hooks.example.com/…" -> "https://hooks.example.com:8443/…""#
        );
        for (before, after) in [(&none, &old), (&none, &two), (&new, &two), (&two, &none)] {
            let words = words(before, after);
            assert!(words.contains("webhooks"), "{words}");
            assert!(!words.contains("KEN"), "{words}");
        }
        assert!(words(&new, &two).contains("http://127.0.0.1/…"));
    }
}
