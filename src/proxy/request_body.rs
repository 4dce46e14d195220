//! The request's body on its way to a node: taken in whole beforehand where it can be, passed on
//! as it comes where it cannot.
//!
//! Invariant: a body never waits for ever for room. What cannot be held is passed on as it
//! comes: a slow client then holds a node, and nothing fails.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::Reason;
use super::exchange::Exchange;
use super::failure::Failure;
use super::forward::{Forwarding, Sides};
use super::head_read::HeadRead;
use super::held::{Held, Unspooled};
use super::links::Link;
use crate::http::{
    BodyReader, Framing, Pace, Piece, Relay, RelayError, StreamError, Taker, chunk_size_line,
};
use crate::metrics::Side;

/// Most of a body that is kept in memory; what comes after one read beyond it goes to a file.
const HELD: u64 = 64 * 1024;
/// Longest time without a byte of a body, whatever its rate.
const QUIET: Duration = Duration::from_secs(60);
/// How long a body whose beginning is here waits for room that others have.
const ROOM: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);

/// How a body came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing of it was waited for.
    AtOnce,
    /// Some of it was.
    InTime,
}

/// Reads the body before a node is asked: a slow client then holds no node, and what fails can
/// be sent again. What finds no room is left to come while a node is asked.
pub(super) async fn take_in(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
) -> Result<Taken, Reason> {
    let exchange = this.exchange;
    if sides.body.held.is_some() {
        return Ok(Taken::AtOnce);
    }
    let input = sides.client.conn.input().len() as u64;
    let spool_limit = exchange.snapshot.config.settings.spool_limit;
    match exchange.request.framing {
        Framing::None | Framing::Length(0) | Framing::UntilClose => return Ok(Taken::AtOnce),
        // Nothing is waited for.
        Framing::Length(length) if length <= input.min(HELD) => {}
        _ if !this.route.config.buffer_request => return Ok(Taken::AtOnce),
        // No body has more than half of it.
        Framing::Length(length) if length > HELD.max(spool_limit / 2) => {
            exchange.worker.metrics.buffers().count_wait(Side::Client);
            return Ok(Taken::AtOnce);
        }
        Framing::Length(_) | Framing::Chunked => {}
    }
    let Some(mut reader) = sides.body.reader.take() else {
        return Err(Reason::Internal);
    };
    let mut held = Held::new(&exchange.worker.room);
    let mut waited = Duration::ZERO;
    let mut taken = Taken::AtOnce;
    loop {
        let ended = take(this, sides, &mut reader, &mut held)?;
        let fits = held.count(exchange.snapshot.config.settings.memory_budget);
        if ended {
            held.is_whole = true;
            break;
        }
        let is_small = held.memory().len() as u64 <= HELD;
        // One that is known to be small waits for nobody.
        let fits = fits || matches!(exchange.request.framing, Framing::Length(..=HELD));
        let has_room = (fits && is_small) || make_room(exchange, sides, &mut held).await?;
        if !has_room {
            break;
        }
        taken = Taken::InTime;
        let told = say_continue(sides).await;
        told.map_err(|_| Reason::ClientGone)?;
        let since = this.now();
        let patience = pace(exchange).patience(held.len(), waited);
        let client = &mut sides.client.conn;
        let filled = client.fill(&exchange.worker.scratch, since + patience);
        match filled.await {
            Ok(1..) => waited += this.now() - since,
            Ok(0) | Err(StreamError::Broken(_)) => return Err(Reason::ClientGone),
            Err(StreamError::Timeout) => return Err(Reason::ClientTimeout),
        }
    }
    sides.body.reader = Some(reader);
    sides.body.held = Some(held);
    Ok(taken)
}

/// Takes what has arrived. True when that was the body's end.
fn take(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    reader: &mut BodyReader,
    held: &mut Held,
) -> Result<bool, Reason> {
    let client = &mut sides.client.conn;
    let limit = this.route.config.body_limit;
    loop {
        match reader.next(client.input()).map_err(Reason::BadRequest)? {
            Piece::Data(range) => {
                if limit > 0 && held.len() + range.len() as u64 > limit {
                    return Err(Reason::BodyTooLarge);
                }
                held.push(&client.input()[range.clone()]);
                client.consume(range.end);
                if reader.is_done() {
                    return Ok(true);
                }
            }
            Piece::More => {
                client.consume(usize::MAX);
                return Ok(false);
            }
            Piece::End(used) => {
                client.consume(used);
                return Ok(true);
            }
        }
    }
}

