//! What is said of the client, and what the operator says.

use super::stand::{PLAIN_POOL, Stand};
use crate::support::client::Request;
use crate::support::document::{listener, pool};

const LIES: &str = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Ssl: on\r\nX-FORWARDED-PREFIX: /evil\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6;proto=https;host=evil\r\nX-Request-ID: 0\r\nx-forwarded-for: 8.8.8.8\r\n";

#[test]
fn rule_34_what_a_stranger_forwards_is_replaced() {
    Stand::new().passes(&[
        (
            &format!("GET /a HTTP/1.1\r\n{LIES}Host: a\r\nX-A: b\r\n\r\n"),
            "GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n~\r\n",
        ),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nX_Forwarded_For: 6.6.6.6\r\nX_Real_IP: 6.6.6.6\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\n~\r\n",
        ),
    ]);
}

#[test]
fn rule_34_what_a_trusted_proxy_forwards_is_added_to() {
    let stand = Stand::new();
    stand.apply("", "\n[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    let mut wire = stand.wire();
    wire.send(format!("GET /a HTTP/1.1\r\n{LIES}Host: a\r\n\r\n"));
    assert_eq!(wire.response("GET").status, 200);
    let expected = "GET /a HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Ssl: on\r\nX-FORWARDED-PREFIX: /evil\r\nForwarded: for=6.6.6.6;proto=https;host=evil\r\nX-Real-IP: 8.8.8.8\r\nX-Forwarded-For: 6.6.6.6, 7.7.7.7, 8.8.8.8, 127.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Request-ID: 0\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&stand.node.raw()), expected);
}

#[test]
fn rule_58_what_would_split_a_head_is_refused_when_saved() {
    let stand = Stand::new();
    let mark = stand.lb.export();
    let site = |route: &str| {
        format!("\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\n{route}\n")
    };
    for bad in ["\\r\\n", "\\n", "\\r", "\\u0000", "\\u0001", "\\u007f"] {
        for route in [
            format!("pool = \"p\"\nheaders = {{ X-A = \"b{bad}c\" }}"),
            format!("pool = \"p\"\nheaders = {{ \"X-A{bad}\" = \"b\" }}"),
            format!("pool = \"p\"\nrequest_headers = {{ X-A = \"b{bad}Host: evil\" }}"),
            format!("pool = \"p\"\nrequest_headers = {{ \"X-A{bad}\" = \"b\" }}"),
            format!("redirect = {{ to = \"https://a/{bad}b\" }}"),
            format!("respond = {{ body = \"a\", content_type = \"text/plain{bad}X: y\" }}"),
        ] {
            let node = stand.node.line(1);
            let document =
                listener(stand.lb.port()) + &pool("p", PLAIN_POOL, &[node]) + &site(&route);
            let output = stand.lb.try_apply(&document);
            assert!(!output.status.success(), "{document}");
        }
    }
    assert_eq!(stand.lb.export(), mark);
}

#[test]
fn rule_58_what_a_request_puts_into_a_location_splits_no_head() {
    let stand = Stand::new();
    let site = "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/to\"\nredirect = { to = \"https://b{uri}\" }\n[[sites.routes]]\npath = \"/host\"\nredirect = { to = \"{scheme}://{host}{path}?{query}\" }\n";
    stand.apply("", site);
    for (target, location) in [
        ("/to/a?b=%0d%0aX:y", "https://b/to/a?b=%0d%0aX:y"),
        ("/host/a?%0a", "http://localhost/host/a?%0a"),
    ] {
        let answer = stand
            .lb
            .ask(&Request::get(target).field("Host", "localhost"));
        assert_eq!(
            (answer.status, answer.field("Location")),
            (301, Some(location))
        );
        assert_eq!(answer.all("X"), Vec::<&str>::new());
    }
    for target in ["/to/%0d%0aX:y", "/host/%0a", "/to/%00"] {
        assert_eq!(stand.lb.get(target).status, 400, "{target}");
    }
}
