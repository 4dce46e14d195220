//! Sending a file: the head, and as much of the bytes as is in memory, by the worker itself.
//!
//! A small file is read into the worker's scratch and written with its head, three calls of the
//! kernel in all; a long one is sent by the kernel. A worker waits for no disk: what is
//! not in memory is read on the blocking pool. What the client is sent is as long as its head
//! said, or the connection is reset.

use std::ops::Range;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Reason;
use super::answer::{begin_date, settle};
use super::connection::{Client, Next};
use super::deliver::client_pace;
use super::exchange::Exchange;
use super::headers::{Persistence, write_persistence};
use super::request::{RequestBody, Trail};
use crate::files::{self, Body, Kept, Opened};
use crate::http::{FileSent, Taker, Version, field, field_number, status_line};
use crate::snapshot::Route;

/// Most bytes that are read and written by us where the kernel could send them itself.
const COPIED: u64 = 64 * 1024;
/// Bytes read on the blocking pool at a time.
const PIECE: u64 = 256 * 1024;
/// Bytes after which a client that takes them as fast as they come lets others go on.
const FAIR: u64 = 1024 * 1024;

/// What of a file is sent.
#[derive(Debug)]
pub(super) enum What {
    /// All of it.
    Plain,
    /// What the conditions and ranges of the request left.
    Part {
        status: u16,
        headers: files::Headers,
        asked: Body,
    },
}

/// Answers with the file `kept`.
pub(super) async fn send<'x>(
    exchange: &Exchange<'x>,
    client: &mut Client,
    body: &mut RequestBody,
    trail: &mut Trail<'x>,
    (route, (kept, what)): (&'x Route, (&Kept, What)),
) -> Next {
    let settled = settle(exchange, client, body).await;
    let keep = exchange.keep && settled;
    let out = client.conn.output();
    let start = out.len();
    let (status, asked) = match what {
        What::Plain => {
            append_plain_head(out, exchange, route, kept);
            (200, Body::Range(0..kept.file.size()))
        }
        What::Part {
            status,
            headers,
            asked,
        } => {
            write_head(out, exchange, route, (status, headers, asked.len()));
            (status, asked)
        }
    };
    let version = exchange.request.head.version;
    write_persistence(out, Persistence { version, keep });
    out.extend_from_slice(b"\r\n");
    trail.status = status;
    trail.head_out = (out.len() - start) as u64;
    let asked = match exchange.request.head.method() {
        b"HEAD" => Body::Range(0..0),
        _ => asked,
    };
    let mut sending = Sending {
        exchange,
        client,
        file: &kept.file,
        taker: Taker::new(client_pace(exchange)),
    };
    match sending.body(asked).await {
        Ok(()) => exchange.next(client, keep, settled),
        Err(reason) => {
            trail.reason = Some(reason);
            Next::Abort
        }
    }
}

/// Appends the head of the whole file's answer, written once a second.
fn append_plain_head(out: &mut Vec<u8>, exchange: &Exchange<'_>, route: &Route, kept: &Kept) {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let mut head = kept.head.borrow_mut();
    let scheme = exchange.request.scheme();
    if (head.second, head.scheme) != (second, scheme) || head.bytes.is_empty() {
        (head.second, head.scheme) = (second, scheme);
        head.bytes.clear();
        let headers = kept.plain_headers(now);
        let length = kept.file.size();
        write_head(&mut head.bytes, exchange, route, (200, headers, length));
    }
    out.extend_from_slice(&head.bytes);
}

/// Appends a head as far as it does not hang on the connection.
fn write_head(
    out: &mut Vec<u8>,
    exchange: &Exchange<'_>,
    route: &Route,
    (status, headers, length): (u16, files::Headers, u64),
) {
    status_line(out, Version::Http11, status, b"");
    field(out, b"Server", b"steelyard");
    begin_date(out, exchange);
    let plan = route.headers(exchange.request.scheme());
    for (name, value) in headers {
        if !plan.drops(name.as_bytes()) {
            field(out, name.as_bytes(), value.as_bytes());
        }
    }
    for (name, value) in plan.set() {
        field(out, name.as_bytes(), value.as_bytes());
    }
    field_number(out, b"Content-Length", length);
}

