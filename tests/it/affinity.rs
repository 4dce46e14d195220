//! A client keeps its node by a signed cookie, as long as the node can be used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::appliance::{Appliance, said};
use crate::support::client::{self, Request, Response, Wire};
use crate::support::document::{NodeLine, listener, one_pool, pool, route, site};
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node, Then, lines};

const POLICIES: [&str; 6] = [
    "round_robin",
    "least_conn",
    "ip_hash",
    "hash",
    "random_two",
    "least_time",
];

/// A browser, as far as this cookie is concerned.
struct Visitor {
    port: u16,
    cookie: Option<String>,
    /// How often it was given one.
    given: usize,
}

impl Visitor {
    fn of(lb: &Appliance) -> Self {
        Self {
            port: lb.port(),
            cookie: None,
            given: 0,
        }
    }

    #[track_caller]
    fn asks(&mut self, request: Request) -> Response {
        let request = match &self.cookie {
            Some(cookie) => request.field("Cookie", &format!("theme=dark; {cookie}; lang=en")),
            None => request,
        };
        let answer = client::ask(self.port, &request);
        if let Some(set) = set_cookie(&answer) {
            self.cookie = set.split(';').next().map(str::to_owned);
            self.given += 1;
        }
        answer
    }

    /// Which node answers.
    #[track_caller]
    fn visits(&mut self) -> String {
        let answer = self.asks(Request::get("/"));
        assert_eq!(answer.status, 200, "{:?}", answer.reason());
        answer.text()
    }
}

/// The affinity cookie that an answer brings.
fn set_cookie(answer: &Response) -> Option<String> {
    let set = answer.all("Set-Cookie").into_iter();
    let mut ours = set.filter(|set| set.starts_with("steelyard="));
    let first = ours.next().map(str::to_owned);
    assert_eq!(ours.next(), None, "given twice");
    first
}

/// Nodes that say their names, and an unchecked pool of them.
fn keys(affinity: &str) -> String {
    format!("health_check = \"off\"\naffinity = {{ {affinity} }}")
}

fn with(lb: &Appliance, affinity: &str, nodes: &[NodeLine]) -> String {
    one_pool(lb.port(), &keys(affinity), nodes)
}

fn state(text: &str, node: &str, state: &str) -> String {
    let line = format!("name = \"{node}\"\n");
    text.replace(&line, &format!("{line}state = \"{state}\"\n"))
}

