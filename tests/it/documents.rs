//! Documents: what is refused and how it is told, what is applied and how it comes back.

use std::net::TcpListener;
use std::process::Output;

use crate::support::appliance::{self, Appliance, said};
use crate::support::document::one_pool;
use crate::support::node::Node;
use crate::support::ports::Port;

/// A sound document with everything that the bad ones below break. `{port}` is the listener's.
const SOUND: &str = r#"version = 1

[[listeners]]
name = "http"
address = "127.0.0.1:{port}"

[[pools]]
name = "django"
policy = "round_robin"
connect_timeout = "1s"
health_check = { kind = "tcp", interval = "3s" }

[[pools.nodes]]
name = "web-1"
address = "{node}"
weight = 3

[[sites]]
name = "shop"
hosts = ["shop.example.com"]

[[sites.routes]]
path = "/"
pool = "django"
headers = { "X-Frame-Options" = "DENY" }

[[sites]]
name = "rest"
hosts = []

[[sites.routes]]
path = "/"
pool = "django"
"#;

/// What is broken: by replacing the first by the second. The Problem stands on the line that
/// holds the third and says the fourth.
const BAD: &[(&str, &str, &str, &str)] = &[
    // A misspelt key, with the nearest known one.
    (
        "policy = \"round_robin\"",
        "polcy = \"round_robin\"",
        "polcy",
        "policy",
    ),
    // A wrong type.
    ("weight = 3", "weight = \"three\"", "three", "weight"),
    (
        "connect_timeout = \"1s\"",
        "connect_timeout = []",
        "connect_timeout",
        "connect_timeout",
    ),
    // A word that is none of the known ones.
    (
        "\"round_robin\"",
        "\"round_robbin\"",
        "round_robbin",
        "round_robin",
    ),
    // A weight out of its range.
    (
        "weight = 3",
        "weight = 0",
        "weight = 0",
        "must be 1 to 1000",
    ),
    (
        "weight = 3",
        "weight = 1000000000",
        "1000000000",
        "must be 1 to 1000",
    ),
    // A path without its slash.
    (
        "path = \"/\"",
        "path = \"shop\"",
        "path = \"shop\"",
        "must start with /",
    ),
    // A pool that is not there.
    (
        "pool = \"django\"\nheaders",
        "pool = \"djnago\"\nheaders",
        "djnago",
        "django",
    ),
    // A header that would leave its line.
    (
        "\"DENY\"",
        "\"DENY\\r\\nSet-Cookie: a=b\"",
        "Set-Cookie",
        "one line",
    ),
    ("\"DENY\"", "\"DENY\\nx\"", "DENY", "one line"),
    // Two sites with one host; two that take any.
    (
        "hosts = []",
        "hosts = [\"SHOP.example.com\"]",
        "SHOP",
        "shop.example.com",
    ),
    (
        "hosts = [\"shop.example.com\"]",
        "hosts = [ ]",
        "hosts = []",
        "shop",
    ),
    // Two of one name.
    (
        "name = \"rest\"",
        "name = \"shop\"",
        "LAST name = \"shop\"",
        "shop",
    ),
    // A time and an address that are none.
    (
        "connect_timeout = \"1s\"",
        "connect_timeout = \"1 fortnight\"",
        "fortnight",
        "connect_timeout",
    ),
    ("{node}", "10.0.0.1", "10.0.0.1", "HOST:PORT"),
    // What is known and not built yet is refused by name.
    (
        "[[listeners]]",
        "[compression]\nmin_size = \"1k\"\n\n[[listeners]]",
        "[compression]",
        "not available",
    ),
    // Not TOML at all.
    ("weight = 3", "weight = = 3", "= = 3", ""),
    // A newer form.
    ("version = 1", "version = 2", "version = 2", "version"),
];

fn filled(text: &str, port: u16, node: &str) -> String {
    text.replace("{port}", &port.to_string())
        .replace("{node}", node)
}

/// The line, from 1, that holds this text; the last one where it says so.
fn line_of(document: &str, marker: &str) -> usize {
    let lines: Vec<&str> = document.lines().collect();
    let found = match marker.strip_prefix("LAST ") {
        Some(marker) => lines.iter().rposition(|line| line.contains(marker)),
        None => lines.iter().position(|line| line.contains(marker)),
    };
    found.expect("the marker is in the document") + 1
}

