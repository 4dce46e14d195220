//! Every kind of Problem with its words and its place.

use super::super::{Format, PlacedProblems, parse};
use super::{FIRST_TASTE, one, told};
use crate::model::{Code, Problems};

#[test]
fn a_misspelt_key_is_told_with_the_nearest_known_one() {
    assert_eq!(
        one("weight = 3", "wieght = 3"),
        "lb.toml:17:1: pools[0].nodes[0].wieght: unknown key \"wieght\"; did you mean \"weight\"?"
    );
    assert_eq!(
        one("connect_timeout", "Connect-Timeout"),
        "lb.toml:10:1: pools[0].Connect-Timeout: unknown key \"Connect-Timeout\"; did you mean \"connect_timeout\"?"
    );
    assert_eq!(
        one("weight = 3", "colour = \"red\""),
        "lb.toml:17:1: pools[0].nodes[0].colour: unknown key \"colour\" (known here: name, address, weight, backup, max_conns, slow_start, state)"
    );
    assert_eq!(
        one("expires", "\"max age\""),
        "lb.toml:25:42: sites[0].routes[0].files.\"max age\": unknown key \"max age\" (known here: root, index, expires, cache_control, precompressed, fallback)"
    );
}

#[test]
fn a_path_without_its_slash_is_told() {
    assert_eq!(
        one("path = \"/static/\"", "path = \"static/\""),
        "lb.toml:24:8: sites[0].routes[0].path: must start with / (is \"static/\")"
    );
}

#[test]
fn a_dangling_pool_is_told_with_those_there_are() {
    assert_eq!(
        one("pool = \"django\"", "pool = \"djagno\""),
        "lb.toml:29:8: sites[0].routes[1].pool: no pool is named djagno (there are: django)"
    );
}

#[test]
fn two_listeners_on_one_port_are_told_at_the_later() {
    let second = "[[listeners]]\nname = \"two\"\naddress = \"127.0.0.1:80\"\n\n[[pools]]";
    assert_eq!(
        one("[[pools]]", second),
        "lb.toml:9:11: listeners[1].address: 127.0.0.1:80 is already taken by listener http, which listens on 0.0.0.0:80"
    );
}

#[test]
fn two_sites_with_one_host_are_told_at_the_later() {
    let text = format!("{FIRST_TASTE}[[sites]]\nname = \"b\"\nhosts = [\"Shop.example.com.\"]\n");
    assert_eq!(
        told(&text),
        ["lb.toml:32:10: sites[1].hosts[0]: shop.example.com is already taken by site shop"]
    );
}

#[test]
fn a_header_value_with_cr_or_lf_is_told() {
    let headers = |set: &str| format!("hosts = []\nheaders = {{ X-Foo = {set} }}");
    for (value, has) in [("\"a\\r\\nB: c\"", "\\r"), ("\"a\\nb\"", "\\n")] {
        assert_eq!(
            one("hosts = [\"shop.example.com\"]", &headers(value)),
            format!(
                "lb.toml:22:21: sites[0].headers.X-Foo: must be one line without control characters (has '{has}')"
            )
        );
    }
}

#[test]
fn headers_that_carry_the_message_are_refused() {
    let text = r#"version = 1
[[sites]]
name = "s"
headers = { Content-Length = "1" }
request_headers = { Host = "a" }
[[sites.routes]]
path = "/"
files = { root = "/srv" }
headers = { Connection = "close", X-A = "1", x-a = "2", "b c" = "3" }
remove_headers = ["Transfer-Encoding", "Server"]
request_headers = { TE = "trailers", X-N = 1 }
remove_request_headers = ["host", ""]
"#;
    let alone = "belongs to the connection and is written by this program alone";
    let host = "Host cannot be changed here; set `host` of the pool";
    let form = "must be a header name, such as X-Frame-Options";
    assert_eq!(
        told(text),
        [
            format!("lb.toml:4:13: sites[0].headers.Content-Length: Content-Length {alone}"),
            format!("lb.toml:5:21: sites[0].request_headers.Host: {host}"),
            format!("lb.toml:9:13: sites[0].routes[0].headers.Connection: Connection {alone}"),
            "lb.toml:9:46: sites[0].routes[0].headers.x-a: is the same header as X-A".to_owned(),
            format!("lb.toml:9:57: sites[0].routes[0].headers.\"b c\": {form} (is \"b c\")"),
            format!(
                "lb.toml:10:19: sites[0].routes[0].remove_headers[0]: Transfer-Encoding {alone}"
            ),
            format!("lb.toml:11:21: sites[0].routes[0].request_headers.TE: TE {alone}"),
            "lb.toml:11:44: sites[0].routes[0].request_headers.X-N: must be text in quotes (is 1)"
                .to_owned(),
            format!("lb.toml:12:27: sites[0].routes[0].remove_request_headers[0]: {host}"),
            format!(
                "lb.toml:12:35: sites[0].routes[0].remove_request_headers[1]: {form} (is \"\")"
            ),
        ]
    );
}