#[track_caller]
fn runs(lb: &Appliance, arguments: &[&str]) -> String {
    let output = lb.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

#[test]
fn clients_stay_on_their_nodes_whatever_the_policy() {
    let nodes = Node::three();
    let lb = Appliance::start();
    for policy in POLICIES {
        let keys = format!("policy = \"{policy}\"\n{}", keys(""));
        lb.apply(&one_pool(lb.port(), &keys, &lines(&nodes, [3, 2, 1])));
        let mut visitors: Vec<Visitor> = (0..12).map(|_| Visitor::of(&lb)).collect();
        let at: Vec<String> = visitors.iter_mut().map(Visitor::visits).collect();
        for _ in 0..3 {
            for (visitor, at) in visitors.iter_mut().zip(&at) {
                assert_eq!(visitor.visits(), *at, "{policy}");
            }
        }
        assert!(
            visitors.iter().all(|visitor| visitor.given == 1),
            "{policy}"
        );
        // With one node alone the rest would say nothing; these two are sure to use all.
        if matches!(policy, "round_robin" | "least_conn") {
            assert!(at.iter().any(|node| *node != at[0]), "{policy}: {at:?}");
        }
    }
}

#[test]
fn a_weight_a_reload_and_other_changes_move_nobody() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let text = with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let mut visitors: Vec<Visitor> = (0..6).map(|_| Visitor::of(&lb)).collect();
    let at: Vec<String> = visitors.iter_mut().map(Visitor::visits).collect();
    let changes = [
        with(&lb, "max_age = \"1h\"", &lines(&nodes, [100, 1, 1])),
        text.replace("weight = 1", "weight = 1\nmax_conns = 5"),
        text.replace("health_check = \"off\"\n", ""),
        text.clone() + "\n[logs]\nlevel = \"debug\"\n",
        with(
            &lb,
            "max_age = \"1h\", path = \"/shop\"",
            &lines(&nodes, [1, 1, 1]),
        ),
    ];
    for change in changes {
        lb.apply(&change);
        for (visitor, at) in visitors.iter_mut().zip(&at) {
            assert_eq!(visitor.visits(), *at, "{change}");
        }
    }
    assert!(visitors.iter().all(|visitor| visitor.given == 1));
    // Still known, after a change of the check that starts the node's other facts anew.
    let nodes = lb.status()["pools"][0]["nodes"].clone();
    let bound = nodes
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["bound"].as_u64().unwrap());
    assert_eq!(bound.collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn a_node_that_dies_loses_its_clients_once() {
    let mut nodes = Node::three();
    let lb = Appliance::start();
    let keys = "health_check = \"off\"\naffinity = { max_age = \"1h\" }";
    lb.apply(&one_pool(lb.port(), keys, &lines(&nodes, [1, 1, 1])));
    let mut visitor = Visitor::of(&lb);
    let first = visitor.visits();
    let dead = nodes.iter().position(|node| node.name() == first).unwrap();
    nodes[dead].stop();
    let second = visitor.visits();
    assert_ne!(second, first);
    assert_eq!(visitor.given, 2);
    for _ in 0..6 {
        assert_eq!(visitor.visits(), second);
    }
    // Nor does it go back: its cookie says so.
    nodes[dead].start();
    for _ in 0..6 {
        assert_eq!(visitor.visits(), second);
    }
    assert_eq!(visitor.given, 2);
    let bound = |node: &str| lb.node("django", node)["bound"].as_u64();
    assert_eq!((bound(&first), bound(&second)), (Some(0), Some(1)));
}

#[test]
fn a_node_found_down_by_its_checks_is_not_even_asked() {
    let mut nodes = Node::three();
    let lb = Appliance::start();
    let keys = "health_check = { kind = \"tcp\", interval = \"100ms\", timeout = \"100ms\", rise = 1, fall = 1 }\naffinity = {}";
    lb.apply(&one_pool(lb.port(), keys, &lines(&nodes, [1, 1, 1])));
    let mut visitor = Visitor::of(&lb);
    let first = visitor.visits();
    let at = nodes.iter().position(|node| node.name() == first).unwrap();
    nodes[at].stop();
    lb.wait_for_health("django", &first, "down");
    let answer = visitor.asks(Request::post("/", "x"));
    assert_eq!((answer.status, visitor.given), (200, 2));
    let second = answer.text();
    assert_ne!(second, first);
    assert_eq!(visitor.visits(), second);
    assert_eq!(visitor.given, 2);
}

#[test]
fn who_is_answered_by_another_node_is_bound_to_that_one() {
    let failing = Node::scripted("web-1", |request| match request.target() {
        "/broken" => Answer::status(500, "broken"),
        _ => Answer::text("web-1"),
    });
    let other = Node::answering("web-2");
    let lb = Appliance::start();
    let keys = keys("") + "\nretry = { on = [\"error\", \"http_500\"] }\nmax_fails = 0";
    let both = [failing.line(1), other.line(1)];
    lb.apply(&one_pool(lb.port(), &keys, &both));
    let mut visitor = Visitor::of(&lb);
    while visitor.visits() != "web-1" {
        visitor = Visitor::of(&lb);
    }
    let answer = visitor.asks(Request::get("/broken"));
    assert_eq!((answer.text().as_str(), visitor.given), ("web-2", 2));
    assert_eq!(visitor.visits(), "web-2");
    // What may not be repeated stays with its node and its error.
    let mut visitor = Visitor::of(&lb);
    while visitor.visits() != "web-1" {
        visitor = Visitor::of(&lb);
    }
    let answer = visitor.asks(Request::post("/broken", "x"));
    assert_eq!((answer.status, visitor.given), (500, 1));
    assert_eq!(visitor.visits(), "web-1");
}

#[test]
fn a_draining_node_keeps_who_is_bound_to_it_and_gets_nobody_new() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let affinity = "max_age = \"5s\"";
    lb.apply(&with(&lb, affinity, &lines(&nodes, [1, 1, 1])));
    let mut visitors: Vec<Visitor> = (0..6).map(|_| Visitor::of(&lb)).collect();
    let at: Vec<String> = visitors.iter_mut().map(Visitor::visits).collect();
    assert_eq!(at.iter().filter(|node| *node == "web-1").count(), 2);
    runs(&lb, &["node", "drain", "django/web-1"]);
    let node = lb.node("django", "web-1");
    assert_eq!(node["bound"], 2, "{node}");
    assert_eq!(node["drained"], false, "{node}");
    assert!(node["bound_until"].is_string(), "{node}");
    let table = runs(&lb, &["status"]);
    assert!(table.contains("draining, 2 bound"), "{table}");
    let metrics = lb.admin("/metrics").text();
    let line = "steelyard_node_bound{pool=\"django\",node=\"web-1\"} 2";
    assert!(metrics.contains(line), "{metrics}");
    for (visitor, at) in visitors
        .iter_mut()
        .zip(&at)
        .filter(|(_, at)| *at == "web-1")
    {
        assert_eq!(visitor.visits(), *at);
        assert_eq!(
            visitor.given, 1,
            "never bound anew to a node that is draining"
        );
    }
    for _ in 0..6 {
        assert_ne!(Visitor::of(&lb).visits(), "web-1");
    }
    // A wait that is too short tells for whom it waited.
    let waited = lb.run(&["node", "drain", "django/web-1", "--wait", "0s"]);
    let words = said(&waited);
    if waited.status.code() == Some(1) {
        assert!(words.contains("bound to it"), "{words}");
    }
    let waited = runs(&lb, &["node", "drain", "django/web-1", "--wait", "30s"]);
    assert!(waited.contains("django/web-1 is drained"), "{waited}");
    let node = lb.node("django", "web-1");
    assert_eq!(
        (&node["bound"], &node["bound_until"]),
        (&0.into(), &Value::Null)
    );
    // Whoever comes now with the old cookie is moved.
    for (visitor, at) in visitors
        .iter_mut()
        .zip(&at)
        .filter(|(_, at)| *at == "web-1")
    {
        assert_ne!(visitor.visits(), *at);
    }
}

