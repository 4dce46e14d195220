//! What the operator sees: `status`, `node`, `/metrics`, `/healthz`, `/readyz`.

use rustix::process::Signal;

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request, Wire, ask};
use crate::support::document::{node, one_pool};
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node, lines};

/// A check that is quick enough to be waited for.
const CHECKED: &str =
    r#"health_check = { kind = "tcp", interval = "200ms", timeout = "200ms", rise = 2, fall = 2 }"#;

fn three(weights: [u32; 3]) -> ([Node; 3], Appliance) {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), CHECKED, &lines(&nodes, weights)));
    (nodes, lb)
}

/// The sum of all samples of a metric whose labels hold all of these.
fn metric(text: &str, name: &str, labels: &[&str]) -> f64 {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let named = samples
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| {
            rest.starts_with([' ', '{']) && labels.iter().all(|label| rest.contains(label))
        });
    named
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[test]
fn status_counts_requests_and_shows_share_and_health() {
    let (nodes, lb) = three([3, 2, 1]);
    let mut client = Client::of(lb.port());
    for _ in 0..60 {
        client.get("/");
    }
    for node in &nodes {
        lb.wait_for_health("django", node.name(), "up");
    }
    let status = lb.status();
    assert_eq!(
        (&status["state"], &status["revision"]),
        (&"serving".into(), &1.into())
    );
    let listener = &status["listeners"][0];
    assert_eq!(listener["name"], "http");
    assert_eq!(listener["address"], format!("127.0.0.1:{}", lb.port()));
    assert_eq!(listener["open"], true);
    let pool = &status["pools"][0];
    assert_eq!(
        (&pool["policy"], &pool["fail_open"]),
        (&"round_robin".into(), &false.into())
    );
    for (i, (weight, requests)) in [(3, 30), (2, 20), (1, 10)].into_iter().enumerate() {
        let node = &pool["nodes"][i];
        assert_eq!(node["name"], nodes[i].name());
        assert_eq!(node["address"], nodes[i].address().to_string());
        assert_eq!(
            (&node["weight"], &node["requests"]),
            (&weight.into(), &requests.into())
        );
        assert_eq!(
            (&node["in_flight"], &node["errors"]),
            (&0.into(), &0.into())
        );
        assert_eq!(
            (&node["admin_state"], &node["drained"]),
            (&"enabled".into(), &false.into())
        );
        for key in ["share", "check", "ejected_until"] {
            assert!(node.get(key).is_some(), "no {key} in {node:#}");
        }
    }
    let people = said(&lb.run(&["status"]));
    for word in ["django", "web-1", "web-2", "web-3", "round_robin"] {
        assert!(people.contains(word), "no {word} in\n{people}");
    }
}

#[test]
fn status_shows_people_who_waits_and_which_pool_fails_open() {
    let gate = Gate::closed();
    let held = gate.clone();
    let mut node = Node::scripted("web-1", move |_| {
        held.pass();
        Answer::text("at last")
    });
    let lb = Appliance::start();
    let keys =
        r#"health_check = { kind = "tcp", interval = "100ms", timeout = "100ms", fall = 2 }"#;
    let line = node.line(1);
    let max_conns = "\nmax_conns = 1\n";
    lb.apply(&(one_pool(lb.port(), keys, &[line]) + max_conns));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(lb.get("/").text(), "at last"));
        }
        let shown = eventually("two wait", || {
            (lb.status()["pools"][0]["queued"] == 2).then(|| said(&lb.run(&["status"])))
        });
        gate.open();
        let title = "POOL django, round_robin, 2 requests wait for a node with room\n";
        assert!(shown.contains(title), "{shown}");
    });
    assert_eq!(lb.status()["pools"][0]["queued"], 0);
    let title = "POOL django, round_robin\n";
    assert!(said(&lb.run(&["status"])).contains(title));
    node.stop();
    lb.wait_for_health("django", "web-1", "down");
    let shown = said(&lb.run(&["status"]));
    let title = "POOL django, round_robin, fails open: no enabled node is well";
    assert!(shown.contains(title), "{shown}");
}

