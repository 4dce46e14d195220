//! One request, from its head's first byte to its answer's last.

use tokio::time::Instant;

use super::affinity;
use super::answer::{self, Answer};
use super::connection::{Client, Next, Security};
use super::forward::{Forwarding, Prepared, Sides, forward, prepare};
use super::note::Before;
use super::request::{Request, RequestBody, RequestId, Trail, wants_to_stay};
use super::worker::Heads;
use super::{Origin, Outcome, Reason, Worker, decide, note, origin, serve_file};
use crate::http::{
    Expectation, Framing, HeadScan, Known, Refusal, RequestHead, ResponseHead, StreamError,
    Version, parse_request, request_expectation, request_framing,
};
use crate::snapshot::{Held, Listener, Snapshot, Target};

/// What a request needs on its way, beside itself.
pub(super) struct Exchange<'x> {
    pub(super) worker: &'x Worker,
    pub(super) snapshot: &'x Snapshot,
    /// The number of the worker's hold on it.
    pub(super) hold: u64,
    pub(super) request: Request<'x>,
    /// Whether the connection may be kept after the answer, as far as is known so far.
    pub(super) keep: bool,
}

impl Exchange<'_> {
    /// Whether another snapshot is in force than this one, for this client too.
    pub(super) fn is_stale(&self, client: &Client) -> bool {
        let now = self.worker.snapshot();
        now.is_some_and(|now| {
            now.revision != self.snapshot.revision && now.listener(&client.listener).is_some()
        })
    }

    /// What becomes of the connection behind an answer that was sent whole, `settled` when
    /// the request's body was read. Closed at once only when it is the client who wants
    /// that: with requests it has sent ahead the kernel would answer a reset, and destroy
    /// what it has not yet delivered.
    pub(super) fn next(&self, client: &Client, keep: bool, settled: bool) -> Next {
        let sends_more = !client.conn.input().is_empty() || wants_to_stay(self.request.head);
        match (keep, settled && !sends_more) {
            (true, _) => Next::Keep,
            (false, true) => Next::Close,
            (false, false) => Next::Linger,
        }
    }
}

/// Serves the request whose first bytes have arrived.
pub(super) async fn exchange(worker: &Worker, client: &mut Client) -> Next {
    let started = worker.clock.now();
    let before = Before::of(client);
    client.interim_out = 0;
    let mut heads = worker.heads();
    let heads = &mut *heads;
    let before_head = worker.snapshot();
    let read = read_head(worker, client, &mut heads.request, started).await;
    // Taken once, and kept to the last byte: a request sees one snapshot. When its listener
    // went while its head arrived, it is still answered, by what was in force before.
    let now = worker.snapshot();
    let now = now.filter(|snapshot| snapshot.listener(&client.listener).is_some());
    let listener_gone = now.is_none();
    let Some(mut snapshot) = now.or(before_head) else {
        return Next::Close;
    };
    let Some(listener) = snapshot.listener(&client.listener) else {
        return Next::Close;
    };
    let understood = match read {
        HeadRead::Whole if matches!(client.security, Security::PlainByMistake) => {
            Err(Reason::PlainHttp)
        }
        HeadRead::Whole => understand(&heads.request, listener.config.refuse_get_body),
        HeadRead::Refused(reason) => Err(reason),
        HeadRead::Gone => return Next::Close,
    };
    let mut arrived = Arrived {
        understood,
        body: understood.map_or_else(|_| RequestBody::none(), RequestBody::new),
        heads,
        started,
        before,
        head_in: before.read_since(client),
        listener_gone,
    };
    loop {
        if let Some(next) = serve_by(worker, &snapshot, client, &mut arrived).await {
            return next;
        }
        let Some(now) = worker.snapshot() else {
            return Next::Close;
        };
        snapshot = now;
    }
}

/// A request whose head was read, and what holds of it whatever snapshot it is served by.
struct Arrived<'a> {
    heads: &'a mut Heads,
    understood: Result<Understood, Reason>,
    body: RequestBody,
    started: Instant,
    before: Before,
    head_in: u64,
    listener_gone: bool,
}

