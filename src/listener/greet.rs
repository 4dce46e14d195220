//! A client at a listener with TLS: waited for, told apart from one that speaks plain HTTP, and
//! shaken hands with. Before that, at one behind the PROXY protocol: named by its proxy.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::proxied::{self, Unnamed};
use crate::http::{Io, TlsIo};
use crate::metrics::{Handshake, ProxyRefused};
use crate::model::Name;
use crate::proxy::{Security, Visitor, Worker};
use crate::tls::{NotShaken, Shaken, begins_like_http, shake};

/// Handshakes under way at once on one worker; further clients wait their turn, within their
/// time. Each holds some 20 KiB, and a client may take all of its time for one.
const AT_ONCE: usize = 1000;

/// Of the worker's 8 blocking threads so many sign at once: the others look for files.
const SIGNING: usize = 2;

/// Places for handshakes of one worker.
#[derive(Debug)]
pub(super) struct Places {
    all: Semaphore,
    signing: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            all: Semaphore::new(AT_ONCE),
            signing: Semaphore::new(SIGNING),
        }
    }
}

/// Who is at the door of a listener.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) socket: std::net::TcpStream,
    pub(super) address: SocketAddr,
    pub(super) listener: Rc<Name>,
}

impl Caller {
    /// As one at a listener without TLS.
    pub(super) fn plainly(self) -> Visitor {
        plainly(Io::accepted(self.socket), self.address, self.listener)
    }
}

/// Greets a client that came by a listener with TLS or behind the PROXY protocol. None where it went, took longer than the
/// listener's `head_timeout`, or could not be understood.
pub(super) async fn greet(worker: &Worker, caller: Caller, places: &Places) -> Option<Visitor> {
    tokio::select! {
        biased;
        visitor = welcome(worker, caller, places) => visitor,
        // It has said too little to hold up a stop.
        () = worker.last_chance() => None,
    }
}

async fn welcome(worker: &Worker, caller: Caller, places: &Places) -> Option<Visitor> {
    let handshakes = &worker.metrics().handshakes;
    let Caller {
        socket,
        mut address,
        listener,
    } = caller;
    let mut socket = TcpStream::from_std(socket).ok()?;
    let until = Instant::now() + head_timeout(worker, &listener)?;
    let is_proxied = worker
        .snapshot()?
        .listener(&listener)?
        .config
        .proxy_protocol;
    if is_proxied {
        let named = timeout_at(until, named(worker, &mut socket, address)).await;
        let named = named.unwrap_or(Err(Some(ProxyRefused::Silent)));
        address = named.map_err(|why| refuse(worker, why, address)).ok()?;
    }
    // What is in force now, when its client begins.
    if is_proxied && !speaks_tls(worker, &listener)? {
        return Some(plainly(Io::Tcp(socket), address, listener));
    }
    let Ok(first) = timeout_at(until, first_byte(worker, &socket, &listener)).await else {
        handshakes.count(Handshake::TimedOut, "");
        return None;
    };
    let Some(first) = first else {
        handshakes.count(Handshake::Failed, "");
        return None;
    };
    let visitor = |io, listener, security| Visitor {
        io,
        address,
        listener,
        security,
    };
    // What is in force now, when it begins to speak.
    if !speaks_tls(worker, &listener)? {
        return Some(plainly(Io::Tcp(socket), address, listener));
    }
    if begins_like_http(first) {
        handshakes.count(Handshake::Plain, "");
        let security = Security::PlainByMistake;
        return Some(visitor(Io::Tcp(socket), listener, security));
    }
    let shaken = timeout_at(until, shaken(worker, socket, &listener, places));
    match shaken.await {
        Ok(Ok(shaken)) => {
            count(worker, &shaken);
            let io = Io::Tls(Box::new(TlsIo::new(shaken.socket, shaken.session)));
            let security = Security::Tls(Rc::new(shaken.secured));
            Some(visitor(io, listener, security))
        }
        Ok(Err(NotShaken::Challenged)) => None,
        Ok(Err(NotShaken::NoCertificate | NotShaken::Broken(_))) => {
            handshakes.count(Handshake::Failed, "");
            None
        }
        Err(_) => {
            handshakes.count(Handshake::TimedOut, "");
            None
        }
    }
}

/// Shakes hands, when it is this client's turn.
async fn shaken(
    worker: &Worker,
    socket: TcpStream,
    listener: &Name,
    places: &Places,
) -> Result<Shaken, NotShaken> {
    // Never closed.
    let _place = places.all.acquire().await;
    let challenge = |host: &str| {
        let challenges = worker.challenges();
        challenges.is_any().then(|| challenges.handshake(host))?
    };
    let offer = |name: Option<&str>| {
        let snapshot = worker.snapshot()?;
        snapshot.listener(listener)?.tls.as_ref()?.offer(name)
    };
    shake(socket, (challenge, offer), &places.signing).await
}

fn count(worker: &Worker, shaken: &Shaken) {
    let how = match shaken.resumed {
        true => Handshake::Resumed,
        false => Handshake::Full,
    };
    let handshakes = &worker.metrics().handshakes;
    handshakes.count(how, shaken.secured.version());
}

fn plainly(io: Io, address: SocketAddr, listener: Rc<Name>) -> Visitor {
    Visitor {
        io,
        address,
        listener,
        security: Security::Plain,
    }
}

/// Whom the proxy at `peer` names as its client; else why it is refused, or nothing where it or
/// we are going.
async fn named(
    worker: &Worker,
    socket: &mut TcpStream,
    peer: SocketAddr,
) -> Result<SocketAddr, Option<ProxyRefused>> {
    // Whoever else could name any client.
    if !worker.snapshot().ok_or(None)?.trusts(peer.ip()) {
        return Err(Some(ProxyRefused::Untrusted));
    }
    let named = proxied::client(socket, peer).await;
    named.map_err(|why| (why == Unnamed::Malformed).then_some(ProxyRefused::Malformed))
}

/// Counts one that is closed unheard, and tells it where nothing was told for a while.
fn refuse(worker: &Worker, why: Option<ProxyRefused>, peer: SocketAddr) {
    if let Some(why) = why
        && worker.metrics().proxies.refused(why)
    {
        tracing::warn!(
            "a connection from {peer} was closed, as {}: see steelyard_proxy_protocol_refused_total for how many",
            why.words()
        );
    }
}

fn speaks_tls(worker: &Worker, listener: &Name) -> Option<bool> {
    Some(worker.snapshot()?.listener(listener)?.tls.is_some())
}

fn head_timeout(worker: &Worker, listener: &Name) -> Option<Duration> {
    let snapshot = worker.snapshot()?;
    Some(snapshot.listener(listener)?.config.head_timeout)
}

/// The first byte, which stays where it is; none where the client or the listener is gone.
async fn first_byte(worker: &Worker, socket: &TcpStream, listener: &Name) -> Option<u8> {
    let mut byte = [0];
    loop {
        tokio::select! {
            biased;
            seen = socket.peek(&mut byte) => {
                return matches!(seen, Ok(1..)).then_some(byte[0]);
            }
            () = worker.until_look() => {
                worker.snapshot()?.listener(listener)?;
            }
        }
    }
}
