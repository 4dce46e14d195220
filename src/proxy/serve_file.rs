//! Serving a file: asked for on the blocking pool, sent as it is read there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use super::Reason;
use super::answer::{self, Answer, begin_date, settle};
use super::connection::{Client, Next};
use super::deliver::client_pace;
use super::exchange::Exchange;
use super::headers::{Persistence, write_persistence};
use super::request::{RequestBody, Trail};
use crate::files::{self, Ask, Method, Root};
use crate::http::{Refusal, RequestHead, Version, field, field_number, status_line};
use crate::metrics::StaticResult;
use crate::snapshot::Route;

/// Bytes read ahead of a client at a time, and with the answer itself.
const PIECE: usize = 256 * 1024;

/// A file's answer, and the first bytes of it.
pub(super) type Looked = io::Result<(files::Answer, Vec<u8>)>;

/// Looks for the file below `root` that is asked for.
pub(super) async fn look(exchange: &Exchange<'_>, route: &Route, root: &Arc<Root>) -> Looked {
    let asked = Asked::new(exchange.request.head, route);
    let root = Arc::clone(root);
    let found = tokio::task::spawn_blocking(move || {
        let answer = root.answer(&asked.ask(), SystemTime::now());
        let first = match &answer {
            files::Answer::Send { file, range, .. } if asked.method == Method::Get => {
                read(file, range.start, range.end)?
            }
            _ => Vec::new(),
        };
        Ok((answer, first))
    });
    let looked = found.await.map_err(io::Error::other)?;
    if let Some(result) = looked.as_ref().ok().and_then(|(answer, _)| result(answer)) {
        exchange.worker.metrics.count_static(result);
    }
    looked
}

/// What is known of a request for a file before the disk is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It is refused.
    Refused(Reason),
    /// No file has such a path: the fallback is asked.
    Elsewhere,
    /// Only the disk knows.
    Disk {
        /// Whether a file that is there would be sent; its method is refused else.
        sent: bool,
    },
}

/// Foretells what [`look`] finds, by the same rules.
pub(super) fn prospect(head: &RequestHead, route: &Route, root: &Root) -> Prospect {
    let asked = Asked::new(head, route);
    let sent = asked.method != Method::Other;
    match root.certain(&asked.ask()) {
        Some(files::Answer::Elsewhere) => Prospect::Elsewhere,
        Some(files::Answer::Empty { status, .. }) => {
            refusal(status).map_or(Prospect::Disk { sent }, Prospect::Refused)
        }
        Some(files::Answer::Send { .. } | files::Answer::Failed(_)) | None => {
            Prospect::Disk { sent }
        }
    }
}

/// What became of the request, as far as it is about a file: refusals are counted elsewhere.
fn result(answer: &files::Answer) -> Option<StaticResult> {
    match answer {
        files::Answer::Send { .. } => Some(StaticResult::Hit),
        files::Answer::Elsewhere | files::Answer::Empty { status: 404, .. } => {
            Some(StaticResult::Miss)
        }
        files::Answer::Empty { status: 304, .. } => Some(StaticResult::Revalidated),
        files::Answer::Empty { .. } | files::Answer::Failed(_) => None,
    }
}

/// Answers with what was found.
pub(super) async fn serve<'x>(
    exchange: &Exchange<'x>,
    client: &mut Client,
    body: &mut RequestBody,
    trail: &mut Trail<'x>,
    (route, looked): (&'x Route, Looked),
) -> Next {
    let (answer, first) = match looked {
        Ok((files::Answer::Failed(error), _)) | Err(error) => {
            tracing::error!("a file below {} cannot be read: {error}", route.config.path);
            let answer = Answer::refusal(exchange, Reason::Internal);
            return answer::local(exchange, client, body, trail, answer).await;
        }
        Ok(found) => found,
    };
    match answer {
        files::Answer::Send {
            status,
            headers,
            file,
            range,
        } => {
            let settled = settle(exchange, client, body).await;
            let keep = exchange.keep && settled;
            let length = range.end - range.start;
            write_head(
                exchange,
                client,
                trail,
                route,
                (status, headers, length, keep),
            );
            client.conn.output().extend_from_slice(&first);
            let at = range.start + first.len() as u64;
            let end = if exchange.request.head.method() == b"HEAD" {
                at
            } else {
                range.end
            };
            match send(exchange, client, file, at..end).await {
                Ok(()) => exchange.next(client, keep, settled),
                Err(reason) => {
                    trail.reason = Some(reason);
                    Next::Abort
                }
            }
        }
        files::Answer::Empty { status, headers } => {
            let answer = match refusal(status) {
                Some(reason) => Answer::refusal(exchange, reason).with(headers),
                None => Answer::empty(status, headers),
            };
            answer::local(exchange, client, body, trail, answer).await
        }
        files::Answer::Elsewhere => {
            let answer = Answer::refusal(exchange, Reason::NoFile);
            answer::local(exchange, client, body, trail, answer).await
        }
        files::Answer::Failed(_) => Next::Abort,
    }
}

