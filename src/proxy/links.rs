//! Connections to nodes, kept by one worker for its next requests.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::balance::{Candidate, NodeState};
use crate::http::{
    Conn, Io, Reusable, Scratch, TlsIo, connect_unix, is_own_shortage, proxy_header,
};
use crate::model::{Keepalive, ProxyProtocol, Way};
use crate::tls::{NoTls, ToNode};

/// A connection to a node.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conn: Conn,
    /// What the node was asked for and judged by; none is plain.
    tls: Option<Arc<ToNode>>,
    /// Whom it is for, where the node was told.
    named: Option<Named>,
    born: Instant,
    /// Requests sent on it.
    uses: u32,
    idle_since: Instant,
}

impl Link {
    // Boxed, since a request hands it on a dozen times.
    fn new(io: Io, tls: ToNodeIfAny<'_>, named: Option<Named>) -> Box<Self> {
        let now = Instant::now();
        Box::new(Self {
            conn: Conn::new(io),
            tls: tls.cloned(),
            named,
            born: now,
            uses: 0,
            idle_since: now,
        })
    }

    /// Whether it is as a connection to the node now has to be.
    fn is_by(&self, tls: ToNodeIfAny<'_>) -> bool {
        match (&self.tls, tls) {
            (None, None) => true,
            (Some(was), Some(is)) => Arc::ptr_eq(was, is),
            _ => false,
        }
    }
}

/// How TLS is spoken to a node; none is plain.
pub(super) type ToNodeIfAny<'t> = Option<&'t Arc<ToNode>>;

/// Whom a connection is for, where the node is told ahead of all else on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) version: ProxyProtocol,
    pub(super) client: SocketAddr,
    /// Where it has reached us.
    pub(super) at: SocketAddr,
}

/// How a node is spoken to, and for whom.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner<'t> {
    pub(super) tls: ToNodeIfAny<'t>,
    pub(super) named: Option<Named>,
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
    /// It accepted and broke off at once, before we knew that it had accepted.
    #[error("broke off the connection at once")]
    Reset,
    /// It accepted, and there was no TLS.
    #[error("{0}")]
    NoTls(NoTls),
    /// None accepted, or ended the handshake, in time.
    #[error("did not accept the connection in time")]
    Timeout,
    /// We had no descriptor, port or memory for it: says nothing of the node.
    #[error("could not be connected to: {0}")]
    Ours(io::Error),
}

impl ConnectError {
    fn of(error: io::Error) -> Self {
        match error.kind() {
            _ if is_own_shortage(&error) => Self::Ours(error),
            io::ErrorKind::ConnectionReset => Self::Reset,
            _ => Self::Refused(error),
        }
    }
}

/// A worker's idle connections, by node state.
#[derive(Debug, Default)]
pub(super) struct Links {
    idle: RefCell<BTreeMap<u64, Vec<Idle>>>,
}

/// A connection, and since when it idles.
type Idle = (Box<Link>, Instant);

