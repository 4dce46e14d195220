//! TLS to nodes: real servers with certificates of a test's own authority, and what goes through.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::django::{Gunicorn, Release};
use crate::support::document::{node, one_pool, route, site};
use crate::support::front::{Front, HERE, OFF, document, trusting};
use crate::support::node::{Answer, Node};
use crate::support::pattern;
use crate::support::tls::{Authority, Leaf, openssl};
use crate::support::websocket::{echoes, echoing, open};

#[test]
fn requests_uploads_downloads_and_websockets_go_through_whole() {
    let authority = Authority::new();
    let web = Node::scripted("web", |seen| match seen.target() {
        "/down" => Answer::Download(9_000_000),
        _ => Answer::text(&seen.pattern.length.to_string()),
    });
    let front = Front::before(&web, &authority.issue(HERE));
    let lb = Appliance::start();
    let streamed = site("s", &route("/", "django", "buffer_request = false"));
    let text = document(&lb, &trusting(&authority, ""), OFF, &[front.table("web-1")]);
    for sites in ["", &streamed] {
        lb.apply(&(text.clone() + sites));
        let mut client = Client::of(lb.port());
        for _ in 0..3 {
            assert_eq!(client.get("/").text(), "0");
        }
        let sent = client.ask(&Request::post_pattern("/up", 7_000_000));
        assert_eq!((sent.status, sent.text().as_str()), (200, "7000000"));
        let mut checker = pattern::Checker::default();
        let got = client
            .send_and_check(&Request::get("/down"), &mut checker)
            .unwrap();
        assert_eq!(
            (got.status, checker.length, checker.wrong_at),
            (200, 9_000_000, None)
        );
        assert_eq!(client.opened, 1);
    }
    let web = echoing("echo");
    let front = Front::before(&web, &authority.issue(HERE));
    lb.apply(&self::document(
        &lb,
        &trusting(&authority, ""),
        OFF,
        &[front.table("web-1")],
    ));
    let mut wire = open(lb.port(), "/chat");
    echoes(&mut wire, "hello");
    let long = "word ".repeat(50_000);
    echoes(&mut wire, &long);
    wire.finish();
    assert_eq!(wire.rest(), b"");
}

