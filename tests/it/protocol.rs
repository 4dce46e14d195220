//! HTTP/1.1 as clients and nodes really speak it, and what is refused before a node sees it.

use std::sync::atomic::{AtomicUsize, Ordering};

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
fn head_204_and_304_have_no_body_and_the_connection_goes_on() {
    let node = framings();
    let lb = behind(&node);
    let mut wire = Wire::to(lb.port());
    for (method, target, status, length) in [
        ("HEAD", "/length", 200, Some("5")),
        ("GET", "/204", 204, None),
        ("GET", "/304", 304, Some("5")),
        ("GET", "/length", 200, Some("5")),
    ] {
        wire.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = wire.response(method);
        assert_eq!(answer.status, status, "{method} {target}");
        let given = answer.field("Content-Length");
        assert!(
            given == length || (status == 304 && given.is_none()),
            "{target}: {given:?}"
        );
        assert_eq!(answer.field("Transfer-Encoding"), None, "{target}");
    }
}

#[test]
fn a_body_goes_up_as_it_was_framed() {
    let node = Node::answering("a");
    let lb = behind(&node);
    let mut client = Client::of(lb.port());
    client.ask(&Request::post("/", "abcde"));
    let seen = node.last();
    assert_eq!(
        (seen.body.as_slice(), seen.all("Content-Length")),
        (&b"abcde"[..], vec!["5"])
    );
    client.ask(&Request::post_chunked("/", &[b"ab", b"cde"]));
    let seen = node.last();
    assert_eq!(seen.body, b"abcde");
    assert_eq!(
        seen.all("Content-Length").len() + seen.all("Transfer-Encoding").len(),
        1
    );
    client.ask(&Request::post("/", "").field("X-A", "1"));
    assert_eq!(node.last().all("Content-Length"), ["0"]);
    client.get("/");
    assert!(node.last().all("Transfer-Encoding").is_empty());
    assert_eq!(client.opened, 1);
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
fn expect_100_is_answered_when_the_body_is_wanted_and_never_passed_on() {
    let node = Node::answering("a");
    let lb = behind(&node);
    let mut wire = Wire::to(lb.port());
    wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(wire.head().status, 100);
    wire.send("abcde");
    assert_eq!(wire.response("POST").text(), "a");
    assert_eq!(node.last().body, b"abcde");
    assert_eq!(node.last().field("Expect"), None);
    // And the connection is in step.
    wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(wire.response("GET").text(), "a");
}

#[test]
fn an_expectation_without_a_body_is_ignored() {
    let node = Node::answering("a");
    let lb = behind(&node);
    for expect in ["weird", "100-continue", "y 100-continue"] {
        assert_eq!(
            lb.ask(&Request::get("/").field("Expect", expect)).status,
            200
        );
        assert_eq!(node.last().field("Expect"), None);
        let empty = Request::post("/", "").field("Expect", expect);
        assert_eq!(lb.ask(&empty).status, 200);
        let body = Request::post("/", "body").field("Expect", expect);
        let status = if expect == "100-continue" { 200 } else { 417 };
        assert_eq!(lb.ask(&body).status, status, "{expect}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let node = Node::scripted("a", |request| Answer::text(request.target()));
    let lb = behind(&node);
    let mut wire = Wire::to(lb.port());
    let mut all = String::new();
    for n in 0..20 {
        let body = if n % 3 == 0 { "xyz" } else { "" };
        let method = if body.is_empty() { "GET" } else { "POST" };
        let length = if body.is_empty() {
            ""
        } else {
            "Content-Length: 3\r\n"
        };
        all += &format!("{method} /{n} HTTP/1.1\r\nHost: a\r\n{length}\r\n{body}");
    }
    wire.send(all);
    for n in 0..20 {
        assert_eq!(wire.response("GET").text(), format!("/{n}"));
    }
    let targets: Vec<String> = node
        .requests()
        .iter()
        .map(|r| r.target().to_owned())
        .collect();
    let expected: Vec<String> = (0..20).map(|n| format!("/{n}")).collect();
    assert_eq!(targets, expected);
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

#[test]
fn absolute_form_reaches_the_node_as_origin_form() {
    let node = Node::answering("a");
    let lb = behind(&node);
    let mut wire = Wire::to(lb.port());
    wire.send("GET http://shop.example.com/a?b HTTP/1.1\r\nHost: shop.example.com\r\n\r\n");
    assert_eq!(wire.response("GET").status, 200);
    assert_eq!(node.last().target(), "/a?b");
    assert_eq!(node.last().all("Host"), ["shop.example.com"]);
}

/// Heads and bodies that two servers could read in two ways, each with the status it gets. In
/// each, `EVIL` must not reach the node as a request.
const REFUSED: &[(&str, u16)] = &[
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nEVIL",
        400,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcEVIL",
        400,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabcEVIL",
        400,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabcEVIL",
        400,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabcEVIL",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nEVIL",
        501,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nEVIL",
        501,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;x=y\r\n\r\n0\r\n\r\nEVIL",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: y 100-continue\r\n\r\nabcEVIL",
        417,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\nEVIL",
        400,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\nEVIL",
        400,
    ),
    (
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nEVIL",
        400,
    ),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nEVIL", 400),
    ("GET / HTTP/1.1\r\n\r\nEVIL", 400),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\nEVIL", 400),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\nEVIL",
        400,
    ),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\nEVIL", 400),
    ("GET / HTTP/1.1\nHost: a\n\nEVIL", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rEVIL: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\nEVIL", 400),
    ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\nEVIL", 400),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\nEVIL", 400),
    ("GET /../EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\nEVIL", 505),
    ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\nEVIL", 400),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nEVIL", 405),
    ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\nEVIL", 405),
];

#[test]
fn what_could_be_read_in_two_ways_is_refused_and_reaches_no_node() {
    let node = Node::answering("a");
    let lb = behind(&node);
    for (bytes, status) in REFUSED {
        let follower = "GET /EVIL HTTP/1.1\r\nHost: a\r\n\r\n";
        let sent = bytes.replace("EVIL", follower);
        let answer = exchange(
            lb.port(),
            if bytes.contains("/../") {
                *bytes
            } else {
                &sent
            },
        );
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{bytes:?}: {text}"
        );
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{bytes:?}: {text}");
        assert!(
            text.to_lowercase().contains("connection: close\r\n"),
            "{bytes:?}: {text}"
        );
        assert!(text.contains("X-Steelyard-Reason: "), "{bytes:?}: {text}");
    }
    let reached = String::from_utf8_lossy(&node.raw()).into_owned();
    assert!(!reached.contains("EVIL"), "{reached}");
    assert!(node.requests().is_empty(), "{reached}");
    assert_eq!(lb.get("/").text(), "a");
}

