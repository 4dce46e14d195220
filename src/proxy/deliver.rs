//! Passing a node's answer to the client.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::Poll;
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
use super::links::Link;
use super::request::{Trail, wants_close};
use crate::balance::{Lease, unix_now};
use crate::http::{
    BodyReader, Framing, Known, Pace, Piece, Relay, RelayError, ResponseHead, StreamError, Version,
    chunk_end, chunk_size_line,
};
use crate::metrics::NodeErrorKind;

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
        &this.route.headers,
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
    take_whole(&mut answered, chunked, client.output());
    release(
        this,
        sides.response,
        answered.link,
        answered.body_sent,
        &lease,
    );
    drop(lease);
    let flushed = client.flush_at(client_pace(this.exchange)).await;
    flushed.map_err(|_| Reason::ClientGone)
}

/// Puts the body, which is all here, into `out`. It was read as such before, so that no more
/// of it and no fault can be found.
fn take_whole(answered: &mut Answered, chunked: bool, out: &mut Vec<u8>) {
    let input = answered.link.conn.input();
    let mut reader = BodyReader::new(answered.framing);
    let mut at = 0;
    loop {
        match reader.next(&input[at..]) {
            Ok(Piece::Data(range)) => {
                if chunked {
                    chunk_size_line(out, range.len());
                }
                out.extend_from_slice(&input[at..][range.clone()]);
                if chunked {
                    out.extend_from_slice(b"\r\n");
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
        chunk_end(out);
    }
    answered.link.conn.consume(at);
}

/// Passes on an answer as it comes.
async fn pass(
    this: &Forwarding<'_, '_>,
    sides: &mut Sides<'_>,
    mut answered: Answered,
    lease: Lease<'_>,
) -> Result<(), Reason> {
    let exchange = this.exchange;
    let pool = &this.pool.config;
    let from = Pace::Between(this.route.config.read_timeout.unwrap_or(pool.read_timeout));
    let to = client_pace(exchange);
    let chunked = !matches!(answered.framing, Framing::Length(_))
        && exchange.request.head.version == Version::Http11;
    let mut relay = Relay::new(BodyReader::new(answered.framing), chunked, 0, from, to);
    let client = &mut sides.client.conn;
    let node = &mut answered.link.conn;
    let passed = poll_fn(|cx| {
        if let Poll::Ready(done) = relay.poll(cx, &exchange.worker.scratch, node, client) {
            return Poll::Ready(done);
        }
        // A stream may be silent for long: who has left must not hold its node till then.
        let gone = || RelayError::To(StreamError::Broken(ErrorKind::ConnectionReset.into()));
        client.poll_gone(cx).map(|()| Err(gone()))
    });
    match passed.await {
        Ok(()) => {
            if answered.framing != Framing::UntilClose {
                release(
                    this,
                    sides.response,
                    answered.link,
                    answered.body_sent,
                    &lease,
                );
            }
            Ok(())
        }
        Err(RelayError::To(_)) => Err(Reason::ClientGone),
        Err(error) => {
            let (reason, kind) = node_fault(&error);
            let index = lease.index();
            this.pool.counters[index].count(kind);
            lease.candidate().state.count_error();
            // A stream that is silent for long is no evidence against its node: nobody
            // else was asked for it.
            if reason != Reason::NodeTimeout {
                this.pool.balancer.failed(index, Instant::now());
            }
            Err(reason)
        }
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
    link: Link,
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
            .give_back(node, link, keepalive, &worker.scratch);
    }
}
