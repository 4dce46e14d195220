//! What a head says when it goes on: to the node, and back to the client.
//!
//! Always written anew from parsed parts. Our own fields are written after the client's
//! were filtered, and the outgoing `Connection` never names any, so that nobody can have
//! them removed by naming them in theirs.

use super::request::Request;
use super::upgrade::is_asked;
use crate::balance::Candidate;
use crate::http::{
    Field, Fields, Framing, Known, ResponseHead, Version, connection_options, field, field_number,
    list_items, status_line,
};
use crate::logs::address;
use crate::snapshot::{HeaderPlan, Pool, Route};

/// Appends the head of `request` for a node, as it is when its body is framed as it came.
pub(super) fn write_request(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    route: &Route,
    pool: &Pool,
    candidate: &Candidate,
) {
    begin_request(out, request, route, pool, candidate);
    end_request(out, request.framing, request, route, pool);
}

/// Appends what of the head does not depend on how the body is framed.
pub(super) fn begin_request(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    route: &Route,
    pool: &Pool,
    candidate: &Candidate,
) {
    let (head, plan) = (request.head, &route.request_headers);
    out.extend_from_slice(head.method());
    out.push(b' ');
    write_target(out, request, route);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    match (&pool.config.host, head.authority()) {
        (Some(host), _) => field(out, b"Host", host.as_str().as_bytes()),
        (None, b"") => field(out, b"Host", candidate.address.authority().as_bytes()),
        (None, authority) => field(out, b"Host", authority),
    }
    let listed = Listed::new(&head.fields);
    let trusted = request.origin.trusted;
    head.fields.append(out, |sent| {
        goes_to_node(sent, trusted) && !listed.names(sent) && !plan.drops(sent.name)
    });
    write_forwarded(out, request, plan);
    write_set(out, plan);
}

