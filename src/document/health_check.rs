//! `health_check` of a pool: a table, or `"off"`.

use super::later::{Later, Off};
use super::pool::host;
use super::reader::Reader;
use super::time::UP_TO_A_DAY;
use super::tree::{Tree, Value};
use super::value::{Fault, number, parsed, parsed_or_empty, text, time, word};
use super::writer::Writer;
use crate::model::{CheckKind, Code, Expect, HeaderValue, HealthCheck};

/// Results in a row: beyond this a node would never turn.
const MAX_IN_A_ROW: u16 = 1000;

const LATER: &[Later] = &[
    ("default_down", Off::False),
    ("method", Off::Word("GET")),
    ("port", Off::Never),
    ("headers", Off::Empty),
    ("body", Off::Empty),
];

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

const PATH: &str = "/";
const EXPECT: Expect = Expect { from: 200, to: 399 };

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
    r.later(LATER);
    let d = HealthCheck::default();
    let kind = r.unless_faulty("kind", Kind::Tcp, word(&KINDS, kind_word, &[]));
    let interval = r.get("interval", d.interval, time(UP_TO_A_DAY));
    let timeout = r.get("timeout", d.timeout, time(UP_TO_A_DAY));
    let http = CheckKind::Http {
        path: r.get("path", PATH.to_owned(), parsed(path)),
        host: r.get("host", None, parsed_or_empty(host)),
        expect: r.get("expect", EXPECT, expect),
    };
    if kind == Some(Kind::Tcp) {
        refuse_http_keys(r);
    }
    HealthCheck {
        kind: match kind {
            Some(Kind::Http) => http,
            Some(Kind::Tcp) | None => CheckKind::Tcp,
        },
        // One of the two unread says nothing about the other.
        timeout: if r.failed("interval") || r.failed("timeout") {
            interval
        } else {
            timeout
        },
        interval,
        rise: r.get("rise", d.rise, number(1..=MAX_IN_A_ROW)),
        fall: r.get("fall", d.fall, number(1..=MAX_IN_A_ROW)),
    }
}

fn refuse_http_keys(r: &mut Reader<'_, '_>) {
    for key in ["path", "host", "expect"] {
        if r.has(key) && !r.failed(key) {
            let message = "needs kind = \"http\"; a TCP check only connects";
            r.note_key(key, Fault::new(Code::Conflict, message));
        }
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
    let kind = match check.kind {
        CheckKind::Tcp => Kind::Tcp,
        CheckKind::Http { .. } => Kind::Http,
    };
    w.field("kind", kind_word(kind), kind_word(Kind::Tcp));
    if let CheckKind::Http { path, host, expect } = &check.kind {
        w.field("path", path.as_str(), PATH);
        w.field("host", host.as_ref().map_or("", HeaderValue::as_str), "");
        w.field("expect", expect.to_string(), EXPECT.to_string());
    }
    w.time("interval", check.interval, d.interval);
    w.time("timeout", check.timeout, d.timeout);
    w.field("rise", check.rise, d.rise);
    w.field("fall", check.fall, d.fall);
}
