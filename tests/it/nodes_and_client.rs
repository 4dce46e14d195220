//! The scripted node and the client against each other: what the other tests lean on.

use crate::support::client::{self, Client, ClientError, Request, Wire};
use crate::support::node::{Answer, Gate, Node, Then};
use crate::support::{pattern, ports::Port};

fn says(name: &str, raw: &'static str, then: Then) -> Node {
    Node::scripted(name, move |_| Answer::Raw(raw.into(), then))
}

fn error(node: &Node) -> String {
    let answer = Client::of(node.address().port()).send(&Request::get("/"));
    answer.expect_err("the node broke off").to_string()
}

#[test]
fn a_connection_is_kept_until_one_side_closes() {
    let node = Node::answering("a");
    let mut client = Client::of(node.address().port());
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "a");
    }
    assert_eq!((client.opened, node.connections()), (1, 1));
    let closing = Node::scripted("b", |_| Answer::text("b").field("Connection", "close"));
    let mut client = Client::of(closing.address().port());
    assert_eq!(client.get("/").text() + &client.get("/").text(), "bb");
    assert_eq!(client.opened, 2);
}

#[test]
fn bodies_arrive_by_length_in_chunks_and_until_the_close() {
    let node = Node::scripted("a", |request| match request.target() {
        "/chunks" => Answer::raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        ),
        "/close" => Answer::Raw(b"HTTP/1.1 200 OK\r\n\r\nabcde".to_vec(), Then::Close),
        "/early" => Answer::raw(
            "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        ),
        _ => Answer::text("abcde"),
    });
    let mut client = Client::of(node.address().port());
    for target in ["/", "/chunks", "/early", "/close"] {
        assert_eq!(client.get(target).text(), "abcde", "{target}");
    }
    assert_eq!(client.get("/early").interim, [103]);
    assert_eq!(client.ask(&Request::head("/")).body, b"");
}

#[test]
fn a_node_keeps_what_it_saw() {
    let node = Node::answering("a");
    let mut client = Client::of(node.address().port());
    client.ask(&Request::post("/one", "abc").field("X-A", "1"));
    client.ask(&Request::post_chunked("/two", &[b"ab", b"c"]));
    let seen = node.requests();
    assert_eq!(seen[0].field("x-a"), Some("1"));
    assert_eq!((seen[0].method(), seen[0].target()), ("POST", "/one"));
    assert_eq!(
        (seen[0].body.as_slice(), seen[1].body.as_slice()),
        (&b"abc"[..], &b"abc"[..])
    );
    assert!(node.raw().ends_with(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"));
}

#[test]
fn long_bodies_are_compared_and_not_kept() {
    const LENGTH: u64 = 3_000_000;
    let node = Node::scripted("a", |request| match request.method() {
        "POST" => Answer::text(&request.pattern.length.to_string()),
        _ => Answer::Download(LENGTH),
    });
    let mut client = Client::of(node.address().port());
    let up = client.ask(&Request::post_pattern("/", LENGTH));
    assert_eq!(up.text(), LENGTH.to_string());
    assert_eq!(node.last().pattern.wrong_at, None);
    let mut checker = pattern::Checker::default();
    client
        .send_and_check(&Request::get("/"), &mut checker)
        .unwrap();
    assert_eq!((checker.length, checker.wrong_at), (LENGTH, None));
    checker.see(b"wrong");
    assert_eq!(checker.wrong_at, Some(LENGTH));
}

#[test]
fn every_way_to_break_off_is_told_apart() {
    let mut node = says("a", "", Then::Close);
    assert_eq!(error(&node), "closed without one byte of an answer");
    node.stop();
    assert!(error(&node).starts_with("cannot connect: "));
    let reset = says("a", "", Then::Reset);
    assert!(error(&reset).contains("reset"), "{}", error(&reset));
    let head = says("a", "HTTP/1.1 200 OK\r\nA: b", Then::Close);
    assert!(error(&head).starts_with("bad response head: cut"));
    let body = says(
        "a",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        Then::Close,
    );
    assert_eq!(
        error(&body),
        "body broken after 3 bytes: closed with 6 of 9 to come"
    );
    let chunk = says(
        "a",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        Then::Close,
    );
    assert!(error(&chunk).starts_with("body broken after 2 bytes: closed"));
    let both = says(
        "a",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Then::KeepOn,
    );
    assert!(error(&both).contains("with codings"));
}

#[test]
fn a_stopped_node_comes_back_on_its_port() {
    let mut node = Node::answering("a");
    let port = node.address().port();
    let mut kept = Client::of(port);
    kept.get("/");
    node.stop();
    assert!(kept.send(&Request::get("/")).is_err());
    assert!(matches!(
        Client::of(port).send(&Request::get("/")),
        Err(ClientError::Connect(_))
    ));
    node.start();
    assert_eq!(client::get(port, "/").text(), "a");
}

#[test]
fn a_gate_holds_an_answer_until_it_is_opened() {
    let gate = Gate::closed();
    let held = gate.clone();
    let node = Node::scripted("a", move |_| {
        held.pass();
        Answer::text("a")
    });
    let mut wire = Wire::to(node.address().port());
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    node.saw(1);
    gate.open();
    assert_eq!(wire.response("GET").text(), "a");
}

#[test]
fn no_port_is_handed_out_twice() {
    let ports: Vec<Port> = (0..50).map(|_| Port::free()).collect();
    let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 50);
}
