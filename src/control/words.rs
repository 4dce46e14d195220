//! What a change was, in words short enough for a list of revisions.

use serde_json::{Value as Json, json};

use super::Changes;
use crate::document::{Change, Op};
use crate::model::WebhookUrl;

/// Changes told one by one; the rest is counted.
const TOLD: usize = 3;

/// Limit: bytes of a value in an event's facts.
const MAX_VALUE: usize = 4000;

/// `~ pools.django.nodes.web-1.weight: 1 -> 3, + sites.shop: … and 4 more`.
pub(super) fn of(changes: &[Change]) -> String {
    let told: Vec<String> = changes.iter().take(TOLD).map(told_of).collect();
    let told = told.join(", ");
    match changes.len().saturating_sub(TOLD) {
        0 => told,
        more => format!("{told} and {more} more"),
    }
}

/// The same for words in another language: the first changes, and how many more there are. Long
/// values are left out.
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
    json!({
        "op": change.op.as_str(),
        "field": change.field,
        "way": change.way,
        "before": before,
        "after": after,
    })
}

impl Changes {
    /// Those that an event keeps among its facts; none where it keeps none.
    pub fn of_facts(facts: &Json) -> Option<Self> {
        let told = facts["changes"].as_array()?;
        let first: Vec<Change> = told.iter().filter_map(of_fact).collect();
        let more = facts["more"].as_u64().unwrap_or(0);
        (!first.is_empty()).then(|| Self {
            all: first.len() + usize::try_from(more).unwrap_or(0),
            // An event tells, it takes nothing back.
            nodes_alone: false,
            first: first.into(),
        })
    }
}

fn of_fact(fact: &Json) -> Option<Change> {
    let ops = [Op::Add, Op::Remove, Op::Change];
    let side = |name: &str| Some(fact[name].clone()).filter(|value| !value.is_null());
    let way = fact["way"].as_array()?.iter();
    Some(Change {
        op: ops.into_iter().find(|op| fact["op"] == op.as_str())?,
        field: fact["field"].as_str()?.to_owned(),
        way: way
            .map(|step| step.as_str().map(str::to_owned))
            .collect::<Option<_>>()?,
        before: side("before"),
        after: side("after"),
    })
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
    use super::{facts, of};
    use crate::control::Changes;
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

    #[test]
    fn what_an_event_keeps_of_a_change_is_read_back_without_any_way_to_a_webhook() {
        let none = config(&[]);
        let hooks: Vec<(String, &str)> = (0..5)
            .map(|n| (format!("hook-{n}"), "https://hooks.example.com/T0KEN"))
            .collect();
        let hooks: Vec<(&str, &str)> = hooks.iter().map(|(name, url)| (&**name, *url)).collect();
        let changes = diff(&none, &config(&hooks));
        let kept = facts(&changes);
        assert!(!kept.to_string().contains("T0KEN"), "{kept}");
        let read = Changes::of_facts(&kept).unwrap();
        assert_eq!((read.first.len(), read.all), (3, changes.len()));
        assert_eq!(read.first[0].way, changes[0].way);
        assert_eq!(read.first[0].op, changes[0].op);
        assert_eq!(Changes::of_facts(&serde_json::Value::Null), None);
        assert_eq!(
            Changes::of_facts(&serde_json::json!({ "changes": [{}] })),
            None
        );
    }
}
