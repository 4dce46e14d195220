//! Passing a node's answer to the client.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use super::Reason;
use super::affinity::write_cookie;
use super::answer::begin_date;
use super::attempt::Answered;
use super::connection::Next;
use super::exchange::Exchange;
use super::forward::{Forwarding, Sides};
use super::headers::{Ending, Persistence, write_response};
use super::held::Share;
use super::links::Link;
use super::read_ahead::{Bounds, ReadAhead};
use super::request::{Trail, wants_close};
use crate::balance::{Lease, unix_now};
use crate::http::{
    BodyReader, Conn, Framing, Known, Pace, Piece, Relay, RelayError, ResponseHead, StreamError,
    Taker, Version, chunk_end, chunk_size_line,
};
use crate::metrics::{NodeErrorKind, Place};

/// Longest time a client may take nothing of an answer.
const QUIET: Duration = Duration::from_secs(30);

/// How fast a client has to take an answer.
pub(super) fn client_pace(exchange: &Exchange<'_>) -> Pace {
    Pace::Rate {
        rate: exchange.request.listener.config.response_min_rate,
        quiet: QUIET,
    }
}

/// Passes `answered` to the client.
pub(super) async fn deliver(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    answered: Answered,
    lease: Lease<'_>,
    trail: &mut Trail<'_>,
) -> Next {
    let exchange = this.exchange;
    let version = exchange.request.head.version;
    let ending = match answered.framing {
        Framing::None => Ending::NoBody,
        Framing::Length(length) => Ending::Length(length),
        Framing::Chunked | Framing::UntilClose if version == Version::Http11 => Ending::Chunked,
        Framing::Chunked | Framing::UntilClose => Ending::Close,
    };
    let keep = exchange.keep && sides.body.is_read() && ending != Ending::Close;
    let out = sides.client.conn.output();
    let start = out.len();
    let persistence = Persistence { version, keep };
    write_response(
        out,
        sides.response,
        this.route.headers(exchange.request.scheme()),
        ending,
        persistence,
    );
    write_affinity(out, this, &lease);
    if sides.response.fields.get(Known::Date).is_none() {
        begin_date(out, exchange);
    }
    out.extend_from_slice(b"\r\n");
    trail.status = sides.response.status;
    trail.head_out = (out.len() - start) as u64 + sides.client.interim_out;
    let client = &sides.client.conn;
    if ending == Ending::Close {
        client.end_is_no_end(true);
    }
    let passed = if answered.is_whole {
        pass_whole(this, sides, answered, lease).await
    } else {
        pass(this, sides, answered, lease).await
    };
    match passed {
        Ok(()) => {
            if ending == Ending::Close {
                sides.client.conn.end_is_no_end(false);
            }
            exchange.next(sides.client, keep, sides.body.is_read())
        }
        Err(reason) => {
            trail.reason = Some(reason);
            Next::Abort
        }
    }
}

/// Binds the client to the node that answers it, unless it is so already.
pub(super) fn write_affinity(out: &mut Vec<u8>, this: &Forwarding<'_, '_>, lease: &Lease<'_>) {
    let balancer = &this.pool.balancer;
    if let Some(affinity) = balancer.affinity()
        && let Some(value) = balancer.bind(lease.index(), this.bound, unix_now())
    {
        write_cookie(out, affinity, &this.exchange.request.view(), &value);
    }
}

/// Passes on an answer that is here already. The node is free before the client has it.
async fn pass_whole(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    mut answered: Answered,
    lease: Lease<'_>,
) -> Result<(), Reason> {
    let client = &mut sides.client.conn;
    let version = this.exchange.request.head.version;
    let chunked = answered.framing == Framing::Chunked && version == Version::Http11;
    let mut taker = Taker::new(client_pace(this.exchange));
    taker.begin(client);
    let taken = poll_fn(|cx| Poll::Ready(take_whole(&mut answered, chunked, cx, client))).await;
    release(
        this,
        sides.response,
        answered.link,
        answered.body_sent,
        &lease,
    );
    drop(lease);
    taken.map_err(|_| Reason::ClientGone)?;
    flush_rest(this.exchange, client, taker).await
}

