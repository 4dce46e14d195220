//! Fields that speak of one connection, and what a request expects before its body.

use super::stand::{EVIL, STREAMED, Stand, bytes, check_refusal, unchunked};
use crate::support::client::{Request, exchange};
use crate::support::node::Answer;

#[test]
fn rule_32_te_goes_no_further() {
    let stand = Stand::new();
    for te in ["trailers", "gzip", "chunked", "trailers, deflate;q=0.5", ""] {
        stand.passes(&[(
            &format!("GET /a HTTP/1.1\r\nHost: a\r\nTE: {te}\r\nConnection: TE\r\n\r\n"),
            "GET /a HTTP/1.1\r\nHost: a\r\n~\r\n",
        )]);
    }
}

#[test]
fn rule_33_fields_of_one_hop_stay_on_it() {
    let hop = "Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authenticate: Basic\r\nProxy-Authorization: Basic YQ==\r\nTE: trailers\r\nTrailer: X\r\nUpgrade: foo\r\n";
    let stand = Stand::new();
    stand.passes(&[
        (
            &format!("GET /a HTTP/1.1\r\nHost: a\r\n{hop}Connection: keep-alive\r\nX-Kept: b\r\n\r\n"),
            "GET /a HTTP/1.1\r\nHost: a\r\nX-Kept: b\r\n~\r\n",
        ),
        // Whatever is named, in any case of letters, over several fields, with blanks and empty items.
        (
            "GET /a HTTP/1.1\r\nConnection: x-one , ,X-TWO\r\nX-One: 1\r\nHost: a\r\nX-Two: 2\r\nX-Three: 3\r\nX-Four: 4\r\nConnection: X-Three,\r\nReferer: r\r\nUser-Agent: u\r\nconnection:referer,user-agent\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nX-Four: 4\r\n~\r\n",
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection:\r\nX-One: 1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n~\r\n",
        ),
    ]);
}

