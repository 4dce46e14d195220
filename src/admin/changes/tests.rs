//! Every sentence on a change, in both languages.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::labels::{Kind, LABELS, WORDS};
use super::{Changes, Texts, find, of, sentence};
use crate::document::{Change, Format, Op, diff, parse, to_full_json};
use crate::model::Config;
use crate::model::Language::{Chinese, English};

/// Every key of a document.
const EVERYTHING: &str = r#"
version = 1
settings = { affinity_secret = "x" }
backup = { passphrase = "twelve and more" }
listeners = [
  { name = "l1", address = "0.0.0.0:80" },
  { name = "l2", address = "0.0.0.0:443", tls = { certificates = ["c1"], min_version = "1.3" } },
]
certificates = [
  { name = "c1", hosts = ["a.example"], files = { chain = "/c", key = "/k" } },
  { name = "c2", uploaded = true },
  { name = "c3", hosts = ["a.example"], self_signed = true },
  { name = "c4", hosts = ["a.example"], acme = "a1" },
]
sessions = { store_password = "z", password = "x", tls = { certificates = ["c1"], min_version = "1.3" }, databases = [{ index = 1, name = "d1", password = "y" }] }
acme = [{ name = "a1", eab = { key_id = "k", hmac = "x" } }]
webhooks = [{ name = "w1", url = "http://127.0.0.1/", secret = "x" }]

[[pools]]
name = "p1"
policy = "hash"
health_check = { kind = "http", port = 81, headers = { A = "b" } }
affinity = { cookie = "c" }
tls = { ca = "/a", server_name = "a" }
nodes = [{ name = "n1", address = "10.0.0.1:80" }]
[[pools]]
name = "p2"
policy = "ip_hash"
health_check = "off"
nodes = []
[[pools]]
name = "p3"
nodes = [{ name = "n3", address = "10.0.0.1:80", slow_start = "1s" }]

[[sites]]
name = "s1"
headers = { A = "b" }
request_headers = { A = "b" }
error_pages = { 502 = "/p" }
routes = [
  { path = "/", pool = "p1", headers = { A = "b" }, request_headers = { A = "b" }, read_timeout = "1s" },
  { path = "/f/", files = { root = "/f" } },
  { path = "/r", redirect = { to = "/x" } },
  { path = "/a", match = "exact", respond = { body = "a" } },
]
"#;

fn config(text: &str) -> Config {
    match parse(text, Format::Toml) {
        Ok(parsed) => parsed.config,
        Err(problems) => panic!("{}", problems.text("document")),
    }
}

/// The way to every value that is no table.
fn leaves(value: &Json, way: Vec<String>, into: &mut Vec<Vec<String>>) {
    let on = |step: &str| [way.as_slice(), &[step.to_owned()]].concat();
    match value {
        Json::Object(fields) => {
            for (key, value) in fields {
                leaves(value, on(key), into);
            }
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            for item in items {
                let own = item.get("name").or(item.get("path")).unwrap();
                leaves(item, on(own.as_str().unwrap()), into);
            }
        }
        _ => into.push(way),
    }
}

fn change(way: &[&str], before: Json, after: Json) -> Change {
    let side = |json: Json| (!json.is_null()).then_some(json);
    let (before, after) = (side(before), side(after));
    Change {
        op: match (&before, &after) {
            (None, _) => Op::Add,
            (_, None) => Op::Remove,
            _ => Op::Change,
        },
        field: way.join("."),
        way: way.iter().map(|step| (*step).to_owned()).collect(),
        before,
        after,
    }
}