/// Writes what is here of an answer, counting it where the client does not take it at once.
async fn flush_rest(
    exchange: &Exchange<'_>,
    client: &mut Conn,
    mut taker: Taker,
) -> Result<(), Reason> {
    let gone = |_| Reason::ClientGone;
    taker.begin(client);
    match poll_fn(|cx| Poll::Ready(client.poll_flush(cx))).await {
        Poll::Ready(done) => done.map_err(gone),
        Poll::Pending => {
            let mut share = Share::new(&exchange.worker.room, Place::Memory);
            share.force(client.queued() as u64);
            let flushed = client.flush_to(&mut taker).await;
            flushed.map_err(|_| Reason::ClientGone)
        }
    }
}

/// Has the client take the body, which is all here, or puts it into its output. It was read as
/// such before, so that no more of it and no fault can be found.
fn take_whole(
    answered: &mut Answered,
    chunked: bool,
    cx: &mut Context<'_>,
    client: &mut Conn,
) -> io::Result<()> {
    let input = answered.link.conn.input();
    let mut reader = BodyReader::new(answered.framing);
    let (mut at, mut pushed) = (0, Ok(()));
    loop {
        match reader.next(&input[at..]) {
            Ok(Piece::Data(range)) => {
                if chunked {
                    chunk_size_line(client.output(), range.len());
                }
                pushed = pushed.and(client.push(cx, &input[at..][range.clone()]));
                if chunked {
                    client.output().extend_from_slice(b"\r\n");
                }
                at += range.end;
            }
            Ok(Piece::End(used)) => {
                at += used;
                break;
            }
            Ok(Piece::More) | Err(_) => break,
        }
    }
    if chunked {
        chunk_end(client.output());
    }
    answered.link.conn.consume(at);
    pushed
}

/// Passes on an answer as it comes. What the client does not take at once is taken from the
/// node all the same, where the route and the answer allow it: so slow a client holds no node.
async fn pass(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    mut answered: Answered,
    lease: Lease<'_>,
) -> Result<(), Reason> {
    let exchange = this.exchange;
    let pool = &this.pool.config;
    let from = this.route.config.read_timeout.unwrap_or(pool.read_timeout);
    let to = client_pace(exchange);
    let chunked = !matches!(answered.framing, Framing::Length(_))
        && exchange.request.head.version == Version::Http11;
    let reads_ahead = this.route.config.buffer_response && !is_stream(sides.response);
    let reader = BodyReader::new(answered.framing);
    let mut relay = Relay::new(reader, chunked, 0, Pace::Between(from), to);
    let scratch = &exchange.worker.scratch;
    let client = &mut sides.client.conn;
    let mut slow = Slow::default();
    let room = &exchange.worker.room;
    let mut queued = Share::new(room, Place::Memory);
    let event = poll_fn(|cx| {
        if let Poll::Ready(done) = relay.poll(cx, scratch, &mut answered.link.conn, client) {
            return Poll::Ready(Event::Passed(done));
        }
        // All of it is here: the node is done with, as slow as the client may be.
        if relay.is_read() {
            return Poll::Ready(Event::Slow);
        }
        if !reads_ahead {
            queued.force(client.queued() as u64);
        } else if slow.poll(cx, client).is_ready() {
            return Poll::Ready(Event::Slow);
        }
        // A stream may be silent for long: who has left must not hold its node till then.
        client
            .poll_gone(cx)
            .map(|()| Event::Passed(Err(client_gone())))
    });
    let event = event.await;
    drop(queued);
    let passed = match event {
        Event::Passed(done) => done.map(|()| Rest::Nothing),
        Event::Slow if relay.is_read() => Ok(Rest::Queued(relay.into_parts().1)),
        Event::Slow => {
            let bounds = Bounds::new(&exchange.snapshot.config.settings, from);
            let mut ahead = ReadAhead::new(relay.into_parts(), chunked, room, bounds);
            let node = &mut answered.link.conn;
            let read = poll_fn(|cx| {
                if let Poll::Ready(done) = ahead.poll(cx, scratch, Some(&mut *node), client) {
                    return Poll::Ready(done);
                }
                client.poll_gone(cx).map(|()| Err(client_gone()))
            });
            read.await.map(|_| Rest::Ahead(Box::new(ahead)))
        }
    };
    let rest = passed.map_err(|error| this.blame(&error, &lease))?;
    if answered.framing != Framing::UntilClose {
        let Answered {
            link, body_sent, ..
        } = answered;
        release(this, sides.response, link, body_sent, &lease);
    } else {
        drop(answered);
    }
    // The node is done with, whatever the client is.
    drop(lease);
    pass_rest(exchange, &mut sides.client.conn, rest).await
}

