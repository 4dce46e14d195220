//! What affinity cookies are signed with: it outlives the process, and whoever has it agrees.

use std::fs;

use crate::support::appliance::{Appliance, said};
use crate::support::client::Request;
use crate::support::eventually;
use crate::support::node::{Node, lines};
use crate::support::visitor::{Visitor, set_cookie, with};

/// The document with a secret of the operator's.
fn signed(text: &str, secret: &str) -> String {
    let settings = format!("version = 1\n[settings]\naffinity_secret = {secret}\n");
    text.replacen("version = 1\n", &settings, 1)
}

/// A visitor of this node, and its cookie.
fn visitor_of(lb: &Appliance, node: &str) -> Visitor {
    let mut visitor = Visitor::of(lb);
    while visitor.visits() != node {
        visitor = Visitor::of(lb);
    }
    visitor
}

/// Whether the cookie still leads to its node.
fn holds(lb: &Appliance, visitor: &Visitor) -> bool {
    let cookie = visitor.cookie.as_ref().unwrap();
    let answer = lb.ask(&Request::get("/").field("Cookie", cookie));
    set_cookie(&answer).is_none()
}

#[test]
fn cookies_hold_over_changes_and_restarts() {
    let nodes = Node::three();
    let mut lb = Appliance::start();
    let text = with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let visitor = visitor_of(&lb, "web-2");
    assert!(
        !lb.export().contains("affinity_secret"),
        "a generated one is not shown"
    );
    lb.kill9();
    lb.restart();
    assert!(holds(&lb, &visitor));
    lb.apply(&text.replace("weight = 1", "weight = 2"));
    assert!(holds(&lb, &visitor));
    assert!(lb.stop().success());
    // Changed while it is stopped: by the same key.
    lb.apply(&text);
    lb.restart();
    assert!(holds(&lb, &visitor));
    // Off and on again.
    lb.apply(&text.replace("affinity = { max_age = \"1h\" }\n", ""));
    lb.apply(&text);
    assert!(holds(&lb, &visitor));
    assert!(!lb.log().contains("affinity_secret"), "{}", lb.log());
}

#[test]
fn after_a_restart_a_node_is_not_called_drained_too_early() {
    let nodes = Node::three();
    let mut lb = Appliance::start();
    lb.apply(&with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1])));
    let visitor = visitor_of(&lb, "web-2");
    lb.kill9();
    lb.restart();
    // Nobody has come yet who is bound: there may be such.
    let waited = lb.run(&["node", "drain", "django/web-2", "--wait", "0s"]);
    assert_eq!(waited.status.code(), Some(1));
    let words = said(&waited);
    assert!(
        words.contains("may have clients bound to it since before the start"),
        "{words}"
    );
    let node = lb.node("django", "web-2");
    assert_eq!(
        (&node["bound"], &node["drained"]),
        (&0.into(), &false.into()),
        "{node}"
    );
    assert!(node["bound_until"].is_string());
    // One has.
    assert!(holds(&lb, &visitor));
    let node = lb.node("django", "web-2");
    assert_eq!(
        (&node["bound"], &node["drained"]),
        (&1.into(), &false.into()),
        "{node}"
    );
    // A pool that comes after the start has nobody to wait for.
    let other = with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1]));
    lb.apply(&other.replace("\"django\"", "\"other\""));
    let waited = lb.run(&["node", "drain", "other/web-2", "--wait", "30s"]);
    assert!(waited.status.success(), "{}", said(&waited));
}

#[test]
fn a_first_start_has_nobody_to_wait_for() {
    let nodes = Node::three();
    let mut lb = Appliance::prepared();
    lb.apply(&with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1])));
    lb.restart();
    let waited = lb.run(&["node", "drain", "django/web-2", "--wait", "30s"]);
    assert!(waited.status.success(), "{}", said(&waited));
    // From now on there may be somebody.
    lb.kill9();
    lb.restart();
    assert_eq!(lb.node("django", "web-2")["drained"], false);
}