#[test]
fn every_field_of_a_document_has_a_name_in_both_languages() {
    let mut ways = Vec::new();
    leaves(&to_full_json(&config(EVERYTHING)), Vec::new(), &mut ways);
    let mut found = BTreeSet::new();
    let identity = |way: &[String]| {
        let last = way.last().unwrap().as_str();
        let lists = [
            "pools",
            "sites",
            "listeners",
            "webhooks",
            "certificates",
            "acme",
        ];
        let is_list = way.len() == 1 && lists.contains(&last) || last == "nodes";
        let is_route = way.len() == 5 && way[2] == "routes" && last == "path";
        let is_database = last == "databases";
        matches!(last, "name" | "version") || is_database || is_list || is_route || last == "routes"
    };
    for way in ways.iter().filter(|way| !identity(way)) {
        let steps: Vec<&str> = way.iter().map(String::as_str).collect();
        // Tables that may hold anything, and nothing here.
        if matches!(
            steps.last(),
            Some(&("headers" | "request_headers" | "error_pages"))
        ) {
            continue;
        }
        let label = find(&steps).unwrap_or_else(|| panic!("{way:?} has no name"));
        found.insert(label.field);
    }
    // These are told where a whole table comes or goes.
    let whole = ["affinity", "tls", "files", "redirect", "respond"];
    for label in LABELS {
        let is_whole = whole
            .iter()
            .any(|key| label.field.ends_with(&format!("*.{key}")));
        // Here a table, of which the keys are told.
        let is_whole = is_whole || label.field == "sessions.tls";
        let is_later = label.field == "settings.max_connections_per_client";
        assert!(
            found.contains(label.field) || is_whole || is_later,
            "{} is no field of a document",
            label.field
        );
    }
}

/// What stands in Chinese as it is: names of protocols and units.
const PROTOCOLS: &[&str] = &[
    "TCP",
    "HTTP",
    "HTTPS",
    "TLS",
    "HSTS",
    "GET",
    "PROXY",
    "WebSocket",
    "Cookie",
    "SameSite",
    "KiB",
    "MiB",
    "GiB",
    "TiB",
    "B",
];

#[test]
fn no_chinese_sentence_has_english_words_but_names_and_values() {
    let is_foreign = |text: &str| {
        let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
        let all = words.find(|word| !word.is_empty() && !PROTOCOLS.contains(word));
        all.map(str::to_owned)
    };
    for label in LABELS {
        assert_eq!(is_foreign(label.chinese), None, "{}", label.field);
        let way: Vec<&str> = label
            .field
            .split('.')
            .map(|s| if s == "*" { "7" } else { s })
            .collect();
        let time = match label.kind {
            Kind::Time | Kind::TimeOrOff => json!("1h30m"),
            Kind::Size => json!("64k"),
            _ => json!("9"),
        };
        for (before, after) in [
            (json!("1"), time),
            (json!(["1"]), json!([])),
            (json!(true), json!(false)),
            (json!("0"), json!("3")),
            (json!(null), json!({ "root": "/1" })),
            (json!({ "to": "/1" }), json!(null)),
            (json!({ "x": 1 }), json!({ "x": 2 })),
        ] {
            let told = of(Texts(Chinese), &change(&way, before, after));
            let foreign = is_foreign(&told);
            let is_value = matches!(foreign.as_deref(), Some("true" | "false"));
            assert!(foreign.is_none() || is_value, "{told}: {foreign:?}");
            let english = of(Texts(English), &change(&way, json!("1"), json!("2")));
            assert!(english.is_ascii() || english.contains('→'), "{english}");
        }
    }
    for (key, word, english, chinese) in WORDS {
        assert_eq!(is_foreign(chinese), None, "{key} = {word}");
        assert!(english.is_ascii(), "{key} = {word}");
    }
    let added = diff(&Config::default(), &config(EVERYTHING));
    for change in &added {
        let back = Change {
            op: Op::Remove,
            before: change.after.clone(),
            after: None,
            ..change.clone()
        };
        for told in [of(Texts(Chinese), change), of(Texts(Chinese), &back)] {
            let foreign = is_foreign(&told);
            let is_name = |f: &String| (1..=4).any(|n| told.contains(&format!("{f}{n}")));
            assert!(foreign.as_ref().is_none_or(is_name), "{told}: {foreign:?}");
        }
    }
}

