//! A request under way: its head, its body, and what is noted about it on the way.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Security;
use super::held::Held;
use super::note::Before;
use super::{Origin, Reason, RequestView};
use crate::http::{
    BodyReader, Expectation, Fields, Framing, Known, RequestHead, Version, connection_options,
    list_items,
};
use crate::metrics::Series;
use crate::snapshot::{Listener, Route, Site};
use crate::tls::Secured;

/// A request whose head has been read and understood.
#[derive(Debug)]
pub(super) struct Request<'r> {
    pub(super) head: &'r RequestHead,
    pub(super) framing: Framing,
    pub(super) listener: &'r Listener,
    pub(super) peer_ip: std::net::IpAddr,
    pub(super) origin: Origin,
    pub(super) security: Security,
    pub(super) id: RequestId,
}

impl Request<'_> {
    pub(super) fn view(&self) -> RequestView<'_> {
        RequestView {
            listener: self.listener,
            scheme: self.scheme(),
            secured: self.secured(),
            method: self.head.method(),
            authority: self.head.authority(),
            host: self.head.host(),
            path: self.head.path(),
            query: self.head.query(),
            client: self.origin.ip,
            fields: &self.head.fields,
        }
    }

    /// What the client speaks; behind a trusted proxy, what it says the client speaks.
    pub(super) fn scheme(&self) -> &'static str {
        if !self.origin.trusted {
            return self.own_scheme();
        }
        if self.head.fields.get(Known::XForwardedProto).is_none() {
            return self.own_scheme();
        }
        // One word of each proxy on the way: where one of them was asked in plain, all of it is.
        let mut said = self.schemes_said().peekable();
        match said.peek().is_some() && said.all(|one| one.eq_ignore_ascii_case(b"https")) {
            true => "https",
            false => "http",
        }
    }

    /// What the proxies before us say that they were asked by, of all lines.
    pub(super) fn schemes_said(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.head.fields.all(Known::XForwardedProto);
        lines.flat_map(list_items)
    }

    /// What the peer itself speaks.
    pub(super) fn own_scheme(&self) -> &'static str {
        match self.secured() {
            Some(_) => "https",
            None => "http",
        }
    }

    /// What is known of the connection where it is behind TLS.
    pub(super) fn secured(&self) -> Option<&Secured> {
        match &self.security {
            Security::Tls(secured) => Some(secured),
            Security::Plain | Security::PlainByMistake => None,
        }
    }

    /// Whether HTTP lets it be repeated (RFC 9110 section 9.2.2; an unknown method is not).
    pub(super) fn is_idempotent(&self) -> bool {
        matches!(
            self.head.method(),
            b"GET" | b"HEAD" | b"OPTIONS" | b"PUT" | b"DELETE" | b"TRACE"
        )
    }

    /// Whether its head announces more than `limit` bytes of body; a limit of 0 is none.
    pub(super) fn is_over(&self, limit: u64) -> bool {
        limit > 0 && matches!(self.framing, Framing::Length(length) if length > limit)
    }

    pub(super) fn has_body(&self) -> bool {
        !matches!(self.framing, Framing::None | Framing::Length(0))
    }
}

/// Whether the client wants the connection kept after this request.
pub(super) fn wants_to_stay(head: &RequestHead) -> bool {
    let asks_to = || {
        connection_options(&head.fields).any(|option| option.eq_ignore_ascii_case(b"keep-alive"))
    };
    !wants_close(&head.fields) && (head.version == Version::Http11 || asks_to())
}

/// Whether whoever sent these fields closes the connection behind their message.
pub(super) fn wants_close(fields: &Fields) -> bool {
    connection_options(fields).any(|option| option.eq_ignore_ascii_case(b"close"))
}

/// What identifies a request in every log it passes.
#[derive(Debug, Clone)]
pub(super) enum RequestId {
    /// 32 hexadecimal digits of our own.
    Own([u8; 32]),
    /// What a trusted proxy sent.
    Taken(Vec<u8>),
}

impl RequestId {
    /// Longest one taken from others, in bytes.
    const MAX: usize = 128;

