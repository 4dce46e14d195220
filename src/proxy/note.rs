//! What the log and the counters are told of a request that is over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::connection::Client;
use super::exchange::Exchange;
use super::request::Trail;
use super::{Reason, Worker};
use crate::http::Known;
use crate::logs::{KeptRecord, Record, Try};
use crate::metrics::{Series, Served};
use crate::tls::Secured;

/// What a connection had carried before a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    received: u64,
    sent: u64,
}

impl Before {
    /// As things stand: what waits in the input belongs to the request.
    pub(super) fn of(client: &Client) -> Self {
        Self {
            received: client.conn.received - client.conn.input().len() as u64,
            sent: client.conn.sent,
        }
    }

    /// Bytes of the client that have been used up since.
    pub(super) fn read_since(self, client: &Client) -> u64 {
        let unread = client.conn.input().len() as u64;
        (client.conn.received - unread).saturating_sub(self.received)
    }
}

/// What a request has carried, heads and all.
struct Carried {
    bytes_in: u64,
    bytes_out: u64,
    body_in: u64,
    body_out: u64,
}

impl Carried {
    fn of(client: &Client, before: Before, head_in: u64, head_out: u64) -> Self {
        let bytes_in = before.read_since(client);
        let bytes_out = client.conn.sent.saturating_sub(before.sent);
        Self {
            bytes_in,
            bytes_out,
            body_in: bytes_in.saturating_sub(head_in),
            body_out: bytes_out.saturating_sub(head_out),
        }
    }

    fn count(&self, series: &Series, method: &[u8], status: u16, total: Duration) {
        let served = Served {
            status,
            duration: total,
            bytes_in: self.body_in,
            bytes_out: self.body_out,
        };
        series.count(method, served);
    }
}

/// Notes a request that is over.
pub(super) fn note(exchange: &Exchange<'_>, client: &Client, trail: &Trail<'_>) {
    let carried = Carried::of(client, trail.before, trail.head_in, trail.head_out);
    // What was written last took its time too.
    let total = exchange.worker.clock.read() - trail.started;
    let method = exchange.request.head.method();
    carried.count(series(exchange, trail), method, trail.status, total);
    count_reason(exchange.worker, trail.reason);
    let logs = &exchange.snapshot.config.logs;
    if logs.file.is_empty() && !logs.store.on {
        return;
    }
    let (one, many);
    // Nearly every request has one try: no list of its own for it.
    let tries: &[Try<'_>] = if let [tried] = trail.tries.as_slice() {
        one = [logged(tried)];
        &one
    } else {
        many = trail.tries.iter().map(logged).collect::<Vec<_>>();
        &many
    };
    let record = Record {
        time: exchange.worker.clock.time_of_day(),
        bytes_in: carried.bytes_in,
        bytes_out: carried.bytes_out,
        bytes_out_body: carried.body_out,
        total,
        ..begun(exchange, trail, tries)
    };
    exchange.worker.log(logs, &record);
}

/// What is noted of a tunnel at its end, when the snapshot of its request is long gone.
#[derive(Debug)]
pub(super) struct Farewell {
    record: KeptRecord,
    series: Arc<Series>,
    started: Instant,
    before: Before,
    head_in: u64,
    head_out: u64,
}

impl Farewell {
    /// All that is known at the tunnel's begin.
    pub(super) fn of(exchange: &Exchange<'_>, trail: &Trail<'_>) -> Self {
        let tries: Vec<Try<'_>> = trail.tries.iter().map(logged).collect();
        Self {
            record: KeptRecord::of(&begun(exchange, trail, &tries)),
            series: Arc::clone(series(exchange, trail)),
            started: trail.started,
            before: trail.before,
            head_in: trail.head_in,
            head_out: trail.head_out,
        }
    }

    /// Notes the tunnel, which is over, in the form that the log has now.
    pub(super) fn say(&self, worker: &Worker, client: &Client, reason: Option<Reason>) {
        let carried = Carried::of(client, self.before, self.head_in, self.head_out);
        let total = self.started.elapsed();
        count_reason(worker, reason);
        self.record.with(|begun| {
            carried.count(&self.series, begun.method, begun.status, total);
            let Some(snapshot) = worker.snapshot() else {
                return;
            };
            let logs = &snapshot.config.logs;
            if logs.file.is_empty() && !logs.store.on {
                return;
            }
            let record = Record {
                time: SystemTime::now(),
                bytes_in: carried.bytes_in,
                bytes_out: carried.bytes_out,
                bytes_out_body: carried.body_out,
                reason: reason.map(Reason::code),
                total,
                ..begun
            };
            worker.log(logs, &record);
        });
    }
}

fn count_reason(worker: &Worker, reason: Option<Reason>) {
    if let Some(reason) = reason {
        let known = worker.metrics.reasons.count(reason.code());
        debug_assert!(known, "{reason:?} has no counter");
    }
}

/// Where a request is counted.
fn series<'x>(exchange: &Exchange<'x>, trail: &Trail<'x>) -> &'x Arc<Series> {
    match (trail.series, trail.site) {
        (Some(series), _) => series,
        (None, Some(site)) => &site.local,
        (None, None) => &exchange.request.listener.unrouted,
    }
}

/// All that is known of a request but what it carried and when it ended.
fn begun<'t>(exchange: &'t Exchange<'_>, trail: &Trail<'t>, tries: &'t [Try<'t>]) -> Record<'t> {
    let (request, head) = (&exchange.request, exchange.request.head);
    let has_line = !head.method().is_empty();
    Record {
        time: SystemTime::UNIX_EPOCH,
        listener: request.listener.config.name.as_str(),
        listener_port: request.listener.config.address.port(),
        site: trail.site.map(|site| site.name.as_str()),
        route: trail.route.map(|route| route.config.path.as_str()),
        client_ip: request.origin.ip,
        client_port: request.origin.port,
        user: b"",
        method: head.method(),
        host: head.host(),
        path: if has_line { head.path() } else { b"" },
        query: head.query(),
        protocol: if has_line { head.version.as_str() } else { "" },
        tls: request.secured().map(Secured::version),
        status: trail.status,
        bytes_in: 0,
        bytes_out: 0,
        bytes_out_body: 0,
        reason: trail.reason.map(Reason::code),
        revision: exchange.snapshot.revision,
        request_id: request.id.as_bytes(),
        user_agent: head.fields.get(Known::UserAgent),
        referer: head.fields.get(Known::Referer),
        pool: trail.pool,
        node: trail.node,
        tries,
        queue: trail.queued,
        total: Duration::ZERO,
        snapshot: exchange.hold,
    }
}

fn logged<'t>(tried: &super::request::Try<'t>) -> Try<'t> {
    Try {
        node: tried.node,
        address: tried.address,
        status: tried.status,
        reason: tried.reason.map(Reason::code),
        connect: tried.connect,
        first_byte: tried.first_byte,
    }
}