impl Links {
    /// The connection that idled least, if it can carry another request. One that is older
    /// than `freshness` is not risked: the node may be closing it at this moment.
    pub(super) fn take(
        &self,
        (node, manner): (&NodeState, Manner<'_>),
        freshness: Option<Duration>,
        now: Instant,
    ) -> Option<Box<Link>> {
        let mut idle = self.idle.borrow_mut();
        let links = idle.get_mut(&node.id())?;
        let is_for_him = |idle: &Idle| idle.0.named == manner.named;
        while let Some(place) = links.iter().rposition(is_for_him) {
            let (mut link, until) = links.remove(place);
            let fresh = freshness.is_none_or(|limit| now - link.idle_since < limit);
            if !fresh {
                links.insert(place, (link, until));
                return None;
            }
            if now >= until || !link.is_by(manner.tls) {
                link.conn.close_now();
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
    pub(super) fn give_back(
        &self,
        node: &NodeState,
        mut link: Box<Link>,
        keepalive: &Keepalive,
        (scratch, now): (&Scratch, Instant),
    ) {
        link.uses += 1;
        link.idle_since = now;
        let old = now - link.born >= keepalive.max_age;
        if keepalive.idle == 0 || old || link.uses >= keepalive.requests {
            link.conn.close_now();
            return;
        }
        link.conn.shrink(scratch);
        let mut idle = self.idle.borrow_mut();
        let links = idle.entry(node.id()).or_default();
        if links.len() >= usize::from(keepalive.idle) {
            links.remove(0).0.conn.close_now();
        }
        links.push((link, now + keepalive.timeout));
    }

    /// Closes what has idled too long, and forgets nodes without a connection.
    pub(super) fn prune(&self, now: Instant) {
        self.idle.borrow_mut().retain(|_, links| {
            links.retain_mut(|(link, until)| {
                let stays = now < *until;
                if !stays {
                    link.conn.close_now();
                }
                stays
            });
            !links.is_empty()
        });
    }
}

/// Connects to a node, its addresses in order, before `until`, tells it whom that is for and shakes
/// hands with it, as `manner` has it.
pub(super) async fn connect(
    node: &Candidate,
    manner: Manner<'_>,
    until: Instant,
) -> Result<Box<Link>, ConnectError> {
    match node.address.way() {
        Way::Ip(address) => connect_tcp(&[address], manner, until).await,
        Way::Name { .. } => connect_tcp(&node.state.socket_addresses(), manner, until).await,
        Way::Unix(path) => match timeout_at(until, connect_unix(path)).await {
            Err(_) => Err(ConnectError::Timeout),
            Ok(Err(error)) => Err(ConnectError::of(error)),
            Ok(Ok(mut stream)) => {
                tell(&mut stream, manner.named, until).await?;
                Ok(Link::new(Io::Unix(stream), None, manner.named))
            }
        },
    }
}

async fn connect_tcp(
    addresses: &[SocketAddr],
    manner: Manner<'_>,
    until: Instant,
) -> Result<Box<Link>, ConnectError> {
    let mut last = ConnectError::Unresolved;
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        // Each has its share of the time: one that swallows packets must not cost the others
        // theirs.
        let now = Instant::now();
        let share = (until - now) / u32::try_from(left).unwrap_or(u32::MAX);
        let until = now + share;
        match timeout_at(until, TcpStream::connect(address)).await {
            Err(_) => last = ConnectError::Timeout,
            Ok(Err(error)) => last = ConnectError::of(error),
            Ok(Ok(mut stream)) => {
                // Without it a response waits up to 40 ms for an acknowledgement.
                drop(stream.set_nodelay(true));
                if let Err(error) = tell(&mut stream, manner.named, until).await {
                    last = error;
                    continue;
                }
                let Some(tls) = manner.tls else {
                    return Ok(Link::new(Io::Tcp(stream), None, manner.named));
                };
                // Apart, so that who speaks plain carries no room for it.
                match Box::pin(shake_hands(stream, (tls, manner.named), until)).await {
                    Ok(link) => return Ok(link),
                    Err(error) => last = error,
                }
            }
        }
    }
    Err(last)
}

/// Tells a node whom a connection is for. A header fits into any socket's buffer, so that nothing is waited
/// for but a node that is gone.
async fn tell(
    stream: &mut (impl AsyncWrite + Unpin),
    named: Option<Named>,
    until: Instant,
) -> Result<(), ConnectError> {
    let Some(named) = named else {
        return Ok(());
    };
    let header = proxy_header(named.version, Some((named.client, named.at)));
    match timeout_at(until, stream.write_all(&header)).await {
        Err(_) => Err(ConnectError::Timeout),
        Ok(told) => told.map_err(ConnectError::of),
    }
}

async fn shake_hands(
    stream: TcpStream,
    (tls, named): (&Arc<ToNode>, Option<Named>),
    until: Instant,
) -> Result<Box<Link>, ConnectError> {
    match timeout_at(until, tls.shake(stream)).await {
        Err(_) => Err(ConnectError::Timeout),
        Ok(Err(why)) => Err(ConnectError::NoTls(why)),
        Ok(Ok((socket, session))) => {
            let io = Io::Tls(Box::new(TlsIo::new(socket, session)));
            Ok(Link::new(io, Some(tls), named))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::time::Duration;

    use socket2::{Domain, SockAddr, Socket, Type};
    use tokio::time::{Instant, timeout};

    use super::{ConnectError, Links, Manner, Scratch, TcpStream, connect};
    use crate::balance::{Balancer, Registry};
    use crate::model::{Keepalive, Name, Node, NodeAddress, Pool};

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
        let mut pool = Pool::new(Name::parse("p").unwrap());
        pool.nodes.push(node);
        let balancer = Balancer::build(&pool, &Registry::new());
        let candidate = &balancer.nodes()[0];
        let addresses = vec![deaf_address, good.local_addr().unwrap()];
        candidate.state.set_addresses(addresses);
        let until = Instant::now() + Duration::from_secs(6);
        assert!(connect(candidate, Manner::default(), until).await.is_ok());
        drop(queue);
    }

    fn at_socket(path: &std::path::Path) -> Arc<Balancer> {
        let mut pool = Pool::new(Name::parse("p").unwrap());
        let address = NodeAddress::parse(&format!("unix:{}", path.display())).unwrap();
        pool.nodes
            .push(Node::new(Name::parse("n").unwrap(), address));
        Balancer::build(&pool, &Registry::new())
    }

    #[tokio::test]
    async fn a_connection_to_a_socket_is_kept_while_the_node_keeps_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let node = tokio::net::UnixListener::bind(&path).unwrap();
        let balancer = at_socket(&path);
        let candidate = &balancer.nodes()[0];
        let until = Instant::now() + Duration::from_secs(20);
        let link = connect(candidate, Manner::default(), until).await.unwrap();
        let (theirs, _) = node.accept().await.unwrap();
        let links = Links::default();
        let keepalive = Keepalive {
            requests: u32::MAX,
            ..Keepalive::default()
        };
        let scratch = Scratch::new();
        let keep = |link| {
            let now = (&scratch, Instant::now());
            links.give_back(&candidate.state, link, &keepalive, now);
        };
        keep(link);
        let link = links
            .take((&candidate.state, Manner::default()), None, Instant::now())
            .unwrap();
        drop(theirs);
        keep(link);
        // Gone as soon as the runtime has heard of the end.
        while let Some(link) =
            links.take((&candidate.state, Manner::default()), None, Instant::now())
        {
            assert!(Instant::now() < until);
            keep(link);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn a_socket_that_takes_nobody_is_refused_or_late() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let balancer = at_socket(&path);
        let soon = || Instant::now() + Duration::from_millis(100);
        let refused = connect(&balancer.nodes()[0], Manner::default(), soon())
            .await
            .unwrap_err();
        assert!(matches!(refused, ConnectError::Refused(_)), "{refused}");
        let full = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        full.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        full.listen(0).unwrap();
        let _first = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let late = connect(&balancer.nodes()[0], Manner::default(), soon())
            .await
            .unwrap_err();
        assert!(matches!(late, ConnectError::Timeout), "{late}");
    }
}