    /// A new one: 128 random bits.
    pub(super) fn new() -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut id = [0; 32];
        for (two, byte) in id.chunks_exact_mut(2).zip(rand::random::<[u8; 16]>()) {
            two[0] = DIGITS[usize::from(byte >> 4)];
            two[1] = DIGITS[usize::from(byte & 15)];
        }
        Self::Own(id)
    }

    /// The one sent, if it is short and plain; else a new one.
    pub(super) fn taken(sent: Option<&[u8]>) -> Self {
        let plain = |id: &[u8]| {
            !id.is_empty() && id.len() <= Self::MAX && id.iter().all(u8::is_ascii_graphic)
        };
        match sent {
            Some(id) if plain(id) => Self::Taken(id.to_vec()),
            _ => Self::new(),
        }
    }

    /// The same of a request that is only explained, without making one up.
    pub(super) fn to_come(sent: Option<&[u8]>) -> Self {
        match sent {
            Some(_) => Self::taken(sent),
            None => Self::Taken(b"(new for every request)".to_vec()),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Own(id) => id,
            Self::Taken(id) => id,
        }
    }
}

/// A request's body, as far as it has been read.
#[derive(Debug)]
pub(super) struct RequestBody {
    /// Taken while a relay has it, and for good when it broke.
    pub(super) reader: Option<BodyReader>,
    /// Whether the client waits for `100 Continue`.
    pub(super) awaits_continue: bool,
    /// Whether a byte of it was passed on: then it cannot be repeated.
    pub(super) started: bool,
    /// What was taken in before a node is asked: it can be sent again.
    pub(super) held: Option<Held>,
}

impl RequestBody {
    /// That of a request nobody understood.
    pub(super) fn none() -> Self {
        Self::new((Framing::None, Expectation::None))
    }

    pub(super) fn new((framing, expectation): (Framing, Expectation)) -> Self {
        Self {
            reader: Some(BodyReader::new(framing)),
            awaits_continue: expectation == Expectation::Continue,
            started: false,
            held: None,
        }
    }

    /// Whether nothing of it is still to come.
    pub(super) fn is_held(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_whole)
    }

    /// How it goes to a node, when it came framed as `sent`.
    pub(super) fn framing(&self, sent: Framing) -> Framing {
        match &self.held {
            Some(held) if held.is_whole => Framing::Length(held.len()),
            _ => sent,
        }
    }

    /// Whether the connection stands right behind it.
    pub(super) fn is_read(&self) -> bool {
        self.reader.as_ref().is_some_and(BodyReader::is_done)
    }
}

/// What is noted about a request on its way, for the log.
#[derive(Debug)]
pub(super) struct Trail<'s> {
    pub(super) started: Instant,
    pub(super) site: Option<&'s Site>,
    pub(super) route: Option<&'s Route>,
    pub(super) status: u16,
    pub(super) reason: Option<Reason>,
    /// The pool that was asked.
    pub(super) pool: Option<&'s str>,
    /// The node whose answer the client got.
    pub(super) node: Option<&'s str>,
    /// Its counters for the site.
    pub(super) series: Option<&'s Arc<Series>>,
    pub(super) tries: Vec<Try<'s>>,
    /// Time spent waiting for a node with room.
    pub(super) queued: Duration,
    /// What the connection had carried before.
    pub(super) before: Before,
    /// Bytes of the request's head.
    pub(super) head_in: u64,
    /// Bytes of the answer's head.
    pub(super) head_out: u64,
}

impl Trail<'_> {
    pub(super) fn new(started: Instant, before: Before) -> Self {
        Self {
            started,
            site: None,
            route: None,
            status: 0,
            reason: None,
            pool: None,
            node: None,
            series: None,
            tries: Vec::new(),
            queued: Duration::ZERO,
            before,
            head_in: 0,
            head_out: 0,
        }
    }
}

/// One node asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try<'s> {
    pub(super) node: &'s str,
    pub(super) address: &'s str,
    pub(super) status: Option<u16>,
    pub(super) reason: Option<Reason>,
    pub(super) connect: Option<Duration>,
    pub(super) first_byte: Option<Duration>,
}
