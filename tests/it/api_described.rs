//! The API as it describes itself: valid, with examples that fit.

use std::path::{Path, PathBuf};
use std::process::Command;

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

fn described(lb: &Appliance, api: &Program<'_>) -> PathBuf {
    let file = lb.data().join("openapi.json");
    std::fs::write(&file, api.get("/openapi.json").to_string()).unwrap();
    file
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