#[test]
fn the_node_is_asked_by_the_name_that_is_said_and_sessions_and_connections_are_used_again() {
    let authority = Authority::new();
    let leaf = authority.issue("DNS:shop.internal,DNS:localhost");
    let front = Front::with(&leaf, "");
    let lb = Appliance::start();
    let by_name = node(&format!(
        "name = \"a\"\naddress = \"localhost:{}\"",
        front.port
    ));
    let no_reuse = format!("{OFF}\nkeepalive = {{ idle = 0 }}");
    let said = trusting(&authority, ", server_name = \"shop.internal\"");
    lb.apply(&document(&lb, &said, OFF, &[front.table("a")]));
    assert_eq!(lb.get("/facts").text(), "shop.internal . 1");
    let requests: Vec<String> = (0..5)
        .map(|_| {
            lb.get("/facts")
                .text()
                .rsplit(' ')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert!(requests.contains(&"2".to_owned()), "{requests:?}");
    lb.apply(&document(
        &lb,
        &trusting(&authority, ""),
        &no_reuse,
        &[by_name],
    ));
    assert_eq!(lb.get("/facts").text(), "localhost . 1");
    for _ in 0..5 {
        assert_eq!(lb.get("/facts").text(), "localhost r 1");
    }
    let weighed = "\nweight = 5";
    let changed = lb.export() + weighed;
    let changed = changed.lines().skip(1).collect::<Vec<_>>().join("\n");
    lb.apply(&changed);
    assert_eq!(lb.get("/facts").text(), "localhost r 1", "over a change");
}

#[test]
fn gunicorn_behind_tls_is_checked_and_asked() {
    let authority = Authority::new();
    let leaf = authority.issue("DNS:localhost,IP:127.0.0.1");
    let arguments = format!(
        "--certfile={} --keyfile={}",
        leaf.chain().display(),
        leaf.key().display()
    );
    let django = Gunicorn::behind_tls(
        Release::New,
        "web-1",
        &arguments,
        authority.trust("localhost"),
    );
    let lb = Appliance::start();
    for check in [
        "health_check = { kind = \"http\", path = \"/who\", interval = \"1s\" }",
        "health_check = { interval = \"1s\" }",
    ] {
        let tls = trusting(&authority, "");
        lb.apply(
            &(one_pool(
                lb.port(),
                &format!("tls = {tls}\n{check}"),
                &[django.line(1)],
            )),
        );
        lb.wait_for_health("django", "web-1", "up");
        let node = lb.node("django", "web-1");
        let code = node["check"]["code"].as_str().unwrap().to_owned();
        assert_eq!(
            code,
            if check.contains("http") {
                "L7OK"
            } else {
                "L6OK"
            }
        );
        let mut client = Client::of(lb.port());
        for _ in 0..20 {
            assert_eq!(client.get("/who").status, 200);
        }
    }
}

#[test]
fn a_certificate_that_signed_itself_is_trusted_where_it_is_named() {
    // As `openssl req -x509` makes one: it says of itself that it is an authority.
    let dir = tempfile::tempdir().unwrap();
    openssl(
        dir.path(),
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout key.pem \
         -out chain.pem -subj /CN=own -addext subjectAltName=IP:127.0.0.1",
    );
    let own = Leaf::of(dir);
    let front = Front::with(&own, "");
    let lb = Appliance::start();
    let ca = own.chain();
    let tls = format!("{{ ca = {ca:?} }}");
    lb.apply(&document(&lb, &tls, OFF, &[front.table("web-1")]));
    assert_eq!(lb.get("/facts").text(), ". 1");
    let tls = format!("{{ ca = {ca:?}, server_name = \"other.example\" }}");
    lb.apply(&document(&lb, &tls, OFF, &[front.table("web-1")]));
    assert_eq!(lb.get("/facts").reason(), Some("node_tls"));
}

#[test]
fn the_authorities_of_this_machine_are_trusted_where_none_are_named() {
    let authority = Authority::new();
    let file = authority.file().to_str().unwrap().to_owned();
    let lb = Appliance::start_with(&[("SSL_CERT_FILE", file.leak())]);
    let (good, bad) = (authority.issue(HERE), Authority::new().issue(HERE));
    for (leaf, status) in [(good, 200), (bad, 502)] {
        let front = Front::with(&leaf, "");
        lb.apply(&document(&lb, "{}", OFF, &[front.table("web-1")]));
        assert_eq!(lb.get("/facts").status, status);
    }
}

#[test]
fn a_pool_changes_to_tls_and_back_under_requests_without_one_that_fails() {
    let authority = Authority::new();
    let web = Node::answering("web");
    let front = Front::before(&web, &authority.issue(HERE));
    let lb = Appliance::start();
    let by_tls = document(&lb, &trusting(&authority, ""), OFF, &[front.table("web-1")]);
    let in_plain = one_pool(lb.port(), OFF, &[("web-1".to_owned(), web.address(), 1)]);
    lb.apply(&in_plain);
    let stop = AtomicBool::new(false);
    let asked = std::thread::scope(|scope| {
        let ask = || {
            let (mut client, mut count) = (Client::of(lb.port()), 0);
            while !stop.load(Ordering::Relaxed) || count < 100 {
                assert_eq!(client.ask(&Request::post("/", "x")).text(), "web");
                count += 1;
            }
            count
        };
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        for _ in 0..5 {
            lb.apply(&by_tls);
            lb.apply(&in_plain);
        }
        stop.store(true, Ordering::Relaxed);
        asking
            .into_iter()
            .map(|one| one.join().unwrap())
            .sum::<usize>()
    });
    assert!(asked >= 400, "{asked}");
}

#[test]
fn explain_and_export_say_how_the_nodes_are_asked() {
    let authority = Authority::new();
    let front = Front::with(&authority.issue(HERE), "");
    let lb = Appliance::start();
    let tls = trusting(&authority, ", server_name = \"Shop.Internal\"");
    lb.apply(&document(&lb, &tls, OFF, &[front.table("web-1")]));
    let told = lb.runs(&["explain", &format!("http://localhost:{}/", lb.port())]);
    let words =
        "node web-1 is asked by TLS, and needs a certificate for shop.internal by an authority of";
    assert!(told.contains(words), "{told}");
    let exported = lb.export();
    assert!(
        exported.contains("server_name = \"shop.internal\""),
        "{exported}"
    );
    let again: Value = lb.apply(&exported);
    assert_eq!(again["changed"], false, "{again}");
}
