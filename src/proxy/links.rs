//! Connections to nodes, kept by one worker for its next requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::balance::NodeState;
use crate::http::{Conn, Io, Reusable, is_own_shortage};
use crate::model::Keepalive;

/// A connection to a node.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conn: Conn,
    born: Instant,
    /// Requests sent on it.
    uses: u32,
    idle_since: Instant,
}

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The node's name has no address.
    #[error("its name has no address yet")]
    Unresolved,
    /// Nothing accepts at any of its addresses.
    #[error("cannot connect: {0}")]
    Refused(io::Error),
    /// None accepted in time.
    #[error("did not accept the connection in time")]
    Timeout,
    /// We had no descriptor, port or memory for it: says nothing of the node.
    #[error("could not be connected to: {0}")]
    Ours(io::Error),
}

impl ConnectError {
    fn of(error: io::Error) -> Self {
        match is_own_shortage(&error) {
            true => Self::Ours(error),
            false => Self::Refused(error),
        }
    }
}

/// A worker's idle connections, by node state.
#[derive(Debug, Default)]
pub(super) struct Links {
    idle: RefCell<HashMap<u64, Vec<(Link, Instant)>>>,
}

impl Links {
    /// The connection that idled least, if it can carry another request. One that is older
    /// than `freshness` is not risked: the node may be closing it at this moment.
    pub(super) fn take(
        &self,
        node: &NodeState,
        freshness: Option<Duration>,
        now: Instant,
    ) -> Option<Link> {
        let mut idle = self.idle.borrow_mut();
        let links = idle.get_mut(&node.id())?;
        while let Some((mut link, until)) = links.pop() {
            let fresh = freshness.is_none_or(|limit| now - link.idle_since < limit);
            if !fresh {
                links.push((link, until));
                return None;
            }
            if now >= until {
                continue;
            }
            // No waiting: what has not happened yet does not wake anyone.
            match link
                .conn
                .poll_reusable(&mut Context::from_waker(Waker::noop()))
            {
                Reusable::Yes => return Some(link),
                Reusable::Excess => node.count_excess_bytes(1),
                Reusable::Ended => {}
            }
        }
        None
    }

    /// Keeps `link` for the next request, if the settings allow it.
    pub(super) fn give_back(&self, node: &NodeState, mut link: Link, keepalive: &Keepalive) {
        let now = Instant::now();
        link.uses += 1;
        link.idle_since = now;
        let old = now - link.born >= keepalive.max_age;
        if keepalive.idle == 0 || old || link.uses >= keepalive.requests {
            return;
        }
        link.conn.shrink();
        let mut idle = self.idle.borrow_mut();
        let links = idle.entry(node.id()).or_default();
        if links.len() >= usize::from(keepalive.idle) {
            links.remove(0);
        }
        links.push((link, now + keepalive.timeout));
    }

    /// Closes what has idled too long, and forgets nodes without a connection.
    pub(super) fn prune(&self, now: Instant) {
        self.idle.borrow_mut().retain(|_, links| {
            links.retain(|(_, until)| now < *until);
            !links.is_empty()
        });
    }
}

/// Connects to `node`, its addresses in order, before `until`.
pub(super) async fn connect(
    node: &NodeState,
    fixed: Option<SocketAddr>,
    until: Instant,
) -> Result<Link, ConnectError> {
    let looked_up = match fixed {
        Some(_) => None,
        None => Some(node.socket_addresses()),
    };
    let addresses = looked_up.as_deref().map_or(fixed.as_slice(), Vec::as_slice);
    let mut last = ConnectError::Unresolved;
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        // Each has its share of the time: one that swallows packets must not cost the others
        // theirs.
        let now = Instant::now();
        let share = (until - now) / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Err(_) => last = ConnectError::Timeout,
            Ok(Err(error)) => last = ConnectError::of(error),
            Ok(Ok(stream)) => {
                // Without it a response waits up to 40 ms for an acknowledgement.
                drop(stream.set_nodelay(true));
                let now = Instant::now();
                return Ok(Link {
                    conn: Conn::new(Io::Tcp(stream)),
                    born: now,
                    uses: 0,
                    idle_since: now,
                });
            }
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use socket2::{Domain, SockAddr, Socket, Type};
    use tokio::time::{Instant, timeout};

    use super::{TcpStream, connect};
    use crate::balance::Registry;
    use crate::model::{Name, Node, NodeAddress};

    #[tokio::test]
    async fn an_address_that_swallows_packets_leaves_the_others_their_time() {
        // With its queue full, a socket that nobody accepts from drops what comes.
        let deaf = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let anywhere: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
        deaf.bind(&SockAddr::from(anywhere)).unwrap();
        deaf.listen(0).unwrap();
        let deaf_address = deaf.local_addr().unwrap().as_socket().unwrap();
        let mut queue = Vec::new();
        while let Ok(Ok(stream)) =
            timeout(Duration::from_millis(200), TcpStream::connect(deaf_address)).await
        {
            queue.push(stream);
        }
        let good = TcpListener::bind(anywhere).unwrap();
        let node = Node::new(
            Name::parse("n").unwrap(),
            NodeAddress::parse("n.example:80").unwrap(),
        );
        let state = Registry::new().node(&Name::parse("p").unwrap(), &node, None);
        state.set_addresses(vec![deaf_address, good.local_addr().unwrap()]);
        let until = Instant::now() + Duration::from_secs(6);
        assert!(connect(&state, None, until).await.is_ok());
        drop(queue);
    }
}
