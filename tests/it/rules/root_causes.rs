//! Holes that others had, each as a sequence of requests on one connection: what reached the node is compared
//! byte by byte, and the request behind the attack is shown to be its own.

use super::stand::{EVIL, RawNode, Stand, bytes, check_refusal, masked};
use crate::support::appliance::write_file;
use crate::support::client::{Client, Request, exchange};
use crate::support::node::{Answer, Gate};

/// Pingora: answered from the cache, the body was left unread, and read as the next request.
#[test]
fn root_cause_cve_2025_4366_a_body_is_read_to_its_end_before_the_next_request() {
    let stand = Stand::new();
    let root = stand.lb.data().join("files");
    write_file(&root.join("a.txt"), "file");
    let site = format!(
        "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/fixed\"\nrespond = {{ status = 200, body = \"fixed\" }}\n[[sites.routes]]\npath = \"/moved\"\nredirect = {{ to = \"https://b/\" }}\n[[sites.routes]]\npath = \"/files/\"\nfiles = {{ root = \"{}\" }}\n[[sites.routes]]\npath = \"/next\"\npool = \"p\"\n",
        root.display()
    );
    stand.apply("", &site);
    let mut wire = stand.wire();
    let framings = [
        format!("Content-Length: {}\r\n\r\n{EVIL}", EVIL.len()),
        format!(
            "Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{EVIL}\r\n0\r\n\r\n",
            EVIL.len()
        ),
    ];
    for framing in &framings {
        for (request, status) in [
            ("GET /fixed", 200),
            ("GET /moved", 301),
            ("GET /files/a.txt", 200),
            ("HEAD /files/a.txt", 200),
            ("GET /files/none", 404),
            ("POST /files/a.txt", 405),
            ("GET /nowhere", 404),
        ] {
            wire.send(format!("{request} HTTP/1.1\r\nHost: a\r\n{framing}"));
            let answer = wire.response(&request[..4]);
            assert_eq!(answer.status, status, "{request}");
            stand.next_is_its_own(&mut wire);
        }
        // Not modified, and a part of it: other ways out of the same code.
        let tag = stand
            .lb
            .get("/files/a.txt")
            .field("ETag")
            .unwrap()
            .to_owned();
        for (field, status) in [
            (format!("If-None-Match: {tag}"), 304),
            ("Range: bytes=1-2".to_owned(), 206),
        ] {
            wire.send(format!(
                "GET /files/a.txt HTTP/1.1\r\nHost: a\r\n{field}\r\n{framing}"
            ));
            assert_eq!(wire.response("GET").status, status, "{field}");
            stand.next_is_its_own(&mut wire);
        }
    }
    assert!(!String::from_utf8_lossy(&stand.node.raw()).contains("EVIL"));
}

/// Pingora: bytes were passed through as soon as an upgrade was asked for.
#[test]
fn root_cause_cve_2026_2833_nothing_passes_before_an_upgrade_is_agreed_to() {
    let gate = Gate::closed();
    let held = gate.clone();
    let stand = Stand::with("", "", move |request| {
        if request.target() == "/chat" {
            held.pass();
        }
        Answer::text(&format!(
            "{} {} {}",
            request.method(),
            request.target(),
            request.body.len()
        ))
    });
    let mut wire = stand.wire();
    wire.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    wire.send("GET /behind HTTP/1.1\r\nHost: b\r\n\r\n");
    stand.node.saw(1);
    let first = stand.mark();
    let asked = String::from_utf8_lossy(&stand.node.raw()).into_owned();
    assert!(
        asked.starts_with("GET /chat HTTP/1.1\r\nHost: a\r\n") && asked.ends_with("\r\n\r\n"),
        "{asked}"
    );
    assert_eq!(asked.matches("\r\n\r\n").count(), 1, "{asked}");
    gate.open();
    // It was not agreed to: what follows is a request like any other.
    assert_eq!(wire.response("GET").text(), "GET /chat 0");
    assert_eq!(wire.response("GET").text(), "GET /behind 0");
    assert_eq!(
        stand.arrived_since(first),
        "GET /behind HTTP/1.1\r\nHost: b\r\n~\r\n"
    );
    stand.next_is_its_own(&mut wire);
}

