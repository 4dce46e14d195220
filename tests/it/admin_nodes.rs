//! The Nodes page, by its forms: what it shows, what it changes, and what it refuses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Wire};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Gate, Node, lines};
use crate::support::panel::Panel;
use crate::support::{counted, figure};

const WEIGHT: &str = "/nodes/django/web-1/weight";
const STATE: &str = "/nodes/django/web-1/state";
const MANY: &str = "/nodes/django";

/// Three nodes that nobody probes, so that they are all well, whatever is at their addresses.
fn three(lb: &Appliance) {
    let line = |n: u16| (format!("web-{n}"), ([127, 0, 0, 1], n).into(), 1);
    lb.apply(&one_pool(
        lb.port(),
        "health_check = \"off\"",
        &[1, 2, 3].map(line),
    ));
}

fn weight(lb: &Appliance) -> u64 {
    lb.node("django", "web-1")["weight"].as_u64().unwrap()
}

/// What nginx's smooth round robin picks first, of nodes by their weights.
fn picks(weights: [i64; 3], many: usize) -> Vec<usize> {
    let mut current = [0; 3];
    let all: i64 = weights.iter().sum();
    let pick = |_| {
        (0..3).for_each(|n| current[n] += weights[n]);
        let best = (0..3)
            .max_by_key(|n| (current[*n], std::cmp::Reverse(*n)))
            .unwrap();
        current[best] -= all;
        best
    };
    (0..many).map(pick).collect()
}

#[test]
fn fifty_weights_set_on_the_page_under_load_are_each_in_force_on_the_next_request() {
    const CHANGES: usize = 50;
    const CLIENTS: usize = 8;
    let each = counted(20_000, 1_000_000) / CHANGES / CLIENTS;
    let gate = Arc::new(Mutex::new(Gate::closed()));
    let nodes = ["web-1", "web-2", "web-3"].map(|name| {
        let gate = Arc::clone(&gate);
        Node::scripted(name, move |seen| {
            if seen.target() == "/held" {
                let gate = gate.lock().unwrap().clone();
                gate.pass();
            }
            Answer::text(name)
        })
    });
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [1, 2, 1])));
    let mut panel = Panel::set_up(&lb);
    let (port, turn) = (lb.port(), Barrier::new(CLIENTS + 1));
    let served = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::of(port);
                for _ in 0..CHANGES {
                    // One of each client is at a node while the weight is changed.
                    for n in 0..each {
                        let answer = client.get(if n == 0 { "/held" } else { "/" });
                        assert_eq!(answer.status, 200);
                        served.fetch_add(1, Ordering::Relaxed);
                    }
                    turn.wait();
                    turn.wait();
                }
            });
        }
        let mut witness = Client::of(port);
        for change in 0..CHANGES {
            let held = || -> usize {
                let at = |node: &Node| {
                    node.requests()
                        .iter()
                        .filter(|r| r.target() == "/held")
                        .count()
                };
                nodes.iter().map(at).sum()
            };
            crate::support::eventually("all clients wait at a node", || {
                (held() == (change + 1) * CLIENTS).then_some(())
            });
            let weight = [2, 3, 4, 5, 6][change % 5];
            let saved = panel.post(WEIGHT, &[("weight", &weight.to_string())]);
            assert_eq!(saved.status, 303, "{}", saved.text());
            let wanted = picks([weight, 2, 1], 9);
            let got: Vec<String> = wanted.iter().map(|_| witness.get("/").text()).collect();
            let wanted: Vec<&str> = wanted
                .iter()
                .map(|n| ["web-1", "web-2", "web-3"][*n])
                .collect();
            assert_eq!(got, wanted, "change {change} to {weight}");
            gate.lock().unwrap().open();
            turn.wait();
            *gate.lock().unwrap() = Gate::closed();
            turn.wait();
        }
    });
    let served = served.into_inner();
    assert_eq!(served, each * CHANGES * CLIENTS);
    figure(&format!(
        "{CHANGES} weights on the page: {served} requests, 0 failed"
    ));
}

