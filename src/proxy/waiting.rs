//! Waiting for a node with room: only the request waits, its worker serves on.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::Reason;
use super::forward::{Forwarding, Sides};
use crate::balance::{Lease, Waiting};

/// How often a request that waits looks whether a node's rest is over: nothing tells of that.
const LOOK: Duration = Duration::from_secs(1);

/// What ends a look.
enum Event<'x> {
    Told(Option<Lease<'x>>),
    Gone,
    Late,
}

/// Waits until a node is given to the request, none may take it any more, the pool's time is
/// over, or the client has left. Whoever leaves gives its place in the queue back.
pub(super) async fn wait<'x>(
    this: &Forwarding<'_, 'x>,
    sides: &mut Sides<'_>,
    mut waiting: Waiting<'x>,
) -> Result<Lease<'x>, Reason> {
    let until = Instant::now() + this.pool.config.queue.timeout;
    let client = &mut sides.client.conn;
    loop {
        let look = until.min(Instant::now() + LOOK);
        let mut armed = false;
        let event = poll_fn(|cx| {
            if let Poll::Ready(lease) = waiting.poll(cx) {
                return Poll::Ready(Event::Told(lease));
            }
            if client.poll_gone(cx).is_ready() {
                return Poll::Ready(Event::Gone);
            }
            client.poll_late(cx, look, &mut armed).map(|()| Event::Late)
        })
        .await;
        match event {
            Event::Told(lease) => return lease.ok_or(Reason::NoNode),
            Event::Gone => return Err(Reason::ClientGone),
            Event::Late if Instant::now() >= until => return Err(Reason::QueueTimeout),
            Event::Late => waiting.look(),
        }
    }
}
