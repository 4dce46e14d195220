//! One probe: on a connection of its own, within a time of its own, following
//! no redirect.

use std::io;
use std::net::SocketAddr;
use std::time::SystemTime;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::ask::ask;
use super::greet::{Reached, greet, tell};
use super::overheard::{Exchange, Overheard};
use super::socket;
use crate::balance::{Cause, CheckResult, Facts, Unresolved, quoted};
use crate::http::{is_own_shortage, proxy_header};
use crate::model::{CheckKind, HealthCheck, NodeAddress, ProxyProtocol, Way};
use crate::tls::ToNode;

/// What a probe asks, and of whom.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// How it is probed.
    pub check: &'a HealthCheck,
    /// Where it listens.
    pub node: &'a NodeAddress,
    /// How TLS is spoken to it; none is plain.
    pub tls: Option<&'a ToNode>,
    /// Whether it is told, ahead of all else, that nobody's connection comes. A `port` of the check's own is
    /// told nothing, as by HAProxy.
    pub proxy_protocol: ProxyProtocol,
    /// The Host sent; none is the node's own address.
    pub host: Option<&'a str>,
    /// Whether requests wait on it unanswered. A stopped process still accepts, since the
    /// kernel does that; then it must also show that it lives.
    pub silent: bool,
}

/// Probes the node once. `addresses` are tried in order, as requests do; `unresolved` is
/// why there is none.
pub(super) async fn probe(
    asked: Asked<'_>,
    addresses: &[SocketAddr],
    unresolved: Unresolved,
) -> CheckResult {
    probe_heard(asked, addresses, unresolved, None).await
}

/// The same once for somebody who looks on: with all that went over the connection.
pub async fn try_once(
    asked: Asked<'_>,
    addresses: &[SocketAddr],
    unresolved: Unresolved,
) -> (CheckResult, Exchange) {
    let mut exchange = Exchange::default();
    let found = probe_heard(asked, addresses, unresolved, Some(&mut exchange)).await;
    (found, exchange)
}

async fn probe_heard(
    Asked {
        check,
        node,
        tls,
        proxy_protocol,
        host,
        silent,
    }: Asked<'_>,
    addresses: &[SocketAddr],
    unresolved: Unresolved,
    heard: Option<&mut Exchange>,
) -> CheckResult {
    let began = Instant::now();
    let until = began + check.timeout;
    let mut facts = facts(check, node, host);
    facts.asked = tls.map(|tls| tls.asked().to_owned());
    let time = (began, until);
    let proxy_protocol = match check.port {
        Some(_) => ProxyProtocol::Off,
        None => proxy_protocol,
    };
    let header = proxy_header(proxy_protocol, None);
    let found = match node.way() {
        Way::Unix(path) => match socket::connect(path, until, &mut facts).await {
            Ok(mut stream) => match tell(&mut stream, &header, until, &mut facts).await {
                Ok(()) => examine((check, silent), stream, time, (&mut facts, heard)).await,
                Err(cause) => Err(cause),
            },
            Err(cause) => Err(cause),
        },
        Way::Ip(_) | Way::Name { .. } => {
            let about = (&mut facts, heard);
            match connect((check, tls, &header), addresses, began, about.0).await {
                Ok(Reached::Plain(stream)) => examine((check, silent), stream, time, about).await,
                Ok(Reached::Tls(stream)) => examine((check, silent), stream, time, about).await,
                Err(Some(cause)) => Err(cause),
                Err(None) => Err(match unresolved {
                    Unresolved::Silent => Cause::NameServerSilent,
                    Unresolved::NotFound => Cause::NameNotFound,
                }),
            }
        }
    };
    CheckResult {
        cause: found.err(),
        facts,
        in_row: 0,
        needs_rise: None,
        ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
        at: SystemTime::now(),
    }
}

