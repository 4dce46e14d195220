//! The request's body on its way to a node: held in memory when it is small, passed on as
//! it comes when it is not.

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
use super::links::Link;
use crate::http::{Framing, Pace, Relay, RelayError, StreamError};

/// A body of a known length up to this is read before a node is asked: a slow client then
/// holds no node, and what fails can be sent again.
const HELD: u64 = 64 * 1024;
/// Longest time without a byte of a body, whatever its rate.
const QUIET: Duration = Duration::from_secs(60);

/// Reads a small body whole.
pub(super) async fn take_in(exchange: &Exchange<'_>, sides: &mut Sides<'_>) -> Result<(), Reason> {
    let length = match exchange.request.framing {
        Framing::Length(length @ 1..=HELD) => usize::try_from(length).unwrap_or(usize::MAX),
        _ => return Ok(()),
    };
    if sides.client.conn.input().len() < length {
        let told = say_continue(sides).await;
        told.map_err(|_| Reason::ClientGone)?;
    }
    let client = &mut sides.client.conn;
    let start = Instant::now();
    while client.input().len() < length {
        let patience = pace(exchange).patience(client.input().len() as u64, start.elapsed());
        let filled = client
            .fill(&exchange.worker.scratch, Instant::now() + patience)
            .await;
        match filled {
            Ok(1..) => {}
            Ok(0) | Err(StreamError::Broken(_)) => return Err(Reason::ClientGone),
            Err(StreamError::Timeout) => return Err(Reason::ClientTimeout),
        }
    }
    sides.body.held = Some(client.input()[..length].to_vec());
    sides.body.reader = Some(crate::http::BodyReader::new(Framing::None));
    client.consume(length);
    Ok(())
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
    let Some(reader) = sides.body.reader.take() else {
        return Err(Failure::Client(Reason::Internal));
    };
    say_continue(sides).await?;
    sides.body.started = true;
    let from = pace(exchange);
    let to = Pace::Between(this.pool.config.send_timeout);
    let chunked = exchange.request.framing == Framing::Chunked;
    let mut relay = Relay::new(reader, chunked, this.route.config.body_limit, from, to);
    let scratch = &exchange.worker.scratch;
    let sent = loop {
        let client = &mut sides.client.conn;
        let event = poll_fn(|cx| {
            // Interim answers. One that cannot be written is told by what is read.
            let _later = client.poll_flush(cx);
            if let Poll::Ready(done) = relay.poll(cx, scratch, client, &mut link.conn) {
                return Poll::Ready(Sent::Passed(done));
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

enum Sent {
    Passed(Result<(), RelayError>),
    Answered(io::Result<usize>),
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