#[test]
fn a_node_that_dies_is_shown_down_with_the_reason_and_up_again_when_it_is_back() {
    let ([mut a, _b, _c], lb) = three([1, 1, 1]);
    a.stop();
    lb.wait_for_health("django", "web-1", "down");
    let text = lb.node("django", "web-1")["check"]["text"].to_string();
    assert!(text.contains("refused"), "{text}");
    assert!(said(&lb.run(&["status"])).contains("refused"));
    assert_eq!(lb.status()["state"], "serving");
    a.start();
    lb.wait_for_health("django", "web-1", "up");
}

#[test]
fn a_draining_node_finishes_its_request_and_gets_no_new_one() {
    let gate = Gate::closed();
    let held = gate.clone();
    let old = Node::scripted("old", move |_| {
        held.pass();
        Answer::text("old")
    });
    let new = Node::answering("new");
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), CHECKED, &[old.line(1), new.line(1)]));
    let mut pending = Wire::to(lb.port());
    let mut tries = 0;
    // Whichever is first, one of two goes to the old one.
    while old.requests().is_empty() {
        pending = Wire::to(lb.port());
        pending.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        tries += 1;
        eventually("either node saw it", || {
            (old.requests().len() + new.requests().len() >= tries).then_some(())
        });
    }
    let drained = lb.run(&["node", "drain", "django/old"]);
    assert!(drained.status.success(), "{}", said(&drained));
    for _ in 0..10 {
        assert_eq!(lb.get("/").text(), "new");
    }
    let node = lb.node("django", "old");
    assert_eq!(
        (&node["admin_state"], &node["drained"]),
        (&"draining".into(), &false.into())
    );
    assert_eq!(node["in_flight"], 1);
    let waited = lb.run(&["node", "drain", "django/old", "--wait", "100ms"]);
    assert_eq!(waited.status.code(), Some(1), "{}", said(&waited));
    gate.open();
    assert_eq!(pending.response("GET").text(), "old");
    let waited = lb.run(&["node", "drain", "django/old", "--wait", "20s"]);
    assert_eq!(waited.status.code(), Some(0), "{}", said(&waited));
    assert_eq!(lb.node("django", "old")["drained"], true);
    assert!(lb.export().contains("state = \"draining\""));
    // It is a change like any other: still so after a restart, and undone by a word.
    let enabled = lb.run(&["node", "enable", "django/old"]);
    assert!(enabled.status.success(), "{}", said(&enabled));
    assert_eq!(lb.node("django", "old")["admin_state"], "enabled");
}

#[test]
fn a_node_that_is_not_there_is_named() {
    let (_nodes, lb) = three([1, 1, 1]);
    for (verb, name, wrong) in [
        ("drain", "django/web-9", "web-9"),
        ("drain", "djnago/web-1", "djnago"),
        ("enable", "web-1", "web-1"),
    ] {
        let output = lb.run(&["node", verb, name]);
        assert!(!output.status.success(), "{name}: {}", said(&output));
        assert!(said(&output).contains(wrong), "{}", said(&output));
    }
}

#[test]
fn answers_of_our_own_are_counted_by_reason() {
    let (_nodes, lb) = three([3, 2, 1]);
    let two_words = Request::get("/").field("Host", "a b");
    let longer = "/x".repeat(9000);
    for (request, status) in [
        (&two_words, 400),
        (&two_words, 400),
        (&Request::get(&longer), 414),
    ] {
        assert_eq!(ask(lb.port(), request).status, status);
    }
    let text = lb.metrics_after(3);
    for (code, count) in [
        ("bad_request", 2.0),
        ("target_too_long", 1.0),
        ("no_node", 0.0),
    ] {
        let label = format!("reason=\"{code}\"");
        assert_eq!(
            metric(&text, "steelyard_reasons_total", &[&label]),
            count,
            "{code}"
        );
    }
}