#[test]
fn a_route_has_exactly_one_target() {
    assert_eq!(
        one("pool = \"django\"\n", ""),
        "lb.toml:27:1: sites[0].routes[1]: must have exactly one of pool, files, redirect, respond (has none)"
    );
    assert_eq!(
        one(
            "pool = \"django\"",
            "pool = \"django\"\nfiles = { root = \"/srv\" }"
        ),
        "lb.toml:27:1: sites[0].routes[1]: must have exactly one of pool, files, redirect, respond (has pool and files)"
    );
}

#[test]
fn a_missing_or_unknown_version_is_told() {
    assert_eq!(
        told(""),
        ["lb.toml:1:1: version: is missing; write version = 1"]
    );
    assert_eq!(
        one("version = 1", "version = 2"),
        "lb.toml:1:11: version: must be 1, the only version this program knows (is 2)"
    );
    assert_eq!(
        one("version = 1", "version = \"1\""),
        "lb.toml:1:11: version: must be 1, without quotes (is \"1\")"
    );
}

#[test]
fn what_must_be_there_is_told_at_its_table() {
    let text = "version = 1\n[[listeners]]\n[[pools]]\n[[pools.nodes]]\n[[pools.nodes]]\n[[sites]]\n[[sites.routes]]\nfiles = {}\n[[sites.routes]]\nfiles = { root = \"/\" }\n";
    assert_eq!(
        told(text),
        [
            "lb.toml:2:1: listeners[0].name: is missing",
            "lb.toml:2:1: listeners[0].address: is missing",
            "lb.toml:3:1: pools[0].name: is missing",
            "lb.toml:4:1: pools[0].nodes[0].address: is missing",
            "lb.toml:5:1: pools[0].nodes[1].address: is missing",
            "lb.toml:6:1: sites[0].name: is missing",
            "lb.toml:7:1: sites[0].routes[0].path: is missing",
            "lb.toml:8:9: sites[0].routes[0].files.root: is missing",
            "lb.toml:9:1: sites[0].routes[1].path: is missing",
        ]
    );
}

#[test]
fn text_that_is_no_document_is_one_problem() {
    for (text, expected) in [
        (
            "version = 1\n\n[[pools]\n",
            "lb.toml:3:9: unclosed array table, expected `]`",
        ),
        ("version = 1\nversion = 1\n", "lb.toml:2:1: duplicate key"),
        (
            "version = 1\nname = \"é\" x\n",
            "lb.toml:2:12: unexpected key or value, expected newline, `#`",
        ),
    ] {
        assert_eq!(told(text), [expected]);
    }
    let problems = parse("version", Format::Toml).unwrap_err();
    assert_eq!(problems.iter().next().unwrap().problem.code, Code::Syntax);
}

#[test]
fn text_nested_beyond_reason_is_one_problem() {
    let deep = 100_000;
    let dotted = format!("{} = 1", vec!["a"; deep].join("."));
    let listed = format!("a = {}", "[".repeat(deep));
    for text in [dotted, listed] {
        assert_eq!(parse(&text, Format::Toml).unwrap_err().len(), 1);
    }
    for open in ["[", "{\"a\":"] {
        let text = open.repeat(deep);
        assert_eq!(parse(&text, Format::Json).unwrap_err().len(), 1);
    }
}

#[test]
fn a_column_counts_characters_and_not_bytes() {
    assert_eq!(
        told("\u{feff}version = 2"),
        ["lb.toml:1:11: version: must be 1, the only version this program knows (is 2)"]
    );
    assert_eq!(
        told("version = 1\r\nlogs = { \"é中\" = 1, level = 5 }\r\n"),
        [
            "lb.toml:2:10: logs.\"é中\": unknown key \"é中\" (known here: file, format, level, rotate, store)",
            "lb.toml:2:28: logs.level: must be text in quotes (is 5)",
        ]
    );
}

#[test]
fn every_problem_of_a_document_comes_at_once_in_its_order() {
    let text = FIRST_TASTE
        .replace("0.0.0.0:80", "nowhere")
        .replace("least_conn", "most_conn")
        .replace("weight = 3", "wieght = 3\nweight = 0")
        .replace("path = \"/static/\"", "path = \"static\"")
        .replace("pool = \"django\"", "pool = \"jango\"");
    let told = told(&text);
    let fields: Vec<&str> = told
        .iter()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "listeners[0].address",
            "pools[0].policy",
            "pools[0].nodes[0].wieght",
            "pools[0].nodes[0].weight",
            "sites[0].routes[0].path",
            "sites[0].routes[1].pool",
        ]
    );
}

