//! What a sound document says, and how it is written back.

use std::time::Duration;

use super::super::{Format, parse, to_json, to_toml};
use super::{FIRST_TASTE, config};
use crate::model::{
    AdminState, CheckKind, Condition, Config, Expires, Node, NodeAddress, PathMatch, Policy, Target,
};

/// A document without one default, as it is written.
const NO_DEFAULT: &str = r#"version = 1

[settings]
trusted_proxies = ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]
workers = 4
max_connections = 5000
memory_budget = "64k"
spool_limit = 0
dns_refresh = "1m"
shutdown_grace = "0s"

[admin]
address = "[::1]:9000"
allow = ["10.0.0.0/8"]
metrics = "public"

[[listeners]]
name = "http"
address = "[::]:80"
head_timeout = "5s"
idle_timeout = "1m30s"
max_requests = 100
body_min_rate = 0
response_min_rate = "1k"
max_head = "32k"
max_target = 1000
max_fields = 64
underscores = "reject"
refuse_get_body = true

[[pools]]
name = "django"
policy = "hash"
hash_key = "cookie:sid"
host = "app.internal:8000"
connect_timeout = "250ms"
send_timeout = "5s"
read_timeout = "1m30s"
keepalive = { idle = 0, timeout = "1s", requests = 10, max_age = "1d" }
max_fails = 0
fail_timeout = "30s"
retry = { on = [], tries = 0, timeout = "0s", non_idempotent = true }
health_check = { kind = "http", path = "/health?deep=1", host = "app", expect = "200", interval = "2s", timeout = "500ms", rise = 1, fall = 5 }

[[pools.nodes]]
address = "[::1]:8000"
weight = 1000
state = "draining"

[[pools.nodes]]
name = "b"
address = "b.internal:8000"
state = "disabled"

[[pools]]
name = "unchecked"
health_check = "off"

[[sites]]
name = "shop"
hosts = ["*.example.com"]
listeners = ["http"]
methods = ["GET", "HEAD"]
headers = { X-A = "say \"hi\" \\ é", "X.B" = "tab\there" }
request_headers = { X-C = "" }

[[sites.routes]]
path = "/ping"
match = "exact"
pool = "django"
strip_prefix = true
body_limit = 0
buffer_request = false
buffer_response = false
read_timeout = "5s"
headers = { X-Frame-Options = "DENY" }
remove_headers = ["Server"]
request_headers = { X-Via = "lb" }
remove_request_headers = ["Cookie"]

[[sites.routes]]
path = "/static/"
files = { root = "/srv/shop", index = [], expires = "modified +1d", cache_control = "public" }

[logs]
file = "shop/access.log"
format = "json"
level = "debug"
rotate = { size = "10m", keep = 3 }
"#;

#[test]
fn the_first_document_taste_of_the_design_is_read() {
    let config = config(FIRST_TASTE);
    assert_eq!(config.listeners[0].name.as_str(), "http");
    assert_eq!(config.listeners[0].address, "0.0.0.0:80".parse().unwrap());
    let pool = &config.pools[0];
    assert_eq!(pool.policy, Policy::LeastConn);
    assert_eq!(pool.connect_timeout, Duration::from_secs(1));
    let on = [Condition::Error, Condition::Timeout, Condition::Status(500)];
    assert_eq!(pool.retry.on, on);
    assert_eq!(pool.retry.tries, 3);
    let check = pool.health_check.as_ref().unwrap();
    assert_eq!(check.kind, CheckKind::Tcp);
    assert_eq!(check.interval, Duration::from_secs(3));
    assert_eq!(pool.nodes[0].weight, 3);
    assert_eq!(pool.nodes[0].state, AdminState::Enabled);
    let routes = &config.sites[0].routes;
    let Target::Files(files) = &routes[0].target else {
        panic!("{routes:?}")
    };
    assert_eq!(files.expires, Expires::In(2_592_000));
    assert_eq!(files.index, ["index.html"]);
    assert_eq!(routes[1].target, Target::Pool(pool.name.clone()));
    assert_eq!(routes[1].path_match, PathMatch::Prefix);
}

#[test]
fn the_first_document_taste_is_written_without_its_defaults() {
    let written = to_toml(&config(FIRST_TASTE));
    let expected = FIRST_TASTE
        .replace("connect_timeout = \"1s\"\n", "")
        .replace(
            "{ kind = \"tcp\", interval = \"3s\", timeout = \"1s\", rise = 2, fall = 3 }",
            "{ interval = \"3s\" }",
        );
    assert_eq!(written, expected);
}

