//! One try: a connection to the node, the request over it, the answer's head back.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use super::Reason;
use super::connection::Client;
use super::failure::Failure;
use super::forward::{Forwarding, Sides};
use super::head_read::HeadRead;
use super::headers::{begin_request, end_request};
use super::held::Held;
use super::links::{Link, Manner, Named, connect};
use super::request::Try;
use super::request_body::{send_body, write_out};
use super::retry::is_repeatable;
use crate::balance::{Health, Lease, Tried};
use crate::http::{BodyReader, Framing, Piece, response_framing};
use crate::metrics::RetryReason;
use crate::model::{Condition, ProxyProtocol};

/// A kept connection older than this carries only what may be repeated.
const FRESH: Duration = Duration::from_millis(100);
/// How often a request that waits looks whether its node was found Down.
const LOOK: Duration = Duration::from_millis(200);
/// A response up to this size, head included, is read whole before any of it is passed on:
/// a node that dies between the two is then a retry, and no torn answer. Of one in chunks, which
/// may be a stream, only what comes without a pause is held so.
const WHOLE: usize = 64 * 1024;
/// A node's answer: its head is read, its body not yet.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) link: Box<Link>,
    pub(super) framing: Framing,
    /// Whether all of its body is in the link's input.
    pub(super) is_whole: bool,
    /// Whether the request's body was all sent before it.
    pub(super) body_sent: bool,
}

/// One try under way.
struct Attempt<'a, 'x> {
    this: &'a Forwarding<'a, 'x>,
    lease: &'a Lease<'x>,
    /// The nodes asked so far, this one included.
    tried: &'a Tried,
    note: &'a mut Try<'x>,
    body_sent: bool,
    /// Whether to give up when a check turns the node Down. It holds until the answer is
    /// passed on: a node can be stopped between its head and its body.
    cancel_if_down: bool,
}

/// Sends the request to the leased node and reads its answer's head.
pub(super) async fn attempt<'x>(
    this: &Forwarding<'_, 'x>,
    sides: &mut Sides<'_>,
    lease: &Lease<'x>,
    tried: &Tried,
    note: &mut Try<'x>,
) -> Result<Answered, Failure> {
    let (pool, request) = (&this.pool.config, &this.exchange.request);
    let (worker, node) = (this.exchange.worker, &lease.candidate().state);
    let manner = Manner {
        tls: this.pool.to_nodes.get(lease.index()),
        named: named(this, sides.client),
    };
    let mut attempt = Attempt {
        this,
        lease,
        tried,
        note,
        body_sent: true,
        cancel_if_down: false,
    };
    let risks_nothing = request.is_idempotent() && (!request.has_body() || sides.body.is_held());
    let freshness = (!risks_nothing).then_some(FRESH);
    if let Some(link) = worker.links.take((node, manner), freshness, this.now()) {
        match attempt.on(sides, link).await {
            // The node closed it while we wrote. Nobody's failure: asked once more on a new
            // connection, and it does not count as a try.
            Err(Failure::Broken)
                if attempt.note.first_byte.is_none() && attempt.may_repeat(sides) =>
            {
                worker.metrics.count_retry(RetryReason::Stale);
            }
            done => return done,
        }
    }
    let start = this.now();
    let link = connect(lease.candidate(), manner, start + pool.connect_timeout).await;
    attempt.note.connect = Some(this.now() - start);
    attempt.on(sides, link.map_err(Failure::Connect)?).await
}

/// Whom the pool's nodes are told that a connection is for.
fn named(this: &Forwarding<'_, '_>, client: &Client) -> Option<Named> {
    let version = this.pool.config.proxy_protocol;
    if version == ProxyProtocol::Off {
        return None;
    }
    let origin = this.exchange.request.origin;
    Some(Named {
        version,
        client: (origin.ip, origin.port).into(),
        at: client.conn.local_address()?,
    })
}

impl Attempt<'_, '_> {
    fn may_repeat(&self, sides: &Sides<'_>) -> bool {
        let idempotent = self.this.exchange.request.is_idempotent();
        is_repeatable(
            &self.this.pool.config.retry,
            idempotent,
            true,
            sides.body.started,
        )
    }

    fn is_down(&self) -> bool {
        self.lease.candidate().state.health() == Health::Down
    }

    /// Whether another node could be asked instead. Where none can, this one's late answer
    /// is worth more than none: a process that is busy misses its checks too.
    fn may_move(&self) -> bool {
        let (pool, now) = (self.this.pool, self.this.now());
        let retry = &pool.config.retry;
        let mut nodes = pool.balancer.nodes().iter().enumerate();
        retry.on.contains(&Condition::Timeout)
            && (retry.tries == 0 || self.tried.count() < u32::from(retry.tries))
            && nodes.any(|(index, node)| {
                !self.tried.contains(index) && pool.balancer.is_eligible(node, now)
            })
    }

