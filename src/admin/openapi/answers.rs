//! What the API answers, each named once.

use serde_json::{Map, Value, json};

use super::logged;
use super::schema::{
    Object, any_of, count, flag, list, maybe, of, said, seconds, text, time, unix_time, word,
};
use super::values::state;
use crate::model::{Policy, Role, Scope};
use crate::people::Outcome;

/// The components.
pub(super) fn components() -> Map<String, Value> {
    let all = [
        ("Error", Object::new().must("error", text()).told()),
        ("Stale", stale()),
        (
            "Problems",
            Object::new().must("problems", list(problem())).told(),
        ),
        ("InPart", in_part()),
        ("Checked", checked()),
        ("Applied", applied()),
        ("Status", status()),
        ("NodeStatus", node_status()),
        ("Explanation", explanation()),
        ("Question", question()),
        ("Tried", tried()),
        ("User", user()),
        ("SignIn", sign_in()),
        ("Token", token()),
        ("AuditRow", audit_row()),
        ("CertificateFacts", crate::admin::api::tls::schema()),
        ("Diagnosis", crate::admin::api::diagnostics_schema()),
        ("Revision", crate::admin::history::api::schema()),
    ];
    let mut all: Map<String, Value> = all
        .map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect();
    all.append(&mut logged::components());
    all
}

fn stale() -> Value {
    let schema = Object::new()
        .must("error", text())
        .must("revision", count())
        .told();
    said(schema, "Made from another revision than the one in force.")
}

fn problem() -> Value {
    let codes = [
        "syntax",
        "unknown_key",
        "not_available",
        "missing",
        "type",
        "value",
        "duplicate",
        "dangling",
        "conflict",
    ];
    Object::new()
        .must(
            "field",
            said(text(), "The way to it: pools[0].nodes[1].weight."),
        )
        .must("line", maybe(count()))
        .must("column", maybe(count()))
        .must("code", word(codes))
        .must("message", text())
        .may("in_part", of("InPart"))
        .told()
}

fn in_part() -> Value {
    let schema = Object::new()
        .must("edit", said(count(), "Which edit, from 0."))
        .must("field", said(text(), "The way within the part."))
        .told();
    said(schema, "Where it stands in what was edited.")
}

fn checked() -> Value {
    Object::new()
        .must("problems", list(problem()))
        .must("warnings", list(text()))
        .told()
}

fn applied() -> Value {
    let change = Object::new()
        .must("op", word(["add", "remove", "change"]))
        .must(
            "field",
            said(text(), "By names: pools.django.nodes.web-1.weight."),
        )
        .must("before", said(json!({}), "Null where it is new."))
        .must("after", said(json!({}), "Null where it is gone."))
        .told();
    Object::new()
        .must("changed", flag())
        .must("dry_run", flag())
        .must("revision", count())
        .must("changes", list(change))
        .must(
            "read_again",
            said(list(text()), "Files that have another content now."),
        )
        .must("problems", list(problem()))
        .must("warnings", list(text()))
        .may(
            "secrets_kept",
            said(
                list(text()),
                "Of a rollback: secrets that stay as they are.",
            ),
        )
        .may(
            "secrets_lost",
            said(
                list(text()),
                "Of a rollback: secrets that are to be given again.",
            ),
        )
        .told()
}

fn status() -> Value {
    let listener = Object::new()
        .must("name", text())
        .must("address", text())
        .must("open", flag())
        .told();
    let pool = Object::new()
        .must("name", text())
        .must("policy", word(Policy::ALL.map(Policy::as_str)))
        .must("fail_open", flag())
        .must("queued", count())
        .must("nodes", list(of("NodeStatus")))
        .told();
    Object::new()
        .must("revision", count())
        .must("state", word(["serving", "degraded", "setup"]))
        .must("reasons", list(text()))
        .must("ready", said(flag(), "Whether requests can be served."))
        .must("read_only", flag())
        .must("listeners", list(listener))
        .must("sessions", maybe(sessions_status()))
        .must("pools", list(pool))
        .told()
}

fn sessions_status() -> Value {
    let database = Object::new()
        .must("index", count())
        .must("name", maybe(text()))
        .must("keys", count())
        .must("bytes", count())
        .must("hits", count())
        .must("misses", count())
        .must("expired", count())
        .told();
    let redis = Object::new()
        .must("address", text())
        .must("reachable", flag())
        .must("why", maybe(text()))
        .must("latency_ms", maybe(seconds()))
        .told();
    let moving = Object::new()
        .must("to", text())
        .must("copied", count())
        .must("total", count())
        .told();
    Object::new()
        .must("address", text())
        .must("open", flag())
        .must("store", word(["memory", "redis"]))
        .must("redis", maybe(redis))
        .must("move", maybe(moving))
        .must("connections", count())
        .must("memory", count())
        .must("max_memory", count())
        .must("writable", flag())
        .must("databases", list(database))
        .told()
}

