//! `[[webhooks]]`.

use super::reader::Reader;
use super::secret;
use super::tree::{Tree, Value};
use super::value::{Fault, parsed, word};
use super::writer::Writer;
use crate::model::{Code, Webhook, WebhookEvent, WebhookUrl};

/// What stands in place of a URL that cannot be read.
const UNREAD: &str = "http://unread/";

pub(super) fn read(r: &mut Reader<'_, '_>) -> Webhook {
    let name = r.name("name");
    let url = r.required("url", parsed(WebhookUrl::parse));
    let unread = || WebhookUrl::parse(UNREAD).expect("it is a URL");
    let d = Webhook::new(name, url.unwrap_or_else(unread));
    let told = r.list("events", event, |_| None);
    if let Some(told) = &told
        && told.is_empty()
        && !r.failed("events")
    {
        let message = "must name an event; without the key it is told of all";
        r.note_key("events", Fault::new(Code::Value, message));
    }
    // Each once and in one order: a list that says the same is no change.
    let wanted = |event: &WebhookEvent| told.as_ref().is_none_or(|told| told.contains(event));
    Webhook {
        events: d.events.into_iter().filter(wanted).collect(),
        secret: secret::read(r, "secret"),
        name: d.name,
        url: d.url,
    }
}

fn event(tree: &Tree) -> Result<WebhookEvent, Fault> {
    match &tree.value {
        Value::Text(_) => word(&WebhookEvent::ALL, WebhookEvent::as_str, &[])(tree),
        _ => Err(Fault::wrong_type("an event in quotes", tree)),
    }
}

pub(super) fn write(w: &mut Writer, webhook: &Webhook) {
    let words = |events: &[WebhookEvent]| -> Vec<&str> {
        events.iter().map(|event| event.as_str()).collect()
    };
    w.always("name", webhook.name.as_str());
    w.always("url", webhook.url.to_string());
    w.list(
        "events",
        &words(&webhook.events),
        &words(&WebhookEvent::ALL),
    );
    secret::write(w, "secret", &webhook.secret);
}