#[test]
fn a_wait_tells_for_how_many_clients_and_until_when() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1])));
    for _ in 0..6 {
        Visitor::of(&lb).visits();
    }
    let waited = lb.run(&["node", "drain", "django/web-1", "--wait", "0s"]);
    assert_eq!(waited.status.code(), Some(1));
    let words = said(&waited);
    let node = lb.node("django", "web-1");
    let until = node["bound_until"].as_str().unwrap();
    let expected = format!("2 clients bound to it, the last until {until}");
    assert!(words.contains(&expected), "{words}");
    // Nobody is counted without a max_age.
    lb.apply(&with(&lb, "", &lines(&nodes, [1, 1, 1])).replace("django", "other"));
    Visitor::of(&lb).visits();
    assert_eq!(lb.node("other", "web-1")["bound"], 0);
    runs(&lb, &["node", "drain", "other/web-1", "--wait", "30s"]);
}

#[test]
fn a_node_that_is_disabled_removed_or_renamed_loses_its_clients() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let text = with(&lb, "", &lines(&nodes, [1, 1, 1]));
    let [_, b, c] = &nodes;
    let changes = [
        state(&text, "web-1", "disabled"),
        with(&lb, "", &[b.line(1), c.line(1)]),
        text.replace("\"web-1\"", "\"web-9\""),
    ];
    for change in changes {
        lb.apply(&text);
        let mut visitor = Visitor::of(&lb);
        while visitor.visits() != "web-1" {
            visitor = Visitor::of(&lb);
        }
        lb.apply(&change);
        let answer = visitor.asks(Request::get("/"));
        assert_eq!((answer.status, visitor.given), (200, 2), "{change}");
        let moved = answer.text();
        for _ in 0..4 {
            assert_eq!(visitor.visits(), moved);
        }
        assert_eq!(visitor.given, 2);
    }
}