#[test]
fn the_page_shows_every_node_and_what_is_wanted_of_it() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let empty = admin.get("/nodes").text();
    assert!(
        empty.contains("gunicorn mysite.wsgi --bind 127.0.0.1:8001"),
        "{empty}"
    );
    three(&lb);
    let saved = admin.post(WEIGHT, &[("weight", "2")]);
    assert_eq!(saved.field("Location"), Some("/nodes?changed=2"));
    let page = admin.get("/nodes").text();
    for shown in [
        "id=\"n:django:web-1\"",
        "3 of 3 on",
        "weights add up to 4",
        "wanted 50 %",
        "wanted 25 %",
        "Round robin, by weight",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let found = admin.get("/nodes?q=web-2").text();
    let row = |class, node| format!("class=\"{class}\" role=\"rowgroup\" id=\"n:django:{node}\"");
    assert!(found.contains(&row("node", "web-2")), "{found}");
    assert!(found.contains(&row("node away", "web-1")), "{found}");
    admin.post("/preferences", &[("language", "zh-CN"), ("next", "/nodes")]);
    let chinese = admin.get("/nodes").text();
    assert!(
        chinese.contains("应为 50%") && chinese.contains("加权轮询"),
        "{chinese}"
    );
}

#[test]
fn a_weight_that_is_none_is_told_beside_its_field_and_nothing_is_changed() {
    let lb = Appliance::start();
    three(&lb);
    let mut admin = Panel::set_up(&lb);
    for typed in [
        "0",
        "1001",
        "-1",
        "3.5",
        "",
        "three",
        "99999999999999999999",
        "\"><script>",
    ] {
        let refused = admin.post(WEIGHT, &[("weight", typed)]);
        assert_eq!(refused.status, 422, "{typed}");
        let page = refused.text();
        assert!(
            page.contains("A weight is a whole number from 1 to 1000."),
            "{page}"
        );
        assert!(page.contains("aria-invalid"), "{page}");
        assert!(!page.contains("<script>"), "{page}");
    }
    assert_eq!(admin.post(WEIGHT, &[]).status, 422, "no field at all");
    let refused = admin.post(STATE, &[("state", "sleeping")]);
    assert_eq!(refused.status, 422);
    assert!(
        refused
            .text()
            .contains("A node can be on, draining or off.")
    );
    assert_eq!(
        (weight(&lb), lb.status()["revision"].as_u64()),
        (1, Some(1))
    );
    for good in ["1000", " 7 "] {
        assert_eq!(admin.post(WEIGHT, &[("weight", good)]).status, 303);
    }
    assert_eq!(weight(&lb), 7);
}

#[test]
fn a_node_that_is_gone_meanwhile_is_told_and_nothing_is_changed() {
    let lb = Appliance::start();
    three(&lb);
    let mut admin = Panel::set_up(&lb);
    for (path, fields) in [
        ("/nodes/django/web-9/weight", vec![("weight", "3")]),
        ("/nodes/flask/web-1/weight", vec![("weight", "3")]),
        ("/nodes/django/web-9/state", vec![("state", "draining")]),
        (
            MANY,
            vec![("do", "drain"), ("node", "web-1"), ("node", "web-9")],
        ),
    ] {
        let gone = admin.post(path, &fields);
        assert_eq!(gone.status, 404, "{path}");
        assert!(
            gone.text().contains("so nothing was changed"),
            "{}",
            gone.text()
        );
    }
    let both = admin.post("/nodes/django/web-9/weight", &[("weight", "x")]);
    assert!(
        both.text().contains("not there any more"),
        "{}",
        both.text()
    );
    assert_eq!(lb.status()["revision"], 1);
    assert_eq!(lb.node("django", "web-1")["admin_state"], "enabled");
}

