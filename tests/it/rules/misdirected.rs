//! Rule 57: the name asked for in the handshake, the certificate shown, and the `Host` of a request.

use std::process::Command;

use crate::support::client::{Client, Request};
use crate::support::document::{route, site};
use crate::support::https::{Https, SHOP};

const BLOG: &str = "blog.example.com";

/// Two sites with a certificate each; that of the shop is for the address too, so that a client
/// that names no host can believe it.
fn two_sites() -> Https {
    let https = Https::prepared();
    let shop = https
        .authority
        .issue("DNS:shop.example.com,DNS:www.shop.example.com,IP:127.0.0.1");
    let blog = https.authority.issue("DNS:blog.example.com");
    let hosts = |name: &str, hosts: &str| {
        let keys = format!("hosts = {hosts}\n\n");
        site(name, &(keys + &route("/", "p", "")))
    };
    let more = shop.table("a-shop", "")
        + &blog.table("blog", "")
        + &hosts("shop", "[\"shop.example.com\", \"www.shop.example.com\"]")
        + &hosts("blog", "[\"blog.example.com\"]")
        + &hosts("rest", "[]");
    https.lb.apply(&https.document("true", &more));
    https
}

fn ask(client: &mut Client, host: &str) -> (u16, Option<String>) {
    let answer = client.ask(&Request::get("/a").field("Host", host));
    (answer.status, answer.reason().map(str::to_owned))
}

fn misdirected() -> (u16, Option<String>) {
    (421, Some("misdirected".to_owned()))
}

#[test]
fn rule_57_a_host_that_the_certificate_shown_is_not_made_for_is_misdirected() {
    let https = two_sites();
    for (name, host) in [
        (SHOP, BLOG),
        (SHOP, "BLOG.example.com.:443"),
        (SHOP, "other.example.com"),
        (SHOP, "127.0.0.2"),
        (SHOP, "[::1]:443"),
        (BLOG, SHOP),
        (BLOG, "x.blog.example.com"),
        // A client that names no host is shown the first.
        ("127.0.0.1", BLOG),
    ] {
        let mut client = https.client(name);
        assert_eq!(ask(&mut client, host), misdirected(), "{host} by {name}");
        // As whole as any answer: the next request on the connection is understood.
        let own = ask(&mut client, name);
        assert_eq!((own.0, client.opened), (200, 1), "{host} by {name}");
    }
    let absolute = Request::get("http://blog.example.com/a").field("Host", BLOG);
    assert_eq!(https.client(SHOP).ask(&absolute).status, 421);
    // Of what was misdirected nothing has reached the node.
    let reached = String::from_utf8(https.node.raw()).unwrap();
    assert_eq!(reached.matches("GET /a HTTP/1.1\r\n").count(), 8);
    for (name, count) in [(SHOP, 5), (BLOG, 2), ("127.0.0.1", 1)] {
        let field = format!("\r\nHost: {name}\r\n");
        assert_eq!(reached.matches(&field).count(), count, "{name}");
    }
}

#[test]
fn rule_57_a_host_that_the_certificate_is_made_for_is_served_whatever_was_asked_for() {
    let https = two_sites();
    for (name, host) in [
        (SHOP, SHOP),
        (SHOP, "SHOP.example.com.:8443"),
        (SHOP, "www.shop.example.com"),
        (SHOP, "127.0.0.1:1"),
        ("www.shop.example.com", SHOP),
        (BLOG, BLOG),
        ("127.0.0.1", SHOP),
        // No other connection would be better: no certificate is made for it.
        ("127.0.0.1", "other.example.com"),
    ] {
        assert_eq!(
            ask(&mut https.client(name), host),
            (200, None),
            "{host} by {name}"
        );
    }
}

#[test]
fn rule_57_a_client_that_takes_a_wrong_certificate_is_served_by_the_name_it_asked_for() {
    let https = two_sites();
    let url = format!("https://other.example.com:{}/a", https.port());
    let resolve = format!("other.example.com:{}:127.0.0.1", https.port());
    let output = Command::new("curl")
        .args([
            "--silent",
            "--insecure",
            "--max-time",
            "30",
            "--resolve",
            &resolve,
        ])
        .args(["--write-out", " %{http_code}", &url])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "https 0 200");
}

#[test]
fn rule_57_plain_requests_are_never_misdirected() {
    let https = two_sites();
    let mut client = Client::of(https.lb.port());
    for host in [SHOP, BLOG, "other.example.com"] {
        assert_eq!(ask(&mut client, host), (200, None), "{host}");
    }
}
