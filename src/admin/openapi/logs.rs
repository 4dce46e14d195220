//! How the log store's URLs are described.

use serde_json::{Value, json};

use super::Operation;
use super::schema::{Object, any_of, form, list, number, of, text, word};
use crate::logs::{MAX_EVENTS_PAGE, Range};

const GROUP: &str = "Logs";

/// What is searched by, for every search alike.
fn searched(operation: Operation) -> Operation {
    let moment = "A date with its zone, seconds since 1970, or how long ago, such as 15m.";
    operation
        .query("from", text(), moment)
        .query("to", text(), moment)
        .query(
            "status",
            text(),
            "404, 5xx or 400-499, with commas between.",
        )
        .query("node", text(), "NODE or POOL/NODE.")
        .query("site", text(), "A site's name.")
        .query("method", text(), "Such as GET.")
        .query("path", text(), "A part of the path, or /from/its/start*.")
        .query("client", text(), "An address or a network.")
        .query(
            "slower_than",
            text(),
            "A time with its unit, such as 500ms.",
        )
        .query("request_id", text(), "The X-Request-ID.")
        .query("reason", text(), "A reason code.")
        .errors(&[400])
}

/// What says nothing where it is empty, as a form sends it.
fn or_empty(schema: Value) -> Value {
    any_of([schema, json!({ "const": "" })])
}

/// `GET /logs`.
pub(in crate::admin) fn about_search() -> Operation {
    paged(searched(Operation::new(
        "searchLogs",
        GROUP,
        "Search the requests, newest first",
    )))
    .detail("A page looks at a bounded number of records: follow next to go on.")
    .answers(200, "A page.", of("LogPage"))
}

fn paged(operation: Operation) -> Operation {
    let id = || form("^([0-9]+-[0-9]+-[0-9]+)?$");
    operation
        .query("limit", or_empty(number(1, 200)), "How many at most.")
        .query("before", id(), "Older ones than the record of this id.")
        .query(
            "after",
            id(),
            "Newer ones than this; not together with before.",
        )
}

/// `GET /logs/histogram`.
pub(in crate::admin) fn about_histogram() -> Operation {
    let words = "Requests of each class over time";
    searched(Operation::new("readHistogram", GROUP, words))
        .query("buckets", or_empty(number(1, 500)), "How many parts.")
        .answers(
            200,
            "The last hour unless from and to say otherwise.",
            of("Histogram"),
        )
}

/// `GET /logs/live`.
pub(in crate::admin) fn about_live() -> Operation {
    let stream = json!({ "text/event-stream": { "schema": text() } });
    searched(Operation::new(
        "followLogs",
        GROUP,
        "New requests as they come",
    ))
    .detail("Server-sent events named records, a page each second, until the client goes.")
    .answer(200, "The stream.", stream)
}

/// `GET /logs/{id}`.
pub(in crate::admin) fn about_record() -> Operation {
    Operation::new("readRecord", GROUP, "One request, with every node tried")
        .path("id", text(), "As a page tells it.")
        .answers(200, "The record.", of("LogRecord"))
        .errors(&[404])
}

/// `GET /charts`.
pub(in crate::admin) fn about_chart() -> Operation {
    Operation::new("readChart", GROUP, "Requests and times of a range")
        .query(
            "range",
            word(Range::ALL.map(Range::as_str)),
            "How far back.",
        )
        .query("site", text(), "Of this site alone.")
        .query("node", text(), "Of this POOL/NODE alone.")
        .answers(
            200,
            "Columns of equal length, and the events within.",
            of("Chart"),
        )
        .errors(&[400])
}

/// `GET /events`.
pub(in crate::admin) fn about_events() -> Operation {
    let most = i64::try_from(MAX_EVENTS_PAGE).unwrap_or(i64::MAX);
    let events: Value = Object::new().must("events", list(of("Event"))).told();
    Operation::new("readEvents", GROUP, "What happened, newest first")
        .query("limit", number(1, most), "How many at most.")
        .query(
            "before",
            number(1, i64::MAX),
            "Older ones than the event of this id.",
        )
        .answers(200, "A page.", events)
        .errors(&[400])
}