#[test]
fn several_nodes_are_one_change_made_from_what_was_seen() {
    let lb = Appliance::start();
    three(&lb);
    let mut admin = Panel::set_up(&lb);
    let many = |act, revision| {
        vec![
            ("do", act),
            ("revision", revision),
            ("node", "web-1"),
            ("node", "web-3"),
            ("weight", "9"),
        ]
    };
    let drained = admin.post(MANY, &many("drain", "1"));
    assert_eq!(drained.field("Location"), Some("/nodes?changed=2"));
    let stale = admin.post(MANY, &many("weight", "1"));
    assert_eq!(stale.status, 409);
    assert!(
        stale
            .text()
            .contains("The configuration was changed meanwhile")
    );
    assert_eq!(weight(&lb), 1, "nothing half done");
    assert_eq!(admin.post(MANY, &many("weight", "2")).status, 303);
    assert_eq!(admin.post(MANY, &many("on", "3")).status, 303);
    let states = |node| lb.node("django", node)["admin_state"].clone();
    assert_eq!(
        (states("web-1"), states("web-2")),
        ("enabled".into(), "enabled".into())
    );
    assert_eq!(weight(&lb), 9);
    for (fields, words) in [
        (vec![("do", "drain")], "Select the nodes first."),
        (
            vec![("do", "explode"), ("node", "web-1")],
            "A node can be on, draining or off.",
        ),
        (
            vec![("do", "weight"), ("node", "web-1"), ("weight", "0")],
            "from 1 to 1000",
        ),
    ] {
        let refused = admin.post(MANY, &fields);
        assert_eq!(refused.status, 422);
        assert!(
            refused.text().contains(words),
            "{words}: {}",
            refused.text()
        );
    }
    assert_eq!(lb.status()["revision"], 4);
    let audit = admin.get("/audit").text();
    assert!(audit.contains("Revision 4"), "{audit}");
}

#[test]
fn only_the_last_healthy_node_is_asked_for_before_it_is_removed() {
    let lb = Appliance::start();
    three(&lb);
    let mut admin = Panel::set_up(&lb);
    let remove = |nodes: &[&'static str]| -> Vec<(&'static str, &'static str)> {
        let nodes = nodes.iter().map(|node| ("node", *node));
        [("do", "remove")].into_iter().chain(nodes).collect()
    };
    assert_eq!(admin.post(MANY, &remove(&["web-1"])).status, 303);
    assert_eq!(
        admin
            .post("/nodes/django/web-2/state", &[("state", "disabled")])
            .status,
        303
    );
    let asked = admin.post(MANY, &remove(&["web-3"]));
    assert_eq!(asked.status, 200);
    let page = asked.text();
    assert!(
        page.contains("Remove web-3?") && page.contains("no healthy node is left"),
        "{page}"
    );
    assert_eq!(
        lb.status()["pools"][0]["nodes"].as_array().unwrap().len(),
        2
    );
    let sure = [remove(&["web-3"]), vec![("sure", "yes"), ("revision", "3")]].concat();
    assert_eq!(admin.post(MANY, &sure).status, 303);
    // The other was off: nobody misses it.
    assert_eq!(admin.post(MANY, &remove(&["web-2"])).status, 303);
    assert!(admin.get("/nodes").text().contains("gunicorn mysite.wsgi"));
}

