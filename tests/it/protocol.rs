//! HTTP/1.1 as clients and nodes really speak it. What is refused, and why: `rules/`.

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Wire, exchange};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Node, Then};

fn behind(node: &Node) -> Appliance {
    let lb = Appliance::start();
    let keys = "health_check = \"off\"";
    lb.apply(&one_pool(lb.port(), keys, &[node.line(1)]));
    lb
}

/// A node with an answer of every framing, chosen by the path.
fn framings() -> Node {
    Node::scripted("a", |request| match request.target() {
        "/length" => Answer::text("abcde"),
        "/chunked" => Answer::raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;ext=1\r\ncde\r\n0\r\nX-Trailer: dropped\r\n\r\n",
        ),
        "/close" => Answer::Raw(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde".to_vec(),
            Then::Close,
        ),
        "/old" => Answer::Raw(b"HTTP/1.0 200 OK\r\n\r\nabcde".to_vec(), Then::Close),
        "/204" => Answer::raw("HTTP/1.1 204 No Content\r\n\r\n"),
        "/304" => {
            Answer::raw("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n")
        }
        "/early" => Answer::raw(
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        ),
        _ => Answer::status(404, "no such framing"),
    })
}

#[test]
fn connections_are_kept_on_both_sides() {
    let node = Node::answering("a");
    let lb = behind(&node);
    let mut client = Client::of(lb.port());
    for _ in 0..20 {
        assert_eq!(client.get("/").text(), "a");
    }
    assert_eq!(client.opened, 1);
    assert_eq!(node.connections(), 1);
}

#[test]
fn a_client_that_says_close_is_closed_and_the_node_is_not() {
    let node = Node::answering("a");
    let lb = behind(&node);
    for _ in 0..3 {
        let mut wire = Wire::to(lb.port());
        wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = wire.response("GET");
        assert_eq!(answer.field("Connection"), Some("close"));
        assert_eq!(wire.rest(), b"");
    }
    assert!(
        node.connections() <= 2,
        "{} connections",
        node.connections()
    );
}

#[test]
fn every_framing_of_a_node_arrives_whole_at_an_http_11_client() {
    let node = framings();
    let lb = behind(&node);
    let mut client = Client::of(lb.port());
    for target in ["/length", "/chunked", "/close", "/old", "/early"] {
        let answer = client.get(target);
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "abcde"),
            "{target}"
        );
        assert_eq!(answer.version, "HTTP/1.1", "{target}");
        assert!(!answer.until_close, "{target}");
    }
    assert_eq!(
        client.opened, 1,
        "the client's connection outlives the node's"
    );
}

#[test]
fn an_http_10_client_gets_no_chunks_and_the_end_by_the_close() {
    let node = framings();
    let lb = behind(&node);
    for target in ["/length", "/chunked", "/close", "/old", "/early"] {
        let bytes = exchange(lb.port(), format!("GET {target} HTTP/1.0\r\n\r\n"));
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{target}: {head}");
        assert!(
            !head.to_lowercase().contains("transfer-encoding"),
            "{target}: {head}"
        );
        assert_eq!(body, "abcde", "{target}");
    }
}

#[test]
fn an_http_10_client_may_ask_to_be_kept() {
    let node = framings();
    let lb = behind(&node);
    let mut wire = Wire::to(lb.port());
    for _ in 0..2 {
        wire.send("GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let answer = wire.response("GET");
        assert_eq!(answer.text(), "abcde");
        assert_eq!(
            answer.field("Connection").map(str::to_lowercase).as_deref(),
            Some("keep-alive")
        );
    }
}

#[test]
fn a_large_body_passes_both_ways_in_chunks() {
    let node = Node::scripted("a", |request| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for part in request.body.chunks(1000) {
            bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Answer::raw(bytes)
    });
    let lb = behind(&node);
    let body: Vec<u8> = crate::support::pattern::block().repeat(10);
    let parts: Vec<&[u8]> = body.chunks(777).collect();
    let answer = lb.ask(&Request::post_chunked("/", &parts));
    assert!(answer.body == body, "{} bytes came back", answer.body.len());
}

#[test]
fn a_head_may_come_byte_by_byte() {
    let node = Node::answering("a");
    let lb = behind(&node);
    let mut wire = Wire::to(lb.port());
    for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" {
        wire.send([*byte]);
    }
    assert_eq!(wire.response("POST").text(), "a");
    assert_eq!(node.last().body, b"abc");
}
