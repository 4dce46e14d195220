//! Connecting, which is all that a check by TCP does.

use std::net::SocketAddr;
use std::num::NonZeroU16;

use rustix::io::Errno;
use socket2::{Domain, Socket, Type};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::super::super::probe::{Asked, not_connected, probe};
use super::{LONG, SHORT, listener, result, tcp, text};
use crate::balance::{Cause, Facts, Unresolved};
use crate::model::{HealthCheck, NodeAddress};

#[tokio::test]
async fn a_tcp_check_passes_when_the_node_accepts() {
    let (_listener, address) = listener().await;
    let found = result(&tcp(LONG), &[address]).await;
    assert_eq!(
        (found.passed(), found.code(), found.status()),
        (true, "L4OK", None)
    );
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_refused() {
    let (listener, address) = listener().await;
    drop(listener);
    let found = result(&tcp(LONG), &[address]).await;
    assert_eq!((found.passed(), found.code()), (false, "L4CON"));
    assert_eq!(
        text(&found),
        format!("connection refused: nothing listens on {address}")
    );
}

#[tokio::test]
async fn a_node_that_does_not_accept_times_out() {
    // A queue of one, filled: the kernel answers no further connection.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let _first = TcpStream::connect(address).await.unwrap();
    let found = result(&tcp(SHORT), &[address]).await;
    assert_eq!(
        (found.passed(), found.code()),
        (false, "L4TOUT"),
        "{}",
        text(&found)
    );
    assert!(text(&found).contains("within 50ms"), "{}", text(&found));
}

#[tokio::test]
async fn a_name_without_an_address_is_told_as_dns() {
    let found = result(&tcp(LONG), &[]).await;
    assert_eq!(
        (found.cause, found.code()),
        (Some(Cause::NameNotFound), "DNS")
    );
    assert!(text(&found).contains("web-1"), "{}", text(&found));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let (gone, refused) = listener().await;
    drop(gone);
    let (_listener, address) = listener().await;
    assert!(result(&tcp(LONG), &[refused, address]).await.passed());
}

#[tokio::test]
async fn a_check_with_a_port_connects_there() {
    let (gone, refused) = listener().await;
    drop(gone);
    let (_listener, address) = listener().await;
    let mut check = tcp(LONG);
    check.port = NonZeroU16::new(address.port());
    assert!(result(&check, &[refused]).await.passed());
}

#[test]
fn why_a_connection_was_not_made_is_told_apart() {
    let cause = |errno: Errno| not_connected(&errno.into(), &mut Facts::default());
    for (errno, expected) in [
        (Errno::CONNREFUSED, Cause::Refused),
        (Errno::TIMEDOUT, Cause::ConnectTimeout),
        (Errno::HOSTUNREACH, Cause::HostUnreachable),
        (Errno::NETUNREACH, Cause::NetworkUnreachable),
        (Errno::ACCESS, Cause::NotPermitted),
        (Errno::PERM, Cause::NotPermitted),
        (Errno::CONNRESET, Cause::Reset),
        (Errno::MFILE, Cause::OwnShortage),
        (Errno::ADDRNOTAVAIL, Cause::OwnShortage),
        (Errno::AFNOSUPPORT, Cause::NotConnected),
    ] {
        assert_eq!(cause(errno), expected, "{errno:?}");
    }
}

#[tokio::test]
async fn a_silent_node_must_show_that_it_lives() {
    let node = NodeAddress::parse("10.0.0.1:80").unwrap();
    let check = HealthCheck::default();
    let ask = async |address: SocketAddr| {
        let asked = Asked {
            tls: None,
            check: &check,
            node: &node,
            host: None,
            proxy_protocol: crate::model::ProxyProtocol::Off,
            silent: true,
        };
        probe(asked, &[address], Unresolved::NotFound).await.cause
    };
    // The kernel accepts for it; nobody is there.
    let stopped = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stopped.local_addr().unwrap();
    assert_eq!(ask(address).await, Some(Cause::AnswerTimeout));
    let living = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = living.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = living.accept().await {
            let _ = stream.read(&mut [0]).await;
        }
    });
    assert_eq!(ask(address).await, None);
}
