//! A WebSocket once the node has agreed to it: bytes both ways, until both sides have ended or
//! nothing is said for too long.
//!
//! It outlives its snapshot: no change cuts it. What it keeps is its lease, and what is to be
//! noted at its end.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::Answered;
use super::connection::{Client, LINGER_BYTES, LINGER_TIME, Next};
use super::deliver::write_affinity;
use super::forward::{Forwarding, Sides};
use super::headers::write_switch;
use super::links::Link;
use super::note::Farewell;
use super::request::Trail;
use super::{Reason, Worker};
use crate::balance::{Lease, OwnedLease};
use crate::http::{Conn, Pipe, PipeEnd};

/// A WebSocket that a node has agreed to.
#[derive(Debug)]
pub(super) struct Tunnel {
    link: Box<Link>,
    farewell: Farewell,
    /// Longest time without a byte in either direction; 0 is no limit.
    idle_timeout: Duration,
    _lease: OwnedLease,
}

impl Tunnel {
    /// Puts the node's agreement into the client's output, and leaves the snapshot.
    pub(super) fn begin(
        this: &Forwarding<'_, '_>,
        sides: &mut Sides<'_>,
        answered: Answered,
        lease: Lease<'_>,
        trail: &mut Trail<'_>,
    ) -> Next {
        let out = sides.client.conn.output();
        let start = out.len();
        let plan = this.route.headers(this.exchange.request.scheme());
        write_switch(out, sides.response, plan);
        write_affinity(out, this, &lease);
        out.extend_from_slice(b"\r\n");
        trail.status = sides.response.status;
        trail.head_out = (out.len() - start) as u64 + sides.client.interim_out;
        Next::Tunnel(Box::new(Self {
            link: answered.link,
            farewell: Farewell::of(this.exchange, trail),
            idle_timeout: this.route.config.tunnel_idle_timeout,
            _lease: lease.keep(),
        }))
    }

    /// Passes bytes both ways to the end. What was held of the client goes first.
    pub(super) async fn run(self: Box<Self>, worker: &Worker, client: Client) {
        let mut ends = Ends {
            worker,
            client,
            tunnel: *self,
            reason: None,
        };
        let Some(ways) = ends.pass().await else {
            ends.reason = Some(Reason::TunnelIdle);
            return;
        };
        ends.reason = broken_by(ways);
        if !matches!(ways.0, Some(PipeEnd::Ended | PipeEnd::FromBroke)) {
            // What the client still sends would have the kernel destroy the node's last words.
            let (conn, until) = (&mut ends.client.conn, Instant::now() + LINGER_TIME);
            conn.linger(&worker.scratch, LINGER_BYTES, until).await;
        }
    }
}

/// Both ends of a tunnel. Noted when it is dropped: by its own end, or by our stop, which cuts it.
struct Ends<'w> {
    worker: &'w Worker,
    client: Client,
    tunnel: Tunnel,
    reason: Option<Reason>,
}

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        let Tunnel { farewell, .. } = &self.tunnel;
        farewell.say(self.worker, &self.client, self.reason);
    }
}

impl Ends<'_> {
    /// Passes bytes both ways. Answers how either way came to its end, as far as it did; nothing
    /// when neither side said anything for too long.
    async fn pass(&mut self) -> Option<Ways> {
        let (client, node) = (&mut self.client.conn, &mut self.tunnel.link.conn);
        let (scratch, limit) = (&self.worker.scratch, self.tunnel.idle_timeout);
        let (mut up, mut down) = (Pipe::default(), Pipe::default());
        let (mut until, mut seen, mut armed) = (Instant::now(), None, false);
        poll_fn(|cx| {
            let mut poll = |pipe: &mut Pipe, from: &mut Conn, to: &mut Conn| match pipe
                .poll(cx, scratch, from, to)
            {
                Poll::Ready(end) => Some(end),
                Poll::Pending => None,
            };
            let ends = (poll(&mut up, client, node), poll(&mut down, node, client));
            if is_over(ends) {
                return Poll::Ready(Some(ends));
            }
            if limit.is_zero() {
                return Poll::Pending;
            }
            let carried = client.received + client.sent + node.received + node.sent;
            if seen.replace(carried) != Some(carried) {
                (until, armed) = (Instant::now() + limit, false);
            }
            client.poll_late(cx, until, &mut armed).map(|()| None)
        })
        .await
    }
}

/// How the way to the node and the way back came to their ends, as far as they did.
type Ways = (Option<PipeEnd>, Option<PipeEnd>);

/// Whether nothing can be passed on any more. Who cannot be read from is gone, while what cannot
/// be written to may have left last words.
fn is_over(ways: Ways) -> bool {
    match ways {
        (Some(PipeEnd::FromBroke), _) | (_, Some(PipeEnd::FromBroke)) => true,
        (up, down) => up.is_some() && down.is_some(),
    }
}

/// Which side broke a tunnel off. One that had ended it and then takes no more says nothing by that.
fn broken_by(ways: Ways) -> Option<Reason> {
    match ways {
        (Some(PipeEnd::FromBroke), _) => Some(Reason::ClientGone),
        (_, Some(PipeEnd::FromBroke)) => Some(Reason::NodeReset),
        (Some(PipeEnd::ToBroke), Some(PipeEnd::ToBroke)) => Some(Reason::ClientGone),
        _ => None,
    }
}
