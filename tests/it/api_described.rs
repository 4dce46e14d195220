//! The API as it describes itself: valid, and every operation asked by schemathesis with much
//! that fits the description and much that does not.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request};
use crate::support::panel::Panel;
use crate::support::program::Program;

fn house() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tool(name: &str) -> PathBuf {
    house().join("target/venv/schemathesis/bin").join(name)
}

/// What is served while it is asked: a bit of everything, all of it on this machine.
fn base(lb: &Appliance) -> Value {
    json!({
        "version": 1,
        "listeners": [{ "name": "http", "address": format!("127.0.0.1:{}", lb.port()) }],
        "pools": [{ "name": "django", "nodes": [{ "name": "web-1", "address": "127.0.0.1:1" }] }],
        "sites": [{ "name": "shop", "routes": [{ "path": "/", "pool": "django" }] }],
    })
}

fn described(lb: &Appliance, api: &Program<'_>) -> PathBuf {
    let file = lb.data().join("openapi.json");
    std::fs::write(&file, api.get("/openapi.json").to_string()).unwrap();
    file
}

/// Asks the operations whose path `which` is a pattern of.
fn ask_all(which: &str) {
    let lb = Appliance::start();
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let base = base(&lb);
    assert_eq!(api.send("PUT", "/config", Some(base.clone())).status, 200);
    // Something to be found.
    for path in ["/", "/cart/", "/nothing"] {
        lb.get(path);
    }
    let url = format!("http://127.0.0.1:{}", lb.admin_port());
    let own = api.get("/tokens")["tokens"][0]["id"].to_string();
    let ask = || {
        Command::new(tool("st"))
            // It leaves things where it is.
            .current_dir(lb.data())
            .arg("--config-file")
            .arg(house().join("tests/schemathesis/schemathesis.toml"))
            .arg("run")
            .arg(described(&lb, &api))
            // More than one at a time is more than the library bears.
            .args(["--url", &url, "--workers", "1"])
            .args(["--include-path-regex", which])
            .env(
                "SCHEMATHESIS_HOOKS",
                house().join("tests/schemathesis/hooks.py"),
            )
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Else the same seed asks something else each time: by the order of Python's sets.
            .env("PYTHONHASHSEED", "0")
            .env("STEELYARD_URL", &url)
            .env("STEELYARD_TOKEN", &api.token)
            .env("STEELYARD_TOKEN_ID", &own)
            .env("STEELYARD_BASE", base.to_string())
            .output()
            .expect("tests/install brings schemathesis")
    };
    // Its interpreter has been seen to crash: that is no word on us, unlike all it says itself.
    let mut asked = ask();
    for _ in 0..2 {
        if let Some(signal) = asked.status.signal() {
            eprintln!("schemathesis ended by signal {signal}: asked again");
            asked = ask();
        }
    }
    assert!(asked.status.success(), "{}: {}", asked.status, said(&asked));
    let tested = said(&asked);
    assert!(!tested.contains("Tested: 0"), "{tested}");
    assert_eq!(api.get("/config"), base, "put back after every change");
}

#[test]
fn every_operation_keeps_its_word_whatever_it_is_asked_people_and_logs() {
    ask_all("^/api/v1/(?!config|listeners|certificates|pools|sites|webhooks)");
}

#[test]
fn every_operation_keeps_its_word_whatever_it_is_asked_the_whole_and_pools() {
    ask_all("^/api/v1/(config|pools)");
}

#[test]
fn every_operation_keeps_its_word_whatever_it_is_asked_sites_and_listeners() {
    ask_all("^/api/v1/(listeners|certificates|sites|webhooks)");
}

#[test]
fn the_description_is_openapi_and_its_examples_fit_it() {
    let lb = Appliance::start();
    let api = Program::admin(&lb, &mut Panel::set_up(&lb));
    let checked = Command::new(tool("python"))
        .arg(house().join("tests/schemathesis/check.py"))
        .arg(described(&lb, &api))
        .output()
        .expect("tests/install brings it");
    assert!(checked.status.success(), "{}", said(&checked));
    let nobody = Client::of(lb.admin_port()).ask(&Request::get("/api/v1/openapi.json"));
    assert_eq!(nobody.status, 401, "it names what there is to attack");
    let viewer = api.with("dashboard", "viewer");
    assert_eq!(viewer.get("/openapi.json")["openapi"], "3.1.0");
}
