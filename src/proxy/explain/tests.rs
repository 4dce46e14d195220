//! What is told of a request, case by case, and that telling changes nothing.

use std::sync::Arc;

use proptest::prelude::proptest;
use proptest::{collection, prop_assert_eq};
use tokio::time::Instant;

use super::{Explanation, Goal, explain};
use crate::balance::{Asker, Cause, CheckResult, Health, KeyHash, Leasing, Registry, Tried};
use crate::metrics::Metrics;
use crate::model::Name;
use crate::proxy::tests::snapshot_of;
use crate::proxy::{Question, Reason};
use crate::snapshot::Snapshot;

const DOCUMENT: &str = r#"
    version = 1
    [settings]
    trusted_proxies = ["10.0.0.0/8"]
    [[listeners]]
    name = "public"
    address = "0.0.0.0:80"
    [[listeners]]
    name = "inside"
    address = "127.0.0.1:8080"
    max_target = "1k"
    [[pools]]
    name = "django"
    nodes = [
        { name = "web-1", address = "10.0.0.1:80", weight = 3 },
        { name = "web-2", address = "10.0.0.2:80", weight = 2 },
        { name = "web-3", address = "10.0.0.3:80" },
    ]
    [[pools]]
    name = "narrow"
    health_check = "off"
    nodes = [
        { name = "a", address = "10.0.2.1:80", max_conns = 1 },
        { name = "b", address = "10.0.2.2:80", max_conns = 1 },
        { name = "spare", address = "10.0.2.3:80", max_conns = 1, backup = true },
    ]
    [[pools]]
    name = "resting"
    nodes = [
        { name = "a", address = "10.0.1.1:80", state = "draining" },
        { name = "b", address = "10.0.1.2:80", state = "disabled" },
    ]
    [[sites]]
    name = "shop"
    hosts = ["shop.example.com"]
    listeners = ["public"]
    methods = ["GET", "POST"]
    headers = { "X-Frame-Options" = "DENY" }
    [[sites.routes]]
    path = "/"
    pool = "django"
    body_limit = "10"
    [[sites.routes]]
    path = "/api/"
    pool = "django"
    strip_prefix = true
    request_headers = { "X-Api" = "1" }
    [[sites.routes]]
    path = "/narrow"
    pool = "narrow"
    [[sites.routes]]
    path = "/rest"
    pool = "resting"
    [[sites]]
    name = "desk"
    hosts = ["desk.example.com"]
    listeners = ["inside"]
    [[sites.routes]]
    path = "/files/"
    files = { root = "/srv/desk" }
    [[sites.routes]]
    path = "/pages/"
    files = { root = "/srv/pages", fallback = "django" }
    [[sites.routes]]
    path = "/lonely/"
    files = { root = "/srv/pages", fallback = "resting" }
"#;

fn snapshot() -> Snapshot {
    snapshot_of(DOCUMENT)
}

fn asked(snapshot: &Snapshot, url: &str, headers: &[&str]) -> Explanation {
    let headers: Vec<String> = headers.iter().map(|line| (*line).to_owned()).collect();
    let client = "192.0.2.7".parse().ok();
    let question = Question::new("GET", url, client, &headers).unwrap();
    explain(snapshot, &question, Instant::now())
}

fn told(url: &str, headers: &[&str]) -> Explanation {
    asked(&snapshot(), url, headers)
}

fn name(name: &Option<crate::model::Name>) -> &str {
    name.as_ref().map_or("", |name| name.as_str())
}

