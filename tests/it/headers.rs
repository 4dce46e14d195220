//! Which fields reach the node and which come back.

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::document::{listener, one_pool, pool, route, site};
use crate::support::nginx::Nginx;
use crate::support::node::{Answer, Node, Seen};

fn behind(node: &Node, more: &str) -> Appliance {
    let lb = Appliance::start();
    lb.apply(&(one_pool(lb.port(), "", &[node.line(1)]) + more));
    lb
}

const TRUSTING: &str = "\n[settings]\ntrusted_proxies = [\"127.0.0.0/8\"]\n";

/// A request as a client that lies, or a proxy before us, would send it.
fn forwarded(target: &str) -> Request {
    Request::get(target)
        .field("Host", "shop.example.com:8080")
        .field("X-Forwarded-For", "192.0.2.1, 192.0.2.2")
        .field("X-Forwarded-For", "192.0.2.3")
        .field("X-Forwarded-Proto", "https")
        .field("X-Forwarded-Host", "outer.example.com")
        .field("X-Forwarded-Port", "443")
        .field("X-Real-IP", "192.0.2.9")
        .field("Forwarded", "for=192.0.2.1;proto=https")
}

#[test]
fn what_an_untrusted_client_says_of_itself_is_replaced() {
    let node = Node::answering("a");
    let lb = behind(&node, "");
    lb.ask(&forwarded("/"));
    let seen = node.last();
    assert_eq!(seen.all("Host"), ["shop.example.com:8080"]);
    assert_eq!(seen.all("X-Forwarded-For"), ["127.0.0.1"]);
    assert_eq!(seen.all("X-Real-IP"), ["127.0.0.1"]);
    assert_eq!(seen.all("X-Forwarded-Proto"), ["http"]);
    assert_eq!(seen.all("X-Forwarded-Host"), ["shop.example.com:8080"]);
    assert!(!seen.head.contains("192.0.2."), "{}", seen.head);
    assert!(!seen.head.contains("443"), "{}", seen.head);
}

#[test]
fn of_several_proxies_before_us_all_must_have_been_asked_by_https() {
    let node = Node::answering("a");
    let lb = behind(&node, TRUSTING);
    for (lines, scheme) in [
        (&["https, https"][..], "https"),
        (&["https,HTTPS"], "https"),
        (&["https", "https"], "https"),
        (&["https,"], "https"),
        (&["https, http"], "http"),
        (&["https", "http"], "http"),
        (&["http,https"], "http"),
        (&["wss"], "wss"),
    ] {
        let request = Request::get("/").field("Host", "shop.example.com");
        let request = lines.iter().fold(request, |request, line| {
            request.field("X-Forwarded-Proto", line)
        });
        lb.ask(&request);
        assert_eq!(node.last().all("X-Forwarded-Proto"), [scheme], "{lines:?}");
    }
}

#[test]
fn what_a_trusted_proxy_says_is_kept_and_added_to_as_nginx_adds() {
    let node = Node::answering("a");
    let lb = behind(&node, TRUSTING);
    lb.ask(&forwarded("/"));
    let ours = node.last();
    assert_eq!(ours.all("X-Forwarded-Proto"), ["https"]);
    assert_eq!(ours.all("X-Forwarded-Host"), ["outer.example.com"]);

    let server = format!(
        "location / {{ proxy_pass http://{}; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }}",
        node.address()
    );
    let nginx = Nginx::start("", &server);
    Client::of(nginx.port()).ask(&forwarded("/"));
    let list = |seen: &Seen| seen.all("X-Forwarded-For").join(", ");
    assert_eq!(list(&ours), list(&node.last()));
    // And without one from the client, just the peer.
    lb.get("/");
    assert_eq!(node.last().all("X-Forwarded-For"), ["127.0.0.1"]);
}