fn node_status() -> Value {
    let check = Object::new()
        .must("code", text())
        .must("cause", maybe(text()))
        .must("status", maybe(count()))
        .must("ms", count())
        .must("flapping", flag())
        .must("needs_rise", maybe(count()))
        .must("text", text())
        .must("at", maybe(time()))
        .told();
    let past = Object::new()
        .must("at", maybe(time()))
        .must("code", text())
        .must("cause", maybe(text()))
        .must("status", maybe(count()))
        .must("ms", count())
        .told();
    let recent = Object::new()
        .must("step_s", count())
        .must("requests", list(count()))
        .must("requests_per_second", seconds())
        .must("p95_s", maybe(seconds()))
        .must("errors", count())
        .told();
    let lookup = Object::new()
        .must("cause", text())
        .must("text", text())
        .must("keeps_addresses", flag())
        .told();
    Object::new()
        .must("name", text())
        .must("address", text())
        .must("weight", of("Weight"))
        .must(
            "share",
            json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        )
        .must("admin_state", state())
        .must("health", word(["unknown", "up", "down"]))
        .must("health_since", maybe(time()))
        .must("check", maybe(check))
        .must("last_checks", said(list(past), "The oldest first."))
        .must("recent", recent)
        .must("lookup", maybe(lookup))
        .must("ejected_until", maybe(time()))
        .must("in_flight", count())
        .must("bound", count())
        .must("bound_until", maybe(time()))
        .must("requests", count())
        .must("errors", count())
        .must("drained", flag())
        .told()
}

fn field_line() -> Value {
    Object::new()
        .must("name", text())
        .must("value", text())
        .told()
}

fn question() -> Value {
    let given = Object::new()
        .must("name", text())
        .must("value", text())
        .taken();
    Object::new()
        .must("url", text())
        .may("method", maybe(text()))
        .may("client", said(maybe(text()), "An IP address."))
        .may(
            "headers",
            said(
                maybe(list(any_of([text(), given]))),
                "Each \"Name: value\" or apart.",
            ),
        )
        .taken()
}

fn explanation() -> Value {
    let candidate = Object::new()
        .must("node", text())
        .must("eligible", flag())
        .must("why", text())
        .told();
    let refused = Object::new()
        .must("reason", maybe(text()))
        .must("status", maybe(count()))
        .must("rule", maybe(json!({})))
        .must("words", text())
        .told();
    let target = Object::new()
        .may("pool", text())
        .may("files", text())
        .may("fallback", text())
        .may("redirect", text())
        .may("respond", count())
        .may("status", count())
        .told();
    Object::new()
        .must("listener", maybe(text()))
        .must("client", text())
        .must("site", maybe(text()))
        .must("route", maybe(text()))
        .must("target", maybe(target))
        .must("candidates", list(candidate))
        .must("request_line", maybe(text()))
        .must("request_headers", list(field_line()))
        .must("response_headers", list(field_line()))
        .must("refused", maybe(refused))
        .must("notes", list(text()))
        .told()
}

fn tried() -> Value {
    let exchange = Object::new()
        .must("sent", text())
        .must("head", text())
        .must("body", text())
        .must("more", json!({}))
        .told();
    Object::new()
        .must("address", text())
        .must("passed", flag())
        .must("code", text())
        .must("cause", maybe(text()))
        .must("text", text())
        .must("status", maybe(count()))
        .must("connected_ms", maybe(count()))
        .must("ms", count())
        .must("only_connects", flag())
        .must("server", maybe(text()))
        .must("django", flag())
        .must("exchange", exchange)
        .told()
}

/// A user's role.
pub(super) fn role() -> Value {
    word(Role::ALL.map(Role::as_str))
}

/// What a token may do.
pub(super) fn scope() -> Value {
    word(Scope::ALL.map(Scope::as_str))
}

fn user() -> Value {
    Object::new()
        .must("id", count())
        .must("name", text())
        .must("role", role())
        .must(
            "second_factor",
            said(flag(), "Whether a code is asked for besides the password."),
        )
        .must("created", unix_time())
        .told()
}

fn sign_in() -> Value {
    Object::new()
        .must(
            "id",
            said(
                json!({ "type": "integer" }),
                "Negative where no disk keeps it.",
            ),
        )
        .must("user", text())
        .must("since", unix_time())
        .must("seen", unix_time())
        .must("address", text())
        .must("agent", text())
        .must("is_this", flag())
        .told()
}

fn token() -> Value {
    Object::new()
        .must("id", count())
        .must("name", text())
        .must("scope", scope())
        .must("made_by", text())
        .must("created", unix_time())
        .must("used", maybe(unix_time()))
        .may("token", said(text(), "Shown once, where it is made."))
        .told()
}

fn audit_row() -> Value {
    let outcomes = [Outcome::Done, Outcome::Refused, Outcome::Failed];
    Object::new()
        .must("number", count())
        .must("time", unix_time())
        .must("who", text())
        .must("address", text())
        .must("action", text())
        .must("subject", text())
        .must("detail", text())
        .must("outcome", word(outcomes.map(Outcome::as_str)))
        .must(
            "is_whole",
            said(flag(), "As it was written, behind the row before it."),
        )
        .told()
}