/// Asks a node that has accepted; what is heard is kept for whoever wants it.
async fn examine(
    asked: (&HealthCheck, bool),
    stream: impl AsyncRead + AsyncWrite + Unpin,
    (began, until): (Instant, Instant),
    (facts, heard): (&mut Facts, Option<&mut Exchange>),
) -> Result<(), Cause> {
    let Some(exchange) = heard else {
        return question(asked, stream, until, facts).await;
    };
    exchange.connected = Some(began.elapsed());
    let mut stream = Overheard { stream, exchange };
    let found = question(asked, &mut stream, until, facts).await;
    stream.read_on(until).await;
    found
}

/// What the check asks, before the time given.
async fn question(
    (check, silent): (&HealthCheck, bool),
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    until: Instant,
    facts: &mut Facts,
) -> Result<(), Cause> {
    match &check.kind {
        CheckKind::Tcp if silent => lives(stream, until).await,
        CheckKind::Tcp => {
            // Whoever is behind TLS is told that this was all.
            if facts.asked.is_some() {
                let _late = timeout_at(until, stream.shutdown()).await;
            }
            Ok(())
        }
        CheckKind::Http(http) => ask(http, stream, until, facts).await,
    }
}

/// Whether somebody minds the connection: told that nothing more comes, a living process
/// closes it (or says something). A request is not needed for that, and none is logged.
async fn lives(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    until: Instant,
) -> Result<(), Cause> {
    let minded = async {
        stream.shutdown().await?;
        stream.read(&mut [0]).await
    };
    match timeout_at(until, minded).await {
        Err(_) => Err(Cause::AnswerTimeout),
        // A reset is an end too.
        Ok(_) => Ok(()),
    }
}

// What is known before anything is done.
fn facts(check: &HealthCheck, node: &NodeAddress, host: Option<&str>) -> Facts {
    let mut facts = Facts {
        address: node.to_string(),
        waited: check.timeout,
        ..Facts::default()
    };
    if let Way::Name { host, .. } = node.way() {
        host.clone_into(&mut facts.name);
    }
    if let CheckKind::Http(http) = &check.kind {
        facts.method = http.method.as_str();
        facts.path.clone_from(&http.path);
        facts.host = host.map_or_else(|| node.authority(), str::to_owned);
        facts.expected = http.expect.to_string();
        facts.wanted = quoted(http.body.as_bytes());
    }
    facts
}

// The first address that accepts, and shakes hands where that is wanted; else what the last one found, or nothing
// where there is no address. One that never answers must leave time for the
// next, so each has an equal share, and what an earlier one left over.
async fn connect(
    (check, tls, header): (&HealthCheck, Option<&ToNode>, &[u8]),
    addresses: &[SocketAddr],
    began: Instant,
    facts: &mut Facts,
) -> Result<Reached, Option<Cause>> {
    let share = check.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut until = began;
    let mut last = None;
    for address in addresses {
        let mut address = *address;
        if let Some(port) = check.port {
            address.set_port(port.get());
        }
        until += share;
        facts.address = address.to_string();
        last = Some(match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => match greet(stream, (tls, header), until, facts).await {
                Ok(reached) => return Ok(reached),
                Err(cause) => cause,
            },
            Ok(Err(error)) => not_connected(&error, facts),
            Err(_) => Cause::ConnectTimeout,
        });
    }
    if matches!(last, Some(Cause::ConnectTimeout | Cause::TlsTimeout)) {
        facts.waited = share;
    }
    Err(last)
}

/// The cause of a connection that was not made.
pub(super) fn not_connected(error: &io::Error, facts: &mut Facts) -> Cause {
    facts.said = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::TimedOut => Cause::ConnectTimeout,
        io::ErrorKind::HostUnreachable => Cause::HostUnreachable,
        io::ErrorKind::NetworkUnreachable => Cause::NetworkUnreachable,
        io::ErrorKind::PermissionDenied => Cause::NotPermitted,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Cause::Reset,
        _ if is_own_shortage(error) => Cause::OwnShortage,
        _ => Cause::NotConnected,
    }
}