#[test]
fn a_cookie_that_is_not_ours_binds_nobody() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let text = with(&lb, "", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let mut visitor = Visitor::of(&lb);
    let own = visitor.visits();
    let good = visitor.cookie.clone().unwrap();
    let value = good.strip_prefix("steelyard=").unwrap();
    let letters = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    assert!(letters && !value.contains("web"), "{value}");
    // The others of the pool are next, so that chance does not lead to the right one.
    let ask = |cookie: &str| {
        let answer = lb.ask(&Request::get("/").field("Cookie", cookie));
        (set_cookie(&answer).is_some(), answer.text())
    };
    let mut last = value.as_bytes().to_vec();
    let end = last.len() - 1;
    last[end] = if last[end] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(last).unwrap();
    for bad in [
        "steelyard=".to_owned(),
        "steelyard".to_owned(),
        format!("steelyard={forged}"),
        format!("steelyard={}", &value[1..]),
        format!("steelyard={value}{value}"),
        format!("steelyard={}", "A".repeat(80)),
        format!("steelyard={}", "A".repeat(8000)),
        format!("steelyard=\"{value}\""),
        format!("Steelyard={value}"),
        format!("xsteelyard={value}"),
        format!("other={value}"),
    ] {
        assert!(ask(&bad).0, "{bad} was taken");
    }
    for kept in [
        format!("steelyard={value}"),
        format!("a=b;steelyard={value};c=d"),
        format!("steelyard={forged}; steelyard=; steelyard={value}"),
    ] {
        for _ in 0..3 {
            assert_eq!(ask(&kept), (false, own.clone()), "{kept}");
        }
    }
    // In a field of its own too, and the first that is valid wins.
    let mut second = Visitor::of(&lb);
    while second.visits() == own {
        second = Visitor::of(&lb);
    }
    let request = Request::get("/")
        .field("Cookie", "a=b")
        .field("Cookie", &good);
    let answer = lb.ask(&request.field("Cookie", &second.cookie.unwrap()));
    assert_eq!((set_cookie(&answer), answer.text()), (None, own));
    // Of another pool, though its nodes have the same names.
    lb.apply(&text.replace("\"django\"", "\"other\""));
    assert!(ask(&good).0);
}

#[test]
fn the_cookie_has_the_attributes_that_are_wanted() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let trusted = "\n[settings]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    let attributes = |affinity: &str, scheme: &str| {
        lb.apply(&(with(&lb, affinity, &[node.line(1)]) + trusted));
        let answer = lb.ask(&Request::get("/").field("X-Forwarded-Proto", scheme));
        let set = answer.all("Set-Cookie");
        assert_eq!(set.len(), 1);
        let (pair, attributes) = set[0].split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        assert_eq!(value.len(), 80);
        (name.to_owned(), attributes.to_owned())
    };
    for (affinity, scheme, expected) in [
        ("", "http", "Path=/; HttpOnly; SameSite=Lax"),
        ("", "https", "Path=/; Secure; HttpOnly; SameSite=Lax"),
        (
            "secure = true",
            "http",
            "Path=/; Secure; HttpOnly; SameSite=Lax",
        ),
        ("secure = false", "https", "Path=/; HttpOnly; SameSite=Lax"),
        (
            "max_age = \"90s\"",
            "http",
            "Path=/; Max-Age=90; HttpOnly; SameSite=Lax",
        ),
        (
            "max_age = \"1d\", path = \"/shop\", domain = \"example.com\", http_only = false, same_site = \"strict\"",
            "http",
            "Path=/shop; Domain=example.com; Max-Age=86400; SameSite=Strict",
        ),
        (
            "secure = \"auto\", same_site = \"none\"",
            "https",
            "Path=/; Secure; HttpOnly; SameSite=None",
        ),
    ] {
        let (name, attributes) = attributes(affinity, scheme);
        assert_eq!(
            (name.as_str(), attributes.as_str()),
            ("steelyard", expected)
        );
    }
    let (name, _) = attributes("cookie = \"NODE\"", "http");
    assert_eq!(name, "NODE");
    // Of a peer that is not trusted nothing is believed.
    lb.apply(&with(&lb, "", &[node.line(1)]));
    let answer = lb.ask(&Request::get("/").field("X-Forwarded-Proto", "https"));
    assert!(!set_cookie(&answer).unwrap().contains("Secure"));
}

