//! What people do before the panel, by what they see on it.

use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use crate::session_clients::{Browser, holds, with_ada};
use crate::support::appliance::Appliance;
use crate::support::browser::Walk;
use crate::support::client::{Client, Request, control};
use crate::support::django::{Gunicorn, Release, Worker, collect_static, libraries, python};
use crate::support::document::{NodeLine, one_pool};
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node, lines};
use crate::support::panel::{PASSWORD, Panel};
use crate::support::ports::Port;

/// Quick checks, so that a walk does not wait for them.
const CHECKED: &str =
    "health_check = { kind = \"tcp\", interval = \"1s\", timeout = \"1s\", rise = 1, fall = 1 }";

/// What the terminal shows, and what somebody who sets up brings along.
fn terminal(lb: &Appliance, nodes: &[String]) -> Value {
    let link = lb.runs(&["setup-url"]);
    json!({
        "link": link.trim(),
        "password": PASSWORD,
        "nodes": nodes,
        "listen": format!("127.0.0.1:{}", lb.port()),
        "folder": lb.data().join("static"),
    })
}

/// Which of the three answered so many requests, one after another.
fn spread(lb: &Appliance, requests: usize) -> [usize; 3] {
    let mut client = Client::of(lb.port());
    let mut counts = [0; 3];
    for _ in 0..requests {
        let answer = client.get("/who");
        assert_eq!(answer.status, 200, "{:?}", answer.reason());
        let text = answer.text();
        let name = text.split_whitespace().next().unwrap_or_default();
        let at = NAMES.iter().position(|known| *known == name);
        counts[at.unwrap_or_else(|| panic!("{text}"))] += 1;
    }
    counts
}

const NAMES: [&str; 3] = ["web-1", "web-2", "web-3"];

fn all_up(lb: &Appliance) {
    for name in NAMES {
        lb.wait_for_health("django", name, "up");
    }
}

/// The document, without the line that names its revision.
fn document(lb: &Appliance) -> String {
    let text = lb.export();
    let (_, document) = text.split_once('\n').expect("lines");
    document.to_owned()
}

fn begin(name: &str, lb: &Appliance, panel: &Panel) -> Walk {
    Walk::begin(name, lb, json!({"cookie": panel.cookie}))
}

fn pasted(lines: &[NodeLine]) -> Vec<String> {
    let one = |(name, address, weight): &NodeLine| format!("{name} {address} {weight}");
    lines.iter().map(one).collect()
}

#[test]
fn language_and_colours_are_changed_on_the_page_and_stay() {
    let lb = Appliance::start();
    let mut walk = Walk::begin("language", &lb, json!({}));
    walk.until("the terminal");
    walk.go_on(&terminal(&lb, &[]));
    walk.ends();
}