/// What of a file's answers is a refusal of ours, and not an answer to a condition.
fn refusal(status: u16) -> Option<Reason> {
    match status {
        400 => {
            let text = "the path could be read in two ways";
            Some(Reason::BadRequest(Refusal::bad(50, text)))
        }
        403 => Some(Reason::Forbidden),
        404 => Some(Reason::NoFile),
        405 => Some(Reason::MethodNotAllowed),
        _ => None,
    }
}

fn write_head(
    exchange: &Exchange<'_>,
    client: &mut Client,
    trail: &mut Trail<'_>,
    route: &Route,
    (status, headers, length, keep): (u16, files::Headers, u64, bool),
) {
    let out = client.conn.output();
    let start = out.len();
    status_line(out, Version::Http11, status, b"");
    field(out, b"Server", b"steelyard");
    begin_date(out, exchange);
    for (name, value) in headers {
        if !route.headers.drops(name.as_bytes()) {
            field(out, name.as_bytes(), value.as_bytes());
        }
    }
    for (name, value) in route.headers.set() {
        field(out, name.as_bytes(), value.as_bytes());
    }
    field_number(out, b"Content-Length", length);
    let version = exchange.request.head.version;
    write_persistence(out, Persistence { version, keep });
    out.extend_from_slice(b"\r\n");
    trail.status = status;
    trail.head_out = (out.len() - start) as u64;
}

/// Sends the bytes of `range`, each piece read while nothing waits to be written.
async fn send(
    exchange: &Exchange<'_>,
    client: &mut Client,
    file: File,
    range: std::ops::Range<u64>,
) -> Result<(), Reason> {
    let file = Arc::new(file);
    let mut at = range.start;
    loop {
        let flushed = client.conn.flush_at(client_pace(exchange)).await;
        flushed.map_err(|_| Reason::ClientGone)?;
        if at >= range.end {
            return Ok(());
        }
        let (reader, end) = (Arc::clone(&file), range.end);
        let piece = tokio::task::spawn_blocking(move || read(&reader, at, end)).await;
        match piece {
            Ok(Ok(piece)) if !piece.is_empty() => {
                at += piece.len() as u64;
                client.conn.output().extend_from_slice(&piece);
            }
            // It became shorter: what was promised cannot be sent, and must not seem so.
            _ => return Err(Reason::Internal),
        }
    }
}

fn read(file: &File, at: u64, end: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
    let mut piece = vec![0; length.min(PIECE)];
    let mut filled = 0;
    while filled < piece.len() {
        match file.read_at(&mut piece[filled..], at + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    piece.truncate(filled);
    Ok(piece)
}

/// What is asked for, owned: the blocking pool cannot borrow from a worker.
struct Asked {
    method: Method,
    path: Vec<u8>,
    rest: usize,
    query: Option<Vec<u8>>,
    fields: [Option<Vec<u8>>; 6],
}

const FIELDS: [&str; 6] = [
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "range",
];

impl Asked {
    fn new(head: &RequestHead, route: &Route) -> Self {
        let joined = |name: &str| {
            let of_name = head
                .fields
                .iter()
                .filter(|f| f.name.eq_ignore_ascii_case(name.as_bytes()));
            let values: Vec<&[u8]> = of_name.map(|f| f.value).collect();
            (!values.is_empty()).then(|| values.join(&b", "[..]))
        };
        let path = head.path();
        Self {
            method: match head.method() {
                b"GET" => Method::Get,
                b"HEAD" => Method::Head,
                _ => Method::Other,
            },
            rest: path.len() - route.rest(path).len(),
            path: path.to_vec(),
            query: head.query().map(<[u8]>::to_vec),
            fields: FIELDS.map(joined),
        }
    }

    fn ask(&self) -> Ask<'_> {
        let [
            if_match,
            if_none_match,
            if_modified_since,
            if_unmodified_since,
            if_range,
            range,
        ] = self.fields.each_ref().map(Option::as_deref);
        Ask {
            method: self.method,
            path: &self.path,
            rest: &self.path[self.rest..],
            query: self.query.as_deref(),
            if_match,
            if_none_match,
            if_modified_since,
            if_unmodified_since,
            if_range,
            range,
        }
    }
}