#[test]
fn the_client_is_the_last_address_nobody_trusted_added() {
    let node = Node::answering("a");
    let lb = behind(&node, TRUSTING);
    let request = |list: &str| Request::get("/").field("X-Forwarded-For", list);
    for (list, client) in [
        ("192.0.2.1", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 127.0.0.9", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
    ] {
        lb.ask(&request(list));
        assert_eq!(node.last().all("X-Real-IP"), [client], "{list}");
    }
}

#[test]
fn every_request_has_an_id_of_its_own() {
    let node = Node::answering("a");
    let lb = behind(&node, "");
    let mut client = Client::of(lb.port());
    client.get("/");
    client.get("/");
    let ids: Vec<String> = node
        .requests()
        .iter()
        .map(|seen| seen.all("X-Request-ID").join("+"))
        .collect();
    assert!(
        ids.iter().all(|id| id.len() >= 16 && !id.contains('+')),
        "{ids:?}"
    );
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn fields_of_one_hop_stay_on_their_hop() {
    let node = Node::scripted("a", |_| {
        Answer::text("a")
            .field("Connection", "keep-alive, X-Node-Hop")
            .field("Keep-Alive", "timeout=5")
            .field("X-Node-Hop", "secret")
            .field("Proxy-Authenticate", "Basic")
            .field("X-Kept", "yes")
    });
    let lb = behind(&node, "");
    let request = Request::get("/")
        .field("Connection", "keep-alive, X-Client-Hop")
        .field("Keep-Alive", "timeout=5")
        .field("Proxy-Connection", "keep-alive")
        .field("Proxy-Authorization", "Basic abc")
        .field("X-Client-Hop", "secret")
        .field("TE", "trailers")
        .field("Trailer", "X-After")
        .field("Upgrade", "h2c")
        .field("HTTP2-Settings", "AAMAAABkAAQAAP__")
        .field("X-Kept", "yes");
    let answer = lb.ask(&request);
    let seen = node.last();
    for name in [
        "Keep-Alive",
        "Proxy-Connection",
        "Proxy-Authorization",
        "X-Client-Hop",
        "TE",
        "Trailer",
        "Upgrade",
        "HTTP2-Settings",
    ] {
        assert_eq!(
            seen.all(name),
            Vec::<&str>::new(),
            "{name} reached the node"
        );
    }
    assert_eq!(seen.field("X-Kept"), Some("yes"));
    for name in ["Keep-Alive", "X-Node-Hop", "Proxy-Authenticate"] {
        assert_eq!(answer.field(name), None, "{name} reached the client");
    }
    assert_eq!(answer.field("X-Kept"), Some("yes"));
}

#[test]
fn connection_cannot_name_a_field_we_speak_for() {
    let node = Node::answering("a");
    let lb = behind(&node, "");
    let request = Request::post("/", "abc")
        .field(
            "Connection",
            "X-Forwarded-For, Host, Content-Length, Cookie, X-Real-IP",
        )
        .field("Cookie", "a=b");
    assert_eq!(lb.ask(&request).status, 200);
    let seen = node.last();
    assert_eq!(seen.body, b"abc");
    for name in [
        "X-Forwarded-For",
        "Host",
        "Content-Length",
        "Cookie",
        "X-Real-IP",
    ] {
        assert_eq!(seen.all(name).len(), 1, "{name}: {}", seen.head);
    }
}

#[test]
fn an_underscore_cannot_pass_for_a_dash() {
    let node = Node::answering("a");
    let lb = behind(&node, "");
    lb.ask(
        &Request::get("/")
            .field("X_Forwarded_For", "192.0.2.1")
            .field("X_Real_IP", "192.0.2.1"),
    );
    assert!(
        !node.last().head.contains("192.0.2.1"),
        "{}",
        node.last().head
    );
}

#[test]
fn routes_set_and_remove_fields_both_ways() {
    let node = Node::scripted("a", |_| {
        Answer::text("a")
            .field("X-Powered-By", "a secret")
            .field("X-Frame-Options", "SAMEORIGIN")
            .field("Set-Cookie", "a=1")
            .field("Set-Cookie", "b=2")
    });
    let lb = Appliance::start();
    let keys = r#"headers = { "X-Frame-Options" = "DENY" }
remove_headers = ["X-Powered-By"]
request_headers = { "X-Site" = "shop" }
remove_request_headers = ["Cookie"]"#;
    let document = listener(lb.port())
        + &pool("django", "", &[node.line(1)])
        + &site("all", &route("/", "django", keys));
    lb.apply(&document);
    let request = Request::get("/")
        .field("Cookie", "a=b")
        .field("X-Site", "forged");
    let answer = lb.ask(&request);
    assert_eq!(answer.all("X-Frame-Options"), ["DENY"]);
    assert_eq!(answer.field("X-Powered-By"), None);
    assert_eq!(answer.all("Set-Cookie"), ["a=1", "b=2"]);
    assert_eq!(node.last().all("X-Site"), ["shop"]);
    assert_eq!(node.last().field("Cookie"), None);
}

#[test]
fn a_pool_may_give_its_nodes_another_host() {
    let node = Node::answering("a");
    let lb = Appliance::start();
    let keys = "host = \"inner.example.com\"";
    lb.apply(&one_pool(lb.port(), keys, &[node.line(1)]));
    lb.ask(&Request::get("/").field("Host", "outer.example.com"));
    let seen = node.last();
    assert_eq!(seen.all("Host"), ["inner.example.com"]);
    assert_eq!(seen.all("X-Forwarded-Host"), ["outer.example.com"]);
}

#[test]
fn sites_and_routes_are_chosen_by_host_and_whole_segments() {
    let nodes = ["shop", "any", "below", "api", "exact"].map(Node::answering);
    let [shop, any, below, api, exact] = &nodes;
    let lb = Appliance::start();
    let mut document = listener(lb.port());
    for node in &nodes {
        document += &pool(node.name(), "", &[node.line(1)]);
    }
    let sites = [
        (
            vec!["shop.example.com"],
            route("/", shop.name(), "")
                + &route("/api", api.name(), "strip_prefix = true")
                + &route("/api/v1", exact.name(), "match = \"exact\""),
        ),
        (vec!["*.example.com"], route("/", below.name(), "")),
        (vec![], route("/", any.name(), "")),
    ];
    for (i, (hosts, routes)) in sites.iter().enumerate() {
        document += &format!("\n[[sites]]\nname = \"s{i}\"\nhosts = {hosts:?}\n\n{routes}\n");
    }
    lb.apply(&document);
    let mut client = Client::of(lb.port());
    let mut who =
        |host: &str, target: &str| client.ask(&Request::get(target).field("Host", host)).text();
    assert_eq!(who("shop.example.com", "/"), "shop");
    assert_eq!(who("SHOP.Example.com.:8080", "/"), "shop");
    assert_eq!(who("a.b.example.com", "/"), "below");
    assert_eq!(who("example.com", "/"), "any");
    assert_eq!(who("shop.example.com", "/apix"), "shop");
    assert_eq!(who("shop.example.com", "/api/v1"), "exact");
    assert_eq!(who("shop.example.com", "/api/v1/x?a=b"), "api");
    assert_eq!(api.last().target(), "/v1/x?a=b");
}

#[test]
fn a_host_nobody_answers_for_and_a_path_without_a_route_have_reasons() {
    let node = Node::answering("a");
    let lb = Appliance::start();
    let site = format!(
        "\n[[sites]]\nname = \"s\"\nhosts = [\"shop.example.com\"]\n\n{}",
        route("/app", "django", "")
    );
    lb.apply(&(listener(lb.port()) + &pool("django", "", &[node.line(1)]) + &site));
    let ask = |host: &str| lb.ask(&Request::get("/").field("Host", host));
    let (no_site, no_route) = (ask("example.org"), ask("shop.example.com"));
    assert_eq!((no_site.status, no_site.reason()), (404, Some("no_site")));
    assert_eq!(
        (no_route.status, no_route.reason()),
        (404, Some("no_route"))
    );
    assert!(node.requests().is_empty());
}