#[test]
#[rustfmt::skip]
fn a_change_is_told_as_a_person_would() {
    let node = |rest: &[&'static str]| [&["pools", "django", "nodes", "web-2"], rest].concat();
    let route = |rest: &'static str| vec!["sites", "shop", "routes", "/up/", rest];
    let nothing = json!(null);
    for (way, before, after, english, chinese) in [
        (node(&["weight"]), json!(1), json!(2), "Weight of web-2: 1 → 2", "web-2 的权重：1 → 2"),
        (node(&["state"]), json!("enabled"), json!("draining"), "web-2 is draining", "web-2 正在排空"),
        (node(&["state"]), json!("draining"), json!("enabled"), "web-2 is on", "web-2 已启用"),
        (node(&["max_conns"]), json!(0), json!(8),
            "Most requests at once of web-2: no limit → 8", "web-2 的最大并发请求：不限 → 8"),
        (node(&[]), nothing.clone(), json!({ "address": "10.0.0.2:80" }),
            "Node web-2 added to pool django, weight 1", "节点池 django 新增节点 web-2，权重 1"),
        (node(&[]), json!({}), nothing.clone(), "Node web-2 removed from pool django", "节点池 django 移除节点 web-2"),
        (vec!["pools", "django"], nothing.clone(), json!({ "nodes": [{}] }),
            "Pool django added, 1 node", "新增节点池 django，1 个节点"),
        (vec!["pools", "django", "policy"], json!("round_robin"), json!("least_conn"),
            "Balancing of pool django: round robin, by weight → fewest running", "节点池 django 的负载均衡方式：加权轮询 → 最少处理中"),
        (vec!["pools", "django", "health_check"], json!("off"), json!({ "kind": "http" }),
            "Health check of pool django: off → HTTP", "节点池 django 的健康检查：关闭 → HTTP"),
        (vec!["pools", "django", "read_timeout"], json!("1m"), json!("1m1.5s"),
            "Read timeout of pool django: 1 min → 1 min 1.5 s", "节点池 django 的读取超时：1 分 → 1 分 1.5 秒"),
        (route("body_limit"), json!("100m"), json!(0),
            "Largest upload of route /up/ of site shop: 100 MiB → no limit", "站点 shop 的路由 /up/ 的上传大小上限：100 MiB → 不限"),
        (vec!["sites", "shop", "headers", "X-A"], nothing.clone(), json!("DENY"),
            "Response header X-A of site shop: none → DENY", "站点 shop 的响应头 X-A：无 → DENY"),
        (vec!["sites", "shop", "routes", "=/ping"], json!({}), nothing.clone(),
            "Removed: route /ping of site shop", "移除站点 shop 的路由 /ping"),
        (vec!["settings", "workers"], json!(0), json!(4), "Worker threads: automatic → 4", "工作线程数：自动 → 4"),
        (vec!["settings", "affinity_secret"], json!("(secret)"), json!("(secret)"),
            "Key of session affinity cookies changed", "会话保持签名密钥已更改"),
        (vec!["new", "thing"], json!(1), json!(2), "new.thing changed", "new.thing已更改"),
    ] {
        let change = change(&way, before, after);
        assert_eq!(of(Texts(English), &change), english);
        assert_eq!(of(Texts(Chinese), &change), chinese);
    }
}

#[test]
fn several_are_the_first_and_how_many_more() {
    let weight = |node| change(&["pools", "p", "nodes", node, "weight"], json!(1), json!(2));
    let changes = Changes::from(["a", "b", "c", "d"].map(weight).as_slice());
    assert_eq!(
        sentence(Texts(English), &changes),
        "Weight of a: 1 → 2 and 3 more"
    );
    assert_eq!(
        sentence(Texts(Chinese), &changes),
        "a 的权重：1 → 2，另有 3 处更改"
    );
    assert_eq!(
        sentence(Texts(English), &Changes::from([].as_slice())),
        "A secret was replaced"
    );
}

#[test]
fn what_is_long_or_hostile_stays_one_line_of_text() {
    let long = "x".repeat(100);
    let host = change(
        &["pools", "p", "host"],
        json!(""),
        json!(format!("\u{202e}a\r\nb\u{200b}{long}")),
    );
    let told = of(Texts(English), &host);
    assert_eq!(
        told,
        format!(
            "Host sent to the nodes of pool p: none → \u{fffd}a\u{fffd}\u{fffd}b\u{fffd}{}…",
            &long[..42]
        )
    );
    let same = change(
        &["pools", "p", "host"],
        json!(format!("{long}a")),
        json!(format!("{long}b")),
    );
    assert_eq!(
        of(Texts(English), &same),
        "Host sent to the nodes of pool p changed"
    );
}
