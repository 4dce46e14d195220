//! What a document may say of webhooks.

use super::super::{diff, to_toml};
use super::{config, told};
use crate::model::WebhookEvent;

fn document(keys: &str) -> String {
    format!("version = 1\n[[webhooks]]\nname = \"ops\"\n{keys}\n")
}

const URL: &str = "url = \"https://hooks.example.com/lb\"";

#[test]
fn a_webhook_is_told_of_everything_unless_it_names_events() {
    let events = |keys: &str| {
        let document = document(&format!("{URL}\n{keys}"));
        config(&document).webhooks[0].events.clone()
    };
    assert_eq!(events(""), WebhookEvent::ALL);
    let two = [WebhookEvent::NodeDown, WebhookEvent::Change];
    assert_eq!(
        events("events = [\"change\", \"node_down\", \"change\"]"),
        two
    );
    let all = "events = [\"change\", \"certificate\", \"fail_open\", \"node_up\", \"node_down\"]";
    assert_eq!(events(all), WebhookEvent::ALL);
    let written = to_toml(&config(&document(&format!("{URL}\n{all}"))));
    assert_eq!(
        written,
        format!("version = 1\n\n[[webhooks]]\nname = \"ops\"\n{URL}\n")
    );
}

#[test]
fn what_is_wrong_with_a_webhook_is_told() {
    for (keys, problem) in [
        ("", "2:1: webhooks[0].url: is missing"),
        (
            "url = \"\"",
            "4:7: webhooks[0].url: must begin with https:// or http://",
        ),
        (
            "url = \"ftp://a/\"",
            "4:7: webhooks[0].url: must begin with https:// or http://",
        ),
        (
            "url = \"https://me:4711@a/\"",
            "4:7: webhooks[0].url: must hold no user and no password: sign with secret instead",
        ),
    ] {
        let told = told(&document(keys));
        assert_eq!(told, [format!("lb.toml:{problem}")], "{keys}");
    }
    for (keys, problem) in [
        (
            "events = []",
            "5:10: webhooks[0].events: must name an event; without the key it is told of all",
        ),
        (
            "events = [\"change\", \"chnge\"]",
            "5:21: webhooks[0].events[1]: must be one of node_down, node_up, fail_open, change, certificate (is \"chnge\")",
        ),
        (
            "events = \"change\"",
            "5:10: webhooks[0].events: must be a list in [ ] (is \"change\")",
        ),
        (
            "secret = \"\"",
            "5:10: webhooks[0].secret: must not be empty; without the key a secret stays as it is",
        ),
        (
            "secrte = \"4711\"",
            "5:1: webhooks[0].secrte: unknown key \"secrte\"; did you mean \"secret\"?",
        ),
        (
            "timeout = \"5s\"",
            "5:1: webhooks[0].timeout: unknown key \"timeout\" (known here: name, url, events, secret)",
        ),
    ] {
        let told = told(&document(&format!("{URL}\n{keys}")));
        assert_eq!(told, [format!("lb.toml:{problem}")], "{keys}");
    }
    let twice = document(&format!("{URL}\n[[webhooks]]\nname = \"ops\"\n{URL}"));
    assert_eq!(
        told(&twice),
        ["lb.toml:6:8: webhooks[1].name: ops is already the name of webhooks[0]"]
    );
}

#[test]
fn a_change_of_a_webhook_s_secret_names_the_webhook() {
    let with = |secret: &str| config(&document(&format!("{URL}\nsecret = \"{secret}\"")));
    let changes = diff(&with("old"), &with("new"));
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        ["~ webhooks.ops.secret: \"(secret)\" -> \"(secret)\""]
    );
}
