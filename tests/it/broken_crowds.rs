//! Hundreds of requests at once to nodes that never begin or never end: what they hold is
//! bounded, and nothing of it stays.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::appliance::Appliance;
use crate::support::broken::{Broken, Step};
use crate::support::client::{Client, Request};
use crate::support::document::{listener, pool, route, site};
use crate::support::node::Node;
use crate::support::{PATIENCE, eventually, ports};

/// Requests at once to each of the four broken pools.
const CROWD: usize = 75;

/// Most that one request may hold, in KiB (docs/ARCHITECTURE.md, «Limits»): the node's head
/// (64), what one read of the worker's 256 KiB scratch brought and nobody has taken yet, and
/// the two parsed heads (64 each, on loan while the request runs).
const HELD: u64 = 64 + 256 + 128;

/// What allocator, threads and log may take beside it, in KiB.
const BESIDE: u64 = 32 * 1024;

/// What each reader of an endless body takes before it stops reading.
const TASTE: usize = 256 * 1024;

/// What one more of them takes meanwhile.
const DRAUGHT: usize = 128 * 1024 * 1024;

/// What all answers read ahead may hold in memory together, in KiB: `memory_budget` below.
const BUDGET: u64 = 32 * 1024;

const POOLS: [&str; 4] = ["silent", "endless-head", "endless-body", "endless-chunks"];

fn nodes() -> [Broken; 4] {
    let ok = "HTTP/1.1 200 OK\r\n";
    let forever = |first: String, again: Vec<u8>| {
        Broken::doing(vec![
            Step::ReadHead,
            Step::say(first),
            Step::SendForever(again),
        ])
    };
    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b'c');
    chunk.extend_from_slice(b"\r\n");
    [
        Broken::doing(vec![Step::Hang]),
        forever(ok.into(), b"X-More: of the same\r\n".repeat(800)),
        forever(
            format!("{ok}Content-Length: 1000000000000000\r\n\r\n"),
            vec![b'b'; 64 * 1024],
        ),
        forever(format!("{ok}Transfer-Encoding: chunked\r\n\r\n"), chunk),
    ]
}

fn asking(port: u16, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(ports::local(port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: broken\r\n\r\n").unwrap();
    stream
}

/// A crowd at every broken pool. They are all there at once when this returns.
fn crowd(port: u16, nodes: &[Broken; 4]) -> Vec<TcpStream> {
    let before: Vec<_> = nodes.iter().map(Broken::connections).collect();
    let mut all = Vec::new();
    for name in POOLS {
        all.extend((0..CROWD).map(|_| asking(port, name)));
    }
    eventually("the crowd at the nodes", || {
        let came = |(node, before): (&Broken, &usize)| node.connections() >= before + CROWD;
        nodes.iter().zip(&before).all(came).then_some(())
    });
    for (number, stream) in all.iter_mut().enumerate() {
        match POOLS[number / CROWD] {
            "silent" => {}
            "endless-head" => {
                let mut answer = vec![0; 12];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(answer, b"HTTP/1.1 502");
            }
            _ => stream.read_exact(&mut vec![0; TASTE]).unwrap(),
        }
    }
    all
}

#[test]
fn a_crowd_at_nodes_without_beginning_or_end_holds_bounded_memory_and_leaves_nothing() {
    let nodes = nodes();
    let healthy = Node::answering("whole");
    let lb = Appliance::start();
    let keys = "health_check = \"off\"\nmax_fails = 0";
    let mut text = listener(lb.port()) + &pool("healthy", "", &[healthy.line(1)]);
    let mut routes = route("/", "healthy", "");
    for (name, node) in POOLS.iter().zip(&nodes) {
        text += &pool(name, keys, &[("broken".into(), node.address(), 1)]);
        routes += &route(&format!("/{name}"), name, "");
    }
    let settings = "\n[settings]\nmemory_budget = \"32m\"\nspool_limit = \"64m\"\n";
    lb.apply(&(text + &site("all", &routes) + settings));
    let mut client = Client::of(lb.port());
    assert_eq!(client.get("/").text(), "whole");
    let (before, files) = (lb.resident(), lb.descriptors());
    let requests = u64::try_from(CROWD * POOLS.len()).unwrap();
    let limit = before + requests * HELD + BESIDE + BUDGET;

    for wave in 1..=3 {
        let mut crowd = crowd(lb.port(), &nodes);
        let mut reader = asking(lb.port(), "endless-body");
        let mut piece = vec![0; 1024 * 1024];
        for _ in 0..DRAUGHT / piece.len() {
            reader.read_exact(&mut piece).unwrap();
        }
        for _ in 0..100 {
            assert_eq!(client.get("/").text(), "whole");
        }
        let peak = lb.peak();
        assert!(
            peak < limit,
            "wave {wave}: {peak} KiB of {limit}, {before} before"
        );
        crowd.push(reader);
        drop(crowd);
        eventually("both sides of the crowd are gone", || {
            let left: usize = nodes.iter().map(Broken::open).sum();
            // The client of the healthy pool and its node connection come and go.
            (left == 0 && lb.descriptors() <= files + 2).then_some(())
        });
    }
    for name in POOLS {
        assert_eq!(lb.node(name, "broken")["in_flight"], 0, "{name}");
    }
    let whole = lb.node("healthy", healthy.name());
    assert_eq!(
        (&whole["errors"], &whole["requests"]),
        (&0.into(), &301.into())
    );
    assert!(client.send(&Request::get("/")).is_ok());
}
