//! Answers that come before, or without, the body of their request.

use super::stand::{EVIL, RawNode, Stand};
use crate::support::appliance::write_file;
use crate::support::client::{Client, Request, Wire};

const EARLY: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

#[test]
fn rule_44_an_answer_before_the_body_s_end_is_the_last_on_both_connections() {
    let node = RawNode::answering(EARLY);
    let stand = Stand::streaming(&node);
    let part = "x".repeat(100_000);
    for (framing, start) in [
        ("Content-Length: 10000000", part.clone()),
        ("Transfer-Encoding: chunked", format!("186a0\r\n{part}\r\n")),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n".to_owned()),
    ] {
        let mut wire = stand.wire();
        wire.send(format!(
            "POST /a HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{start}"
        ));
        let answer = wire.response("POST");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (403, "no"),
            "{framing}"
        );
        assert_eq!(answer.field("Connection"), Some("close"), "{framing}");
        // What the client still sends is dropped, and nothing in it is a request.
        wire.try_send(EVIL);
        assert_eq!(wire.rest(), b"", "{framing}");
        let seen = String::from_utf8_lossy(&node.next_ended()).into_owned();
        assert!(seen.starts_with("POST /a HTTP/1.1\r\n"), "{framing}");
        assert!(
            !seen.contains("EVIL") && !seen.ends_with("0\r\n\r\n"),
            "{framing}"
        );
    }
    assert_eq!(node.connections(), 3);
}

#[test]
fn rule_44_a_client_that_goes_on_sending_is_cut_off() {
    let node = RawNode::answering(EARLY);
    let stand = Stand::streaming(&node);
    let mut wire = stand.wire();
    wire.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nx");
    assert_eq!(wire.response("POST").status, 403);
    // Far more than the kernel's buffers hold and the proxy drops: at some point nobody takes it.
    let piece = [b'x'; 64 * 1024];
    let sent = (0..1_500).take_while(|_| wire.try_send(piece)).count();
    assert!(sent < 1_500, "all of {sent} pieces were taken");
}

/// Every way of answering without a node: target, status, and whether the site has a page for it.
const LOCAL: &[(&str, u16)] = &[
    ("/fixed", 200),
    ("/moved", 308),
    ("/files", 301),
    ("/files/there.txt", 405),
    ("/files/none.txt", 405),
    ("/inner", 403),
    ("/tiny", 413),
    ("/nobody", 503),
    ("/dead", 502),
    ("/nowhere", 404),
];

/// A site with all of them, and the node at `/node`.
fn site(stand: &Stand) -> String {
    let root = stand.lb.data().join("files");
    write_file(&root.join("there.txt"), "there");
    let page = stand.lb.data().join("page.html");
    write_file(&page, "<p>own page</p>");
    format!(
        r#"
[[pools]]
name = "empty"
[[pools]]
name = "dead"
health_check = "off"
[[pools.nodes]]
address = "127.0.0.1:1"
[[sites]]
name = "s"
error_pages = {{ 403 = "{page}" }}
[[sites.routes]]
path = "/fixed"
respond = {{ status = 200, body = "fixed" }}
[[sites.routes]]
path = "/moved"
redirect = {{ to = "https://b{{uri}}", status = 308 }}
[[sites.routes]]
path = "/files/"
files = {{ root = "{root}" }}
[[sites.routes]]
path = "/inner"
pool = "p"
allow = ["192.0.2.1"]
[[sites.routes]]
path = "/tiny"
pool = "p"
body_limit = 3
[[sites.routes]]
path = "/nobody"
pool = "empty"
buffer_request = false
[[sites.routes]]
path = "/dead"
pool = "dead"
buffer_request = false
[[sites.routes]]
path = "/next"
pool = "p"
"#,
        page = page.display(),
        root = root.display()
    )
}