#[test]
fn every_answer_of_a_node_may_bind_and_none_of_our_own() {
    let node = Node::scripted("web-1", |request| match request.target() {
        "/304" => Answer::raw("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"),
        "/302" => Answer::status(302, "").field("Location", "/"),
        "/404" => Answer::status(404, "no"),
        "/500" => Answer::status(500, "no"),
        "/big" => Answer::Download(300_000),
        "/early" => Answer::raw(
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        ),
        "/own" => Answer::text("x")
            .field("Set-Cookie", "sessionid=1; Path=/")
            .field("Set-Cookie", "csrftoken=2"),
        "/gone" => Answer::nothing(Then::Close),
        _ => Answer::text("x"),
    });
    let lb = Appliance::start();
    let routes = route("/", "django", "headers = { \"X-A\" = \"b\" }")
        + &route("/bare", "django", "remove_headers = [\"Set-Cookie\"]")
        + "[[sites.routes]]\npath = \"/ping\"\nrespond = { body = \"pong\" }\n";
    let text = listener(lb.port())
        + &pool("django", &(keys("") + "\nmax_fails = 0"), &[node.line(1)])
        + &site("shop", &routes);
    lb.apply(&text);
    for (request, status) in [
        (Request::get("/"), 200),
        (Request::head("/"), 200),
        (Request::get("/").http10(), 200),
        (Request::post("/", "x"), 200),
        (Request::get("/304"), 304),
        (Request::get("/302"), 302),
        (Request::get("/404"), 404),
        (Request::get("/500"), 500),
        (Request::get("/early"), 200),
        (Request::get("/bare"), 200),
    ] {
        let answer = lb.ask(&request);
        assert_eq!(answer.status, status);
        assert!(set_cookie(&answer).is_some(), "{status}");
    }
    let big = lb.get("/big");
    assert_eq!(
        (big.body.len(), set_cookie(&big).is_some()),
        (300_000, true)
    );
    let own = lb.get("/own");
    let all = own.all("Set-Cookie");
    assert_eq!(all[..2], ["sessionid=1; Path=/", "csrftoken=2"]);
    assert_eq!(all.len(), 3);
    for (target, status) in [("/gone", 502), ("/ping", 200), ("/%", 400)] {
        let answer = lb.get(target);
        assert_eq!(
            (answer.status, set_cookie(&answer)),
            (status, None),
            "{target}"
        );
    }
    // The application sees the cookie too: it is the client's, and other pools may need it.
    lb.ask(&Request::get("/").field("Cookie", "steelyard=x; a=b"));
    assert_eq!(node.last().field("Cookie"), Some("steelyard=x; a=b"));
}