    /// Asks over `link`.
    async fn on(
        &mut self,
        sides: &mut Sides<'_>,
        mut link: Box<Link>,
    ) -> Result<Answered, Failure> {
        let (request, candidate) = (&self.this.exchange.request, self.lease.candidate());
        let (route, pool) = (self.this.route, self.this.pool);
        link.conn.make_room(&self.this.exchange.worker.scratch);
        let out = link.conn.output();
        begin_request(out, request, route, pool, candidate);
        let framing = sides.body.framing(request.framing);
        end_request(out, framing, request, route, pool);
        let mut head = HeadRead::default();
        let held = sides.body.held.as_ref();
        let at_once = held.is_some_and(|held| held.is_whole && !held.is_spooled());
        if request.has_body() && !at_once {
            self.body_sent = send_body(self.this, sides, &mut link, &mut head).await?;
        } else {
            let (conn, body) = (&mut link.conn, held.map_or(&[][..], Held::memory));
            let pushed = poll_fn(|cx| Poll::Ready(conn.push(cx, body))).await;
            self.body_sent = match pushed {
                Ok(()) => write_out(self.this, sides, &mut link, &mut head).await?,
                // It may have answered and closed: the answer is worth more than the error.
                Err(_) => false,
            };
        }
        // A node that was Down when it was chosen is a last resort: it gets its time.
        self.cancel_if_down = !self.is_down() && self.may_repeat(sides);
        let framing = self.read_head(sides, &mut link, head).await?;
        let is_whole = match framing {
            Framing::None => true,
            Framing::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let small = length.saturating_add(sides.response.size()) <= WHOLE;
                while small && link.conn.input().len() < length {
                    self.more(sides, &mut link).await?;
                }
                small
            }
            Framing::Chunked => self.look_ahead(sides, &mut link).await?,
            Framing::UntilClose => false,
        };
        Ok(Answered {
            link,
            framing,
            is_whole,
            body_sent: self.body_sent,
        })
    }

    /// Reads what comes of an answer in chunks without a pause, and checks it. Nothing waits for
    /// what has not arrived: a stream's first byte goes on at once. True if all of it is here.
    async fn look_ahead(&self, sides: &Sides<'_>, link: &mut Link) -> Result<bool, Failure> {
        let scratch = &self.this.exchange.worker.scratch;
        let mut reader = BodyReader::new(Framing::Chunked);
        let mut seen = 0;
        loop {
            match reader.next(&link.conn.input()[seen..]) {
                Err(refusal) => return Err(Failure::BadResponse(refusal)),
                Ok(Piece::Data(range)) => seen += range.end,
                Ok(Piece::End(_)) => return Ok(true),
                Ok(Piece::More) => {
                    seen = link.conn.input().len();
                    if seen.saturating_add(sides.response.size()) > WHOLE {
                        return Ok(false);
                    }
                    match poll_fn(|cx| Poll::Ready(link.conn.poll_fill(cx, scratch))).await {
                        Poll::Ready(Ok(1..)) => {}
                        Poll::Ready(Ok(0) | Err(_)) => return Err(Failure::Broken),
                        Poll::Pending => return Ok(false),
                    }
                }
            }
        }
    }

    /// Reads the final answer's head.
    async fn read_head(
        &mut self,
        sides: &mut Sides<'_>,
        link: &mut Link,
        mut head: HeadRead,
    ) -> Result<Framing, Failure> {
        let sent_at = self.this.now();
        loop {
            let answers = head.has_begun() || !link.conn.input().is_empty();
            if self.note.first_byte.is_none() && answers {
                let now = self.this.now();
                self.note.first_byte = Some(now - sent_at);
                self.lease.candidate().state.hear(now);
            }
            if head.go_on(self.this, sides, link)? {
                let method = self.this.exchange.request.head.method();
                return response_framing(sides.response, method).map_err(Failure::BadResponse);
            }
            self.more(sides, link).await?;
        }
    }

    /// Reads more of the answer, or finds a reason not to wait for it.
    async fn more(&self, sides: &mut Sides<'_>, link: &mut Link) -> Result<(), Failure> {
        let this = self.this;
        let timeout = this
            .route
            .config
            .read_timeout
            .unwrap_or(this.pool.config.read_timeout);
        let until = this.now() + timeout;
        let (scratch, client) = (&this.exchange.worker.scratch, &mut sides.client.conn);
        loop {
            let look = until.min(this.now() + LOOK);
            let mut armed = false;
            let event = poll_fn(|cx| {
                // Interim answers, as far as the client takes them.
                if let Poll::Ready(Err(_)) = client.poll_flush(cx) {
                    return Poll::Ready(Some(Err(Failure::Client(Reason::ClientGone))));
                }
                if let Poll::Ready(filled) = link.conn.poll_fill(cx, scratch) {
                    return Poll::Ready(Some(filled.map_err(|_| Failure::Broken)));
                }
                // A client that still sends its body is heard of through that.
                if self.body_sent && client.poll_gone(cx).is_ready() {
                    return Poll::Ready(Some(Err(Failure::Client(Reason::ClientGone))));
                }
                link.conn.poll_late(cx, look, &mut armed).map(|()| None)
            })
            .await;
            match event {
                Some(Ok(0)) => return Err(Failure::Broken),
                Some(filled) => return filled.map(|_| ()),
                None if this.now() >= until => return Err(Failure::Timeout),
                None if self.cancel_if_down && self.is_down() && self.may_move() => {
                    return Err(Failure::WentDown);
                }
                None => {}
            }
        }
    }
}