#[test]
fn a_node_that_was_drained_before_a_restart_is_drained_when_the_last_binding_is_over() {
    let nodes = Node::three();
    let mut lb = Appliance::start();
    lb.apply(&with(&lb, "max_age = \"2s\"", &lines(&nodes, [1, 1, 1])));
    let visitor = visitor_of(&lb, "web-2");
    let done = lb.run(&["node", "drain", "django/web-2"]);
    assert!(done.status.success(), "{}", said(&done));
    lb.kill9();
    lb.restart();
    eventually("it is drained", || {
        (lb.node("django", "web-2")["drained"] == true).then_some(())
    });
    assert!(
        !holds(&lb, &visitor),
        "drained before the last binding was over"
    );
}

#[test]
fn another_secret_ends_every_binding() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let text = with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let generated = visitor_of(&lb, "web-1");
    lb.apply(&signed(&text, "\"first\""));
    assert!(!holds(&lb, &generated));
    let first = visitor_of(&lb, "web-1");
    // What is not said stays, and so does what is empty.
    lb.apply(&text);
    assert!(holds(&lb, &first));
    lb.apply(&signed(&text, "{ file = \"\" }"));
    assert!(holds(&lb, &first));
    lb.apply(&signed(&text, "\"second\""));
    assert!(!holds(&lb, &first));
    for node in ["web-1", "web-2", "web-3"] {
        let bound = lb.node("django", node)["bound"].as_u64();
        assert!(bound <= Some(1), "{node}: {bound:?}");
    }
    lb.apply(&signed(&text, "\"first\""));
    assert!(holds(&lb, &first));
    assert!(!holds(&lb, &generated));
}

#[test]
fn a_secret_s_file_is_read_again_by_an_apply_which_tells_it() {
    let nodes = Node::three();
    let lb = Appliance::start();
    let text = with(&lb, "max_age = \"1h\"", &lines(&nodes, [1, 1, 1]));
    let file = lb.data().join("secret");
    fs::write(&file, "first").unwrap();
    let text = signed(&text, &format!("{{ file = {file:?} }}"));
    lb.apply(&text);
    let visitor = visitor_of(&lb, "web-1");
    assert_eq!(lb.apply(&text)["changed"], false);
    assert!(holds(&lb, &visitor));
    fs::write(&file, "second").unwrap();
    let told = lb.apply(&text);
    assert_eq!(told["changed"], true);
    let words = ["settings.affinity_secret was read again"];
    assert_eq!(told["read_again"], serde_json::json!(words));
    assert!(!holds(&lb, &visitor));
}

#[test]
fn several_appliances_with_one_secret_agree() {
    let nodes = Node::three();
    let lines = lines(&nodes, [1, 1, 1]);
    let (one, other) = (Appliance::start(), Appliance::start());
    let file = one.data().join("affinity.key");
    fs::write(&file, "open sesame\n").unwrap();
    let secret = format!("{{ file = \"{}\" }}", file.display());
    one.apply(&signed(&with(&one, "max_age = \"1h\"", &lines), &secret));
    other.apply(&signed(
        &with(&other, "max_age = \"1h\"", &lines),
        "\"open sesame\"",
    ));
    let mut visitor = visitor_of(&one, "web-3");
    assert!(holds(&other, &visitor));
    // Bound there too, though it was bound here.
    assert_eq!(other.node("django", "web-3")["bound"], 1);
    visitor.port = other.port();
    assert_eq!(visitor.visits(), "web-3");
    assert_eq!(visitor.given, 1);
    // Without a secret of their own they do not.
    let third = Appliance::start();
    third.apply(&with(&third, "", &lines));
    assert!(!holds(&third, &visitor));
}

#[test]
fn a_key_that_was_lost_with_the_database_is_told() {
    let nodes = Node::three();
    let mut lb = Appliance::start();
    lb.expect_errors();
    let text = with(&lb, "", &lines(&nodes, [1, 1, 1]));
    lb.apply(&text);
    let visitor = visitor_of(&lb, "web-2");
    lb.kill9();
    for entry in fs::read_dir(lb.data()).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("config.db")
        {
            fs::remove_file(path).unwrap();
        }
    }
    lb.restart();
    assert!(
        lb.log()
            .contains("settings.affinity_secret was lost with the database"),
        "{}",
        lb.log()
    );
    assert!(!holds(&lb, &visitor));
    let moved = visitor_of(&lb, "web-1");
    assert!(holds(&lb, &moved));
}