#[test]
fn rule_33_what_is_relied_on_cannot_be_named_away() {
    let stand = Stand::new();
    for name in [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Cookie",
        "Authorization",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Real-IP",
        "X-Request-ID",
    ] {
        let fields = format!(
            "Host: a\r\nCookie: b=c\r\nAuthorization: Basic\r\nConnection: {name}, {}",
            name.to_lowercase()
        );
        let kept = "Host: a\r\nCookie: b=c\r\nAuthorization: Basic\r\n";
        stand.passes(&[
            (
                &format!("POST /a HTTP/1.1\r\n{fields}\r\nContent-Length: 3\r\n\r\nabc"),
                &format!("POST /a HTTP/1.1\r\n{kept}~Content-Length: 3\r\n\r\nabc"),
            ),
            (
                &format!("POST /a HTTP/1.1\r\n{fields}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
                &format!("POST /a HTTP/1.1\r\n{kept}~Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            ),
        ]);
    }
}

#[test]
fn rule_33_what_a_trusted_proxy_forwards_cannot_be_named_away() {
    let stand = Stand::new();
    stand.apply("", "\n[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let own = ["X-Forwarded-Ssl", "X-Forwarded-Port", "Forwarded"];
    let mut request = Request::get("/").field("Connection", &own.join(", "));
    for name in own {
        request = request.field(name, "on");
    }
    stand.lb.ask(&request);
    for name in own {
        assert_eq!(stand.node.last().all(name), ["on"], "{name}");
    }
}

#[test]
fn rule_33_our_own_fields_cannot_be_named_away() {
    let route = "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\nrequest_headers = { X-Mark = \"ours\" }\nheaders = { X-Frame-Options = \"DENY\" }\n";
    let stand = Stand::with("", route, |_| {
        Answer::text("a")
            .field("Connection", "X-Frame-Options, Set-Cookie")
            .field("Set-Cookie", "a=b")
    });
    let request = Request::get("/")
        .field("Connection", "X-Mark, X-Frame-Options")
        .field("X-Mark", "theirs");
    let answer = stand.lb.ask(&request);
    assert_eq!(stand.node.last().all("X-Mark"), ["ours"]);
    assert!(stand.node.last().all("Connection").is_empty());
    assert_eq!(answer.all("X-Frame-Options"), ["DENY"]);
    assert_eq!(answer.all("Set-Cookie"), ["a=b"]);
    assert!(answer.all("Connection").is_empty());
}

#[test]
fn rule_33_a_node_s_fields_of_one_hop_stay_on_it() {
    let stand = Stand::answering(|_| {
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop ,\r\nKeep-Alive: timeout=5\r\nX-Hop: secret\r\nProxy-Authenticate: Basic\r\nProxy-Authorization: b\r\nProxy-Connection: c\r\nTE: d\r\nTrailer: X-After\r\nUpgrade: h2c\r\nX-Kept: yes\r\nDate: now\r\nContent-Length: 002\r\n\r\nok".to_owned()
    });
    let mut wire = stand.wire();
    for _ in 0..3 {
        wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let answer = wire.response("GET");
        let fields: Vec<String> = answer
            .fields
            .iter()
            .map(|(n, v)| format!("{n}: {v}"))
            .collect();
        assert_eq!(fields, ["X-Kept: yes", "Date: now", "Content-Length: 2"]);
        assert_eq!(answer.text(), "ok");
    }
    assert_eq!(stand.node.connections(), 1);
}

#[test]
fn rule_36_other_upgrades_are_not_passed_on() {
    let stand = Stand::new();
    for upgrade in ["h2c", "h2", "TLS/1.0", "foo", "HTTP/2.0, SHTTP/1.3", ""] {
        stand.passes(&[(
            &format!("GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nX-A: b\r\n\r\n"),
            "GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n~\r\n",
        )]);
    }
    // With a body, and with the preface that a smuggler would send behind it.
    let stand = Stand::new();
    let mut wire = stand.wire();
    wire.send("POST /a HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 3\r\n\r\nabcPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(wire.response("POST").text(), "POST /a 3");
    assert_eq!(wire.response("PRI").status, 505);
    assert_eq!(wire.rest(), b"");
    assert_eq!(
        stand.arrived_since(0),
        "POST /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 3\r\n\r\nabc"
    );
}

#[test]
fn rule_38_the_proxy_itself_says_continue_and_only_when_it_wants_the_body() {
    let stand = Stand::new();
    says_continue(&stand, unchunked);
    stand.apply("", STREAMED);
    says_continue(&stand, str::to_owned);
}

#[track_caller]
fn says_continue(stand: &Stand, at_node: impl Fn(&str) -> String) {
    let mut wire = stand.wire();
    for (framing, body, arrives) in [
        (
            "Content-Length: 5",
            "hello",
            "Content-Length: 5\r\n\r\nhello",
        ),
        (
            "Transfer-Encoding: chunked",
            "5\r\nhello\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
    ] {
        for expect in ["100-continue", "100-Continue", "\t100-CONTINUE "] {
            let mark = stand.mark();
            wire.send(format!(
                "POST /a HTTP/1.1\r\nHost: a\r\nExpect: {expect}\r\n{framing}\r\n\r\n"
            ));
            let told = wire.head();
            assert_eq!((told.status, told.fields.len()), (100, 0), "{expect:?}");
            wire.send(body);
            assert_eq!(wire.response("POST").text(), "POST /a 5");
            let arrived = at_node(&format!("POST /a HTTP/1.1\r\nHost: a\r\n~{arrives}"));
            assert_eq!(stand.arrived_since(mark), arrived);
            stand.next_is_its_own(&mut wire);
        }
    }
    // A body that came without waiting is taken, told or not.
    let mark = stand.mark();
    wire.send(format!(
        "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 31\r\n\r\n{EVIL}"
    ));
    let answer = wire.response("POST");
    assert_eq!(answer.text(), "POST /a 31");
    let arrived = format!("POST /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 31\r\n\r\n{EVIL}");
    assert_eq!(stand.arrived_since(mark), arrived);
    stand.next_is_its_own(&mut wire);
}

#[test]
fn rule_38_a_body_that_nobody_wants_is_not_asked_for() {
    let site = "\n[[sites]]\nname = \"s\"\nhosts = [\"s\"]\n[[sites.routes]]\npath = \"/r\"\nrespond = { status = 200, body = \"no\" }\n[[sites.routes]]\npath = \"/small\"\npool = \"p\"\nbody_limit = 3\n";
    let stand = Stand::new();
    stand.apply("", site);
    for (target, status) in [("/r", 200), ("/small", 413), ("/nothing", 404)] {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: s\r\nExpect: 100-continue\r\nContent-Length: 31\r\n\r\n"
        );
        // It may send the body all the same, or not: then a next request would stand where the body should.
        for behind in ["", EVIL] {
            let answer = exchange(stand.lb.port(), format!("{head}{behind}"));
            let answer = String::from_utf8_lossy(&answer);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{answer}"
            );
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
            assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        }
    }
    assert_eq!(stand.arrived_since(0), "");
}

#[test]
fn rule_38_http_10_is_not_told_to_go_on() {
    let stand = Stand::new();
    let mut wire = stand.wire();
    wire.send(
        "POST /a HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    );
    let answer = wire.response("POST");
    assert_eq!(
        (answer.text().as_str(), answer.interim.len()),
        ("POST /a 3", 0)
    );
    assert_eq!(
        stand.arrived_since(0),
        "POST /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 3\r\n\r\nabc"
    );
}

#[test]
fn rule_39_nothing_else_can_be_expected() {
    let stand = Stand::new();
    let mut cases = Vec::new();
    for expect in [
        "Expect: y 100-continue",
        "Expect: 100-continue y",
        "Expect: 100-continue, 100-continue",
        "Expect: 100-continue\r\nExpect: 100-continue",
        "Expect: 100-continue\r\nExpect: x",
        "Expect: 100 -continue",
        "Expect: 100-continue;a=b",
        "Expect: \"100-continue\"",
        "Expect: 200-ok",
        "Expect:",
        "Expect: \u{a0}100-continue",
    ] {
        cases.push(format!(
            "POST / HTTP/1.1\r\nHost: a\r\n{expect}\r\nContent-Length: 31\r\n\r\n"
        ));
        cases.push(format!(
            "POST / HTTP/1.1\r\nHost: a\r\n{expect}\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
    }
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|t| (t.as_str(), 417, 39)).collect();
    stand.refuses(&cases);
    // Folded, it is refused before anyone asks what it says.
    let folded =
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nExpect:\r\n 100-continue\r\nContent-Length: 31\r\n\r\n";
    let answer = exchange(stand.lb.port(), bytes(&format!("{folded}{EVIL}")));
    check_refusal(&String::from_utf8_lossy(&answer), 400, 17, folded);
}

#[test]
fn rule_39_without_a_body_nothing_is_expected() {
    let stand = Stand::new();
    for expect in [
        "100-continue",
        "100-Continue",
        "y 100-continue",
        "x",
        "100-continue\r\nExpect: 100-continue",
    ] {
        stand.passes(&[
            (
                &format!("GET /a HTTP/1.1\r\nHost: a\r\nExpect: {expect}\r\n\r\n"),
                "GET /a HTTP/1.1\r\nHost: a\r\n~\r\n",
            ),
            (
                &format!(
                    "POST /a HTTP/1.1\r\nHost: a\r\nExpect: {expect}\r\nContent-Length: 0\r\n\r\n"
                ),
                "POST /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 0\r\n\r\n",
            ),
        ]);
    }
}
