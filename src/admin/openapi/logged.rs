//! What the log store answers.

use serde_json::{Map, Value};

use super::schema::{Object, count, list, maybe, of, said, seconds, text, time, unix_time};

/// The components.
pub(super) fn components() -> Map<String, Value> {
    let all = [
        ("LogRecord", log_record()),
        ("LogPage", log_page()),
        ("Histogram", histogram()),
        ("Chart", chart()),
        ("Event", event()),
        ("Classes", classes(count())),
    ];
    all.map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}

fn log_record() -> Value {
    let one = Object::new()
        .must("node", text())
        .must("address", text())
        .must("status", maybe(count()))
        .must("reason", maybe(text()))
        .must("connect_s", maybe(seconds()))
        .must("first_byte_s", maybe(seconds()))
        .told();
    Object::new()
        .must("id", text())
        .must("time", time())
        .must("listener", text())
        .must("site", maybe(text()))
        .must("route", maybe(text()))
        .must("client_ip", text())
        .must("client_port", count())
        .must("method", text())
        .must("host", text())
        .must("path", text())
        .must("query", maybe(text()))
        .must("protocol", text())
        .must("tls", maybe(text()))
        .must("status", count())
        .must("bytes_in", count())
        .must("bytes_out", count())
        .must("reason", maybe(text()))
        .must("revision", count())
        .must("request_id", text())
        .must("user_agent", maybe(text()))
        .must("referer", maybe(text()))
        .must("node", maybe(text()))
        .must("tries", list(one))
        .must("queue_s", seconds())
        .must("total_s", seconds())
        .told()
}

fn log_page() -> Value {
    Object::new()
        .must("records", list(of("LogRecord")))
        .must("next", said(maybe(text()), "Show it as before to go on."))
        .must(
            "newest",
            said(maybe(text()), "Show it as after for what is newer."),
        )
        .must("searched_back_to", maybe(time()))
        .must("visited", count())
        .must(
            "unreadable",
            said(list(text()), "Files that cannot be read."),
        )
        .told()
}

fn classes(each: Value) -> Value {
    let mut object = Object::new();
    for class in ["2xx", "3xx", "4xx", "5xx", "other"] {
        object = object.must(class, each.clone());
    }
    object.told()
}

fn histogram() -> Value {
    let bucket = Object::new()
        .must("time", time())
        .must("requests", of("Classes"))
        .told();
    Object::new()
        .must("width_s", seconds())
        .must("buckets", list(bucket))
        .must("searched_back_to", maybe(time()))
        .must("visited", count())
        .told()
}

fn chart() -> Value {
    let quantile = || list(maybe(seconds()));
    let latency = Object::new()
        .must("p50_s", quantile())
        .must("p95_s", quantile())
        .must("p99_s", quantile())
        .told();
    Object::new()
        .must("range", text())
        .must("step_s", count())
        .must("time", list(unix_time()))
        .must("requests", classes(list(count())))
        .must("latency", latency)
        .must("bytes_in", list(count()))
        .must("bytes_out", list(count()))
        .must("events", list(of("Event")))
        .told()
}

fn event() -> Value {
    Object::new()
        .must("id", count())
        .must("time", time())
        .must("kind", text())
        .must("pool", maybe(text()))
        .must("node", maybe(text()))
        .must("revision", count())
        .must("author", maybe(text()))
        .must("words", text())
        .told()
}
