//! `health_check` of a pool: a table, or `"off"`.

use std::num::NonZeroU16;
use std::time::Duration;

use super::headers::{self, Head};
use super::pool::host;
use super::reader::Reader;
use super::time::UP_TO_A_DAY;
use super::tree::{Tree, Value};
use super::value::{Fault, flag, number, parsed, parsed_or_empty, text, time, word};
use super::writer::Writer;
use crate::model::{CheckKind, CheckMethod, Code, Expect, HeaderValue, HealthCheck, HttpCheck};

/// Results in a row: beyond this a node would never turn.
const MAX_IN_A_ROW: u16 = 1000;

/// Limit: bytes of `body`. It is looked for in every answer.
const MAX_BODY: usize = 1024;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Tcp,
    Http,
}

const KINDS: [Kind; 2] = [Kind::Tcp, Kind::Http];

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Tcp => "tcp",
        Kind::Http => "http",
    }
}

/// Keys of an HTTP check alone.
const OF_HTTP: [&str; 6] = ["method", "path", "host", "headers", "expect", "body"];

/// Takes `key`: absent is the default check, `"off"` is none.
pub(super) fn read_or_off(r: &mut Reader<'_, '_>, key: &'static str) -> Option<HealthCheck> {
    let Some(field) = r.take(key) else {
        return Some(HealthCheck::default());
    };
    let tree = field.tree;
    match &tree.value {
        Value::Text(text) if text == "off" => None,
        _ => Some(r.enter(field, &read, || {
            Fault::wrong_type("a table, { … }, or \"off\"", tree)
        })),
    }
}

fn read(r: &mut Reader<'_, '_>) -> HealthCheck {
    let d = HealthCheck::default();
    let kind = r.unless_faulty("kind", Kind::Tcp, word(&KINDS, kind_word, &[]));
    let port = r.optional("port", number(1..=u16::MAX));
    let interval = r.get("interval", d.interval, time(UP_TO_A_DAY));
    let timeout = r.get("timeout", default_timeout(interval), time(UP_TO_A_DAY));
    let http = read_http(r);
    if kind == Some(Kind::Tcp) {
        refuse_http_keys(r);
    }
    HealthCheck {
        kind: match kind {
            Some(Kind::Http) => CheckKind::Http(http),
            Some(Kind::Tcp) | None => CheckKind::Tcp,
        },
        port: port.and_then(NonZeroU16::new),
        // One of the two unread says nothing about the other.
        timeout: if r.failed("interval") || r.failed("timeout") {
            interval
        } else {
            timeout
        },
        interval,
        rise: r.get("rise", d.rise, number(1..=MAX_IN_A_ROW)),
        fall: r.get("fall", d.fall, number(1..=MAX_IN_A_ROW)),
        default_down: r.get("default_down", d.default_down, flag),
    }
}

// Nobody who asks for a short interval is refused for a timeout that nobody wrote.
fn default_timeout(interval: Duration) -> Duration {
    HealthCheck::default().timeout.min(interval)
}

fn read_http(r: &mut Reader<'_, '_>) -> HttpCheck {
    let d = HttpCheck::default();
    let methods = word(&CheckMethod::ALL, CheckMethod::as_str, &[]);
    let http = HttpCheck {
        method: r.get("method", d.method, methods),
        path: r.get("path", d.path, parsed(path)),
        host: r.get("host", None, parsed_or_empty(host)),
        headers: headers::read_set(r, Head::Probe, "headers"),
        expect: r.get("expect", d.expect, expect),
        body: r.get("body", d.body, parsed(body)),
    };
    if http.method == CheckMethod::Head && !http.body.is_empty() {
        let message = "needs method = \"GET\"; the answer to HEAD has no body";
        r.note_key("body", Fault::new(Code::Conflict, message));
    }
    http
}

fn refuse_http_keys(r: &mut Reader<'_, '_>) {
    for key in OF_HTTP {
        if r.has(key) && !r.failed(key) {
            let message = "needs kind = \"http\"; a TCP check only connects";
            r.note_key(key, Fault::new(Code::Conflict, message));
        }
    }
}

fn body(text: &str) -> Result<String, String> {
    match text.len() {
        ..=MAX_BODY => Ok(text.to_owned()),
        length => Err(format!("must have at most {MAX_BODY} bytes (has {length})")),
    }
}

fn path(text: &str) -> Result<String, String> {
    let visible = text.bytes().all(|b| (0x21..=0x7e).contains(&b));
    if !text.starts_with('/') {
        Err(format!("must start with / (is {text:?})"))
    } else if !visible || text.contains('#') {
        Err(format!(
            "must be a path as it stands in a URL, with %XX for blanks and letters beyond ASCII (is {text:?})"
        ))
    } else {
        Ok(text.to_owned())
    }
}

// One code is as well understood as a number.
fn expect(tree: &Tree) -> Result<Expect, Fault> {
    let text = match &tree.value {
        Value::Integer(code) => code.to_string(),
        _ => text(tree)?.to_owned(),
    };
    Expect::parse(&text).map_err(Fault::value)
}

/// Puts `key`, `"off"` for none.
pub(super) fn write_or_off(w: &mut Writer, key: &str, check: Option<&HealthCheck>) {
    match check {
        Some(check) => w.table(key, |w| write(w, check)),
        None => w.always(key, "off"),
    }
}

fn write(w: &mut Writer, check: &HealthCheck) {
    let d = HealthCheck::default();
    w.field("kind", check.kind.as_str(), d.kind.as_str());
    if let CheckKind::Http(http) = &check.kind {
        let d = HttpCheck::default();
        w.field("method", http.method.as_str(), d.method.as_str());
        w.field("path", http.path.as_str(), d.path.as_str());
        w.field(
            "host",
            http.host.as_ref().map_or("", HeaderValue::as_str),
            "",
        );
        headers::write_set(w, "headers", &http.headers);
        w.field("expect", http.expect.to_string(), d.expect.to_string());
        w.field("body", http.body.as_str(), d.body.as_str());
    }
    if let Some(port) = check.port {
        w.always("port", port.get());
    }
    w.time("interval", check.interval, d.interval);
    w.time("timeout", check.timeout, default_timeout(check.interval));
    w.field("rise", check.rise, d.rise);
    w.field("fall", check.fall, d.fall);
    w.field("default_down", check.default_down, d.default_down);
}