#[test]
fn a_request_is_followed_to_its_node() {
    let told = told("http://shop.example.com/api/v1?x=1", &["Accept: */*"]);
    assert_eq!(name(&told.listener), "public");
    assert_eq!(name(&told.site), "shop");
    assert_eq!(told.route.as_deref(), Some("/api/"));
    assert_eq!((told.refused, &told.notes[..]), (None, &[][..]));
    assert_eq!(told.request_line.as_deref(), Some("GET /v1?x=1 HTTP/1.1"));
    let field = |fields: &[(String, String)], name: &str| {
        let found = fields.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    for (name, value) in [
        ("host", "shop.example.com"),
        ("accept", "*/*"),
        ("x-api", "1"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-request-id", "(new for every request)"),
    ] {
        assert_eq!(field(&told.request_headers, name).as_deref(), Some(value));
    }
    let set = field(&told.response_headers, "x-frame-options");
    assert_eq!(set.as_deref(), Some("DENY"));
    let whys: Vec<&str> = told.candidates.iter().map(|c| c.why.as_str()).collect();
    assert_eq!(whys[0], "not checked yet; weight 3 of 6, 0 in flight");
    assert!(told.candidates.iter().all(|c| c.eligible));
}

#[test]
fn other_ends_than_a_node_are_told() {
    let files = told("http://desk.example.com:8080/files/a.txt", &[]);
    let goal = |root: &str, fallback: Option<&str>| {
        let root = root.to_owned();
        let fallback = fallback.map(|name| crate::model::Name::parse(name).unwrap());
        Some(Goal::Files { root, fallback })
    };
    assert_eq!(files.goal, goal("/srv/desk", None));
    let pages = told("http://desk.example.com:8080/pages/x", &[]);
    assert_eq!(pages.goal, goal("/srv/pages", Some("django")));
    assert_eq!(pages.request_line.as_deref(), Some("GET /pages/x HTTP/1.1"));
    // There may be a file, though no node.
    let lonely = told("http://desk.example.com:8080/lonely/x", &[]);
    assert_eq!((lonely.refused, lonely.candidates.len()), (None, 2));
    let slash = told("http://shop.example.com/api?x", &[]);
    let to = "/api/?x".to_owned();
    assert_eq!(slash.goal, Some(Goal::Redirect { to, status: 301 }));
}

#[test]
fn what_a_file_route_refuses_is_told_and_what_only_the_disk_knows_is_noted() {
    let asked = |method: &str, path: &str| {
        let url = format!("http://desk.example.com:8080{path}");
        let question = Question::new(method, &url, None, &[]).unwrap();
        let told = explain(&snapshot(), &question, Instant::now());
        (told.refused.map(Reason::code), told.notes.join("; "))
    };
    for (method, path, code) in [
        ("POST", "/files/a.txt", Some("method_not_allowed")),
        ("DELETE", "/files/none", Some("method_not_allowed")),
        ("GET", "/files/a%2fb", Some("bad_request")),
        ("GET", "/files/a/../b", Some("bad_request")),
        ("GET", "/files/.git/config", Some("no_file")),
        ("GET", "/files/a.txt", None),
        ("HEAD", "/files/a.txt", None),
        ("POST", "/pages/a.txt", None),
        ("GET", "/pages/.git", None),
        // No file has that path, and no node is there.
        ("GET", "/lonely/.git", Some("no_node")),
        ("GET", "/lonely/x", None),
    ] {
        assert_eq!(asked(method, path).0, code, "{method} {path}");
    }
    for (method, path, notes) in [
        (
            "GET",
            "/files/a",
            "whether the file is there is not looked up: 404 no_file where none is",
        ),
        (
            "GET",
            "/pages/a",
            "pool django is asked only where no file is there",
        ),
        (
            "POST",
            "/pages/a",
            "pool django is asked only where no file is there; where a file is there: 405 method_not_allowed",
        ),
        (
            "GET",
            "/pages/.git",
            "no file has such a path: pool django is asked",
        ),
        (
            "GET",
            "/lonely/x",
            "pool resting is asked only where no file is there; where no file is there: 503 no_node",
        ),
    ] {
        assert_eq!(asked(method, path).1, notes, "{method} {path}");
    }
}

#[test]
fn what_the_proxy_refuses_is_refused_here() {
    let refused = |url: &str, headers: &[&str]| told(url, headers).refused.map(Reason::code);
    for (url, headers, code) in [
        ("http://other/", &[][..], "no_site"),
        ("http://desk.example.com/files/", &[], "no_site"),
        ("http://desk.example.com:8080/", &[], "no_route"),
        ("http://shop.example.com/rest", &[], "no_node"),
        ("http://shop.example.com/a b", &[], "bad_request"),
        ("http://shop.example.com/../x", &[], "bad_request"),
        ("http://shop.example.com/", &["Host: a,b"], "bad_request"),
        (
            "http://shop.example.com/",
            &["Transfer-Encoding: x"],
            "bad_request",
        ),
        (
            "http://shop.example.com/",
            &["Content-Length: 11"],
            "body_too_large",
        ),
    ] {
        assert_eq!(refused(url, headers), Some(code), "{url} {headers:?}");
    }
    let long = format!("http://desk.example.com:8080/{}", "a".repeat(1024));
    assert_eq!(refused(&long, &[]), Some("target_too_long"));
    let question = Question::new("PUT", "http://shop.example.com/", None, &[]).unwrap();
    let told = explain(&snapshot(), &question, Instant::now());
    assert_eq!(told.refused, Some(Reason::MethodNotAllowed));
}

#[test]
fn where_nothing_listens_another_listener_is_taken_and_said() {
    for (url, listener, note) in [
        ("http://desk.example.com/files/", "public", None),
        (
            "http://desk.example.com:81/files/",
            "inside",
            Some("nothing listens for http on port 81; told as if it came by listener inside"),
        ),
        (
            "https://shop.example.com/",
            "public",
            Some("nothing listens for https on port 443; told as if it came by listener public"),
        ),
    ] {
        let told = told(url, &[]);
        assert_eq!(name(&told.listener), listener, "{url}");
        assert_eq!(told.notes.first().map(String::as_str), note, "{url}");
    }
    let none = Snapshot::build(
        Arc::default(),
        Arc::default(),
        1,
        &Registry::new(),
        &Metrics::new(),
    );
    let told = asked(&none, "http://a/", &[]);
    assert_eq!((told.listener, told.notes.len()), (None, 1));
}

#[test]
fn a_trusted_proxy_s_client_is_the_one_that_asks() {
    let snapshot = snapshot();
    let client = |client: &str| {
        let forwarded = ["X-Forwarded-For: 203.0.113.9".to_owned()];
        let client = client.parse().ok();
        let question = Question::new("GET", "http://a/", client, &forwarded).unwrap();
        explain(&snapshot, &question, Instant::now())
            .client
            .to_string()
    };
    assert_eq!(client("10.1.1.1"), "203.0.113.9");
    assert_eq!(client("192.0.2.7"), "192.0.2.7");
}

#[test]
fn each_node_is_told_as_it_stands() {
    let snapshot = snapshot();
    let nodes = &snapshot.pools[0].balancer;
    let mut down = CheckResult::of(Some(Cause::Refused));
    down.facts.address = "10.0.0.1:8000".to_owned();
    nodes.nodes()[0].state.set_check(down.clone(), Health::Down);
    for _ in 0..3 {
        nodes.failed(1, Instant::now());
    }
    let whys = || {
        let told = asked(&snapshot, "http://shop.example.com/", &[]);
        let one = |c: &super::Standing| (c.eligible, c.why.clone());
        told.candidates.iter().map(one).collect::<Vec<_>>()
    };
    let now = whys();
    let why = "down: connection refused: nothing listens on 10.0.0.1:8000";
    assert_eq!(now[0], (false, why.to_owned()));
    assert!(!now[1].0, "{now:?}");
    assert!(now[1].1.starts_with("ejected for another "), "{now:?}");
    assert!(now[2].0 && now[2].1.contains("weight 1 of 1"), "{now:?}");
    nodes.nodes()[2].state.set_check(down, Health::Down);
    let all_down = whys();
    assert!(all_down.iter().all(|(eligible, _)| *eligible));
    assert!(all_down[0].1.contains("no enabled node is well"));
    let resting = asked(&snapshot, "http://shop.example.com/rest", &[]);
    let words: Vec<&str> = resting.candidates.iter().map(|c| c.why.as_str()).collect();
    assert_eq!(words, ["draining: it takes no new requests", "disabled"]);
}

#[test]
fn full_nodes_and_backups_are_told_as_they_are_used() {
    let snapshot = snapshot();
    let nodes = &snapshot.pools[1].balancer;
    let asker = Asker {
        client: "192.0.2.7".parse().unwrap(),
        key: KeyHash::default(),
        bound: None,
    };
    let mut held = Vec::new();
    for _ in 0..3 {
        let told = asked(&snapshot, "http://shop.example.com/narrow", &[]);
        let eligible = told.candidates.iter().filter(|c| c.eligible);
        let eligible: Vec<&Name> = eligible.map(|c| &c.node).collect();
        let spare = &told.candidates[2];
        assert_eq!(
            spare.why.contains("; a backup"),
            held.len() < 2,
            "{spare:?}"
        );
        let full = told.candidates.iter().filter(|c| c.why.contains("; full"));
        assert_eq!(full.count(), held.len());
        let Leasing::Leased(lease) = nodes.lease(asker, &Tried::new(), Instant::now()) else {
            panic!("no node");
        };
        assert!(eligible.contains(&&lease.candidate().name));
        assert_eq!(eligible.len(), [2, 1, 1][held.len()]);
        held.push(lease);
    }
    let told = asked(&snapshot, "http://shop.example.com/narrow", &[]);
    assert_eq!(told.notes, ["no node has room: it would wait"]);
    assert_eq!((told.refused, told.request_line), (None, None));
}

proptest! {
    #[test]
    fn explaining_moves_nobody_s_turn(explained in collection::vec(0usize..4, 6)) {
        let snapshot = snapshot();
        let nodes = &snapshot.pools[0].balancer;
        let mut picks = Vec::new();
        let mut counts = [0; 3];
        for times in explained {
            for _ in 0..times {
                asked(&snapshot, "http://shop.example.com/", &[]);
            }
            let asker = Asker { client: "192.0.2.7".parse().unwrap(), key: KeyHash::default(), bound: None };
            let Leasing::Leased(lease) = nodes.lease(asker, &Tried::new(), Instant::now()) else {
                panic!("no node");
            };
            picks.push(lease.index());
            counts[lease.index()] += 1;
        }
        prop_assert_eq!(counts, [3, 2, 1]);
        prop_assert_eq!(picks, [0, 1, 0, 2, 1, 0]);
        prop_assert_eq!(nodes.nodes()[0].state.requests(), 3);
    }
}
