//! The dashboard and the alerts speak of what `/metrics` tells, and of nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::{does, house};
use crate::support::appliance::Appliance;
use crate::support::document::one_pool;
use crate::support::node::{Node, lines};
use crate::support::ports::Port;

/// Labels that the asking gives, not the asked.
const OF_PROMETHEUS: [&str; 2] = ["instance", "le"];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// The labels that a text groups by, or shows.
fn labels(text: &str) -> BTreeSet<&str> {
    let grouped = text
        .split("by (")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let shown = text
        .split("{{")
        .skip(1)
        .filter_map(|rest| rest.split("}}").next());
    let shown = shown.map(|text| text.trim().trim_start_matches("$labels."));
    let is_label = |word: &&str| !word.is_empty() && !word.starts_with("$value");
    let all = grouped.flat_map(|list| list.split(", ")).chain(shown);
    all.filter(is_label).collect()
}

#[test]
fn dashboard_and_alerts_name_what_is_measured() {
    let (lb, nodes, sessions) = (Appliance::start(), Node::three(), Port::free());
    let own = "\n[[certificates]]\nname = \"own\"\nself_signed = true\nhosts = [\"a.example\"]\n";
    let kept = format!("\n[sessions]\nlisten = \"127.0.0.1:{sessions}\"\n");
    lb.apply(&(one_pool(lb.port(), "", &lines(&nodes, [1, 1, 1])) + own + &kept));
    assert_eq!(lb.get("/").status, 200);
    let told = lb.admin("/metrics").text();
    let families: BTreeSet<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let known: BTreeSet<&str> = told
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('{')?.1.rsplit_once('}'))
        .flat_map(|(labels, _)| labels.split("\",").filter_map(|one| one.split('=').next()))
        .chain(OF_PROMETHEUS)
        .collect();
    for file in ["grafana-dashboard.json", "prometheus-alerts.yml"] {
        let text = fs::read_to_string(house().join("packaging").join(file)).unwrap();
        let is_name = |word: &&str| word.starts_with("steelyard_") || word.starts_with("process_");
        let names: BTreeSet<&str> = words(&text).filter(is_name).collect();
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names {
            let ends = ["", "_bucket", "_sum", "_count"];
            let mut bare = ends.iter().filter_map(|end| name.strip_suffix(end));
            assert!(bare.any(|name| families.contains(name)), "{file}: {name}");
        }
        for label in labels(&text) {
            assert!(known.contains(label), "{file}: {label} of {known:?}");
        }
    }
}

#[test]
fn promtool_finds_nothing_wrong_with_the_alerts() {
    let told =
        does(Command::new("promtool").args(["check", "rules", "packaging/prometheus-alerts.yml"]));
    assert!(told.contains("SUCCESS"), "{told}");
}