/// Serves what has arrived by `snapshot`, and notes it. None where another one is in force before
/// a node was asked.
async fn serve_by(
    worker: &Worker,
    snapshot: &Held,
    client: &mut Client,
    arrived: &mut Arrived<'_>,
) -> Option<Next> {
    let Some(listener) = snapshot.listener(&client.listener) else {
        return Some(Next::Close);
    };
    let (head, response) = (&arrived.heads.request, &mut arrived.heads.response);
    let enough = client.requests >= listener.config.max_requests;
    let last = enough || arrived.listener_gone || worker.is_leaving();
    let mut exchange = Exchange {
        worker,
        snapshot,
        hold: snapshot.number(),
        keep: arrived.understood.is_ok() && !last && wants_to_stay(head),
        request: Request {
            head,
            framing: arrived
                .understood
                .map_or(Framing::None, |(framing, _)| framing),
            listener,
            peer_ip: client.address.ip().to_canonical(),
            origin: Origin::peer(client.address),
            security: client.security.clone(),
            id: RequestId::new(),
        },
    };
    let mut trail = Trail::new(arrived.started, arrived.before);
    trail.head_in = arrived.head_in;
    let next = match arrived.understood {
        Err(reason) => answer::refuse(&exchange, client, &mut trail, reason).await,
        Ok(_) => {
            let fields = &head.fields;
            exchange.request.origin = origin(snapshot, client.address, fields);
            if exchange.request.origin.trusted {
                exchange.request.id = RequestId::taken(fields.get(Known::XRequestId));
            }
            serve(&exchange, client, response, &mut arrived.body, &mut trail).await?
        }
    };
    // A tunnel is no more than begun: it is noted at its end.
    if !matches!(next, Next::Tunnel(_)) {
        note::note(&exchange, client, &trail);
    }
    Some(next)
}

/// Answers a client for whom there is no place, without reading what it asks.
pub(super) async fn refuse_unread(worker: &Worker, client: &mut Client, reason: Reason) -> Next {
    let before = Before::of(client);
    let Some(snapshot) = worker.snapshot() else {
        return Next::Close;
    };
    let Some(listener) = snapshot.listener(&client.listener) else {
        return Next::Close;
    };
    let mut heads = worker.heads();
    heads.request.clear();
    let exchange = Exchange {
        worker,
        snapshot: &snapshot,
        hold: snapshot.number(),
        keep: false,
        request: Request {
            head: &heads.request,
            framing: Framing::None,
            listener,
            peer_ip: client.address.ip().to_canonical(),
            origin: Origin::peer(client.address),
            security: client.security.clone(),
            id: RequestId::new(),
        },
    };
    let mut trail = Trail::new(worker.clock.read(), before);
    let next = answer::refuse(&exchange, client, &mut trail, reason).await;
    note::note(&exchange, client, &trail);
    next
}