#[test]
fn a_viewer_sees_and_an_operator_weighs_and_drains_but_removes_nothing() {
    let lb = Appliance::start();
    three(&lb);
    let mut admin = Panel::set_up(&lb);
    let mut viewer = admin.with(&lb, "vera", "viewer");
    let mut operator = admin.with(&lb, "otto", "operator");
    let page = viewer.get("/nodes").text();
    assert!(
        page.contains("web-1") && !page.contains("type=\"checkbox\" name=\"node\""),
        "{page}"
    );
    for (path, field) in [
        (WEIGHT, ("weight", "3")),
        (STATE, ("state", "disabled")),
        (MANY, ("do", "off")),
    ] {
        assert_eq!(
            viewer.post(path, &[field, ("node", "web-1")]).status,
            403,
            "{path}"
        );
    }
    assert_eq!(operator.post(WEIGHT, &[("weight", "3")]).status, 303);
    assert_eq!(operator.post(STATE, &[("state", "draining")]).status, 303);
    let remove = [("do", "remove"), ("node", "web-1"), ("sure", "yes")];
    assert_eq!(operator.post(MANY, &remove).status, 403);
    assert!(!operator.get("/nodes").text().contains("value=\"remove\""));
    let node = lb.node("django", "web-1");
    assert_eq!(
        (&node["weight"], &node["admin_state"]),
        (&3.into(), &"draining".into())
    );
}

#[test]
fn a_form_sent_twice_is_one_change_and_ten_megabytes_are_none() {
    let lb = Appliance::start();
    three(&lb);
    let mut admin = Panel::set_up(&lb);
    let first = admin.post(WEIGHT, &[("weight", "5")]);
    assert_eq!(first.field("Location"), Some("/nodes?changed=2"));
    let second = admin.post(WEIGHT, &[("weight", "5")]);
    assert_eq!(
        (second.status, second.field("Location")),
        (303, Some("/nodes"))
    );
    let long = "9".repeat(10 * 1024 * 1024);
    for (path, name) in [(WEIGHT, "weight"), (STATE, "state"), (MANY, "node")] {
        let refused = admin.post(path, &[(name, &long)]);
        assert_eq!(refused.status, 413, "{path}");
        assert!(refused.text().contains("64 KiB"), "{}", refused.text());
    }
    assert_eq!(
        (weight(&lb), lb.status()["revision"].as_u64()),
        (5, Some(2))
    );
}

#[test]
fn what_moves_is_sent_as_it_changes() {
    let lb = Appliance::start();
    three(&lb);
    let mut admin = Panel::set_up(&lb);
    let mut live = Wire::to(lb.admin_port());
    let cookie = admin.cookie.clone().unwrap();
    let host = format!("127.0.0.1:{}", lb.admin_port());
    live.send(format!(
        "GET /live/nodes HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n"
    ));
    assert_eq!(live.head().field("Content-Type"), Some("text/event-stream"));
    let mut seen = String::new();
    let mut until = |words: &str| {
        while !seen.contains(words) {
            seen.push_str(&String::from_utf8_lossy(&live.bytes(1)));
        }
        seen.clear();
    };
    until("<div id=\"pools\" data-revision=\"1\">");
    assert_eq!(admin.post(STATE, &[("state", "draining")]).status, 303);
    until("<div id=\"pools\" data-revision=\"2\">");
    until("Safe to stop");
    let nobody = Request::get("/live/nodes").field("Host", &host);
    let nobody = Client::of(lb.admin_port()).ask(&nobody);
    assert_ne!(nobody.status, 200);
}

#[test]
fn the_status_has_the_last_checks_and_the_last_minutes() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let check = "health_check = { kind = \"http\", interval = \"100ms\", timeout = \"100ms\" }";
    lb.apply(&one_pool(lb.port(), check, &lines(&nodes, [1, 1, 1])));
    lb.wait_for_health("django", "web-1", "up");
    let checks = crate::support::eventually("forty checks are told", || {
        let checks = lb.node("django", "web-1")["last_checks"].clone();
        (checks.as_array().unwrap().len() == 40).then_some(checks)
    });
    assert_eq!(
        (&checks[39]["code"], &checks[39]["status"]),
        (&"L7OK".into(), &200.into())
    );
    let told = lb.node("django", "web-1");
    assert!(told["health_since"].is_string(), "{told}");
    assert_eq!(told["recent"]["step_s"], 5);
}
