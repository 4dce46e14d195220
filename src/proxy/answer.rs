//! Answers of our own: refusals, redirects, fixed answers, and what files say without a file.

use std::borrow::Cow;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Client, LINGER_BYTES, LINGER_TIME, Next};
use super::exchange::Exchange;
use super::headers::{Persistence, write_persistence};
use super::request::{RequestBody, Trail};
use super::{Reason, RequestView};
use crate::http::{
    Framing, Piece, Refusal, RequestHead, Version, field, field_number, reason_phrase, status_line,
};
use crate::model::{AskedUrl, Redirect, Respond};
use crate::snapshot::Site;

/// How long a client may take for a small answer.
const FLUSH_TIME: Duration = Duration::from_secs(30);

/// The type of our own words.
const PLAIN: &str = "text/plain; charset=utf-8";

/// An answer of our own.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    status: u16,
    reason: Option<Reason>,
    headers: Vec<(&'static str, String)>,
    content_type: &'a str,
    body: Cow<'a, [u8]>,
}

impl<'a> Answer<'a> {
    /// An answer without a body of words.
    pub(super) fn empty(status: u16, headers: Vec<(&'static str, String)>) -> Self {
        Self {
            status,
            reason: None,
            headers,
            content_type: PLAIN,
            body: Cow::Borrowed(b""),
        }
    }

    /// Why the request goes no further.
    pub(super) fn refusal(exchange: &Exchange<'_>, reason: Reason) -> Self {
        let status = reason.status();
        let id = String::from_utf8_lossy(exchange.request.id.as_bytes()).into_owned();
        let mut headers = vec![("X-Steelyard-Reason", reason.code().to_owned())];
        match status {
            405 => headers.push(("Allow", allowed(exchange))),
            426 => headers.extend([
                ("Sec-WebSocket-Version", "13".to_owned()),
                ("Upgrade", "websocket".to_owned()),
                ("Connection", "upgrade".to_owned()),
            ]),
            503 => headers.push(("Retry-After", "1".to_owned())),
            _ => {}
        }
        let (title, words) = (reason_phrase(status), reason.words());
        let instead = match reason {
            Reason::PlainHttp => https_link(exchange.request.head),
            _ => String::new(),
        };
        let text = format!("{status} {title}\n\n{words}\n{instead}Request {id}\n");
        Self {
            status,
            reason: Some(reason),
            headers,
            content_type: PLAIN,
            body: Cow::Owned(text.into_bytes()),
        }
    }

    /// What an authority that is asked for a certificate wants to see here; none for all other
    /// requests.
    pub(super) fn challenge(exchange: &Exchange<'_>) -> Option<Self> {
        let head = exchange.request.head;
        let asks = matches!(head.method(), b"GET" | b"HEAD");
        let text = exchange.worker.challenges().answer(head.path());
        let text = text.filter(|_| asks)?;
        let body = Cow::Owned(text.into_bytes());
        Some(Self {
            content_type: "application/octet-stream",
            body,
            ..Self::empty(200, Vec::new())
        })
    }

    /// The same with these headers, in place of those of the same names.
    pub(super) fn with(mut self, headers: Vec<(&'static str, String)>) -> Self {
        self.headers
            .retain(|(name, _)| headers.iter().all(|(n, _)| n != name));
        self.headers.extend(headers);
        self
    }

    /// Sends the client to its own path with a slash behind.
    pub(super) fn with_slash(exchange: &Exchange<'_>) -> Self {
        let location = location_with_slash(exchange.request.head);
        Self::empty(301, vec![("Location", location)])
    }

    /// Sends the client to the same by HTTPS; a body that was sent is asked for again.
    pub(super) fn to_https(exchange: &Exchange<'_>, site: Option<&Site>) -> Self {
        match https_location(&exchange.request.view(), site) {
            Ok((status, location)) => Self::empty(status, vec![("Location", location)]),
            Err(reason) => Self::refusal(exchange, reason),
        }
    }

    /// Sends the client where the operator said.
    pub(super) fn redirect(exchange: &Exchange<'_>, redirect: &Redirect) -> Self {
        match location(&exchange.request.view(), redirect) {
            Ok(location) => Self::empty(redirect.status, vec![("Location", location)]),
            Err(reason) => Self::refusal(exchange, reason),
        }
    }

    /// The same with the site's own page, if it has one for this status. What `respond`
    /// says stays.
    fn with_page(self, site: Option<&'a Site>) -> Self {
        let is_ours = self.reason.is_some() || self.body.is_empty();
        let page = site
            .filter(|_| is_ours)
            .and_then(|site| site.pages.of(self.status));
        match page {
            Some(page) => Self {
                content_type: &page.content_type,
                body: Cow::Borrowed(&page.text),
                ..self
            },
            None => self,
        }
    }

    /// What the operator said.
    pub(super) fn fixed(respond: &'a Respond) -> Self {
        Self {
            status: respond.status,
            reason: None,
            headers: Vec::new(),
            content_type: respond.content_type.as_str(),
            body: Cow::Borrowed(respond.body.as_bytes()),
        }
    }
}

/// Where `redirect` sends a request.
pub(super) fn location(request: &RequestView<'_>, redirect: &Redirect) -> Result<String, Reason> {
    let asked = AskedUrl {
        scheme: request.scheme,
        host: request.host,
        path: match request.path {
            b"*" => b"/",
            path => path,
        },
        query: request.query,
    };
    let text = "the request cannot be sent where it should go";
    let refused = Reason::BadRequest(Refusal::bad(58, text));
    redirect.to.fill(&asked).ok_or(refused)
}

/// The same by HTTPS, and the status that keeps its method.
pub(super) fn https_location(
    request: &RequestView<'_>,
    site: Option<&Site>,
) -> Result<(u16, String), Reason> {
    let status = match request.method {
        b"GET" | b"HEAD" => 301,
        _ => 308,
    };
    let to = site.and_then(|site| site.to_https.as_ref());
    let to = to.ok_or(Reason::Internal)?;
    location(request, to).map(|location| (status, location))
}

/// A line with the URL that asks for the same by HTTPS, at the port that was asked.
fn https_link(head: &RequestHead) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (host, path) = (text(head.authority()), text(head.path()));
    if host.is_empty() || !path.starts_with('/') {
        return String::new();
    }
    let query = head.query().map(|query| format!("?{}", text(query)));
    format!(
        "Ask for https://{host}{path}{}\n",
        query.unwrap_or_default()
    )
}

/// The path of `head` with a slash behind, and its query.
pub(super) fn location_with_slash(head: &RequestHead) -> String {
    let mut location = String::from_utf8_lossy(head.path()).into_owned();
    location.push('/');
    if let Some(query) = head.query() {
        location.push('?');
        location.push_str(&String::from_utf8_lossy(query));
    }
    location
}

fn allowed(exchange: &Exchange<'_>) -> String {
    let site = exchange
        .snapshot
        .site(exchange.request.listener, exchange.request.head.host());
    match site {
        Some(site) if !site.methods.is_empty() => site.methods.join(", "),
        _ => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS".to_owned(),
    }
}

/// Sends `answer`, after making sure that the connection stands behind the request's body
/// or will be closed (rule 45: the one way of every answer of our own).
pub(super) async fn local<'a>(
    exchange: &Exchange<'_>,
    client: &mut Client,
    body: &mut RequestBody,
    trail: &mut Trail<'a>,
    answer: Answer<'a>,
) -> Next {
    let settled = settle(exchange, client, body).await;
    send(
        exchange,
        client,
        trail,
        answer,
        exchange.keep && settled,
        settled,
    )
    .await
}

