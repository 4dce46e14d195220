//! A client keeps its node by a signed cookie, as long as the node can be used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Request, Wire};
use crate::support::document::one_pool;
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node, lines};
use crate::support::visitor::{Visitor, keys, set_cookie, with};

const POLICIES: [&str; 6] = [
    "round_robin",
    "least_conn",
    "ip_hash",
    "hash",
    "random_two",
    "least_time",
];

fn state(text: &str, node: &str, state: &str) -> String {
    let line = format!("name = \"{node}\"\n");
    text.replace(&line, &format!("{line}state = \"{state}\"\n"))
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
    lb.runs(&["node", "drain", "django/web-1"]);
    let node = lb.node("django", "web-1");
    assert_eq!(node["bound"], 2, "{node}");
    assert_eq!(node["drained"], false, "{node}");
    assert!(node["bound_until"].is_string(), "{node}");
    let table = lb.runs(&["status"]);
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
    let waited = lb.runs(&["node", "drain", "django/web-1", "--wait", "30s"]);
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
    lb.runs(&["node", "drain", "other/web-1", "--wait", "30s"]);
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
fn a_body_that_comes_after_the_binding_has_ended_reaches_no_drained_node() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let text = with(&lb, "max_age = \"1s\"", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let mut visitor = Visitor::of(&lb);
    let at = visitor.visits();
    let cookie = visitor.cookie.clone().unwrap();
    let mut slow = Wire::to(lb.port());
    slow.send(format!(
        "POST / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\nContent-Length: 2\r\n\r\na"
    ));
    lb.apply(&state(&text, &at, "draining"));
    eventually("it is drained", || {
        (lb.node("django", &at)["drained"] == true).then_some(())
    });
    slow.send("b");
    let answer = slow.response("POST");
    assert_eq!(answer.status, 200);
    assert_ne!(answer.text(), at);
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