#[test]
fn a_value_that_cannot_be_read_makes_no_second_problem() {
    let text = r#"version = 1
admin.address = "nowhere"
[[listeners]]
name = "a b"
address = "x"
[[listeners]]
name = 5
address = "y"
[[listeners]]
name = "admin"
address = "127.0.0.1:9443"
[[pools]]
nmae = "django"
[[pools.nodes]]
address = "one"
[[pools.nodes]]
address = "one"
[[pools]]
name = "p q"
[[sites]]
name = "s"
hosts = "any"
listeners = ["a b", "nowhere"]
[[sites]]
name = "s t"
hosts = ["x y", "x y"]
listeners = "all"
[[sites.routes]]
path = "x"
pool = "p q"
[[sites.routes]]
path = "x"
pool = "django"
[[sites.routes]]
path = "/"
pool = 7
"#;
    let told = told(text);
    let fields: Vec<&str> = told
        .iter()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "admin.address",
            "listeners[0].name",
            "listeners[0].address",
            "listeners[1].name",
            "listeners[1].address",
            "pools[0].name",
            "pools[0].nmae",
            "pools[0].nodes[0].address",
            "pools[0].nodes[1].address",
            "pools[1].name",
            "sites[0].hosts",
            "sites[0].listeners[0]",
            "sites[1].name",
            "sites[1].hosts[0]",
            "sites[1].hosts[1]",
            "sites[1].listeners",
            "sites[1].routes[0].path",
            "sites[1].routes[0].pool",
            "sites[1].routes[1].path",
            "sites[1].routes[2].pool",
        ]
    );
}

#[test]
fn a_misspelt_table_makes_no_second_problem() {
    let text = FIRST_TASTE
        .replace("[[pools]]", "[[pool]]")
        .replace("[[pools.", "[[pool.");
    assert_eq!(
        told(&text),
        ["lb.toml:7:3: pool: unknown key \"pool\"; did you mean \"pools\"?"]
    );
    let text = "version = 1\n[[pools]]\nname = \"a\"\n[[pools]]\nname = \"b\"\n[[site]]\n";
    assert_eq!(
        told(text),
        ["lb.toml:6:3: site: unknown key \"site\"; did you mean \"sites\"?"]
    );
}

#[test]
fn a_table_of_the_wrong_type_hides_nothing_else() {
    let text = "version = 1\npools = [5, { name = \"a\", nodes = 5 }]\nsites = \"none\"\n";
    assert_eq!(
        told(text),
        [
            "lb.toml:2:10: pools[0]: must be a table, [[pools]] (is 5)",
            "lb.toml:2:35: pools[1].nodes: must be a list of tables, [[pools.nodes]] (is 5)",
            "lb.toml:3:9: sites: must be a list of tables, [[sites]] (is \"none\")",
        ]
    );
}

#[test]
fn json_has_the_same_problems_in_its_own_order() {
    let text =
        r#"{"pools": [{"nodes": [{"weight": 0, "address": null}], "name": "a"}], "version": 1}"#;
    let problems = parse(text, Format::Json).unwrap_err();
    assert_eq!(
        problems.text("lb.json"),
        "lb.json: pools[0].nodes[0].weight: must be 1 to 1000 (is 0)\n\
         lb.json: pools[0].nodes[0].address: must be text in quotes (is null)\n"
    );
    assert_eq!(
        problems.to_json()["problems"][0].to_string(),
        r#"{"field":"pools[0].nodes[0].weight","line":null,"column":null,"code":"value","message":"must be 1 to 1000 (is 0)"}"#
    );
}

#[test]
fn text_that_is_no_json_is_one_problem_with_its_place() {
    for (text, expected) in [
        ("{\n \"é\": x}", "lb.json:2:7: expected value"),
        ("", "lb.json:1:1: EOF while parsing a value"),
        ("[]", "lb.json: must be one table (is a list)"),
        (
            "{\"version\":1,\"version\":1}",
            "lb.json:1:22: duplicate key \"version\"",
        ),
    ] {
        let problems = parse(text, Format::Json).unwrap_err();
        assert_eq!(problems.text("lb.json"), format!("{expected}\n"));
    }
}

#[test]
fn problems_are_shown_on_one_line_each() {
    let problems = parse("version = 1\n\"a\\u0085b\" = 1\nc = 1\n", Format::Toml).unwrap_err();
    assert_eq!(problems.len(), 2);
    let shown = problems.to_string();
    assert!(
        shown.starts_with("2:1: \"a\\u0085b\": unknown key"),
        "{shown}"
    );
    assert_eq!(shown.lines().count(), 2);
    let json = problems.to_json();
    assert_eq!(json["problems"][1]["line"], 3);
    assert_eq!(json["problems"][1]["column"], 1);
    assert_eq!(json["problems"][1]["code"], "unknown_key");
}

#[test]
fn problems_without_a_document_have_no_place() {
    let mut problems = Problems::default();
    problems.add(
        "listeners[0].address",
        Code::Conflict,
        "is in use\nby nginx",
    );
    let placed = PlacedProblems::from(problems);
    assert!(!placed.is_empty());
    assert_eq!(
        placed.text("lb.toml"),
        "lb.toml: listeners[0].address: is in use\\nby nginx\n"
    );
}
