//! `redirect` of a route.

use super::reader::Reader;
use super::tree::Tree;
use super::value::{Fault, number, parsed};
use super::writer::Writer;
use crate::model::{Redirect, RedirectTo};

pub(super) fn read(r: &mut Reader<'_, '_>) -> Redirect {
    let to = r.required("to", parsed(RedirectTo::parse));
    let unread = || RedirectTo::parse("/").expect("it is a path");
    let d = Redirect::new(to.unwrap_or_else(unread));
    Redirect {
        status: r.get("status", d.status, status),
        ..d
    }
}

fn status(tree: &Tree) -> Result<u16, Fault> {
    let status = number(0..=u16::MAX)(tree)?;
    if Redirect::STATUSES.contains(&status) {
        return Ok(status);
    }
    let known = Redirect::STATUSES.map(|status| status.to_string());
    let message = format!("must be one of {} (is {status})", known.join(", "));
    Err(Fault::value(message))
}

pub(super) fn write(w: &mut Writer, redirect: &Redirect) {
    let d = Redirect::new(redirect.to.clone());
    w.always("to", redirect.to.as_str());
    w.field("status", redirect.status, d.status);
}