#[test]
fn metrics_count_what_happened() {
    let (nodes, lb) = three([3, 2, 1]);
    let mut client = Client::of(lb.port());
    for _ in 0..12 {
        client.get("/");
    }
    client.ask(&Request::post("/", "12345"));
    lb.access_log(13);
    for node in &nodes {
        lb.wait_for_health("django", node.name(), "up");
    }
    let answer = lb.admin("/metrics");
    assert_eq!(answer.status, 200);
    let kind = answer.field("Content-Type").unwrap();
    assert!(
        kind.starts_with("text/plain") || kind.starts_with("application/openmetrics-text"),
        "{kind}"
    );
    let text = answer.text();
    let of = |name: &str, labels: &[&str]| metric(&text, name, labels);
    assert_eq!(of("steelyard_requests_total", &["method=\"GET\""]), 12.0);
    assert_eq!(
        of(
            "steelyard_requests_total",
            &["method=\"POST\"", "code=\"2xx\""]
        ),
        1.0
    );
    assert!(of("steelyard_requests_total", &["node=\"web-1\""]) >= 6.0);
    assert_eq!(of("steelyard_request_duration_seconds_count", &[]), 13.0);
    assert_eq!(of("steelyard_node_first_byte_seconds_count", &[]), 13.0);
    let connections: usize = nodes.iter().map(Node::connections).sum();
    let made = of("steelyard_node_connect_duration_seconds_count", &[]);
    assert!(made >= 3.0 && made <= connections as f64, "{made}");
    assert_eq!(of("steelyard_request_bytes_total", &[]), 5.0);
    assert_eq!(of("steelyard_node_up", &[]), 3.0);
    assert_eq!(of("steelyard_node_weight", &["node=\"web-1\""]), 3.0);
    assert_eq!(
        of("steelyard_connections_open", &["listener=\"http\""]),
        1.0
    );
    assert!(of("steelyard_node_checks_total", &["node=\"web-2\""]) >= 1.0);
    assert_eq!(of("steelyard_build_info", &[]), 1.0);
    assert_eq!(of("steelyard_config_last_reload_successful", &[]), 1.0);
    // Every line is a comment or a sample, every sample is explained.
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let bare = name.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| {
                bare.strip_suffix(end)
                    .filter(|f| text.contains(&format!("# TYPE {f} histogram")))
            })
            .unwrap_or(bare);
        assert!(text.contains(&format!("# TYPE {family} ")), "{line}");
    }
}

#[test]
fn ready_means_listening_and_a_stop_finishes_what_was_begun() {
    let gate = Gate::closed();
    let held = gate.clone();
    let node = Node::scripted("a", move |request| {
        if request.target() == "/held" {
            held.pass();
        }
        Answer::text("a")
    });
    let mut lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), CHECKED, &[node.line(1)]));
    assert_eq!(lb.admin("/readyz").status, 200);
    let mut pending = Wire::to(lb.port());
    pending.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    node.saw(1);
    lb.signal(Signal::TERM);
    eventually("nothing new is taken", || {
        Client::of(lb.port()).send(&Request::get("/")).err()
    });
    gate.open();
    let answer = pending.response("GET");
    assert_eq!(answer.text(), "a");
    assert_eq!(lb.ended().code(), Some(0));
}

#[test]
fn the_admin_address_shows_nothing_but_what_it_should() {
    let (_nodes, lb) = three([1, 1, 1]);
    // The API is for control.sock alone until there are tokens.
    for target in ["/api/v1/config", "/api/v1/status"] {
        let answer = lb.admin(target);
        assert!(
            matches!(answer.status, 401 | 403 | 404),
            "{target}: {}",
            answer.status
        );
    }
    assert_eq!(lb.admin("/healthz").text(), "ok");
}

/// Without a check nothing else would tell it.
#[test]
fn a_name_without_an_address_is_told() {
    let lb = Appliance::start();
    let line = node("name = \"x\"\naddress = \"nowhere.invalid:80\"");
    let pool = one_pool(lb.port(), "health_check = \"off\"", &[]);
    lb.apply(&(pool + &line));
    let lookup = eventually("the look-up has failed", || {
        let lookup = lb.node("django", "x")["lookup"].clone();
        lookup.is_object().then_some(lookup)
    });
    // Whether the name server says no or says nothing is the machine's.
    let causes = ["name_not_found", "name_server_silent"];
    let cause = lookup["cause"].as_str().unwrap();
    assert!(causes.contains(&cause), "{lookup}");
    assert_eq!(lookup["keeps_addresses"], false);
    let text = lookup["text"].as_str().unwrap();
    assert!(text.contains("nowhere.invalid"), "{text}");
    let status = lb.status();
    assert_eq!(status["state"], "degraded");
    let reason = status["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("node django/x: "), "{reason}");
    let output = lb.run(&["status"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(!page.contains("All is well"), "{page}");
    assert!(page.contains(text), "{page}");
}