/// Appends the rest of the head, for a body that is framed so.
pub(super) fn end_request(
    out: &mut Vec<u8>,
    framing: Framing,
    request: &Request<'_>,
    route: &Route,
    pool: &Pool,
) {
    match framing {
        Framing::Length(length) => field_number(out, b"Content-Length", length),
        Framing::Chunked => field(out, b"Transfer-Encoding", b"chunked"),
        Framing::None | Framing::UntilClose => {}
    }
    if is_asked(request, route) {
        field(out, b"Connection", b"Upgrade");
        field(out, b"Upgrade", b"websocket");
    } else if pool.config.keepalive.idle == 0 {
        field(out, b"Connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
}

/// The path is forwarded as it was sent: how it is spelled may mean something to the node.
fn write_target(out: &mut Vec<u8>, request: &Request<'_>, route: &Route) {
    let path = request.head.path();
    if route.config.strip_prefix && path != b"*" {
        out.push(b'/');
        out.extend_from_slice(route.rest(path));
    } else {
        out.extend_from_slice(path);
    }
    if let Some(query) = request.head.query() {
        out.push(b'?');
        out.extend_from_slice(query);
    }
}

fn goes_to_node(field: &Field<'_>, trusted: bool) -> bool {
    match field.known {
        Known::Host | Known::ContentLength | Known::Expect => false,
        // Written by us, from what was sent only where the sender is trusted.
        Known::XForwardedFor
        | Known::XForwardedHost
        | Known::XForwardedProto
        | Known::XRealIp
        | Known::XRequestId => false,
        Known::Forwarded | Known::XForwardedPort => trusted,
        // Gunicorn takes `X-Forwarded-Ssl: on` for https, and others have names of their own.
        Known::Other if speaks_for_a_proxy(field.name) => trusted,
        known => !known.is_hop_by_hop(),
    }
}

fn speaks_for_a_proxy(name: &[u8]) -> bool {
    begins(name, b"x-forwarded-")
}

fn begins(name: &[u8], prefix: &[u8]) -> bool {
    let start = name.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn write_forwarded(out: &mut Vec<u8>, request: &Request<'_>, plan: &HeaderPlan) {
    let sent = |known| {
        let fields = &request.head.fields;
        let value = request.origin.trusted.then(|| fields.get(known));
        value.flatten()
    };
    if !plan.drops(b"X-Real-IP") {
        out.extend_from_slice(b"X-Real-IP: ");
        address(out, request.origin.ip);
        out.extend_from_slice(b"\r\n");
    }
    if !plan.drops(b"X-Forwarded-For") {
        out.extend_from_slice(b"X-Forwarded-For: ");
        if request.origin.trusted {
            let lists = request.head.fields.all(Known::XForwardedFor);
            for item in lists.flat_map(list_items) {
                out.extend_from_slice(item);
                out.extend_from_slice(b", ");
            }
        }
        address(out, request.peer_ip);
        out.extend_from_slice(b"\r\n");
    }
    let mut own = |name: &str, value: &[u8]| {
        if !plan.drops(name.as_bytes()) && !value.is_empty() {
            field(out, name.as_bytes(), value);
        }
    };
    let mut said = request.schemes_said();
    let proto = match (sent(Known::XForwardedProto), said.next(), said.next()) {
        (Some(word), Some(only), None) if word == only => word,
        // Applications look for one word, and must see the one that we went by.
        _ => request.scheme().as_bytes(),
    };
    own("X-Forwarded-Proto", proto);
    let host = sent(Known::XForwardedHost).unwrap_or(request.head.authority());
    own("X-Forwarded-Host", host);
    own("X-Request-ID", request.id.as_bytes());
}

fn write_set(out: &mut Vec<u8>, plan: &HeaderPlan) {
    for (name, value) in plan.set() {
        field(out, name.as_bytes(), value.as_bytes());
    }
}

/// How the answer's end is told to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// No body follows; a `Content-Length` of the node's says what GET would bring.
    NoBody,
    /// After this many bytes.
    Length(u64),
    /// With a last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// What a response head says about the connection it is sent on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Persistence {
    /// The version the client speaks.
    pub(super) version: Version,
    /// Whether the connection is kept after the answer.
    pub(super) keep: bool,
}

/// Appends a node's response head for the client, all but its last, empty line.
pub(super) fn write_response(
    out: &mut Vec<u8>,
    head: &ResponseHead,
    plan: &HeaderPlan,
    ending: Ending,
    persistence: Persistence,
) {
    let no_length = ending != Ending::NoBody || head.status == 204;
    write_answer(out, head, plan, no_length);
    write_set(out, plan);
    match ending {
        Ending::Length(length) => field_number(out, b"Content-Length", length),
        Ending::Chunked => field(out, b"Transfer-Encoding", b"chunked"),
        Ending::NoBody | Ending::Close => {}
    }
    write_persistence(out, persistence);
}

/// Appends a node's interim response head for the client, whole: what the operator sets is for
/// the answer that follows it.
pub(super) fn write_interim(out: &mut Vec<u8>, head: &ResponseHead, plan: &HeaderPlan) {
    write_answer(out, head, plan, true);
    out.extend_from_slice(b"\r\n");
}

/// Appends a node's 101 for the client, all but its last, empty line.
pub(super) fn write_switch(out: &mut Vec<u8>, head: &ResponseHead, plan: &HeaderPlan) {
    write_answer(out, head, plan, true);
    write_set(out, plan);
    field(out, b"Connection", b"Upgrade");
    field(out, b"Upgrade", b"websocket");
}

/// The status line, and of the node's fields those that go on.
fn write_answer(out: &mut Vec<u8>, head: &ResponseHead, plan: &HeaderPlan, no_length: bool) {
    status_line(out, Version::Http11, head.status, head.reason());
    let listed = Listed::new(&head.fields);
    head.fields.append(out, |sent| {
        let dropped = match sent.known {
            Known::ContentLength => no_length,
            known => known.is_hop_by_hop(),
        };
        !dropped && !listed.names(sent) && !plan.drops(sent.name)
    });
}

/// Appends what is said of the connection, only where it is not understood by itself.
pub(super) fn write_persistence(out: &mut Vec<u8>, persistence: Persistence) {
    match (persistence.version, persistence.keep) {
        (_, false) => field(out, b"Connection", b"close"),
        (Version::Http10, true) => field(out, b"Connection", b"keep-alive"),
        (Version::Http11, true) => {}
    }
}

/// The fields that `Connection` says are for this connection only (rule 33), in small
/// letters and sorted: a head full of them costs no more than its length.
struct Listed(Vec<Vec<u8>>);

impl Listed {
    fn new(fields: &Fields) -> Self {
        let ordinary: [&[u8]; 4] = [b"keep-alive", b"close", b"te", b"upgrade"];
        let unusual = |option: &&[u8]| !ordinary.iter().any(|o| o.eq_ignore_ascii_case(option));
        let options = connection_options(fields).filter(unusual);
        let mut names: Vec<Vec<u8>> = options.map(<[u8]>::to_ascii_lowercase).collect();
        names.sort_unstable();
        Self(names)
    }

    /// Whether this field was named, and may be: those that routing, signing in or we
    /// ourselves rely on cannot be taken away by naming them.
    #[inline]
    fn names(&self, field: &Field<'_>) -> bool {
        !self.0.is_empty() && self.has(field)
    }

    fn has(&self, field: &Field<'_>) -> bool {
        let may_be = match field.known {
            Known::Referer | Known::UserAgent => true,
            Known::Other => {
                !speaks_for_a_proxy(field.name) && !begins(field.name, b"sec-websocket-")
            }
            _ => false,
        };
        if !may_be {
            return false;
        }
        let relied_on: [&[u8]; 3] = [b"cookie", b"set-cookie", b"authorization"];
        let name = field.name.to_ascii_lowercase();
        self.0.binary_search(&name).is_ok() && !relied_on.contains(&name.as_slice())
    }
}