/// Refuses a request whose head was not understood: nothing behind it can be.
pub(super) async fn refuse(
    exchange: &Exchange<'_>,
    client: &mut Client,
    trail: &mut Trail<'_>,
    reason: Reason,
) -> Next {
    let answer = Answer::refusal(exchange, reason);
    send(exchange, client, trail, answer, false, false).await
}

#[allow(
    clippy::too_many_arguments,
    reason = "two callers, each with its own two verdicts"
)]
async fn send<'a>(
    exchange: &Exchange<'_>,
    client: &mut Client,
    trail: &mut Trail<'a>,
    answer: Answer<'a>,
    keep: bool,
    settled: bool,
) -> Next {
    let answer = answer.with_page(trail.site);
    trail.status = answer.status;
    trail.reason = answer.reason;
    let out = client.conn.output();
    let start = out.len();
    write_head(out, exchange, trail, &answer, keep);
    trail.head_out = client.interim_out + (out.len() - start) as u64;
    if exchange.request.head.method() != b"HEAD" && answer.status != 304 {
        out.extend_from_slice(&answer.body);
    }
    match client.conn.flush(Instant::now() + FLUSH_TIME).await {
        Err(_) => Next::Close,
        Ok(()) => exchange.next(client, keep, settled),
    }
}

fn write_head(
    out: &mut Vec<u8>,
    exchange: &Exchange<'_>,
    trail: &Trail<'_>,
    answer: &Answer<'_>,
    keep: bool,
) {
    status_line(out, Version::Http11, answer.status, b"");
    field(out, b"Server", b"steelyard");
    begin_date(out, exchange);
    let scheme = exchange.request.scheme();
    let plan = trail.route.map(|route| route.headers(scheme));
    for (name, value) in &answer.headers {
        if !plan.is_some_and(|plan| plan.drops(name.as_bytes())) {
            field(out, name.as_bytes(), value.as_bytes());
        }
    }
    for (name, value) in plan.iter().flat_map(|plan| plan.set()) {
        field(out, name.as_bytes(), value.as_bytes());
    }
    if !answer.body.is_empty() && !plan.is_some_and(|plan| plan.drops(b"Content-Type")) {
        field(out, b"Content-Type", answer.content_type.as_bytes());
    }
    // RFC 9110 section 8.6: 204 must not have it, and that of 304 would be another answer's.
    if !matches!(answer.status, 204 | 304) {
        field_number(out, b"Content-Length", answer.body.len() as u64);
    }
    let version = exchange.request.head.version;
    write_persistence(out, Persistence { version, keep });
    out.extend_from_slice(b"\r\n");
}