/// None where a body took its time, and another snapshot is in force by now.
async fn serve<'x>(
    exchange: &Exchange<'x>,
    client: &mut Client,
    response: &mut ResponseHead,
    body: &mut RequestBody,
    trail: &mut Trail<'x>,
) -> Option<Next> {
    // Before any site, its lists and its redirect: whoever asks for this knows of it from us.
    if exchange.worker.challenges().is_any()
        && let Some(answer) = Answer::challenge(exchange)
    {
        return Some(answer::local(exchange, client, body, trail, answer).await);
    }
    let decision = decide(exchange.snapshot, &exchange.request.view());
    trail.site = decision.site;
    trail.route = decision.route;
    let (Outcome::Target, Some(route)) = (decision.outcome, decision.route) else {
        let answer = match decision.outcome {
            Outcome::Refuse(reason) => Answer::refusal(exchange, reason),
            Outcome::ToHttps => Answer::to_https(exchange, decision.site),
            Outcome::AddSlash | Outcome::Target => Answer::with_slash(exchange),
        };
        return Some(answer::local(exchange, client, body, trail, answer).await);
    };
    if exchange.request.is_over(route.config.body_limit) {
        let answer = Answer::refusal(exchange, Reason::BodyTooLarge);
        return Some(answer::local(exchange, client, body, trail, answer).await);
    }
    let to_pool = match &route.target {
        Target::Pool(to_pool) => to_pool,
        Target::Files { root, fallback } => {
            let what = (route, root);
            let found = serve_file::look(exchange, trail.started, what).await;
            match fallback {
                Some(to_pool) if found.is_elsewhere() => to_pool,
                _ => {
                    let what = (route, found);
                    return Some(serve_file::serve(exchange, client, body, trail, what).await);
                }
            }
        }
        Target::Redirect(redirect) => {
            let answer = Answer::redirect(exchange, redirect);
            return Some(answer::local(exchange, client, body, trail, answer).await);
        }
        Target::Respond(respond) => {
            let answer = Answer::fixed(respond);
            return Some(answer::local(exchange, client, body, trail, answer).await);
        }
    };
    let pool = &exchange.snapshot.pools[to_pool.pool];
    let forwarding = Forwarding {
        exchange,
        route,
        pool,
        series: &to_pool.series,
        bound: affinity::bound(&exchange.request.view(), pool),
    };
    let mut sides = Sides {
        client,
        response,
        body,
    };
    match prepare(&forwarding, &mut sides, trail).await {
        Prepared::Ready => Some(forward(forwarding, sides, trail).await),
        Prepared::Answered(next) => Some(next),
        Prepared::Stale => None,
    }
}

pub(super) type Understood = (Framing, Expectation);

/// What follows the head, and whether the client waits for leave to send it.
pub(super) fn understand(head: &RequestHead, refuse_get_body: bool) -> Result<Understood, Reason> {
    let framing = request_framing(head).map_err(Reason::BadRequest)?;
    let bodiless = matches!(head.method(), b"GET" | b"HEAD" | b"OPTIONS" | b"DELETE");
    let has_body = !matches!(framing, Framing::None | Framing::Length(0));
    if bodiless && has_body && (refuse_get_body || head.version == Version::Http10) {
        let text = "a body is not taken with this method";
        return Err(Reason::BadRequest(Refusal::bad(46, text)));
    }
    let expectation = request_expectation(head, framing).map_err(Reason::BadRequest)?;
    Ok((framing, expectation))
}

enum HeadRead {
    Whole,
    Refused(Reason),
    Gone,
}

/// Reads one whole head within the listener's limits.
async fn read_head(
    worker: &Worker,
    client: &mut Client,
    head: &mut RequestHead,
    started: Instant,
) -> HeadRead {
    head.clear();
    let Some(snapshot) = worker.snapshot() else {
        return HeadRead::Gone;
    };
    let Some(Listener { limits, config, .. }) = snapshot.listener(&client.listener) else {
        return HeadRead::Gone;
    };
    let until = started + config.head_timeout;
    let mut scan = HeadScan::default();
    loop {
        match scan.scan(client.conn.input(), limits) {
            Err(refusal) => return HeadRead::Refused(Reason::BadRequest(refusal)),
            Ok(Some((start, end))) => {
                let parsed = parse_request(&client.conn.input()[start..end], limits, head);
                client.conn.consume(end);
                return match parsed {
                    Ok(()) => HeadRead::Whole,
                    Err(refusal) => HeadRead::Refused(Reason::BadRequest(refusal)),
                };
            }
            Ok(None) => {}
        }
        match client.conn.fill(&worker.scratch, until).await {
            Ok(0) | Err(StreamError::Broken(_)) => return HeadRead::Gone,
            Ok(_) => {}
            // Some clients end a body with one line too many: that asks for nothing, and must
            // not be answered.
            Err(StreamError::Timeout) if matches!(client.conn.input(), b"\r" | b"\r\n") => {
                return HeadRead::Gone;
            }
            Err(StreamError::Timeout) => return HeadRead::Refused(Reason::ClientTimeout),
        }
    }
}