/// Pingora: a list of codings was read by its wrong end, and a body of HTTP/1.0 until the close.
#[test]
fn root_cause_cve_2026_2835_a_request_never_ends_with_its_connection() {
    let stand = Stand::new();
    stand.refuses(&[
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\nContent-Length: 29\r\n\r\n0\r\n\r\n", 400, 25),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, 25),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 26),
    ]);
    let mark = stand.mark();
    let mut wire = stand.wire();
    // HTTP/1.0, kept: without a length it has no body, and what follows is the next request.
    wire.send("POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    assert_eq!(wire.response("POST").text(), "POST /a 0");
    assert_eq!(
        stand.arrived_since(mark),
        "POST /a HTTP/1.1\r\nHost: a\r\n~\r\n"
    );
    stand.next_is_its_own(&mut wire);
}

/// Pingora: the cache's key left out host and scheme. There is no cache: every request is asked.
#[test]
fn root_cause_cve_2026_2836_no_answer_is_another_site_s() {
    let stand = Stand::with("", "", |request| {
        Answer::text(request.field("Host").unwrap_or_default())
            .field("Cache-Control", "public, max-age=3600")
            .field("ETag", "\"one\"")
    });
    let mut client = Client::of(stand.lb.port());
    let mut asked = 0;
    for _ in 0..3 {
        for host in ["a.example", "b.example", "a.example:8080"] {
            let answer = client.ask(&Request::get("/same").field("Host", host));
            assert_eq!(answer.text(), host);
            asked += 1;
            assert_eq!(stand.node.requests().len(), asked);
        }
    }
    assert_eq!(client.opened, 1);
}

/// Traefik: a client named the proxy's own fields in `Connection`, and they were taken away.
#[test]
fn root_cause_cve_2024_45410_our_own_fields_stay() {
    let stand = Stand::new();
    let names = "X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Real-IP, X-Request-ID, close-not, X-Forwarded-Server";
    stand.passes(&[
        (
            &format!("GET /a HTTP/1.1\r\nHost: a\r\nConnection: {names}\r\nX-Forwarded-Host: evil\r\n\r\n"),
            "GET /a HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
        (
            &format!("GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: {}\r\nX-A: b\r\n\r\n", names.to_lowercase()),
            "GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n~\r\n",
        ),
    ]);
}

/// HAProxy: an empty length was forwarded before a second one.
#[test]
fn root_cause_cve_2023_40225_one_length_is_sent_and_it_is_ours() {
    let stand = Stand::new();
    stand.refuses(&[
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\nContent-Length: 31\r\n\r\n",
            400,
            22,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\nContent-Length:\r\n\r\n",
            400,
            22,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n",
            400,
            21,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: , 31\r\n\r\n",
            400,
            22,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\nContent-Length: 31\r\n\r\n",
            400,
            25,
        ),
    ]);
    stand.passes(&[(
        "POST /a HTTP/1.1\r\nContent-Length: 003\r\nX-A: b\r\nHost: a\r\n\r\nabc",
        "POST /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n~Content-Length: 3\r\n\r\nabc",
    )]);
}

/// Akamai: `Expect` folded over two lines, on OPTIONS with a body that was then left behind.
#[test]
fn root_cause_cve_2025_32094_expect_is_neither_folded_nor_forwarded() {
    let stand = Stand::new();
    stand.refuses(&[
        ("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\nExpect:\r\n 100-continue\r\n\r\n", 400, 17),
        ("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\nExpect: 100-\r\n continue\r\n\r\n", 400, 17),
        ("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\nExpect: y 100-continue\r\n\r\n", 417, 39),
        ("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\nExpect : 100-continue\r\n\r\n", 400, 16),
    ]);
    let mark = stand.mark();
    let mut wire = stand.wire();
    wire.send(
        "OPTIONS /a HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(wire.head().status, 100);
    wire.send(EVIL);
    assert_eq!(wire.response("OPTIONS").text(), "OPTIONS /a 31");
    let arrived = format!("OPTIONS /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 31\r\n\r\n{EVIL}");
    assert_eq!(stand.arrived_since(mark), arrived);
    stand.next_is_its_own(&mut wire);
}

/// Kestrel and others: line ends inside a chunk's extension.
#[test]
fn root_cause_cve_2025_55315_extensions_are_checked_dropped_and_the_body_is_chunked_anew() {
    let stand = Stand::new();
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let own = "POST /a HTTP/1.1\r\nHost: a\r\n~Transfer-Encoding: chunked\r\n\r\n";
    for (extension, rule) in [
        ("\n", 1),
        ("a\n", 1),
        ("a=\"\n\"", 1),
        ("a\rb", 2),
        ("\rb", 29),
        ("a=\"\rb\"", 29),
        ("a=\"b\r\n\"", 29),
    ] {
        let attack = format!(
            "{head}2;{extension}\r\nxx\r\n{:x}\r\n0\r\n\r\n{EVIL}\r\n0\r\n\r\n",
            EVIL.len() + 5
        );
        let answer = exchange(stand.lb.port(), bytes(&attack));
        check_refusal(&String::from_utf8_lossy(&answer), 400, rule, extension);
    }
    assert!(stand.node.requests().is_empty());
    assert!(!masked(&stand.node.raw()).contains("EVIL"));
    stand.passes(&[(
        &format!("{head}2;a=\"0\\\"\";b\r\nxx\r\n0;c\r\n\r\n"),
        &format!("{own}2\r\nxx\r\n0\r\n\r\n"),
    )]);
}

/// sozu #726: `chunked<TAB>` was not understood, and forwarded all the same, beside a length.
#[test]
fn root_cause_sozu_726_a_coding_is_understood_or_refused() {
    let stand = Stand::new();
    stand.refuses(&[
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, 24),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\u{b}\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, 18),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedfoo\tx\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400, 25),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cow\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 501, 25),
    ]);
    stand.passes(&[(
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\n~Transfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
    )]);
}