#[test]
fn from_an_empty_directory_to_three_balanced_gunicorns_by_reading_the_screen() {
    let lb = Appliance::start();
    let nodes = Gunicorn::three(Release::New, Worker::Gthread);
    collect_static(Release::New, &lb.data().join("static"));
    let mut walk = Walk::begin("setup", &lb, json!({}));
    walk.until("the terminal");
    let [first, second, third] = [&nodes[0], &nodes[1], &nodes[2]];
    let lines = [first.line(3), second.line(2), third.line(1)];
    walk.go_on(&terminal(&lb, &pasted(&lines)));
    walk.until("balanced");
    // One whole turn of the smooth weighted round robin is six requests.
    assert_eq!(spread(&lb, 60), [30, 20, 10]);
    let file = lb.get("/static/admin/css/base.css");
    assert_eq!(file.status, 200, "{:?}", file.reason());
    assert_eq!(file.field("Content-Type"), Some("text/css; charset=utf-8"));
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn a_weight_dragged_on_the_page_moves_the_next_requests() {
    let lb = Appliance::start();
    let nodes = Node::three();
    let panel = Panel::set_up(&lb);
    lb.apply(&one_pool(lb.port(), CHECKED, &lines(&nodes, [1, 1, 1])));
    all_up(&lb);
    let mut walk = begin("weights", &lb, &panel);
    walk.until("held");
    assert_eq!(
        spread(&lb, 30),
        [10, 10, 10],
        "nothing is saved while it is held"
    );
    walk.go_on(&json!({}));
    walk.until("let go");
    assert_eq!(spread(&lb, 50), [10, 30, 10]);
    walk.go_on(&json!({}));
    walk.until("let be");
    assert_eq!(spread(&lb, 50), [10, 30, 10]);
    walk.go_on(&json!({}));
    walk.until("typed");
    assert_eq!(spread(&lb, 40), [10, 20, 10]);
    let before = lb.status()["revision"].as_u64().expect("a revision");
    walk.go_on(&json!({}));
    walk.until("sent twice");
    let after = lb.status()["revision"].as_u64().expect("a revision");
    assert_eq!(after, before + 1, "once is what was meant");
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn a_node_is_drained_on_the_page_and_one_that_dies_says_why() {
    let lb = Appliance::start();
    let gate = Gate::closed();
    let held = gate.clone();
    let slow = Node::scripted("web-1", move |seen| {
        if seen.target() == "/slow" {
            held.pass();
        }
        Answer::text("web-1")
    });
    let mut nodes = [slow, Node::answering("web-2"), Node::answering("web-3")];
    let panel = Panel::set_up(&lb);
    lb.apply(&one_pool(lb.port(), CHECKED, &lines(&nodes, [1, 1, 1])));
    all_up(&lb);
    let port = lb.port();
    // The first of a turn goes to the first node.
    let download = thread::spawn(move || Client::of(port).get("/slow").status);
    nodes[0].saw(1);
    let mut walk = begin("health", &lb, &panel);
    walk.until("drained");
    assert_eq!(spread(&lb, 20), [0, 10, 10]);
    gate.open();
    assert_eq!(download.join().unwrap(), 200, "what ran was finished");
    walk.go_on(&json!({}));
    walk.until("safe to stop");
    walk.go_on(&json!({}));
    walk.until("taken back");
    assert_eq!(spread(&lb, 30), [10, 10, 10]);
    walk.go_on(&json!({}));
    walk.until("kill it");
    nodes[2].stop();
    lb.wait_for_health("django", "web-3", "down");
    walk.go_on(&json!({}));
    walk.until("it is back");
    nodes[2].start();
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn a_page_that_lost_the_appliance_says_so_and_finds_it_again() {
    let mut lb = Appliance::start();
    let nodes = Node::three();
    let panel = Panel::set_up(&lb);
    lb.apply(&one_pool(lb.port(), CHECKED, &lines(&nodes, [1, 1, 1])));
    let mut walk = begin("lost", &lb, &panel);
    walk.until("stop it");
    lb.kill9();
    walk.go_on(&json!({}));
    walk.until("start it again");
    lb.restart();
    lb.runs(&["node", "weight", "django/web-1", "7"]);
    walk.go_on(&json!({}));
    walk.until("freeze it");
    lb.signal(rustix::process::Signal::STOP);
    walk.go_on(&json!({}));
    walk.until("wake it");
    lb.signal(rustix::process::Signal::CONT);
    walk.go_on(&json!({}));
    walk.until("nobody looks");
    lb.runs(&["node", "weight", "django/web-1", "9"]);
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn every_form_works_without_a_script_and_a_stale_one_changes_nothing() {
    let lb = Appliance::start();
    let nodes = Node::three();
    let mut walk = Walk::begin("plain", &lb, json!({}));
    walk.until("the terminal");
    walk.go_on(&terminal(&lb, &pasted(&lines(&nodes, [1, 1, 1]))));
    walk.until("weighed");
    assert_eq!(spread(&lb, 50), [10, 30, 10]);
    walk.go_on(&json!({}));
    walk.until("drained");
    assert_eq!(spread(&lb, 40), [0, 30, 10]);
    walk.go_on(&json!({}));
    walk.until("somebody else");
    let pools = lb.status()["pools"].clone();
    let pool = pools[0]["name"].as_str().expect("a pool").to_owned();
    lb.runs(&["node", "weight", &format!("{pool}/web-3"), "2"]);
    let before = lb.export();
    walk.go_on(&json!({}));
    walk.until("refused");
    assert_eq!(lb.export(), before, "nothing half done");
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn a_change_is_undone_in_its_toast_and_all_of_them_in_the_history() {
    let lb = Appliance::start();
    let nodes = Node::three();
    let panel = Panel::set_up(&lb);
    lb.apply(&one_pool(lb.port(), CHECKED, &lines(&nodes, [1, 1, 1])));
    all_up(&lb);
    let before = document(&lb);
    let mut walk = begin("history", &lb, &panel);
    walk.until("undone");
    assert_eq!(document(&lb), before);
    assert_eq!(spread(&lb, 30), [10, 10, 10]);
    walk.go_on(&json!({}));
    walk.until("changed twice");
    assert_eq!(spread(&lb, 60), [10, 50, 0]);
    walk.go_on(&json!({}));
    walk.until("only shown");
    assert_eq!(spread(&lb, 60), [10, 50, 0]);
    walk.go_on(&json!({}));
    walk.until("rolled back");
    assert_eq!(document(&lb), before);
    assert_eq!(spread(&lb, 30), [10, 10, 10]);
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn a_request_is_found_in_the_logs_opened_and_the_next_are_followed() {
    let lb = Appliance::start();
    let node = Node::scripted("web-1", |seen| match seen.target() {
        "/needle?in=hay" => Answer::status(500, "a bug"),
        _ => Answer::text("web-1"),
    });
    let panel = Panel::set_up(&lb);
    lb.apply(&one_pool(lb.port(), CHECKED, &[node.line(1)]));
    let mut client = Client::of(lb.port());
    for number in 0..20 {
        client.get(&format!("/hay/{number}"));
    }
    client.get("/needle?in=hay");
    eventually("the log has it", || {
        let found = control(lb.data(), &Request::get("/api/v1/logs?path=needle")).json();
        (found["records"].as_array()?.len() == 1).then_some(())
    });
    let mut walk = begin("logs", &lb, &panel);
    walk.until("followed");
    client.get("/just-now");
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn the_keyboard_alone_is_enough_for_the_main_ways() {
    let lb = Appliance::start();
    let nodes = Node::three();
    Panel::set_up(&lb);
    lb.apply(&one_pool(lb.port(), CHECKED, &lines(&nodes, [1, 1, 1])));
    all_up(&lb);
    let mut walk = Walk::begin("keys", &lb, json!({"password": PASSWORD}));
    walk.until("weighed");
    assert_eq!(spread(&lb, 60), [10, 40, 10]);
    walk.go_on(&json!({}));
    walk.until("drained");
    assert_eq!(spread(&lb, 50), [0, 40, 10]);
    walk.go_on(&json!({}));
    walk.ends();
}

#[test]
fn the_session_store_is_turned_on_and_real_applications_run_by_what_the_page_shows() {
    let (lb, port) = (Appliance::start(), Port::free());
    let panel = Panel::set_up(&lb);
    let files = tempfile::tempdir().unwrap();
    let mut walk = begin("sessions", &lb, &panel);
    walk.until("off");
    walk.go_on(&json!({ "listen": port.address().to_string() }));
    let told = walk.until("pasted");
    let text = |what: &str| told[what].as_str().expect("a text").to_owned();
    let password = text("environment");
    let password = password.strip_prefix("SESSIONS_PASSWORD=").expect("a line");
    let file = |what: &str| {
        let path = files.path().join(what);
        std::fs::write(&path, text(what)).unwrap();
        path.display().to_string()
    };

    // A real Django behind the balancer, with the pasted settings and nothing else of a session store.
    let mut env = with_ada(files.path());
    env.push(("SESSIONS_PASTED", file("django")));
    env.push(("SESSIONS_PASSWORD", password.to_owned()));
    let nodes = Gunicorn::three_with(Release::New, &env);
    let lines: Vec<NodeLine> = nodes.iter().map(|node| node.line(1)).collect();
    let sessions = format!("[sessions]\nlisten = \"{}\"\n", port.address());
    lb.apply(&(one_pool(lb.port(), CHECKED, &lines) + &sessions));
    all_up(&lb);
    let mut ada = Browser::at(lb.port());
    ada.signs_in();
    for _ in 0..6 {
        assert!(ada.is_known(), "whichever node answers");
    }
    walk.go_on(&json!({}));
    walk.until("signed out");
    assert!(!ada.is_known());
    walk.go_on(&json!({}));
    walk.ends();

    let mine = |path: &[&str]| {
        vec![
            ("PYTHONPATH", libraries(path)),
            ("PACKAGES", libraries(&["express"])),
            ("SESSIONS_PASSWORD", password.to_owned()),
            ("SESSION_SECRET", "only for tests".to_owned()),
        ]
    };
    let python = python(Release::New);
    let by = mine(&["redis7", "django-redis"]);
    for settings in [file("django"), file("django_redis")] {
        holds(&python, "django_sessions.py", &["pasted", &settings], &by);
    }
    let flask = file("flask");
    let by = mine(&["flask", "redis7"]);
    holds(&python, "flask_sessions.py", &["--pasted", &flask], &by);
    let express = file("express");
    let node = Path::new("node");
    holds(node, "express_sessions.mjs", &["--pasted", &express], &by);
}
