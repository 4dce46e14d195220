//! Secrets: kept over changes and restarts, and nowhere to be read but in `config.db`.

use std::fs;
use std::path::Path;

use crate::support::appliance::{self, Appliance, said};
use crate::support::document::one_pool;
use crate::support::node::Node;

/// What must be found nowhere.
const TEXT: &str = "open-sesame-4711";

fn document(lb: &Appliance, node: &Node, weight: u32, secret: &str) -> String {
    let pool = one_pool(lb.port(), "health_check = \"off\"", &[node.line(weight)]);
    pool.replacen(
        "version = 1\n",
        &format!("version = 1\n[settings]\naffinity_secret = {secret}\n"),
        1,
    )
}

/// Every file below `folder` but the database, whole.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            files(&path, found);
        } else if path.is_file() && !name.starts_with("config.db") {
            found.push((name, fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn a_secret_given_as_text_is_shown_nowhere() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    let quoted = format!("\"{TEXT}\"");
    let mut outputs = Vec::new();
    let apply = |lb: &Appliance, document: &str, more: &[&str]| {
        let arguments = [&["apply", "-"], more].concat();
        said(&lb.run_with_input(&arguments, document))
    };
    for more in [&["--dry-run"], &["--json"], &["--json"]] {
        outputs.push(apply(&lb, &document(&lb, &node, 1, &quoted), more));
    }
    assert!(outputs[2].contains("\"changed\":false"), "{}", outputs[2]);
    let other = document(&lb, &node, 1, &format!("\"{TEXT}-2\""));
    outputs.push(apply(&lb, &other, &[]));
    assert!(
        outputs[3].contains("~ settings.affinity_secret"),
        "{}",
        outputs[3]
    );
    // Refused for other reasons, with the secret beside them.
    for (right, wrong) in [
        ("weight = 1", "weight = 0"),
        ("version = 1", "version = \n"),
    ] {
        outputs.push(apply(&lb, &other.replace(right, wrong), &["--json"]));
        outputs.push(said(&appliance::run(
            &["check", "-"],
            &other.replace(right, wrong),
        )));
    }
    for verb in [
        &["export"][..],
        &["status"],
        &["status", "--json"],
        &["explain", "/"],
    ] {
        outputs.push(said(&lb.run(verb)));
    }
    assert_eq!(lb.get("/").status, 200);
    outputs.push(lb.admin("/metrics").text());
    outputs.push(lb.log());
    let exported = lb.export();
    assert_eq!(lb.apply(&exported)["changed"], false);
    lb.kill9();
    lb.restart();
    assert_eq!(lb.export(), exported);
    assert_eq!(lb.apply(&other)["changed"], false, "it was not kept");
    assert_eq!(lb.stop().code(), Some(0));
    outputs.push(said(&lb.run(&["export"])));
    outputs.push(said(&lb.run_with_input(
        &["apply", "--json", "-"],
        &document(&lb, &node, 2, &quoted),
    )));
    for output in outputs {
        assert!(!output.contains(TEXT), "{output}");
    }
    let mut all = Vec::new();
    files(lb.data(), &mut all);
    assert!(all.len() >= 3, "{} files", all.len());
    for (name, bytes) in all {
        let found = bytes.windows(TEXT.len()).any(|w| w == TEXT.as_bytes());
        assert!(!found, "it is in {name}");
    }
}

#[test]
fn a_file_that_is_gone_at_a_start_is_told_and_the_site_serves() {
    let node = Node::answering("web-1");
    let mut lb = Appliance::start();
    let key = lb.data().join("key");
    fs::write(&key, "one\n").unwrap();
    let text = document(
        &lb,
        &node,
        1,
        &format!("{{ file = \"{}\" }}", key.display()),
    );
    lb.apply(&text);
    assert_eq!(lb.stop().code(), Some(0));
    fs::remove_file(&key).unwrap();
    lb.restart();
    assert_eq!(lb.get("/").text(), "web-1");
    assert_eq!(lb.status()["state"], "degraded");
    let reasons = lb.status()["reasons"].to_string();
    assert!(reasons.contains("settings.affinity_secret"), "{reasons}");
    assert!(lb.log().contains("cannot be read"), "{}", lb.log());
    // Another change goes through meanwhile; a new place that is not there does not.
    lb.apply(&text.replace("weight = 1", "weight = 2"));
    let refused = lb.try_apply(&text.replace("/key", "/other"));
    assert_eq!(refused.status.code(), Some(78));
    let told = said(&refused);
    assert!(
        told.contains("tried.toml:3:19: settings.affinity_secret: "),
        "{told}"
    );
    fs::write(&key, "two\n").unwrap();
    lb.apply(&lb.export());
    assert_eq!(lb.status()["state"], "serving");
}

#[test]
fn check_looks_at_the_form_alone() {
    let text = |secret: &str| format!("version = 1\n[settings]\naffinity_secret = {secret}\n");
    // What is on another machine cannot be looked for here.
    let run = |secret: &str| appliance::run(&["check", "-"], &text(secret));
    assert!(run("{ file = \"/not/on/this/machine\" }").status.success());
    assert!(run("{ env = \"NOT_ON_THIS_MACHINE\" }").status.success());
    let refused = run("\"\"");
    assert_eq!(refused.status.code(), Some(78));
    assert!(said(&refused).contains("3:19: settings.affinity_secret: must not be empty"));
}
