//! Rule 35: a WebSocket is asked for, agreed to and carried, and nothing that only looks like one.

use super::stand::{EVIL, Stand, check_refusal};
use crate::support::client::{Request, exchange};
use crate::support::node::{Answer, Gate, Then};
use crate::support::websocket::{ACCEPT, ASKING, KEY, agree, agreeing, asking};

/// The fields of a handshake that follow ours at a node.
const REBUILT: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const VERSION_AND_KEY: &str =
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A node that agrees to every WebSocket and echoes.
fn echoing() -> Stand {
    Stand::with("", "", |seen| match seen.field("Upgrade") {
        Some(_) => agree(seen, Then::Echo),
        None => Answer::text(&format!("{} {} 0", seen.method(), seen.target())),
    })
}

#[test]
fn rule_35_a_websocket_is_asked_of_the_node_and_carried() {
    let stand = echoing();
    for asks in [
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "connection: keep-alive, upgrade\r\nupgrade: WebSocket\r\n",
        "Connection: keep-alive\r\nConnection: UPGRADE\r\nUpgrade: h2c\r\nUpgrade: foo, websocket\r\n",
        "Connection: Upgrade, HTTP2-Settings, Sec-WebSocket-Key, Sec-WebSocket-Version, X-Hop\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nX-Hop: 1\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
    ] {
        let mark = stand.mark();
        let mut wire = stand.wire();
        let more = "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\nOrigin: http://a\r\nTE: trailers\r\n";
        let ends = "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\nOrigin: http://a\r\n";
        wire.send(format!(
            "GET /chat?a=b HTTP/1.1\r\nHost: a\r\n{asks}{VERSION_AND_KEY}{more}\r\n"
        ));
        // What the client is told, byte by byte.
        let told = format!(
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n{REBUILT}\r\n"
        );
        assert_eq!(String::from_utf8_lossy(&wire.bytes(told.len())), told);
        let length = match asks.contains("Content-Length") {
            true => "Content-Length: 0\r\n",
            false => "",
        };
        let arrived = format!(
            "GET /chat?a=b HTTP/1.1\r\nHost: a\r\n{VERSION_AND_KEY}{ends}~{length}{REBUILT}\r\n"
        );
        assert_eq!(stand.arrived_since(mark), arrived, "{asks}");
        // From now on its bytes mean nothing to us.
        wire.send(EVIL);
        assert_eq!(wire.bytes(EVIL.len()), EVIL.as_bytes());
        wire.send([0, 255, b'\r', b'\n']);
        assert_eq!(wire.bytes(4), [0, 255, b'\r', b'\n']);
        wire.finish();
        assert_eq!(wire.rest(), b"");
    }
}

#[test]
fn rule_35_another_version_or_a_bad_key_is_refused() {
    let stand = Stand::new();
    let handshake =
        |fields: &str| format!("GET /chat HTTP/1.1\r\nHost: a\r\n{REBUILT}{fields}\r\n");
    let key = format!("Sec-WebSocket-Key: {KEY}\r\n");
    let mut cases = Vec::new();
    for version in ["", "8", "12", "14", "013", "13, 8", "x", "13.0"] {
        let field = format!("{key}Sec-WebSocket-Version: {version}\r\n");
        cases.push((handshake(&field), 426));
    }
    cases.push((handshake(&key), 426));
    cases.push((
        handshake(&format!("{VERSION_AND_KEY}Sec-WebSocket-Version: 13\r\n")),
        426,
    ));
    for bad in [
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZTE=",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBs,SBub25jZQ==",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        let fields = format!("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {bad}\r\n");
        cases.push((handshake(&fields), 400));
    }
    cases.push((handshake("Sec-WebSocket-Version: 13\r\n"), 400));
    cases.push((handshake(&format!("{VERSION_AND_KEY}{key}")), 400));
    let cases: Vec<_> = cases
        .iter()
        .map(|(text, s)| (text.as_str(), *s, 35))
        .collect();
    stand.refuses(&cases);
    let old = handshake(&format!("{key}Sec-WebSocket-Version: 8\r\n"));
    let answer = exchange(stand.lb.port(), old);
    let answer = String::from_utf8_lossy(&answer);
    check_refusal(&answer, 426, 35, "version 8");
    for field in [
        "Sec-WebSocket-Version: 13",
        "Upgrade: websocket",
        "Connection: upgrade",
    ] {
        assert_eq!(
            answer.matches(&format!("\r\n{field}\r\n")).count(),
            1,
            "{answer}"
        );
    }
}

