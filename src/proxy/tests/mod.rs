//! A client's connection served for real, by nodes that do as a test says.

mod ends;

use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use super::{Security, Spool, Visitor, Worker, serve};
use crate::balance::{Cause, CheckResult, Health, Registry};
use crate::document::{Format, parse};
use crate::http::Io;
use crate::logs::Logging;
use crate::metrics::Metrics;
use crate::model::{
    Config, Listener, Name, Node, NodeAddress, Pool, Route, RoutePath, Site, Target,
};
use crate::snapshot::{Published, Snapshot};

/// Longest time a test may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Runs `test` on one thread, as a worker does.
async fn bounded(test: impl Future<Output = ()>) {
    timeout(LIMIT, LocalSet::new().run_until(test))
        .await
        .unwrap();
}

/// What `document` is compiled to.
pub(super) fn snapshot_of(document: &str) -> Snapshot {
    let config = parse(document, Format::Toml).unwrap().config;
    Snapshot::build(
        Arc::new(config),
        Arc::default(),
        1,
        &Registry::new(),
        &Metrics::new(),
    )
}

/// A proxy with one pool of `nodes`; `change` says what else is special about it.
async fn proxy(nodes: &[SocketAddr], change: impl FnOnce(&mut Config)) -> SocketAddr {
    proxy_of(nodes, change).await.0
}

/// The same, and what it serves by.
async fn proxy_of(
    nodes: &[SocketAddr],
    change: impl FnOnce(&mut Config),
) -> (SocketAddr, Arc<Snapshot>, Arc<Published>) {
    let name = Name::parse("http").unwrap();
    let mut config = Config::default();
    let anywhere = "127.0.0.1:0".parse().unwrap();
    config.listeners.push(Listener::new(name.clone(), anywhere));
    let mut pool = Pool::new(Name::parse("pool").unwrap());
    pool.health_check = None;
    for (index, address) in nodes.iter().enumerate() {
        let name = Name::parse(&format!("node-{index}")).unwrap();
        let address = NodeAddress::parse(&address.to_string()).unwrap();
        pool.nodes.push(Node::new(name, address));
    }
    config.pools.push(pool);
    change(&mut config);
    let metrics = Arc::new(Metrics::new());
    let snapshot = Snapshot::build(
        Arc::new(config),
        Arc::default(),
        1,
        &Registry::new(),
        &metrics,
    );
    let snapshot = Arc::new(snapshot);
    let published = Arc::new(Published::default());
    published.publish(Arc::clone(&snapshot));
    let worker = Rc::new(Worker::new(
        Arc::clone(&published),
        metrics,
        Logging::nowhere(),
        Spool::nowhere(),
        8,
    ));
    let door = TcpListener::bind(anywhere).await.unwrap();
    let address = door.local_addr().unwrap();
    let name = Rc::new(name);
    spawn_local(async move {
        while let Ok((stream, peer)) = door.accept().await {
            let worker = Rc::clone(&worker);
            let visitor = Visitor {
                io: Io::Tcp(stream),
                address: peer,
                listener: Rc::clone(&name),
                security: Security::Plain,
            };
            spawn_local(serve(worker, visitor, ()));
        }
    });
    (address, snapshot, published)
}

/// The future of a connection that idles.
async fn an_idle_connection() -> impl Future<Output = ()> {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, name) = (door.local_addr().unwrap(), Name::parse("http").unwrap());
    let theirs = TcpStream::connect(address).await.unwrap();
    let published = Arc::new(Published::default());
    let worker = Worker::new(
        published,
        Arc::default(),
        Logging::nowhere(),
        Spool::nowhere(),
        8,
    );
    serve(
        Rc::new(worker),
        Visitor {
            io: Io::Tcp(theirs),
            address,
            listener: Rc::new(name),
            security: Security::Plain,
        },
        [0_usize; 3],
    )
}

#[tokio::test]
async fn an_idle_connection_holds_little() {
    let held = size_of_val(&an_idle_connection().await);
    assert!(held <= 512, "{held} bytes");
}

/// A node that does `act` with every connection.
async fn node<A: Future<Output = ()> + 'static>(
    act: impl Fn(TcpStream) -> A + 'static,
) -> SocketAddr {
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = door.local_addr().unwrap();
    spawn_local(async move {
        while let Ok((stream, _)) = door.accept().await {
            spawn_local(act(stream));
        }
    });
    address
}

/// What arrives until it ends with `end`.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => text.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8(text).unwrap()
}

