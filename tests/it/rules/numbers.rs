//! Which rules have a test: all but the section on HTTP/2 and those named here, each with its reason.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

/// The last rule of the table.
const LAST: u8 = 58;

/// The table's section on HTTP/2, which is not spoken here: a listener takes HTTP/1.1 alone.
const HTTP_2: RangeInclusive<u8> = 51..=55;

/// Rules without a test.
const WITHOUT: &[(u8, &str)] = &[];

/// The holes that others had, by the number they are known by.
const ROOT_CAUSES: &[&str] = &[
    "cve_2025_4366",
    "cve_2026_2833",
    "cve_2026_2835",
    "cve_2026_2836",
    "cve_2024_45410",
    "cve_2023_40225",
    "cve_2025_32094",
    "cve_2025_55315",
    "sozu_726",
    "hyper_4123",
    "go_net_http",
];

/// The names of all tests here.
fn tests() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/rules");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut lines = text.lines();
        while lines.any(|line| line == "#[test]") {
            let name = lines.next().unwrap().strip_prefix("fn ").unwrap();
            names.push(name.split('(').next().unwrap().to_owned());
        }
    }
    names
}

#[test]
fn every_rule_has_a_test_of_its_number() {
    let number = |name: &String| name.strip_prefix("rule_")?.get(..2)?.parse().ok();
    let tested: BTreeSet<u8> = tests().iter().filter_map(number).collect();
    let ours = (1..=LAST).filter(|rule| !HTTP_2.contains(rule));
    let without: Vec<u8> = ours.filter(|rule| !tested.contains(rule)).collect();
    let allowed: Vec<u8> = WITHOUT.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(without, allowed);
}

#[test]
fn every_root_cause_has_a_test_of_its_name() {
    let tests = tests();
    for cause in ROOT_CAUSES {
        let begins = format!("root_cause_{cause}_");
        assert!(
            tests.iter().any(|name| name.starts_with(&begins)),
            "{cause}"
        );
    }
}