#[test]
fn a_cookie_is_renewed_once_half_of_its_time_is_gone() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&with(&lb, "max_age = \"12s\"", &lines(&nodes, [1, 1, 1])));
    let mut visitor = Visitor::of(&lb);
    let at = visitor.visits();
    let first = visitor.cookie.clone();
    // Asked all the time it never has to leave, and is one client all the while.
    eventually("it is renewed", || {
        assert_eq!(visitor.visits(), at);
        let bound = lb.node("django", &at)["bound"].as_u64();
        assert_eq!(bound, Some(1));
        (visitor.given >= 2).then_some(())
    });
    assert_ne!(visitor.cookie, first);
    // The first has run out meanwhile, or soon does.
    eventually("the old one is worth nothing", || {
        let cookie = first.clone().unwrap();
        let answer = lb.ask(&Request::get("/").field("Cookie", &cookie));
        (set_cookie(&answer).is_some() && answer.text() != at).then_some(())
    });
}

#[test]
fn who_is_bound_to_a_full_node_waits_for_it_and_is_not_moved() {
    let (gate, first_came) = (Gate::closed(), Arc::new(AtomicUsize::new(0)));
    let (held, came) = (gate.clone(), first_came.clone());
    let busy = Node::scripted("web-1", move |request| {
        if request.target() == "/slow" {
            came.fetch_add(1, Ordering::SeqCst);
            held.pass();
        }
        Answer::text("web-1")
    });
    let free = Node::answering("web-2");
    let lb = Appliance::start();
    let keys = keys("") + "\nqueue = { size = 2, timeout = \"1h\" }";
    let text = one_pool(lb.port(), &keys, &[busy.line(1), free.line(1)]);
    lb.apply(&text.replace("weight = 1\n", "weight = 1\nmax_conns = 1\n"));
    let mut visitor = Visitor::of(&lb);
    while visitor.visits() != "web-1" {
        visitor = Visitor::of(&lb);
    }
    let cookie = visitor.cookie.clone().unwrap();
    let asks = |target: &str| {
        let mut wire = Wire::to(lb.port());
        wire.send(format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n"
        ));
        wire
    };
    let mut slow = asks("/slow");
    eventually("it is at the node", || {
        (first_came.load(Ordering::SeqCst) == 1).then_some(())
    });
    let queued = || lb.status()["pools"][0]["queued"].as_u64();
    let mut waiting = Vec::new();
    for length in 1..=2 {
        waiting.push(asks("/"));
        eventually("it waits", || (queued() == Some(length)).then_some(()));
    }
    let refused = lb.ask(&Request::get("/").field("Cookie", &cookie));
    assert_eq!(
        (refused.status, refused.reason()),
        (503, Some("queue_full"))
    );
    assert_eq!(set_cookie(&refused), None);
    // The others are served meanwhile, by the node that is free.
    for _ in 0..3 {
        assert_eq!(Visitor::of(&lb).visits(), "web-2");
    }
    gate.open();
    for wire in std::iter::once(&mut slow).chain(&mut waiting) {
        let answer = wire.response("GET");
        assert_eq!(
            (answer.text().as_str(), set_cookie(&answer)),
            ("web-1", None)
        );
    }
}

#[test]
fn who_waits_too_long_for_its_node_is_told_to_come_again() {
    let gate = Gate::closed();
    let held = gate.clone();
    let busy = Node::scripted("web-1", move |request| {
        if request.target() == "/slow" {
            held.pass();
        }
        Answer::text("web-1")
    });
    let lb = Appliance::start();
    let keys = keys("") + "\nqueue = { size = 9, timeout = \"200ms\" }";
    let text = one_pool(lb.port(), &keys, &[busy.line(1)]);
    lb.apply(&text.replace("weight = 1\n", "weight = 1\nmax_conns = 1\n"));
    let mut visitor = Visitor::of(&lb);
    visitor.visits();
    let cookie = visitor.cookie.clone().unwrap();
    let mut slow = Wire::to(lb.port());
    slow.send(format!(
        "GET /slow HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n"
    ));
    eventually("it is at the node", || {
        (lb.node("django", "web-1")["in_flight"] == 1).then_some(())
    });
    let late = visitor.asks(Request::get("/"));
    assert_eq!((late.status, late.reason()), (503, Some("queue_timeout")));
    assert_eq!(late.field("Retry-After"), Some("1"));
    gate.open();
    assert_eq!(slow.response("GET").status, 200);
    assert_eq!((visitor.visits(), visitor.given), ("web-1".to_owned(), 1));
}

