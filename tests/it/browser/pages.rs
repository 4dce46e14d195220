//! Every page there is, by `tests/browser/pages.txt`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::world::World;
use crate::support::appliance::Appliance;
use crate::support::browser::Walk;
use crate::support::figure;
use crate::support::panel::link_token;

/// Bytes over the wire of a first load, heads included.
const WITHOUT_CHARTS: u64 = 60 * 1024;
const WITH_CHARTS: u64 = 80 * 1024;

/// The pages that this person looks at: name, path and status.
pub(super) fn pages(who: &str) -> Vec<(String, String, u16)> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/pages.txt");
    let text = fs::read_to_string(list).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut found = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let (Some(route), Some(path), Some(looks)) = (words.next(), words.next(), words.next())
        else {
            panic!("pages.txt: {line}");
        };
        let status = words
            .next()
            .map_or(200, |status| status.parse().expect("a status"));
        if looks == who {
            let name = route
                .trim_matches(['/', '-'])
                .replace('/', "-")
                .replace(['{', '}'], "");
            let name = if name.is_empty() { "overview" } else { &name };
            found.push((name.to_owned(), path.to_owned(), status));
        }
    }
    found
}

pub(super) fn judge(lb: &Appliance, pages: Vec<(String, String, u16)>, cookies: &Value) {
    let pages: Vec<Value> = pages
        .into_iter()
        .map(|(name, path, status)| json!({"name": name, "path": path, "status": status}))
        .collect();
    let everything = std::env::var_os("STEELYARD_SCREENS").is_some();
    let given = json!({"pages": pages, "cookies": cookies, "everything": everything});
    let mut walk = Walk::begin("pages", lb, given);
    let told = walk.until("done");
    walk.ends();
    let firsts = told["firsts"].as_object().expect("what each took");
    let heavy: Vec<String> = firsts
        .iter()
        .filter(|(_, first)| first["bytes"].as_u64() > Some(limit(first)))
        .map(|(page, first)| format!("{page}: {first}"))
        .collect();
    figure(&format!("first loads: {}", told["firsts"]));
    assert_eq!(
        heavy,
        Vec::<String>::new(),
        "more than a first load may take"
    );
}

fn limit(first: &Value) -> u64 {
    match first["charts"].as_bool() {
        Some(true) => WITH_CHARTS,
        _ => WITHOUT_CHARTS,
    }
}

#[test]
fn every_page_before_anybody_can_sign_in_is_well_made_and_light() {
    let lb = Appliance::start();
    let token = link_token(&lb);
    let pages = pages("first").into_iter();
    let pages = pages.map(|(name, path, status)| (name, path.replace("TOKEN", &token), status));
    judge(&lb, pages.collect(), &json!({}));
}

#[test]
fn every_page_of_the_first_minutes_is_well_made_and_light() {
    for (world, who) in [(World::fresh(), "fresh"), (World::simple(), "simple")] {
        judge(&world.lb, pages(who), &json!(world.cookies));
    }
}

#[test]
fn every_page_of_the_panel_is_well_made_and_light() {
    let world = World::with_a_past();
    judge(&world.lb, pages("nobody"), &json!({}));
    judge(&world.lb, pages("admin"), &json!(world.cookies));
}