fn exit(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn every_problem_is_told_with_its_line_and_the_old_configuration_serves_on() {
    let node = Node::answering("web-1");
    let address = node.address().to_string();
    let lb = Appliance::start();
    let sound = filled(SOUND, lb.port(), &address);
    lb.apply(&sound);
    let exported = lb.export();
    for (good, bad, marker, words) in BAD {
        let broken = filled(&SOUND.replacen(good, bad, 1), lb.port(), &address);
        assert_ne!(broken, sound, "{good} is in the document");
        let output = lb.try_apply(&broken);
        let told = said(&output);
        assert_eq!(exit(&output), Some(78), "{bad}: {told}");
        let place = format!(
            "{}:{}:",
            lb.document_file().display(),
            line_of(&broken, marker)
        );
        let line = told.lines().find(|line| line.starts_with(&place));
        let line = line.unwrap_or_else(|| panic!("{bad}: nothing at {place} in\n{told}"));
        assert!(line.contains(words), "{bad}: {line}");
        assert_eq!(lb.get("/").text(), "web-1", "{bad}");
    }
    assert_eq!(lb.export(), exported);
}

#[test]
fn two_listeners_on_one_port_are_a_problem() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let sound = filled(SOUND, lb.port(), &node.address().to_string());
    lb.apply(&sound);
    for other in ["127.0.0.1", "0.0.0.0"] {
        let second = format!(
            "[[listeners]]\nname = \"second\"\naddress = \"{other}:{}\"\n\n[[pools]]",
            lb.port()
        );
        let broken = sound.replacen("[[pools]]", &second, 1);
        let output = lb.try_apply(&broken);
        assert_eq!(exit(&output), Some(78), "{}", said(&output));
        let line = line_of(&broken, "second") + 1;
        assert!(
            said(&output).contains(&format!("tried.toml:{line}:")),
            "{}",
            said(&output)
        );
        assert!(
            said(&output).contains("already taken by listener http"),
            "{}",
            said(&output)
        );
        assert_eq!(lb.get("/").text(), "web-1");
    }
}

#[test]
fn all_problems_of_a_document_are_told_at_once_by_apply_and_by_check() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let sound = filled(SOUND, lb.port(), &node.address().to_string());
    let broken = sound
        .replace("policy =", "polcy =")
        .replace("weight = 3", "weight = 0")
        .replace("path = \"/\"", "path = \"shop\"")
        .replace("\"DENY\"", "\"a\\nb\"");
    let tried = lb.try_apply(&broken);
    let file = lb.document_file();
    let checked = appliance::run(&["check", file.to_str().unwrap()], "");
    for (verb, output) in [("apply", tried), ("check", checked)] {
        assert_eq!(exit(&output), Some(78), "{verb}: {}", said(&output));
        for marker in [
            "polcy",
            "weight = 0",
            "path = \"shop\"",
            "a\\nb",
            "LAST path = \"shop\"",
        ] {
            let place = format!("{}:{}:", file.display(), line_of(&broken, marker));
            assert!(
                said(&output).contains(&place),
                "{verb}, {marker}: {}",
                said(&output)
            );
        }
    }
}

#[test]
fn check_of_a_sound_document_is_silent_about_problems() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("site.toml");
    appliance::write_file(&file, filled(SOUND, 8080, "127.0.0.1:8000"));
    let output = appliance::run(&["check", file.to_str().unwrap()], "");
    assert_eq!(exit(&output), Some(0), "{}", said(&output));
}

#[test]
fn problems_are_told_in_json_too() {
    let lb = Appliance::start();
    let broken = filled(SOUND, lb.port(), "127.0.0.1:8000").replace("weight = 3", "weight = 0");
    let output = lb.run_with_input(&["apply", "--json", "-"], &broken);
    assert_eq!(exit(&output), Some(78), "{}", said(&output));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let problem = &answer["problems"][0];
    assert_eq!(problem["field"], "pools[0].nodes[0].weight");
    assert_eq!(problem["line"], line_of(&broken, "weight = 0"));
    assert!(
        problem["column"].is_u64() && problem["code"].is_string(),
        "{answer}"
    );
    assert_eq!(problem["message"], "must be 1 to 1000 (is 0)");
}