#[test]
fn a_check_s_timeout_is_a_second_or_its_interval_where_that_is_less() {
    for (written, timeout) in [
        ("{ interval = \"500ms\" }", 500),
        ("{ interval = \"1s\" }", 1000),
        ("{ interval = \"1m\" }", 1000),
        ("{ interval = \"500ms\", timeout = \"400ms\" }", 400),
        ("{ interval = \"1m\", timeout = \"2s\" }", 2000),
    ] {
        let text = format!("version = 1\n[[pools]]\nname = \"a\"\nhealth_check = {written}\n");
        let config = config(&text);
        let check = config.pools[0].health_check.as_ref().unwrap();
        assert_eq!(check.timeout, Duration::from_millis(timeout), "{written}");
        let again = to_toml(&config);
        assert_eq!(again.contains("timeout"), written.contains("timeout"));
        assert_eq!(self::config(&again), config);
    }
}

#[test]
fn a_document_of_nothing_but_its_version_is_every_default() {
    let parsed = parse("version = 1\n", Format::Toml).unwrap();
    assert_eq!(parsed.config, Config::default());
    assert_eq!(
        parsed.warnings,
        ["nothing listens: there is no [[listeners]]"]
    );
    assert_eq!(to_toml(&parsed.config), "version = 1\n");
    assert_eq!(to_json(&parsed.config).to_string(), r#"{"version":1}"#);
}

#[test]
fn json_holds_the_same_document() {
    let config = config(FIRST_TASTE);
    let json = to_json(&config);
    assert!(json.to_string().starts_with(r#"{"version":1,"listeners""#));
    let again = parse(&json.to_string(), Format::Json).unwrap();
    assert_eq!(again.config, config);
}

#[test]
fn everything_away_from_its_default_is_written_in_one_form() {
    assert_eq!(to_toml(&config(NO_DEFAULT)), NO_DEFAULT);
}

#[test]
fn an_http_check_of_nothing_but_defaults_stays_an_http_check() {
    let text = "version = 1\n\n[[pools]]\nname = \"a\"\nhealth_check = { kind = \"http\" }\n";
    assert_eq!(to_toml(&config(text)), text);
}

#[test]
fn a_node_without_a_name_is_called_by_its_address() {
    let text = "version = 1\n[[pools]]\nname = \"a\"\n[[pools.nodes]]\naddress = \"Web-1:80\"\n";
    let unnamed = config(text);
    assert_eq!(unnamed.pools[0].nodes[0].name.as_str(), "web-1:80");
    assert_eq!(config(&to_toml(&unnamed)), unnamed);
    let named = text.replace("address", "name = \"web-1:80\"\naddress");
    assert_eq!(config(&named), unnamed);
}

#[test]
fn a_name_that_looks_like_another_node_s_address_stays_its_own() {
    let mut config = config(
        "version = 1\n[[pools]]\nname = \"a\"\nnodes = [{ name = \"b.80\", address = \"b:80\" }]\n",
    );
    config.pools[0].nodes.push(Node::new(
        crate::model::Name::unchecked("c:80"),
        NodeAddress::parse("c:80").unwrap(),
    ));
    let again = parse(&to_toml(&config), Format::Toml).unwrap();
    assert_eq!(again.config, config);
}

#[test]
fn harmless_values_of_later_keys_are_let_pass() {
    let text = r#"version = 1
[admin]
tls = "off"
[[listeners]]
name = "http"
address = "127.0.0.1:0"
tls = false
h2c = false
proxy_protocol = false
[[pools]]
name = "a"
protocol = "http1"
[[pools.nodes]]
address = "a:1"
[[sites]]
name = "s"
https_redirect = false
allow = []
error_pages = {}
[[sites.routes]]
path = "/"
compress = false
files = { root = "/srv//x/./", fallback = "" }
"#;
    let config = config(text);
    let Target::Files(files) = &config.sites[0].routes[0].target else {
        panic!("{config:?}")
    };
    assert_eq!(files.root.to_str(), Some("/srv/x"));
}

#[test]
fn a_key_that_comes_twice_is_found_among_few_and_among_many() {
    for keys in [1, 15, 16, 17, 40] {
        for twice in [0, keys / 2, keys - 1] {
            let names: Vec<String> = (0..keys).map(|n| format!("\"k{n}\":1")).collect();
            let text = format!("{{{},\"k{twice}\":1}}", names.join(","));
            let problems = parse(&text, Format::Json).unwrap_err();
            let shown = problems.text("lb.json");
            let expected = format!("duplicate key \"k{twice}\"\n");
            assert!(shown.ends_with(&expected), "{keys}: {shown}");
        }
    }
}