#[test]
fn where_no_node_is_well_clients_keep_theirs() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let check = "health_check = { kind = \"http\", path = \"/\", expect = \"500\", interval = \"100ms\", timeout = \"100ms\", rise = 1, fall = 1 }";
    let text = with(&lb, "", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let mut visitors: Vec<Visitor> = (0..3).map(|_| Visitor::of(&lb)).collect();
    let at: Vec<String> = visitors.iter_mut().map(Visitor::visits).collect();
    lb.apply(&text.replace("health_check = \"off\"", check));
    for node in ["web-1", "web-2", "web-3"] {
        lb.wait_for_health("django", node, "down");
    }
    for _ in 0..3 {
        for (visitor, at) in visitors.iter_mut().zip(&at) {
            assert_eq!(visitor.visits(), *at);
        }
    }
    assert!(visitors.iter().all(|visitor| visitor.given == 1));
    assert_eq!(lb.status()["pools"][0]["fail_open"], true);
}

#[test]
fn the_document_says_what_it_says_and_only_that() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let off = one_pool(lb.port(), "health_check = \"off\"", &[node.line(1)]);
    lb.apply(&off);
    assert!(!lb.export().contains("affinity"));
    assert_eq!(set_cookie(&lb.get("/")), None);
    let on = with(&lb, "", &[node.line(1)]);
    let done = lb.apply(&on);
    assert_eq!(done["changes"][0]["field"], "pools.django.affinity");
    assert_eq!(done["changes"][0]["op"], "add");
    assert!(lb.export().contains("affinity = {}"), "{}", lb.export());
    assert_eq!(lb.apply(&lb.export())["changed"], false);
    let all = "cookie = \"a\", max_age = \"1h\", path = \"/x\", domain = \".a.com\", secure = true, http_only = false, same_site = \"none\"";
    let full = with(&lb, all, &[node.line(1)]);
    lb.apply(&full);
    let exported = lb.export();
    for key in all.split(", ") {
        assert!(exported.contains(key), "no {key} in {exported}");
    }
    assert_eq!(lb.apply(&exported)["changed"], false);
    let one = lb.apply(&full.replace("1h", "2h"));
    assert_eq!(one["changes"][0]["field"], "pools.django.affinity.max_age");
    lb.apply(&off);
    assert_eq!(set_cookie(&lb.get("/")), None);
}

/// What stands in `affinity`, the column of the Problem, and its beginning.
const PROBLEMS: [(&str, usize, &str); 16] = [
    (
        "cookie = \"a b\"",
        23,
        "pools[0].affinity.cookie: must be the name of a cookie",
    ),
    (
        "cookie = \"\"",
        23,
        "pools[0].affinity.cookie: must be the name of a cookie",
    ),
    (
        "max_age = \"500ms\"",
        24,
        "pools[0].affinity.max_age: must be whole seconds",
    ),
    (
        "max_age = \"401d\"",
        24,
        "pools[0].affinity.max_age: must be 0s to 400d",
    ),
    (
        "max_age = 3600",
        24,
        "pools[0].affinity.max_age: must be a time with its unit",
    ),
    (
        "path = \"shop\"",
        21,
        "pools[0].affinity.path: must start with /",
    ),
    (
        "path = \"/;Domain=a\"",
        21,
        "pools[0].affinity.path: must be a path",
    ),
    (
        "domain = \"a.com:80\"",
        23,
        "pools[0].affinity.domain: must be a domain",
    ),
    (
        "domain = \"a; Secure\"",
        23,
        "pools[0].affinity.domain: must be a domain",
    ),
    (
        "secure = \"yes\"",
        23,
        "pools[0].affinity.secure: must be \"auto\", true or false",
    ),
    (
        "http_only = 1",
        26,
        "pools[0].affinity.http_only: must be true or false",
    ),
    (
        "same_site = \"no\"",
        26,
        "pools[0].affinity.same_site: must be one of lax, strict, none",
    ),
    (
        "secure = false, same_site = \"none\"",
        42,
        "pools[0].affinity.same_site: \"none\" cannot be used with secure = false",
    ),
    (
        "cookie = \"__Secure-a\"",
        23,
        "pools[0].affinity.cookie: begins as cookies that",
    ),
    (
        "cookie = \"__Host-a\", secure = true, path = \"/x\"",
        23,
        "pools[0].affinity.cookie: begins with __Host-",
    ),
    (
        "cokie = \"a\"",
        14,
        "pools[0].affinity.cokie: unknown key \"cokie\"; did you mean \"cookie\"?",
    ),
];