/// What arrives until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end too; the tests look at what came before it.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_body_cut_within_a_chunk_s_size_is_read_past_as_it_stands() {
    bounded(async {
        let address = proxy(&[], |config| config.pools.clear()).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r";
        client.write_all(head.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(50)).await;
        let next = "\nhello\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        client.write_all(next.as_bytes()).await.unwrap();
        let answers = rest(&mut client).await;
        assert_eq!(answers.matches("HTTP/1.1 404 ").count(), 2, "{answers}");
    })
    .await;
}

#[tokio::test]
async fn what_speaks_for_a_proxy_is_not_taken_from_a_stranger() {
    bounded(async {
        let echo = node(|mut stream| async move {
            let head = until(&mut stream, "\r\n\r\n").await;
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", head.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
        })
        .await;
        let address = proxy(&[echo], |_| {}).await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-Ssl: on\r\n\
            X-Forwarded-Protocol: ssl\r\nx-forwarded-prefix: /evil\r\nX-Other: 1\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        let seen = rest(&mut client).await.to_ascii_lowercase();
        assert!(seen.contains("x-other: 1"), "{seen}");
        for name in ["ssl", "protocol", "prefix"] {
            assert!(!seen.contains(&format!("x-forwarded-{name}:")), "{seen}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_interim_answer_does_not_end_the_body() {
    bounded(async {
        let hinting = node(|mut stream| async move {
            until(&mut stream, "\r\n\r\n").await;
            let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
            stream.write_all(hint.as_bytes()).await.unwrap();
            until(&mut stream, "0\r\n\r\n").await;
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nread";
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let address = proxy(&[hinting], |config| {
            config.pools[0].read_timeout = Duration::from_secs(2);
            let to_pool = Target::Pool(config.pools[0].name.clone());
            let mut route = Route::new(RoutePath::parse("/").unwrap(), to_pool);
            route.buffer_request = false;
            let mut site = Site::new(Name::parse("site").unwrap());
            site.routes.push(route);
            config.sites.push(site);
        })
        .await;
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(100)).await;
        client.write_all(b"0\r\n\r\n").await.unwrap();
        let answer = until(&mut client, "read").await;
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 ";
        assert!(answer.starts_with(hint), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn a_silent_stream_is_no_evidence_against_its_node() {
    bounded(async {
        let streaming = node(|mut stream| async move {
            let head = until(&mut stream, "\r\n\r\n").await;
            if head.starts_with("GET /stream ") {
                let begun = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
                stream.write_all(begun.as_bytes()).await.unwrap();
                sleep(Duration::from_secs(9)).await;
            }
            let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfirst";
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let other = node(|mut stream| async move {
            until(&mut stream, "\r\n\r\n").await;
            let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nother";
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let address = proxy(&[streaming.await, other.await], |config| {
            config.pools[0].max_fails = 1;
            config.pools[0].read_timeout = Duration::from_secs(2);
        })
        .await;
        let ask = async |path: &str| {
            let mut client = TcpStream::connect(address).await.unwrap();
            let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            rest(&mut client).await
        };
        ask("/stream").await;
        let answers = [ask("/").await, ask("/").await];
        assert!(answers.concat().contains("first"), "{answers:?}");
    })
    .await;
}

#[tokio::test]
async fn a_request_leaves_a_node_found_down_only_for_another() {
    bounded(async {
        let slow = node(|mut stream| async move {
            until(&mut stream, "\r\n\r\n").await;
            sleep(Duration::from_secs(4)).await;
            let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nslow";
            drop(stream.write_all(answer.as_bytes()).await);
        })
        .await;
        let quick = node(|mut stream| async move {
            until(&mut stream, "\r\n\r\n").await;
            let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nquick";
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        for (nodes, word) in [(vec![slow], "slow"), (vec![slow, quick], "quick")] {
            let (address, snapshot, _) = proxy_of(&nodes, |_| {}).await;
            let mut client = TcpStream::connect(address).await.unwrap();
            let head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
            client.write_all(head.as_bytes()).await.unwrap();
            sleep(Duration::from_millis(100)).await;
            let failed = CheckResult::of(Some(Cause::AnswerTimeout));
            let state = &snapshot.pools[0].balancer.nodes()[0].state;
            state.set_check(failed, Health::Down);
            let answer = rest(&mut client).await;
            assert!(answer.ends_with(word), "{answer}");
        }
    })
    .await;
}
