//! Header fields set and removed, of a site or a route, on the request or on the response.

use super::reader::{Field, Reader};
use super::value::{Fault, text};
use super::writer::Writer;
use crate::model::{Code, HeaderChanges, HeaderName, HeaderValue};

/// Which head is changed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Head {
    Request,
    Response,
    Probe,
}

/// Takes `set` and `remove` of a route.
pub(super) fn read(
    r: &mut Reader<'_, '_>,
    head: Head,
    set: &'static str,
    remove: &'static str,
) -> HeaderChanges {
    HeaderChanges {
        set: read_set(r, head, set),
        remove: r
            .list(remove, |tree| name(head, text(tree)?), |_| None)
            .unwrap_or_default(),
    }
}

/// Takes `key` as fields to set.
pub(super) fn read_set(
    r: &mut Reader<'_, '_>,
    head: Head,
    key: &'static str,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut set: Vec<(HeaderName, HeaderValue)> = Vec::new();
    for (given, at, field) in r.entries(key) {
        let name = name(head, given).and_then(|name| once(name, &set));
        let value = value(r, &field);
        match (name, value) {
            (Ok(name), Some(value)) => set.push((name, value)),
            (Ok(_), None) => {}
            (Err(fault), _) => r.note(at, field.path, fault),
        }
    }
    set
}

fn value(r: &mut Reader<'_, '_>, field: &Field<'_>) -> Option<HeaderValue> {
    let read = text(field.tree).and_then(|text| HeaderValue::parse(text).map_err(Fault::value));
    r.keep(field, read)
}

fn name(head: Head, text: &str) -> Result<HeaderName, Fault> {
    let name = HeaderName::parse(text).map_err(Fault::value)?;
    if HeaderChanges::RESERVED.iter().any(|kept| name.is(kept)) {
        return Err(Fault::value(format!(
            "{text} belongs to the connection and is written by this program alone"
        )));
    }
    if head == Head::Request && name.is("host") {
        let message = "Host cannot be changed here; set `host` of the pool";
        return Err(Fault::value(message));
    }
    if head == Head::Probe && name.is("host") {
        let message = "Host cannot be set here; set `host` of the check";
        return Err(Fault::value(message));
    }
    if head == Head::Probe && name.is("user-agent") {
        let message =
            "User-Agent of a probe is steelyard-probe, so that a node can tell it from a visitor";
        return Err(Fault::value(message));
    }
    Ok(name)
}

fn once(name: HeaderName, set: &[(HeaderName, HeaderValue)]) -> Result<HeaderName, Fault> {
    match set.iter().find(|(other, _)| other.is(name.as_str())) {
        Some((other, _)) => {
            let message = format!("is the same header as {other}");
            Err(Fault::new(Code::Duplicate, message))
        }
        None => Ok(name),
    }
}

/// Puts `set` and `remove` of a route.
pub(super) fn write(w: &mut Writer, changes: &HeaderChanges, set: &str, remove: &str) {
    write_set(w, set, &changes.set);
    w.list(remove, &changes.remove, &[]);
}

/// Puts fields to set.
pub(super) fn write_set(w: &mut Writer, key: &str, set: &[(HeaderName, HeaderValue)]) {
    w.table(key, |w| {
        for (name, value) in set {
            w.always(name.as_str(), value.as_str());
        }
    });
}