#[test]
fn what_no_browser_would_take_is_a_problem_in_its_place() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    for (affinity, column, told) in PROBLEMS {
        let refused = lb.try_apply(&with(&lb, affinity, &[node.line(1)]));
        assert_eq!(refused.status.code(), Some(78), "{affinity}");
        let words = said(&refused);
        let expected = format!("tried.toml:10:{column}: {told}");
        assert!(words.contains(&expected), "no {expected} in {words}");
        assert_eq!(words.matches("tried.toml:").count(), 1, "{words}");
    }
    let text = with(&lb, "", &[node.line(1)]).replace("{  }", "true");
    let words = said(&lb.try_apply(&text));
    assert!(
        words.contains("pools[0].affinity: must be one table"),
        "{words}"
    );
}

#[test]
fn explain_tells_who_is_bound_and_what_would_be_set() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1])));
    let mut visitor = Visitor::of(&lb);
    while visitor.visits() != "web-2" {
        visitor = Visitor::of(&lb);
    }
    let url = format!("http://127.0.0.1:{}/", lb.port());
    let header = format!("Cookie: {}", visitor.cookie.clone().unwrap());
    let explained = |arguments: &[&str]| -> Value {
        let text = runs(&lb, &[&["explain", "--json", &url], arguments].concat());
        serde_json::from_str(&text).unwrap()
    };
    let why = |told: &Value, node: usize| {
        let candidate = &told["candidates"][node];
        let why = candidate["why"].as_str().unwrap().to_owned();
        (candidate["eligible"].as_bool().unwrap(), why)
    };
    let set = |told: &Value| {
        let fields = told["response_headers"].as_array().unwrap().iter();
        let mut set = fields.filter(|field| field["name"] == "Set-Cookie");
        set.next()
            .map(|field| field["value"].as_str().unwrap().to_owned())
    };
    let before = lb.node("django", "web-1")["bound"].clone();
    let unbound = explained(&[]);
    let cookie = set(&unbound).unwrap();
    assert!(cookie.starts_with("steelyard="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert_eq!(
        lb.node("django", "web-1")["bound"],
        before,
        "explaining binds nobody"
    );
    let bound = explained(&["-H", &header]);
    assert_eq!(set(&bound), None);
    let (eligible, words) = why(&bound, 1);
    assert!(
        eligible && words.contains("bound by the affinity cookie"),
        "{words}"
    );
    assert!(!why(&bound, 0).0 && !why(&bound, 2).0, "{bound}");
    runs(&lb, &["node", "drain", "django/web-2"]);
    let (eligible, words) = why(&explained(&[]), 1);
    assert!(
        !eligible && words.contains("draining: takes only bound requests"),
        "{words}"
    );
    let bound = explained(&["-H", &header]);
    let (eligible, words) = why(&bound, 1);
    assert!(
        eligible && words.contains("bound by the affinity cookie"),
        "{words}"
    );
    assert_eq!(set(&bound), None);
    runs(&lb, &["node", "disable", "django/web-2"]);
    let moved = explained(&["-H", &header]);
    let (eligible, words) = why(&moved, 1);
    assert!(
        !eligible && words.contains("disabled; the affinity cookie names it"),
        "{words}"
    );
    assert!(set(&moved).is_some() && why(&moved, 0).0);
}
