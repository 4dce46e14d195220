//! `[[sites.routes]]`.

use super::headers::{self, Head};
use super::later::{Later, Off};
use super::reader::Reader;
use super::settings::write_networks;
use super::time::{UP_TO_A_DAY, ZERO_OR_UP_TO_A_DAY};
use super::value::{Fault, flag, network, parsed, size, time, word};
use super::writer::Writer;
use super::{files, redirect, respond, time};
use crate::model::{Code, Files, PathMatch, Route, RoutePath, Target};

/// A body of a pebibyte: beyond it a typing error is likelier.
const MAX_BODY: u64 = 1 << 50;

/// The keys of which a route has exactly one.
const TARGETS: [&str; 4] = ["pool", "files", "redirect", "respond"];

const LATER: &[Later] = &[("compress", Off::False)];

const MATCHES: [PathMatch; 2] = [PathMatch::Prefix, PathMatch::Exact];

fn match_word(path_match: PathMatch) -> &'static str {
    match path_match {
        PathMatch::Prefix => "prefix",
        PathMatch::Exact => "exact",
    }
}

pub(super) fn read(r: &mut Reader<'_, '_>) -> Route {
    r.later(LATER);
    let path = r.required("path", parsed(RoutePath::parse));
    let path = path.unwrap_or_else(|| unread(&r.path_of("path")));
    let path_match = r.get("match", PathMatch::Prefix, word(&MATCHES, match_word, &[]));
    let d = Route::new(path, target(r));
    Route {
        path_match,
        strip_prefix: r.get("strip_prefix", d.strip_prefix, flag),
        // 0 is no limit.
        body_limit: r.get("body_limit", d.body_limit, size(0..=MAX_BODY)),
        buffer_request: r.get("buffer_request", d.buffer_request, flag),
        buffer_response: r.get("buffer_response", d.buffer_response, flag),
        read_timeout: r.optional("read_timeout", time(UP_TO_A_DAY)),
        upgrade: r.get("upgrade", d.upgrade, flag),
        // 0 is no limit.
        tunnel_idle_timeout: r.get(
            "tunnel_idle_timeout",
            d.tunnel_idle_timeout,
            time(ZERO_OR_UP_TO_A_DAY),
        ),
        headers: headers::read(r, Head::Response, "headers", "remove_headers"),
        request_headers: headers::read(
            r,
            Head::Request,
            "request_headers",
            "remove_request_headers",
        ),
        allow: r.list("allow", network, |_| None).unwrap_or_default(),
        ..d
    }
}

/// A path unlike any other route's: the way to the field that could not be read.
fn unread(path: &str) -> RoutePath {
    RoutePath::parse(&format!("/{path}")).expect("the way to a field is visible ASCII")
}

fn target(r: &mut Reader<'_, '_>) -> Target {
    let given: Vec<&str> = TARGETS.into_iter().filter(|key| r.has(key)).collect();
    let pool = r.reference("pool").map(Target::Pool);
    let files = r.table("files", files::read).map(Target::Files);
    let redirect = r.table("redirect", redirect::read).map(Target::Redirect);
    let respond = r.table("respond", respond::read).map(Target::Respond);
    let wrong = match given.as_slice() {
        [_] => None,
        [] => Some((Code::Missing, "none".to_owned())),
        several => Some((Code::Conflict, several.join(" and "))),
    };
    if let Some((code, has)) = wrong {
        let message = format!(
            "must have exactly one of {} (has {has})",
            TARGETS.join(", ")
        );
        r.note_here(Fault::new(code, message));
    }
    // No rule looks into a directory, so nothing more is said of a route without a target.
    pool.or(files)
        .or(redirect)
        .or(respond)
        .unwrap_or_else(|| Target::Files(Files::new("/".into())))
}

pub(super) fn write(w: &mut Writer, route: &Route) {
    let d = Route::new(route.path.clone(), route.target.clone());
    w.always("path", route.path.as_str());
    w.field(
        "match",
        match_word(route.path_match),
        match_word(d.path_match),
    );
    match &route.target {
        Target::Pool(pool) => w.always("pool", pool.as_str()),
        Target::Files(files) => w.table_always("files", |w| files::write(w, files)),
        Target::Redirect(redirect) => {
            w.table_always("redirect", |w| redirect::write(w, redirect));
        }
        Target::Respond(respond) => w.table_always("respond", |w| respond::write(w, respond)),
    }
    w.field("strip_prefix", route.strip_prefix, d.strip_prefix);
    w.size("body_limit", route.body_limit, d.body_limit);
    w.field("buffer_request", route.buffer_request, d.buffer_request);
    w.field("buffer_response", route.buffer_response, d.buffer_response);
    if let Some(timeout) = route.read_timeout {
        w.always("read_timeout", time::write(timeout));
    }
    w.field("upgrade", route.upgrade, d.upgrade);
    w.time(
        "tunnel_idle_timeout",
        route.tunnel_idle_timeout,
        d.tunnel_idle_timeout,
    );
    headers::write(w, &route.headers, "headers", "remove_headers");
    headers::write(
        w,
        &route.request_headers,
        "request_headers",
        "remove_request_headers",
    );
    write_networks(w, "allow", &route.allow);
}