/// Passes on what is here of an answer whose node is done with.
async fn pass_rest(exchange: &Exchange<'_>, client: &mut Conn, rest: Rest) -> Result<(), Reason> {
    let mut ahead = match rest {
        Rest::Nothing => return Ok(()),
        Rest::Queued(taker) => return flush_rest(exchange, client, taker).await,
        Rest::Ahead(ahead) => ahead,
    };
    let passed = poll_fn(|cx| {
        if let Poll::Ready(done) = ahead.poll(cx, &exchange.worker.scratch, None, client) {
            return Poll::Ready(done);
        }
        client.poll_gone(cx).map(|()| Err(client_gone()))
    });
    passed.await.map(|_| ()).map_err(|_| Reason::ClientGone)
}

/// What the client has not yet, once the node is done with.
enum Rest {
    Nothing,
    /// What waits to be written.
    Queued(Taker),
    Ahead(Box<ReadAhead>),
}

enum Event {
    Passed(Result<(), RelayError>),
    /// The client does not take it as fast as the node sends.
    Slow,
}

/// Finds that a client is slower than its node.
#[derive(Debug, Default)]
struct Slow {
    sent: Option<u64>,
}

impl Slow {
    /// How long a client may take nothing before its answer is held for it: one that keeps up
    /// costs no copy.
    const TIME: Duration = Duration::from_millis(10);

    fn poll(&mut self, cx: &mut Context<'_>, client: &mut Conn) -> Poll<()> {
        if !client.has_output() {
            self.sent = None;
            return Poll::Pending;
        }
        let out = client.going_out();
        let mut armed = self.sent.replace(out) == Some(out);
        client.poll_late(cx, Instant::now() + Self::TIME, &mut armed)
    }
}

fn client_gone() -> RelayError {
    RelayError::To(StreamError::Broken(ErrorKind::ConnectionReset.into()))
}

/// Whether the node says that the answer is to be passed on piece by piece.
fn is_stream(response: &ResponseHead) -> bool {
    response.fields.iter().any(|field| {
        let is = |name: &[u8]| field.name.eq_ignore_ascii_case(name);
        let begins = |word: &[u8]| {
            let start = field.value.get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        (is(b"content-type") && begins(b"text/event-stream"))
            || (is(b"x-accel-buffering") && field.value.eq_ignore_ascii_case(b"no"))
    })
}

impl Forwarding<'_, '_> {
    /// Whose fault it is that an answer is not whole.
    fn blame(&self, error: &RelayError, lease: &Lease<'_>) -> Reason {
        if matches!(error, RelayError::To(_)) {
            return Reason::ClientGone;
        }
        let (reason, kind) = node_fault(error);
        let index = lease.index();
        self.pool.counters[index].count(kind);
        lease.candidate().state.count_error();
        // A stream that is silent for long is no evidence against its node: nobody
        // else was asked for it.
        if reason != Reason::NodeTimeout {
            self.pool.balancer.failed(index, self.now());
        }
        reason
    }
}

fn node_fault(error: &RelayError) -> (Reason, NodeErrorKind) {
    match error {
        RelayError::From(StreamError::Timeout) => (Reason::NodeTimeout, NodeErrorKind::Timeout),
        RelayError::From(StreamError::Broken(_)) | RelayError::Ended => {
            (Reason::NodeReset, NodeErrorKind::Reset)
        }
        RelayError::Bad(_) | RelayError::TooLarge | RelayError::To(_) => {
            (Reason::NodeBadResponse, NodeErrorKind::BadResponse)
        }
    }
}

/// Keeps the connection to the node for a next request, if both sides left it clean
/// (rule 48). Everything else closes it.
fn release(
    this: &Forwarding<'_, '_>,
    response: &ResponseHead,
    link: Box<Link>,
    body_sent: bool,
    lease: &Lease<'_>,
) {
    let node = &lease.candidate().state;
    let excess = link.conn.input().len();
    if excess > 0 {
        // Bytes behind a complete answer belong to no request of ours (rule 43).
        node.count_excess_bytes(excess as u64);
        return;
    }
    let stays = response.version == Version::Http11 && !wants_close(&response.fields);
    if stays && body_sent && !link.conn.has_output() {
        let keepalive = &this.pool.config.keepalive;
        let worker = this.exchange.worker;
        worker
            .links
            .give_back(node, link, keepalive, (&worker.scratch, this.now()));
    }
}
