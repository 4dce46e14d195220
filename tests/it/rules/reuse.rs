//! One request after the other, on both sides, and what is asked again.

use super::stand::{EVIL, RawNode, Stand};
use crate::support::client::{Client, Request};
use crate::support::document::{listener, one_pool, pool};
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node, Then};

#[test]
fn rule_47_pipelined_requests_are_asked_and_answered_one_at_a_time() {
    let gate = Gate::closed();
    let held = gate.clone();
    let stand = Stand::with("", "", move |request| {
        if request.target() == "/0" {
            held.pass();
        }
        Answer::text(&format!("{} {}", request.target(), request.body.len()))
    });
    let mut all = String::new();
    let mut arrives = String::new();
    for n in 0..20 {
        match n % 3 {
            0 => {
                all += &format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n");
                arrives += &format!("GET /{n} HTTP/1.1\r\nHost: a\r\n~\r\n");
            }
            1 => {
                let (head, own) = (
                    format!("POST /{n} HTTP/1.1\r\nHost: a\r\n"),
                    "Content-Length: 31\r\n\r\n",
                );
                all += &format!("{head}{own}{EVIL}");
                arrives += &format!("{head}~{own}{EVIL}");
            }
            _ => {
                let (head, own) = (
                    format!("POST /{n} HTTP/1.1\r\nHost: a\r\n"),
                    "Transfer-Encoding: chunked\r\n\r\n",
                );
                all += &format!("{head}{own}1F;x=y\r\n{EVIL}\r\n0\r\nHost: evil\r\n\r\n");
                arrives += &format!("{head}~Content-Length: 31\r\n\r\n{EVIL}");
            }
        }
    }
    let mut wire = stand.wire();
    wire.send(&all);
    // While the first waits for its answer, nothing of the second has been asked.
    stand.node.saw(1);
    let first = &arrives[..arrives.find("POST").unwrap()];
    assert_eq!(stand.arrived_since(0), first);
    gate.open();
    for n in 0..20 {
        let length = if n % 3 == 0 { 0 } else { 31 };
        assert_eq!(wire.response("GET").text(), format!("/{n} {length}"));
    }
    assert_eq!(stand.arrived_since(0), arrives);
}

#[test]
fn rule_47_behind_the_last_request_nothing_is_read() {
    let stand = Stand::new();
    let mut wire = stand.wire();
    wire.send(format!(
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{EVIL}"
    ));
    assert_eq!(wire.response("GET").text(), "GET /a 0");
    assert_eq!(wire.rest(), b"");
    assert_eq!(
        stand.arrived_since(0),
        "GET /a HTTP/1.1\r\nHost: a\r\n~\r\n"
    );
    // HTTP/1.0 asks once, unless it says otherwise.
    let mark = stand.mark();
    let mut wire = stand.wire();
    wire.send("GET /b HTTP/1.0\r\nHost: a\r\n\r\nGET /EVIL HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!(wire.response("GET").field("Connection"), Some("close"));
    assert_eq!(wire.rest(), b"");
    assert_eq!(
        stand.arrived_since(mark),
        "GET /b HTTP/1.1\r\nHost: a\r\n~\r\n"
    );
}

/// Answers behind which a node's connection can be used again, and others behind which it cannot.
const CLEAN: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 500 Oh\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
];
const LAST: &[&str] = &[
    "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\n\r\nuntil the close",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
];

#[test]
fn rule_48_a_node_s_connection_is_used_again_only_when_it_is_clean() {
    let stand = Stand::with("", "", |request| {
        let number: Option<usize> = request.target()[1..].parse().ok();
        let Some(text) = number.and_then(|n| CLEAN.iter().chain(LAST).nth(n)) else {
            return Answer::text("ok");
        };
        let then = match text.ends_with("until the close") {
            true => Then::Close,
            false => Then::KeepOn,
        };
        Answer::Raw(text.as_bytes().to_vec(), then)
    });
    let mut client = Client::of(stand.lb.port());
    client.get("/first");
    for (n, text) in CLEAN.iter().chain(LAST).enumerate() {
        client.get(&format!("/{n}"));
        assert_eq!(client.get("/next").text(), "ok", "{text:?}");
        let ended = (n + 1).saturating_sub(CLEAN.len());
        assert_eq!(stand.node.connections(), 1 + ended, "{text:?}");
    }
    assert_eq!(client.opened, 1);
}

#[test]
fn rule_48_after_an_answer_before_the_body_s_end_the_node_s_connection_is_closed() {
    let node = RawNode::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let stand = Stand::streaming(&node);
    for n in 1..=3 {
        let mut wire = stand.wire();
        wire.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
        assert_eq!(wire.response("POST").text(), "ok");
        // Before anything else happens: it is of no use to anyone.
        node.next_ended();
        assert_eq!(node.connections(), n);
    }
    // One that was asked and answered in full is used again.
    let mut client = Client::of(stand.lb.port());
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "ok");
    }
    assert_eq!(node.connections(), 4);
}

