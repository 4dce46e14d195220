//! What the log and the counters are told of a request that is over.

use std::time::SystemTime;

use super::connection::Client;
use super::exchange::Exchange;
use super::request::Trail;
use crate::http::Known;
use crate::logs::{Record, Try};
use crate::metrics::Served;

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

/// Notes a request that is over.
pub(super) fn note(exchange: &Exchange<'_>, client: &Client, trail: &Trail<'_>, before: Before) {
    let (request, head) = (&exchange.request, exchange.request.head);
    let bytes_in = before.read_since(client);
    let body_in = bytes_in.saturating_sub(trail.head_in);
    let bytes_out = client.conn.sent.saturating_sub(before.sent);
    let bytes_out_body = bytes_out.saturating_sub(trail.head_out);
    let total = trail.started.elapsed();
    let series = match (trail.series, trail.site) {
        (Some(series), _) => series,
        (None, Some(site)) => &*site.local,
        (None, None) => &*request.listener.unrouted,
    };
    series.count(
        head.method(),
        Served {
            status: trail.status,
            duration: total,
            bytes_in: body_in,
            bytes_out: bytes_out_body,
        },
    );
    let logs = &exchange.snapshot.config.logs;
    if logs.file.is_empty() {
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
    let unread = head.method().is_empty();
    let record = Record {
        time: SystemTime::now(),
        listener: request.listener.config.name.as_str(),
        listener_port: request.listener.config.address.port(),
        site: trail.site.map(|site| site.name.as_str()),
        route: trail.route.map(|route| route.config.path.as_str()),
        client_ip: request.origin.ip,
        client_port: request.origin.port,
        user: b"",
        method: head.method(),
        host: head.host(),
        path: if unread { b"" } else { head.path() },
        query: head.query(),
        protocol: if unread { "" } else { head.version.as_str() },
        tls: None,
        status: trail.status,
        bytes_in,
        bytes_out,
        bytes_out_body,
        reason: trail.reason.map(super::Reason::code),
        revision: exchange.snapshot.revision,
        request_id: request.id.as_bytes(),
        user_agent: head.fields.get(Known::UserAgent),
        referer: head.fields.get(Known::Referer),
        node: trail.node,
        tries,
        queue: trail.queued,
        total,
    };
    exchange.worker.log(logs.format, &record);
}

fn logged<'t>(tried: &super::request::Try<'t>) -> Try<'t> {
    Try {
        node: tried.node,
        address: tried.address,
        status: tried.status,
        reason: tried.reason.map(super::Reason::code),
        connect: tried.connect,
        first_byte: tried.first_byte,
    }
}