#[test]
fn apply_of_export_says_no_changes() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    lb.apply(&filled(SOUND, lb.port(), &node.address().to_string()));
    let exported = lb.export();
    assert!(exported.starts_with("# revision 1\n"), "{exported}");
    let output = lb.try_apply(&exported);
    assert_eq!(exit(&output), Some(0), "{}", said(&output));
    assert!(said(&output).contains("no changes"), "{}", said(&output));
    let again = lb.apply(&exported);
    assert_eq!(again["changed"], false);
    assert_eq!(again["changes"], serde_json::json!([]));
    assert_eq!(lb.export(), exported);
}

#[test]
fn a_change_is_shown_field_by_field_and_a_dry_run_changes_nothing() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let sound = filled(SOUND, lb.port(), &node.address().to_string());
    lb.apply(&sound);
    let heavier = sound.replace("weight = 3", "weight = 7");
    let dry = lb.run_with_input(&["apply", "--dry-run", "--json", "-"], &heavier);
    let dry: serde_json::Value = serde_json::from_slice(&dry.stdout).unwrap();
    assert_eq!(
        (&dry["changed"], &dry["dry_run"]),
        (&true.into(), &true.into())
    );
    assert!(lb.export().contains("weight = 3"));

    let done = lb.apply(&heavier);
    assert_eq!(done["changes"], dry["changes"]);
    let change = &done["changes"][0];
    assert_eq!(
        (&change["op"], &change["before"], &change["after"]),
        (&"change".into(), &3.into(), &7.into())
    );
    assert_eq!(done["revision"], 2);
    assert!(lb.export().contains("weight = 7"));
}

#[test]
fn a_change_made_from_an_old_revision_is_refused() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let sound = filled(SOUND, lb.port(), &node.address().to_string());
    lb.apply(&sound);
    lb.apply(&sound.replace("weight = 3", "weight = 4"));
    let stale = sound.replace("weight = 3", "weight = 5");
    let refused = lb.run_with_input(&["apply", "--if-revision", "1", "-"], &stale);
    assert_eq!(exit(&refused), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("revision 2"), "{}", said(&refused));
    assert!(lb.export().contains("weight = 4"));
    let taken = lb.run_with_input(&["apply", "--if-revision", "2", "-"], &stale);
    assert_eq!(exit(&taken), Some(0), "{}", said(&taken));
}

#[test]
fn a_stopped_instance_is_configured_by_the_same_commands() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::prepared();
    let sound = filled(SOUND, lb.port(), &node.address().to_string());
    let bad = lb.try_apply(&sound.replace("weight = 3", "weight = 0"));
    assert_eq!(exit(&bad), Some(78), "{}", said(&bad));
    lb.apply(&sound);
    let exported = lb.export();
    lb.restart();
    assert_eq!(lb.get("/").text(), "web-1");
    assert_eq!(lb.export(), exported);
}

#[test]
fn a_port_in_use_is_named_with_its_holder() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    let sound = one_pool(lb.port(), "", &[node.line(1)]);
    lb.apply(&sound);
    let taken = Port::free();
    let _held = TcpListener::bind(taken.address()).unwrap();
    let output = lb.try_apply(&one_pool(taken.number(), "", &[node.line(1)]));
    let told = said(&output);
    assert_ne!(exit(&output), Some(0), "{told}");
    assert!(told.contains(&taken.address().to_string()), "{told}");
    // Held by this very process.
    assert!(told.contains(&std::process::id().to_string()), "{told}");
    assert_eq!(lb.get("/").text(), "web-1");
    assert_eq!(lb.apply(&sound)["changed"], false);
}

#[test]
fn a_word_the_command_line_does_not_know_is_a_usage_error() {
    for arguments in [&["aply"][..], &["apply"], &["status", "--jsn"]] {
        let output = appliance::run(arguments, "");
        assert_eq!(exit(&output), Some(2), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_verb_of_a_later_version_is_refused_by_name() {
    let output = appliance::run(&["import"], "");
    assert_ne!(exit(&output), Some(0));
    let told = said(&output);
    let words = told.contains("import") && told.contains("not available");
    assert!(words, "{told}");
}