#[test]
fn rule_35_what_only_looks_like_one_goes_on_as_plain_http() {
    let stand = Stand::new();
    let plain = format!("Host: a\r\n{VERSION_AND_KEY}~");
    let asks = format!("Host: a\r\n{ASKING}");
    for (sent, arrives) in [
        (
            format!("POST /a HTTP/1.1\r\n{asks}\r\n"),
            format!("POST /a HTTP/1.1\r\n{plain}\r\n"),
        ),
        (
            format!("HEAD /a HTTP/1.1\r\n{asks}\r\n"),
            format!("HEAD /a HTTP/1.1\r\n{plain}\r\n"),
        ),
        (
            format!("GET /a HTTP/1.1\r\n{asks}Content-Length: 3\r\n\r\nabc"),
            format!("GET /a HTTP/1.1\r\n{plain}Content-Length: 3\r\n\r\nabc"),
        ),
        (
            format!("GET /a HTTP/1.1\r\n{asks}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            format!("GET /a HTTP/1.1\r\n{plain}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ),
    ] {
        stand.passes(&[(&sent, &arrives)]);
    }
    for asks in [
        "Upgrade: websocket\r\n",
        "Connection: keep-alive\r\nUpgrade: websocket\r\n",
        "Connection: upgrades\r\nUpgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Connection: Upgrade\r\nUpgrade: websockets\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket/13\r\n",
        "Connection: Upgrade\r\nUpgrade: web socket\r\n",
        "Connection: Upgrade\r\nUpgrade: \"websocket\"\r\n",
    ] {
        stand.passes(&[(
            &format!("GET /a HTTP/1.1\r\nHost: a\r\n{asks}{VERSION_AND_KEY}\r\n"),
            &format!("GET /a HTTP/1.1\r\n{plain}\r\n"),
        )]);
    }
    // HTTP/1.0 has no Upgrade (RFC 9110 section 7.8).
    let mark = stand.mark();
    let old = format!("GET /old HTTP/1.0\r\n{asks}\r\n");
    let answer = String::from_utf8_lossy(&exchange(stand.lb.port(), old)).into_owned();
    assert!(answer.ends_with("\r\n\r\nGET /old 0"), "{answer}");
    let arrived = format!("GET /old HTTP/1.1\r\n{plain}\r\n");
    assert_eq!(stand.arrived_since(mark), arrived);
}

#[test]
fn rule_35_a_101_that_does_not_agree_is_no_answer() {
    let bad = [
        agreeing("").replace(ACCEPT, KEY),
        agreeing("").replace(ACCEPT, &ACCEPT.to_lowercase()),
        agreeing(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n")),
        agreeing("").replace("Sec-WebSocket-Accept", "Sec-WebSocket-Accepted"),
        agreeing("").replace("Upgrade: websocket\r\n", ""),
        agreeing("").replace("Upgrade: websocket", "Upgrade: h2c"),
        agreeing("").replace("Upgrade: websocket", "Upgrade: websocket, h2c"),
        agreeing("").replace("Connection: Upgrade\r\n", ""),
        agreeing("").replace("Connection: Upgrade", "Connection: keep-alive"),
        agreeing("").replace("HTTP/1.1", "HTTP/1.0"),
    ];
    let answers = bad.clone();
    let stand = Stand::answering(move |target| {
        let case = target[1..].parse().ok().and_then(|n: usize| answers.get(n));
        let ok = || {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nGET {target} 0",
                6 + target.len()
            )
        };
        case.map_or_else(ok, |bad| {
            format!("{bad}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL")
        })
    });
    let mut wire = stand.wire();
    for (n, sent) in bad.iter().enumerate() {
        // What a client sends ahead is held, and then read as what it is: another request.
        wire.send(asking(&format!("/{n}"), "") + "GET /ahead HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = wire.response("GET");
        assert_eq!(
            (answer.status, answer.reason()),
            (502, Some("not_upgraded")),
            "{sent}"
        );
        assert_eq!(wire.response("GET").text(), "GET /ahead 0", "{sent}");
        assert_eq!(stand.node.connections(), n + 2, "{sent}");
        stand.next_is_its_own(&mut wire);
    }
    let heads = String::from_utf8_lossy(&stand.node.raw()).into_owned();
    assert_eq!(
        heads
            .matches("GET /ahead HTTP/1.1\r\nHost: a\r\nX-Real-IP")
            .count(),
        bad.len()
    );
}

#[test]
fn rule_35_another_answer_is_an_answer_and_what_was_held_is_http() {
    let stand = Stand::answering(|target| match target {
        "/next" | "/ahead" => {
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\nGET {target} 0",
                6 + target.len()
            )
        }
        "/204" => "HTTP/1.1 204 No Content\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            .to_owned(),
        target => format!(
            "HTTP/1.1 {} Said\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\nContent-Length: 2\r\n\r\nno",
            &target[1..]
        ),
    });
    let mut wire = stand.wire();
    for status in [200, 201, 204, 301, 400, 401, 403, 404, 426, 500, 503] {
        let mark = stand.mark();
        wire.send(asking(&format!("/{status}"), "") + "GET /ahead HTTP/1.1\r\nHost: b\r\n\r\n");
        let answer = wire.response("GET");
        assert_eq!((answer.status, answer.reason()), (status, None));
        // It has changed nothing, whatever it says.
        assert_eq!(
            (answer.field("Upgrade"), answer.field("Connection")),
            (None, None)
        );
        assert_eq!(wire.response("GET").text(), "GET /ahead 0", "{status}");
        stand.next_is_its_own(&mut wire);
        let arrived = stand.arrived_since(mark);
        let ahead = "\r\n\r\nGET /ahead HTTP/1.1\r\nHost: b\r\n~\r\nGET /next ";
        assert!(arrived.contains(ahead), "{arrived}");
    }
    // All of it over one connection to the node: it was a request like any other.
    assert_eq!(stand.node.connections(), 1);
}

#[test]
fn rule_35_what_a_client_sends_ahead_waits_for_the_agreement() {
    let gate = Gate::closed();
    let held = gate.clone();
    let stand = Stand::with("", "", move |seen| {
        held.pass();
        agree(seen, Then::Echo)
    });
    let mut wire = stand.wire();
    wire.send(asking("/chat", "") + "first");
    stand.node.saw(1);
    wire.send("second");
    let asked = stand.arrived_since(0);
    assert!(
        asked.ends_with("\r\n\r\n") && !asked.contains("first"),
        "{asked}"
    );
    gate.open();
    assert_eq!(wire.head().status, 101);
    assert_eq!(wire.bytes(11), b"firstsecond");
    assert!(stand.arrived_since(0).ends_with("\r\n\r\nfirstsecond"));
}

#[test]
fn rule_35_what_a_node_says_with_its_agreement_and_before_it_is_passed_on() {
    let stand = Stand::with("", "", |_| {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
        let agreed = agreeing("Content-Length: 9\r\nSet-Cookie: a=b\r\nKeep-Alive: timeout=5\r\n");
        Answer::Raw(
            format!("{hints}{agreed}hello").into_bytes(),
            Then::HalfClose,
        )
    });
    let mut wire = stand.wire();
    wire.send(asking("/chat", ""));
    assert_eq!(wire.head().status, 103);
    let head = wire.head();
    assert_eq!((head.status, head.field("Set-Cookie")), (101, Some("a=b")));
    for gone in ["Content-Length", "Transfer-Encoding", "Keep-Alive"] {
        assert_eq!(head.field(gone), None);
    }
    assert_eq!(wire.rest(), b"hello");
}

#[test]
fn rule_35_a_route_may_pass_none_on() {
    let route = "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\nupgrade = false\n";
    let stand = Stand::with("", route, |seen| match seen.target() {
        "/101" => Answer::raw(agreeing("")),
        _ => Answer::text(&format!("{} {} 0", seen.method(), seen.target())),
    });
    let plain = format!("Host: a\r\n{VERSION_AND_KEY}~");
    stand.passes(&[
        (
            &asking("/a", ""),
            &format!("GET /a HTTP/1.1\r\n{plain}\r\n"),
        ),
        // Nobody looks at a handshake that goes no further.
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Version: 8\r\n~\r\n",
        ),
    ]);
    let mut wire = stand.wire();
    wire.send(asking("/101", ""));
    let answer = wire.response("GET");
    assert_eq!(answer.reason(), Some("node_bad_response"));
    stand.next_is_its_own(&mut wire);
}

#[test]
fn rule_37_a_101_is_for_who_asked_for_it() {
    let stand = Stand::with("", "", |_| Answer::raw(agreeing("")));
    for request in [
        Request::get("/"),
        Request::get("/")
            .field("Upgrade", "h2c")
            .field("Connection", "Upgrade"),
        Request::get("/").field("Sec-WebSocket-Key", KEY),
        Request::post("/", "a")
            .field("Upgrade", "websocket")
            .field("Connection", "Upgrade"),
    ] {
        let answer = stand.lb.ask(&request);
        assert_eq!(
            (answer.status, answer.reason()),
            (502, Some("node_bad_response"))
        );
    }
}