#[test]
fn rule_48_without_keepalive_each_request_has_its_own_connection() {
    let stand = Stand::new();
    let keys = "health_check = \"off\"\nkeepalive = { idle = 0 }";
    stand
        .lb
        .apply(&one_pool(stand.lb.port(), keys, &[stand.node.line(1)]));
    let mut client = Client::of(stand.lb.port());
    for n in 1..=5 {
        assert_eq!(client.get("/").text(), "GET / 0");
        assert_eq!(stand.node.connections(), n);
        assert_eq!(stand.node.last().all("Connection"), ["close"]);
    }
    assert_eq!(client.opened, 1);
}

/// Two nodes: the first does this with every request, the second answers.
fn with_a_bad_node(keys: &str, bad: impl Fn() -> Answer + Send + Sync + 'static) -> (Stand, Node) {
    let stand = Stand::with("", "", move |_| bad());
    let good = Node::answering("good");
    // The second is asked only where the first has failed.
    let nodes = pool("p", keys, &[stand.node.line(1)])
        + &format!(
            "\n[[pools.nodes]]\nname = \"good\"\naddress = \"{}\"\nbackup = true\n",
            good.address()
        );
    stand.lb.apply(&(listener(stand.lb.port()) + &nodes));
    (stand, good)
}

const RETRYING: &str = "health_check = \"off\"\nmax_fails = 0";

#[test]
fn rule_49_what_http_lets_repeat_is_repeated() {
    for then in [Then::Reset, Then::Close] {
        let (stand, good) = with_a_bad_node(RETRYING, move || Answer::nothing(then));
        for (method, body, again) in [
            ("GET", None, true),
            ("HEAD", None, true),
            ("OPTIONS", None, true),
            ("PUT", Some("abc"), true),
            ("DELETE", None, true),
            ("GET", Some("abc"), true),
            ("POST", Some("abc"), false),
            ("POST", None, false),
            ("PATCH", Some("abc"), false),
            ("LOCK", None, false),
            ("PURGE", None, false),
            ("get", None, false),
        ] {
            let (bad_before, good_before) = (stand.node.requests().len(), good.requests().len());
            let mut wire = stand.wire();
            let length = body.map_or(String::new(), |b| {
                format!("Content-Length: {}\r\n", b.len())
            });
            wire.send(format!(
                "{method} /a HTTP/1.1\r\nHost: a\r\n{length}\r\n{}",
                body.unwrap_or("")
            ));
            let answer = wire.response(method);
            let expected = if again {
                (200, None)
            } else {
                (502, Some("node_reset"))
            };
            assert_eq!((answer.status, answer.reason()), expected, "{method}");
            assert_eq!(stand.node.requests().len(), bad_before + 1, "{method}");
            assert_eq!(
                good.requests().len(),
                good_before + usize::from(again),
                "{method}"
            );
            if again {
                assert_eq!(good.last().body, body.unwrap_or("").as_bytes(), "{method}");
            }
        }
    }
}

#[test]
fn rule_49_nothing_is_repeated_once_a_client_has_a_byte_of_an_answer() {
    let long = "x".repeat(100_000);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n{long}");
    let (stand, good) = with_a_bad_node(RETRYING, move || {
        Answer::Raw(head.clone().into(), Then::Reset)
    });
    let sent = Client::of(stand.lb.port()).send(&Request::get("/"));
    // Where the reset overtook the answer's head, there was nothing to pass on, and the other is asked.
    match sent {
        Ok(answer) => assert_eq!((answer.text().as_str(), good.requests().len()), ("good", 1)),
        Err(_) => assert!(good.requests().is_empty()),
    }
}

#[test]
fn rule_49_a_body_that_was_streamed_is_not_repeated() {
    let (stand, good) = with_a_bad_node(RETRYING, || Answer::nothing(Then::Reset));
    let put =
        "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    // One that was taken in is there to be sent again.
    let mut wire = stand.wire();
    wire.send(put);
    assert_eq!(wire.response("PUT").text(), "good");
    assert_eq!(good.last().body, b"abc");
    let document = stand.lb.export()
        + "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\nbuffer_request = false\n";
    stand.lb.apply(&document);
    let answer = stand.lb.ask(&Request::post_chunked("/", &[b"abc"]));
    assert_eq!((answer.status, answer.reason()), (502, Some("node_reset")));
    let mut wire = stand.wire();
    wire.send(put);
    assert_eq!(wire.response("PUT").status, 502);
    assert_eq!(good.requests().len(), 1);
}

#[test]
fn rule_49_what_was_never_sent_goes_elsewhere_whatever_it_is() {
    let (mut stand, good) = with_a_bad_node(RETRYING, || Answer::text("never"));
    stand.node.stop();
    for method in ["GET", "POST", "PURGE"] {
        let answer = stand.lb.ask(&Request::new(method, "/"));
        assert_eq!(answer.text(), "good", "{method}");
    }
    assert_eq!(good.requests().len(), 3);
}

#[test]
fn rule_49_an_operator_may_have_everything_repeated() {
    let keys = "health_check = \"off\"\nmax_fails = 0\nretry = { non_idempotent = true }";
    let (stand, good) = with_a_bad_node(keys, || Answer::nothing(Then::Reset));
    assert_eq!(stand.lb.ask(&Request::post("/", "abc")).text(), "good");
    assert_eq!(good.last().body, b"abc");
    eventually("the first was asked", || {
        (stand.node.requests().len() == 1).then_some(())
    });
}
