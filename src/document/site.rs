//! `[[sites]]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::headers::{self, Head};
use super::reader::Reader;
use super::settings::write_networks;
use super::value::{Fault, flag, network, parsed};
use super::writer::Writer;
use super::{files, hsts, route};
use crate::model::{HostPattern, Site};

pub(super) fn read(r: &mut Reader<'_, '_>) -> Site {
    // Unlike every host there can be, and not none: that would be any host.
    let unread = |path: &str| Some(HostPattern::Exact(path.to_owned()));
    Site {
        name: r.name("name"),
        hosts: r
            .list("hosts", parsed(HostPattern::parse), unread)
            .unwrap_or_default(),
        listeners: r.names("listeners"),
        https_redirect: r.get("https_redirect", false, flag),
        hsts: r.table("hsts", hsts::read).unwrap_or_default(),
        methods: r
            .list("methods", parsed(method), |_| None)
            .unwrap_or_default(),
        allow: r.list("allow", network, |_| None).unwrap_or_default(),
        deny: r.list("deny", network, |_| None).unwrap_or_default(),
        headers: headers::read_set(r, Head::Response, "headers"),
        request_headers: headers::read_set(r, Head::Request, "request_headers"),
        error_pages: error_pages(r),
        routes: r.tables("routes", route::read),
    }
}

fn error_pages(r: &mut Reader<'_, '_>) -> BTreeMap<u16, PathBuf> {
    let mut pages = BTreeMap::new();
    for (key, at, field) in r.entries("error_pages") {
        let status = Some(key).filter(|key| key.len() == 3);
        let status = status.and_then(|key| key.parse().ok());
        let Some(status) = status.filter(|status| (400..=599).contains(status)) else {
            let message = format!("must be the status of an error, 400 to 599 (is {key:?})");
            r.note(at, field.path, Fault::value(message));
            continue;
        };
        let path = parsed(files::absolute)(field.tree);
        if let Some(path) = r.keep(&field, path) {
            pages.insert(status, path);
        }
    }
    pages
}

// Methods are case-sensitive (RFC 9110 section 9.1), and none in use has a small letter:
// `get` would shut out every GET.
fn method(text: &str) -> Result<String, String> {
    let allowed =
        |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "must be a method in capital letters, such as GET or POST (is {text:?})"
        ))
    }
}

pub(super) fn write(w: &mut Writer, site: &Site) {
    w.always("name", site.name.as_str());
    w.list("hosts", &site.hosts, &[]);
    w.list("listeners", &site.listeners, &[]);
    w.field("https_redirect", site.https_redirect, false);
    w.table("hsts", |w| hsts::write(w, &site.hsts));
    w.list("methods", &site.methods, &[]);
    write_networks(w, "allow", &site.allow);
    write_networks(w, "deny", &site.deny);
    headers::write_set(w, "headers", &site.headers);
    headers::write_set(w, "request_headers", &site.request_headers);
    w.table("error_pages", |w| {
        for (status, path) in &site.error_pages {
            w.always(&status.to_string(), path.to_string_lossy());
        }
    });
    w.tables("routes", &site.routes, route::write);
}