#[test]
fn a_broken_chunk_ends_the_request_and_nothing_after_it_is_one() {
    let chunks = [
        "x\r\nabc\r\n",
        "3 \r\nabc\r\n",
        "3\r\nabcd\r\n",
        "3\nabc\r\n",
        "11111111111111111\r\n",
        "-1\r\n",
        "\r\n",
    ];
    for broken in chunks {
        let node = Node::answering("a");
        let lb = behind(&node);
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{broken}0\r\n\r\nGET /EVIL HTTP/1.1\r\nHost: a\r\n\r\n"
        );
        let answer = String::from_utf8_lossy(&exchange(lb.port(), bytes)).into_owned();
        assert!(answer.starts_with("HTTP/1.1 400 "), "{broken:?}: {answer}");
        assert_eq!(
            answer.matches("HTTP/1.1 ").count(),
            1,
            "{broken:?}: {answer}"
        );
        assert!(
            !String::from_utf8_lossy(&node.raw()).contains("EVIL"),
            "{broken:?}"
        );
    }
}

#[test]
fn heads_over_their_limits_have_their_own_answers() {
    let node = Node::answering("a");
    let lb = behind(&node);
    let long = "x".repeat(20_000);
    let many = "A: b\r\n".repeat(200);
    let huge = format!("X: {}\r\n", "y".repeat(8000)).repeat(10);
    for (bytes, status, reason) in [
        (
            format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
            414,
            "target_too_long",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
            431,
            "head_too_large",
        ),
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\n{huge}\r\n"),
            431,
            "head_too_large",
        ),
    ] {
        let answer = String::from_utf8_lossy(&exchange(lb.port(), bytes)).into_owned();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{reason}: {answer}"
        );
        assert!(
            answer.contains(&format!("X-Steelyard-Reason: {reason}")),
            "{answer}"
        );
    }
    assert!(node.requests().is_empty());
}

#[test]
fn a_node_whose_answer_could_be_read_in_two_ways_is_not_believed() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length: three\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ];
    let next = AtomicUsize::new(0);
    let node = Node::scripted("a", move |_| {
        Answer::raw(answers[next.fetch_add(1, Ordering::SeqCst) % answers.len()])
    });
    let lb = Appliance::start();
    let keys = "health_check = \"off\"\nmax_fails = 0\nretry = { on = [] }";
    lb.apply(&one_pool(lb.port(), keys, &[node.line(1)]));
    for sent in answers {
        let answer = lb.get("/");
        assert_eq!(
            (answer.status, answer.reason()),
            (502, Some("node_bad_response")),
            "{sent:?}"
        );
    }
    // None of these connections was used again.
    assert_eq!(node.connections(), answers.len());
}

#[test]
fn an_answer_cut_on_the_way_is_never_taken_for_a_whole_one() {
    let long = "x".repeat(200_000);
    let cut = format!("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n{long}");
    let chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n{long}\r\n5\r\nab");
    for bytes in [cut, chunked] {
        let node = Node::scripted("a", move |_| Answer::Raw(bytes.clone().into(), Then::Close));
        let lb = behind(&node);
        let answer = Client::of(lb.port()).send(&Request::get("/"));
        if let Ok(answer) = answer {
            assert_eq!(
                answer.status,
                502,
                "a cut body of {} bytes passed",
                answer.body.len()
            );
        }
    }
}

#[test]
fn bytes_a_node_sends_too_many_never_become_an_answer() {
    let node = Node::scripted("a", |_| {
        Answer::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL",
        )
    });
    let lb = behind(&node);
    let mut client = Client::of(lb.port());
    for _ in 0..5 {
        assert_eq!(client.get("/").text(), "ok");
    }
    assert_eq!(node.connections(), 5);
}