/// Appends the `Date` field.
pub(super) fn begin_date(out: &mut Vec<u8>, exchange: &Exchange<'_>) {
    out.extend_from_slice(b"Date: ");
    exchange.worker.append_date(out);
    out.extend_from_slice(b"\r\n");
}

/// Reads what is left of a small body, so that the connection can be kept. A client that
/// waits for `100 Continue` is told by the answer that nobody wants its body.
pub(super) async fn settle(
    exchange: &Exchange<'_>,
    client: &mut Client,
    body: &mut RequestBody,
) -> bool {
    let large = matches!(exchange.request.framing, Framing::Length(n) if n > LINGER_BYTES as u64);
    let until = Instant::now() + LINGER_TIME;
    let Some(reader) = &mut body.reader else {
        return false;
    };
    if reader.is_done() {
        return true;
    }
    if large || body.awaits_continue {
        return false;
    }
    let mut dropped = 0;
    while dropped <= LINGER_BYTES {
        match reader.next(client.conn.input()) {
            Err(_) => return false,
            Ok(Piece::Data(range)) => {
                dropped += range.len();
                client.conn.consume(range.end);
            }
            Ok(Piece::End(used)) => {
                client.conn.consume(used);
                return true;
            }
            Ok(Piece::More) => {
                client.conn.consume(usize::MAX);
                match client.conn.fill(&exchange.worker.scratch, until).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return false,
                }
            }
        }
    }
    false
}
