//! A client's connection: idle, then a request, then idle again.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::exchange::{exchange, refuse_unread};
use super::tunnel::Tunnel;
use super::{Reason, Worker};
use crate::http::{Conn, Io};
use crate::model::Name;
use crate::tls::Secured;

/// A client and the connection it came by.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) conn: Conn,
    pub(super) address: SocketAddr,
    pub(super) listener: Rc<Name>,
    pub(super) security: Security,
    /// Requests begun on this connection.
    pub(super) requests: u32,
    /// Bytes of interim answers to the present request.
    pub(super) interim_out: u64,
}

/// A client that was let in.
#[derive(Debug)]
pub struct Visitor {
    /// The connection it came by.
    pub io: Io,
    /// Where it is.
    pub address: SocketAddr,
    /// The listener it came through.
    pub listener: Rc<Name>,
    /// Whether others can read along.
    pub security: Security,
}

/// Whether others can read what a client and we say.
#[derive(Debug, Clone)]
pub enum Security {
    /// They can, as everybody by this listener knows.
    Plain,
    /// They cannot.
    Tls(Rc<Secured>),
    /// They can, and this listener speaks TLS only: the client is told so.
    PlainByMistake,
}

impl Client {
    fn new(visitor: Visitor) -> Self {
        Self {
            conn: Conn::new(visitor.io),
            address: visitor.address,
            listener: visitor.listener,
            security: visitor.security,
            requests: 0,
            interim_out: 0,
        }
    }

    async fn end(mut self, worker: &Worker, next: Next) {
        match next {
            Next::Keep | Next::Close => self.conn.close().await,
            Next::Tunnel(tunnel) => tunnel.run(worker, self).await,
            Next::Abort => self.conn.abort(),
            Next::Linger => {
                let until = Instant::now() + LINGER_TIME;
                self.conn.linger(&worker.scratch, LINGER_BYTES, until).await;
            }
        }
    }
}

/// What becomes of a connection after a request.
#[derive(Debug)]
pub(super) enum Next {
    /// The next request may come.
    Keep,
    /// It is closed; everything that was sent on it is whole.
    Close,
    /// The same, but the client may still be sending: its bytes are taken and dropped for
    /// a while, or the kernel's reset would destroy the answer.
    Linger,
    /// It is reset: what was sent on it is not whole, and must not pass for it.
    Abort,
    /// It carries a WebSocket from now on, and then nothing more.
    Tunnel(Box<Tunnel>),
}

/// Most bytes taken from a client whose request is not wanted, and for how long.
pub(super) const LINGER_BYTES: usize = 64 * 1024;
pub(super) const LINGER_TIME: Duration = Duration::from_secs(1);
/// How long a stop waits for the first request of a connection.
pub(super) const LAST_CHANCE: Duration = Duration::from_secs(1);

/// Serves one client until it or its connection has had enough. Until then it keeps `kept`.
///
/// What an idle connection holds is what this future does: so all but waiting is boxed, and nothing
/// is handed to it that it would move, which is holding it twice.
pub fn serve<K>(worker: Rc<Worker>, visitor: Visitor, kept: K) -> impl Future<Output = ()> {
    let mut client = Client::new(visitor);
    async move {
        let _kept = &kept;
        let last = loop {
            if !idle(&worker, &mut client).await {
                break Next::Close;
            }
            client.requests += 1;
            let exchange = Box::pin(exchange(&worker, &mut client));
            match worker.clock.run(exchange).await {
                Next::Keep => {}
                next => break next,
            }
        };
        if !matches!(last, Next::Close) || client.conn.has_an_end_of_its_own() {
            Box::pin(client.end(&worker, last)).await;
        }
    }
}

/// Tells a client that there is no place for it.
pub async fn turn_away(worker: Rc<Worker>, visitor: Visitor) {
    let mut client = Client::new(visitor);
    let next = Box::pin(refuse_unread(
        &worker,
        &mut client,
        Reason::TooManyConnections,
    ))
    .await;
    client.end(&worker, next).await;
}

/// Waits for a next request's first byte. False when none is coming or wanted.
async fn idle(worker: &Worker, client: &mut Client) -> bool {
    let start = worker.clock.read();
    loop {
        let timeout = worker.snapshot().and_then(|snapshot| {
            let listener = snapshot.listener(&client.listener)?;
            Some(listener.config.idle_timeout)
        });
        let Some(mut timeout) = timeout else {
            return false;
        };
        if worker.is_stopping() && client.conn.input().is_empty() {
            timeout = match client.requests {
                // It was let in before the stop and may be about to ask. A browser that has
                // connected only to be quick later must not hold the stop up.
                0 => timeout.min(start.elapsed() + LAST_CHANCE),
                // A last look: what has just been asked would become a reset.
                _ => Duration::ZERO,
            };
        }
        let until = start + timeout;
        let mut armed = false;
        let mut look = pin!(worker.until_look());
        // One function, and not futures in futures that each hold what they are handed: this is
        // what an idle connection is.
        let waited = poll_fn(|cx| {
            let waited = client
                .conn
                .poll_wait(cx, &worker.scratch, until, &mut armed);
            match waited {
                Poll::Ready(filled) => Poll::Ready(Some(filled.is_ok_and(|count| count > 0))),
                Poll::Pending => look.as_mut().poll(cx).map(|()| None),
            }
        });
        if let Some(asked) = waited.await {
            return asked;
        }
    }
}