/// hyper #4123: a length was kept where it stood before the coding.
#[test]
fn root_cause_hyper_4123_framing_is_decided_from_the_whole_head() {
    let stand = Stand::new();
    let mut cases = Vec::new();
    let many = (0..100)
        .map(|n| format!("X-{n}: y\r\n"))
        .collect::<String>();
    for (first, second) in [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
    ] {
        for between in ["", &many] {
            cases.push(format!(
                "POST / HTTP/1.1\r\n{first}\r\n{between}Host: a\r\n{second}\r\n\r\n0\r\n\r\n"
            ));
        }
    }
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|t| (t.as_str(), 400, 24)).collect();
    stand.refuses(&cases);
}

/// Go's net/http: an answer other than 100 to `Expect` left a pooled connection in a bad state.
#[test]
fn root_cause_go_net_http_an_answer_before_the_body_closes_the_node_s_connection() {
    let node = RawNode::answering("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    let stand = Stand::streaming(&node);
    for n in 1..=3 {
        let mut wire = stand.wire();
        wire.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n");
        assert_eq!(wire.head().status, 100);
        wire.send("first bytes");
        let answer = wire.response("POST");
        assert_eq!(
            (answer.status, answer.field("Connection")),
            (417, Some("close"))
        );
        let seen = String::from_utf8_lossy(&node.next_ended()).to_lowercase();
        assert!(!seen.contains("expect") && seen.contains("content-length: 1000000\r\n"));
        assert_eq!(node.connections(), n);
    }
    // Where the whole body was sent, the connection is as good as any, whatever the answer.
    let mut client = Client::of(stand.lb.port());
    for _ in 0..3 {
        assert_eq!(client.ask(&Request::post("/", "abc")).status, 417);
    }
    assert_eq!((node.connections(), client.opened), (4, 1));
}