#[test]
fn rule_45_an_answer_of_our_own_leaves_no_body_behind() {
    let stand = Stand::new();
    stand.apply("", &site(&stand));
    let long = "y".repeat(60 * 1024);
    for (target, status) in LOCAL {
        for (framing, body) in [
            ("Content-Length: 31", EVIL.to_owned()),
            (
                "Transfer-Encoding: chunked",
                format!("1f\r\n{EVIL}\r\n0\r\nX: y\r\n\r\n"),
            ),
            ("Content-Length: 61440", long.clone()),
        ] {
            let mut wire = stand.wire();
            wire.send(format!(
                "POST {target} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}"
            ));
            let answer = wire.response("POST");
            // Without an announced length the limit shows only as the body comes.
            let chunked_to_node = *target == "/tiny" && framing.starts_with('T');
            assert_eq!(answer.status, *status, "{target} {framing}");
            if chunked_to_node {
                assert_eq!(answer.field("Connection"), Some("close"), "{target}");
                assert_eq!(wire.rest(), b"", "{target}");
            } else {
                assert_eq!(answer.field("Connection"), None, "{target} {framing}");
                stand.next_is_its_own(&mut wire);
            }
        }
    }
    assert!(!String::from_utf8_lossy(&stand.node.raw()).contains("EVIL"));
}

#[test]
fn rule_45_a_long_body_is_not_waited_for() {
    let stand = Stand::new();
    stand.apply("", &site(&stand));
    for (target, status) in LOCAL {
        let mut wire = stand.wire();
        // More than is dropped for a client's sake: it is told at once, without one byte of the body.
        wire.send(format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"
        ));
        let answer = wire.response("POST");
        assert_eq!(answer.status, *status, "{target}");
        assert_eq!(answer.field("Connection"), Some("close"), "{target}");
        wire.try_send(EVIL);
        assert_eq!(wire.rest(), b"", "{target}");
    }
    assert!(!String::from_utf8_lossy(&stand.node.raw()).contains("EVIL"));
}

#[test]
fn rule_45_a_body_that_does_not_come_is_not_waited_for() {
    let stand = Stand::new();
    stand.apply("", &site(&stand));
    // All at once: each waits its second, and not one after the other.
    let mut wires: Vec<(Wire, &str, u16)> = Vec::new();
    // What goes to a pool is taken in first: a body that is missing then is a matter of its rate.
    let to_pool = ["/dead", "/nobody"];
    for (target, status) in LOCAL.iter().filter(|(target, _)| !to_pool.contains(target)) {
        let mut wire = stand.wire();
        wire.send(format!(
            "POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe"
        ));
        wires.push((wire, target, *status));
    }
    for (mut wire, target, status) in wires {
        let answer = wire.response("POST");
        assert_eq!(answer.status, status, "{target}");
        assert_eq!(answer.field("Connection"), Some("close"), "{target}");
        wire.try_send(EVIL);
        assert_eq!(wire.rest(), b"", "{target}");
    }
    assert_eq!(stand.node.raw(), b"");
}

#[test]
fn rule_45_a_broken_body_is_the_end_of_its_connection() {
    let stand = Stand::new();
    stand.apply("", &site(&stand));
    for body in [
        "x\r\nhello\r\n",
        "5\nhello\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "0\r\nX\r\n\r\n",
    ] {
        let mut wire = stand.wire();
        wire.send(format!(
            "POST /fixed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n{EVIL}"
        ));
        let answer = wire.response("POST");
        assert_eq!(answer.field("Connection"), Some("close"), "{body:?}");
        assert_eq!(wire.rest(), b"", "{body:?}");
    }
    assert_eq!(stand.node.raw(), b"");
}

#[test]
fn rule_45_a_refused_head_is_answered_whole_though_a_body_is_on_its_way() {
    let stand = Stand::new();
    for (head, status) in [
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\nContent-Length: 60000\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
        ),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
    ] {
        let mut client = stand.wire();
        // Bytes that nobody reads make the kernel reset, and a reset destroys what was not read yet.
        client.send(format!("{head}{}", "y".repeat(60_000)));
        let answer = client.response("POST");
        assert_eq!(answer.status, status, "{head}");
        assert!(answer.text().contains("(rule "), "{head}");
        assert_eq!(client.rest(), b"", "{head}");
    }
}

#[test]
fn rule_45_a_method_that_the_site_does_not_take_leaves_no_body_behind() {
    let stand = Stand::new();
    let site = "\n[[sites]]\nname = \"s\"\nmethods = [\"GET\"]\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\n";
    stand.apply("", site);
    let mut client = Client::of(stand.lb.port());
    for _ in 0..3 {
        assert_eq!(client.ask(&Request::post("/", EVIL)).status, 405);
        assert_eq!(client.get("/own").text(), "GET /own 0");
    }
    assert_eq!(client.opened, 1);
}