/// Makes room in memory for more of the body, if need be by waiting until others need less.
/// False where there is none, and the rest has to be passed on as it comes.
async fn make_room(
    exchange: &Exchange<'_>,
    sides: &mut Sides<'_>,
    held: &mut Held,
) -> Result<bool, Reason> {
    let settings = &exchange.snapshot.config.settings;
    let until = Instant::now() + ROOM;
    loop {
        match held.spool(settings.spool_limit).await {
            Ok(()) => return Ok(true),
            Err(Unspooled::Failed) => return Ok(false),
            Err(Unspooled::Full) => {}
        }
        held.count_wait();
        let is_small = held.memory().len() as u64 <= HELD;
        if is_small && held.count(settings.memory_budget) {
            return Ok(true);
        }
        if held.has_all_room() || Instant::now() >= until {
            return Ok(false);
        }
        let client = &mut sides.client.conn;
        let look = Instant::now() + LOOK;
        let mut armed = false;
        let gone = poll_fn(|cx| match client.poll_gone(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => client.poll_late(cx, look, &mut armed).map(|()| false),
        });
        if gone.await {
            return Err(Reason::ClientGone);
        }
    }
}

fn pace(exchange: &Exchange<'_>) -> Pace {
    Pace::Rate {
        rate: exchange.request.listener.config.body_min_rate,
        quiet: QUIET,
    }
}

/// Says `100 Continue` to a client that waits for it: only now that its body is wanted
/// (rule 38).
async fn say_continue(sides: &mut Sides<'_>) -> Result<(), Failure> {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    if !std::mem::take(&mut sides.body.awaits_continue) {
        return Ok(());
    }
    let client = &mut sides.client.conn;
    client.output().extend_from_slice(CONTINUE);
    sides.client.interim_out += CONTINUE.len() as u64;
    let told = client.flush(Instant::now() + QUIET).await;
    told.map_err(|_| Failure::Client(Reason::ClientGone))
}

/// Passes the request's body on. False when the node answered before all of it was sent.
pub(super) async fn send_body(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    link: &mut Link,
    head: &mut HeadRead,
) -> Result<bool, Failure> {
    let exchange = this.exchange;
    let mut passed = 0;
    // Taken out, since what is written to the node stands beside what is read from the client.
    if let Some(held) = sides.body.held.take() {
        let sent = send_held(this, sides, link, head, &held).await;
        passed = held.len();
        let is_whole = held.is_whole;
        sides.body.held = Some(held);
        if is_whole || !matches!(sent, Ok(true)) {
            return sent;
        }
    }
    let Some(reader) = sides.body.reader.take() else {
        return Err(Failure::Client(Reason::Internal));
    };
    say_continue(sides).await?;
    sides.body.started = true;
    // What was held cannot be sent again without the rest.
    sides.body.held = None;
    let from = pace(exchange);
    let to = Pace::Between(this.pool.config.send_timeout);
    let chunked = exchange.request.framing == Framing::Chunked;
    let mut relay = Relay::new(reader, chunked, this.route.config.body_limit, from, to);
    relay.passed = passed;
    let scratch = &exchange.worker.scratch;
    let sent = loop {
        let client = &mut sides.client.conn;
        let event = poll_fn(|cx| {
            // Interim answers. One that cannot be written is told by what is read.
            let _later = client.poll_flush(cx);
            if let Poll::Ready(done) = relay.poll(cx, scratch, client, &mut link.conn) {
                return Poll::Ready(Sent::Passed(done));
            }
            // While the node takes nothing, nothing is read of a client that may have left.
            if link.conn.has_output() && client.poll_gone(cx).is_ready() {
                return Poll::Ready(Sent::ClientGone);
            }
            // A node may answer before it has read everything (rule 44).
            link.conn.poll_fill(cx, scratch).map(Sent::Answered)
        })
        .await;
        // An interim answer ends nothing: the node still waits for the body.
        if !matches!(event, Sent::Answered(Ok(1..))) || head.go_on(this, sides, link)? {
            break event;
        }
    };
    sides.body.reader = Some(relay.into_reader());
    match sent {
        Sent::Passed(Ok(())) => Ok(true),
        Sent::ClientGone => Err(Failure::Client(Reason::ClientGone)),
        Sent::Answered(Ok(1..)) => Ok(false),
        Sent::Answered(Ok(0) | Err(_)) => Err(Failure::Broken),
        // It may have answered and closed: the answer is worth more than the error.
        Sent::Passed(Err(RelayError::To(StreamError::Broken(_)))) => Ok(false),
        Sent::Passed(Err(RelayError::To(StreamError::Timeout))) => Err(Failure::Timeout),
        Sent::Passed(Err(error)) => {
            sides.body.reader = None;
            Err(Failure::Client(client_fault(&error)))
        }
    }
}

