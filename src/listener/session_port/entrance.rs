//! Who may use the session store, and how they are met.

use std::net::{IpAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout};

use super::Shared;
use crate::model::Sessions;
use crate::session::redis::Redis;
use crate::session::{self, Databases, Settings, Turn, Worker};
use crate::snapshot::Snapshot;
use crate::tls::shake_hands;

/// A handshake takes a moment; who takes longer holds a place for nothing.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Whether somebody may come in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Welcome,
    /// Not, and what they are told.
    Denied(String),
}

/// Whether who comes from `address` may.
pub(super) fn judge(shared: &Shared, address: IpAddr) -> Judged {
    let snapshot = shared.snapshot.load();
    let address = address.to_canonical();
    match snapshot.as_ref() {
        Some(snapshot) if may(snapshot, address) => Judged::Welcome,
        _ => Judged::Denied(format!(
            "-DENIED {address} may not use this session store: it is neither this machine nor a node, or not in sessions.allow\r\n"
        )),
    }
}

fn may(snapshot: &Snapshot, address: IpAddr) -> bool {
    let allow: &[ipnet::IpNet] = &snapshot.config.sessions.allow;
    if !allow.is_empty() {
        return allow.iter().any(|network| network.contains(&address));
    }
    let is_node = || {
        let pools = snapshot.pools.iter();
        let mut nodes = pools.flat_map(|pool| pool.balancer.nodes());
        nodes.any(|node| {
            let addresses = node.state.socket_addresses();
            addresses.iter().any(|at| at.ip().to_canonical() == address)
        })
    };
    address.is_loopback() || is_node()
}

/// What the store is to go by.
pub(super) fn settings(snapshot: &Snapshot) -> Settings {
    let sessions = &snapshot.config.sessions;
    let secret = |owner: &str| match snapshot.secrets.get(owner) {
        Some(secret) => secret.bytes().to_vec(),
        // It could not be read. Nobody comes in by no password.
        None => rand::random::<[u8; 32]>().to_vec(),
    };
    let all = Databases::new(Some(&secret(Sessions::PASSWORD)));
    let databases = sessions.databases.iter().fold(all, |all, database| {
        let password = secret(&database.password_owner());
        all.with(database.index, database.name.as_str(), &password)
    });
    Settings {
        databases,
        max_memory: sessions.max_memory,
        max_value: usize::try_from(sessions.max_value).unwrap_or(usize::MAX),
        ttl_jitter: sessions.ttl_jitter,
    }
}

/// The Redis that is to be behind the store, where one is: the one that is there already, if it is the same.
pub(super) fn behind(snapshot: &Snapshot, now: Option<Arc<Redis>>) -> Option<Arc<Redis>> {
    let address = snapshot.config.sessions.store.redis()?;
    let password = snapshot.secrets.get(Sessions::STORE_PASSWORD);
    let same = now.filter(|redis| redis.is(address, password));
    Some(same.unwrap_or_else(|| Arc::new(Redis::new(address.clone(), password.cloned()))))
}

/// Serves a client to its end.
pub(super) async fn welcome(worker: &Rc<Worker>, shared: &Shared, socket: TcpStream, from: IpAddr) {
    let Ok(socket) = tokio::net::TcpStream::from_std(socket) else {
        return;
    };
    let snapshot = shared.snapshot.load_full();
    let Some(tls) = snapshot.as_ref().and_then(|s| s.sessions_tls.clone()) else {
        return serve(worker, shared, socket, from).await;
    };
    drop(snapshot);
    let shaken = shake_hands(socket, |name| tls.offer(name));
    match timeout(HANDSHAKE, shaken).await {
        Ok(Ok((stream, _))) => serve(worker, shared, stream, from).await,
        Ok(Err(_)) | Err(_) => {
            shared.counts.not_shaken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    worker: &Rc<Worker>,
    shared: &Shared,
    mut stream: S,
    from: IpAddr,
) {
    match shared.throttle.turn(from, Instant::now()) {
        Turn::Now => {}
        Turn::At(time) => sleep_until(time).await,
        Turn::Refused => {
            let words = b"-ERR too many wrong passwords from your address, try again later\r\n";
            // Who does not take it has gone.
            let _ = stream.write_all(words).await;
            return;
        }
    }
    let wrong = || shared.throttle.wrong(from, Instant::now());
    // Why a connection ended is the client's business.
    let _ = session::serve_telling(stream, Rc::clone(worker), wrong).await;
}