/// A file on its way to a client.
struct Sending<'a, 'b> {
    exchange: &'a Exchange<'b>,
    client: &'a mut Client,
    file: &'a Arc<Opened>,
    /// One for all of it: who takes a little of each piece is judged by the whole.
    taker: Taker,
}

impl Sending<'_, '_> {
    /// Sends what is queued, and `asked` of the file behind it.
    async fn body(&mut self, asked: Body) -> Result<(), Reason> {
        match asked {
            Body::Range(range) => self.range(range).await?,
            Body::Parts(parts) => {
                for (head, range) in parts.list {
                    self.queue(head.as_bytes());
                    self.range(range).await?;
                }
                self.queue(parts.end.as_bytes());
            }
        }
        self.flush().await
    }

    /// Sends `range` behind what is queued.
    async fn range(&mut self, range: Range<u64>) -> Result<(), Reason> {
        let mut at = range.start;
        while at < range.end {
            let left = range.end - at;
            at = if self.client.conn.takes_files() && left > COPIED {
                let end = range.end.min(at + FAIR);
                let until = self.by_the_kernel(at..end).await?;
                if until == end && end < range.end {
                    tokio::task::yield_now().await;
                }
                until
            } else {
                self.by_copying(at..range.end).await?
            };
        }
        Ok(())
    }

    fn queue(&mut self, bytes: &[u8]) {
        self.client.conn.output().extend_from_slice(bytes);
    }

    async fn flush(&mut self) -> Result<(), Reason> {
        let flushed = self.client.conn.flush_to(&mut self.taker).await;
        flushed.map_err(|_| Reason::ClientGone)
    }

    /// Has the kernel send `range`, and answers how far that went.
    async fn by_the_kernel(&mut self, range: Range<u64>) -> Result<u64, Reason> {
        let (file, end) = (self.file, range.end);
        let is_in_memory = |piece| file.is_in_memory(piece);
        let (conn, taker) = (&mut self.client.conn, &mut self.taker);
        let sent = conn.send_file(&**file, range, taker, is_in_memory).await;
        match sent.map_err(|_| Reason::ClientGone)? {
            Ok(FileSent::Whole) => Ok(end),
            Ok(FileSent::Until(at)) => self.waiting_for_the_disk(at..end).await,
            Ok(FileSent::Short) => Err(broken_off(file, None)),
            Err(error) => Err(broken_off(file, Some(&error))),
        }
    }

    /// Reads the first bytes of `range` and writes them with what is queued; answers how far it
    /// came.
    async fn by_copying(&mut self, range: Range<u64>) -> Result<u64, Reason> {
        let file = self.file;
        let most = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let scratch = &self.exchange.worker.scratch;
        let pushed = self.client.conn.push_read(scratch, |bytes| {
            let most = most.min(bytes.len());
            file.read_from_memory(range.start, &mut bytes[..most])
        });
        match pushed.await.map_err(|_| Reason::ClientGone)? {
            Ok(Some(0)) => Err(broken_off(file, None)),
            Ok(Some(count)) => {
                self.flush().await?;
                Ok(range.start + count as u64)
            }
            Ok(None) => self.waiting_for_the_disk(range).await,
            Err(error) => Err(broken_off(file, Some(&error))),
        }
    }

    /// Reads the first bytes of `range` on the blocking pool and writes them; answers how far it
    /// came.
    async fn waiting_for_the_disk(&mut self, range: Range<u64>) -> Result<u64, Reason> {
        let reader = Arc::clone(self.file);
        let piece = range.start..range.end.min(range.start + PIECE);
        let read = tokio::task::spawn_blocking(move || reader.read(piece)).await;
        match read {
            Ok(Ok(bytes)) if !bytes.is_empty() => {
                self.queue(&bytes);
                self.flush().await?;
                Ok(range.start + bytes.len() as u64)
            }
            Ok(Ok(_)) => Err(broken_off(self.file, None)),
            Ok(Err(error)) => Err(broken_off(self.file, Some(&error))),
            Err(_panicked) => Err(Reason::Internal),
        }
    }
}

/// What was promised cannot be sent, and must not seem so.
fn broken_off(file: &Opened, error: Option<&std::io::Error>) -> Reason {
    let path = file.path().display();
    match error {
        Some(error) => tracing::error!("{path} cannot be read any further: {error}"),
        None => tracing::warn!("{path} became shorter while it was sent: the connection is reset"),
    }
    Reason::Internal
}