/// Sends what was taken in. False when the node answered before all of it was sent.
async fn send_held(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    link: &mut Link,
    head: &mut HeadRead,
    held: &Held,
) -> Result<bool, Failure> {
    let in_chunks = !held.is_whole && this.exchange.request.framing == Framing::Chunked;
    let mut at = 0;
    while at < held.len() {
        let piece = held.piece(at).await;
        let piece = piece.map_err(|_| Failure::Client(Reason::Internal))?;
        at += piece.len() as u64;
        let out = link.conn.output();
        if in_chunks {
            chunk_size_line(out, piece.len());
        }
        out.extend_from_slice(&piece);
        if in_chunks {
            out.extend_from_slice(b"\r\n");
        }
        if !write_out(this, sides, link, head).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes what the link's output holds. False when the node answered first.
pub(super) async fn write_out(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    link: &mut Link,
    head: &mut HeadRead,
) -> Result<bool, Failure> {
    let scratch = &this.exchange.worker.scratch;
    let mut taker = Taker::new(Pace::Between(this.pool.config.send_timeout));
    loop {
        let client = &mut sides.client.conn;
        let event = poll_fn(|cx| {
            // Nearly always there is no more to it.
            if let Poll::Ready(done) = link.conn.poll_flush(cx) {
                return Poll::Ready(Written::All(done));
            }
            // Interim answers.
            let gone = matches!(client.poll_flush(cx), Poll::Ready(Err(_)));
            if gone || client.poll_gone(cx).is_ready() {
                return Poll::Ready(Written::ClientGone);
            }
            if let Poll::Ready(filled) = link.conn.poll_fill(cx, scratch) {
                return Poll::Ready(Written::Answered(filled));
            }
            // A node that takes some of it has as long again for more.
            let late = link.conn.poll_taking(cx, &mut taker);
            late.map(|()| Written::Late)
        });
        match event.await {
            Written::All(Ok(())) => return Ok(true),
            // It may have answered and closed: the answer is worth more than the error.
            Written::All(Err(_)) => return Ok(false),
            Written::Answered(Ok(1..)) => {
                // An interim answer ends nothing: the node still waits for the body.
                if head.go_on(this, sides, link)? {
                    return Ok(false);
                }
            }
            Written::Answered(Ok(0) | Err(_)) => return Err(Failure::Broken),
            Written::Late => return Err(Failure::Timeout),
            Written::ClientGone => return Err(Failure::Client(Reason::ClientGone)),
        }
    }
}

enum Written {
    All(io::Result<()>),
    Answered(io::Result<usize>),
    Late,
    ClientGone,
}

enum Sent {
    Passed(Result<(), RelayError>),
    Answered(io::Result<usize>),
    ClientGone,
}

fn client_fault(error: &RelayError) -> Reason {
    match error {
        RelayError::From(StreamError::Timeout) => Reason::ClientTimeout,
        RelayError::From(StreamError::Broken(_)) | RelayError::Ended => Reason::ClientGone,
        RelayError::Bad(refusal) => Reason::BadRequest(*refusal),
        RelayError::TooLarge => Reason::BodyTooLarge,
        RelayError::To(_) => Reason::Internal,
    }
}
