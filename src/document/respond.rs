//! `respond` of a route.

use super::reader::Reader;
use super::tree::Tree;
use super::value::{Fault, number, parsed, text};
use super::writer::Writer;
use crate::model::{Code, HeaderValue, Respond};

pub(super) fn read(r: &mut Reader<'_, '_>) -> Respond {
    let d = Respond::default();
    let respond = Respond {
        status: r.get("status", d.status, number(200..=599)),
        body: r.get("body", d.body, body),
        content_type: r.get("content_type", d.content_type, parsed(content_type)),
    };
    if Respond::BODILESS.contains(&respond.status) && !respond.body.is_empty() {
        let message = format!("must be empty: an answer {} has none", respond.status);
        r.note_key("body", Fault::new(Code::Conflict, message));
    }
    respond
}

fn body(tree: &Tree) -> Result<String, Fault> {
    let text = text(tree)?;
    if text.len() <= Respond::MAX_BODY {
        return Ok(text.to_owned());
    }
    Err(Fault::value(format!(
        "must have at most {} bytes (has {}); serve a longer one with `files`",
        Respond::MAX_BODY,
        text.len()
    )))
}

fn content_type(text: &str) -> Result<HeaderValue, String> {
    if !text.contains('/') {
        return Err(format!(
            "must be a type such as text/html; charset=utf-8 (is {text:?})"
        ));
    }
    HeaderValue::parse(text)
}

pub(super) fn write(w: &mut Writer, respond: &Respond) {
    let d = Respond::default();
    w.field("status", respond.status, d.status);
    w.field("body", respond.body.as_str(), d.body.as_str());
    w.field(
        "content_type",
        respond.content_type.as_str(),
        d.content_type.as_str(),
    );
}
