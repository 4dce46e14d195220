//! Later capabilities are refused by name, so that «unknown» and «not yet» are told apart.

use super::super::{Format, parse};
use super::told;
use crate::model::Code;

/// One document with every key and word of a later capability.
const LATER: &str = r#"version = 1
compression = {}
[settings]
max_connections_per_client = 10
[[certificates]]
name = "a"
files = { chain = "/c", key = "/k" }
[[listeners]]
name = "http"
address = "127.0.0.1:0"
tls = { http2 = true }
h2c = true
[[pools]]
name = "a"
protocol = "h2"
[[sites]]
name = "s"
[[sites.routes]]
path = "/old"
pool = "a"
compress = true
"#;

/// Lines of `LATER` that hold no value of a later capability.
const NOW: [&str; 7] = [
    "version",
    "files",
    "name",
    "path",
    "pool",
    "[",
    "address = \"127",
];

#[test]
fn every_later_capability_is_refused_by_name() {
    let problems = parse(LATER, Format::Toml).unwrap_err();
    for problem in problems.iter() {
        assert_eq!(problem.problem.code, Code::NotAvailable, "{problem}");
        let message = &problem.problem.message;
        assert!(message.ends_with(" is not available in this version"));
    }
    // The same key may stand in several tables: each line has been told of.
    for (i, line) in LATER.lines().enumerate() {
        let later = !NOW.iter().any(|now| line.starts_with(now));
        let count = problems.iter().filter(|p| p.line == Some(i + 1)).count();
        assert_eq!(count, usize::from(later), "line {}: {line}", i + 1);
    }
}

#[test]
fn a_later_word_is_told_from_an_unknown_one() {
    let text = r#"version = 1
[compression]
[[pools]]
name = "a"
policy = "hash"
protocol = "h2"
[[pools]]
name = "b"
policy = "fastest"
[[sites]]
name = "s"
routes = [{ path = "/", pool = "a" }]
"#;
    assert_eq!(
        told(text),
        [
            "lb.toml:2:2: compression: `compression` is not available in this version",
            "lb.toml:6:1: pools[0].protocol: `protocol` is not available in this version",
            "lb.toml:9:10: pools[1].policy: must be one of round_robin, least_conn, ip_hash, hash, random_two, least_time (is \"fastest\")",
        ]
    );
}
