//! The forms of the configuration: what they save is what is exported and served, and each
//! Problem is beside its field.

use std::fs;

use crate::support::client;
use crate::support::panel::{assert_saved, before_forms, form_fields};
use crate::support::ports::Port;

#[test]
fn a_pool_s_form_saves_what_was_typed_and_leaves_the_rest() {
    let (lb, _node, mut panel) = before_forms();
    let typed = [
        ("policy", "least_conn"),
        ("health_check.kind", "http"),
        ("health_check.path", "/up"),
        ("affinity.on", "on"),
        ("retry.tries", "2"),
        ("queue.size", "7"),
    ];
    let saved = panel.fill("/pools/django", "/pools/django", &typed);
    assert_saved(&saved, "/pools/django?changed=");
    let document = lb.export();
    for line in [
        "policy = \"least_conn\"",
        "tries = 2",
        "size = 7",
        "path = \"/up\"",
        "affinity = {}",
        "name = \"web-1\"",
    ] {
        assert!(document.contains(line), "{line} in {document}");
    }
    // What is the default is not written.
    assert!(!document.contains("connect_timeout"), "{document}");
    assert_eq!(lb.get("/").status, 200);
    let off = [("health_check.kind", "off"), ("affinity.on", "\0off")];
    assert_saved(
        &panel.fill("/pools/django", "/pools/django", &off),
        "/pools/django",
    );
    let document = lb.export();
    assert!(document.contains("health_check = \"off\""), "{document}");
    assert!(!document.contains("affinity"), "{document}");
    // Sent as it is, it changes nothing.
    let before = lb.export();
    let same = panel.fill("/pools/django", "/pools/django", &[]);
    assert_eq!(same.field("Location"), Some("/pools/django"));
    assert_eq!(lb.export(), before);
}

#[test]
fn a_folder_is_served_from_the_next_request_on_and_a_route_moves() {
    let (lb, node, mut panel) = before_forms();
    let folder = lb.data().join("static");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("app.css"), "body{}").unwrap();
    let root = folder.to_str().unwrap();
    let typed = [
        ("path", "/static/"),
        ("files.root", root),
        ("cache", "hashed"),
    ];
    assert_saved(&panel.fill("/files", "/files", &typed), "/files?changed=");
    let served = lb.get("/static/app.css");
    assert_eq!((served.status, served.text().as_str()), (200, "body{}"));
    let cache = served.field("Cache-Control").unwrap();
    assert!(cache.contains("immutable"), "{cache}");
    // What had been implied is said, and the pool has the rest.
    assert_eq!(lb.get("/cart").text(), node.name());
    let tested = panel.get(&format!("/files/test?folder={root}"));
    assert!(
        tested.text().contains("Its files can be served."),
        "{}",
        tested.text()
    );
    let gone = panel.get("/files/test?folder=/nowhere/x").text();
    assert!(gone.contains("/nowhere is not there."), "{gone}");
    // Another path is another route.
    let here = "/sites/default/route?path=/static/";
    let moved = panel.fill(here, here, &[("path", "/assets/"), ("cache", "short")]);
    assert_saved(&moved, "/sites/default/route?path=/assets/");
    assert_eq!(lb.get("/assets/app.css").text(), "body{}");
    assert_eq!(lb.get("/static/app.css").text(), node.name());
    assert!(panel.get("/files").text().contains("/assets/"));
    let remove = "/sites/default/route/remove?path=/assets/";
    assert_saved(&panel.fill(remove, remove, &[]), "/sites/default?changed=");
    assert!(!lb.export().contains("/assets/"));
}

#[test]
fn sites_routes_and_listeners_are_made_by_forms_and_a_url_is_tried() {
    let (lb, _node, mut panel) = before_forms();
    let site = [
        ("name", "shop"),
        ("hosts", "shop.test\nwww.shop.test"),
        ("pool", "django"),
    ];
    assert_saved(
        &panel.fill("/sites", "/sites", &site),
        "/sites/shop?changed=",
    );
    let new = "/sites/shop/route";
    let ping = [
        ("path", "/ping"),
        ("match", "exact"),
        ("target", "respond"),
        ("respond.body", "pong"),
    ];
    assert_saved(&panel.fill(new, new, &ping), "/sites/shop?changed=");
    let old = [
        ("path", "/old/"),
        ("target", "redirect"),
        ("redirect.to", "/new/"),
        ("redirect.status", "308"),
    ];
    assert_saved(&panel.fill(new, new, &old), "/sites/shop?changed=");
    let ask = |path: &str| lb.ask(&client::Request::get(path).field("Host", "shop.test"));
    assert_eq!(ask("/ping").text(), "pong");
    assert_eq!(ask("/old/x").status, 308);
    assert_eq!(lb.get("/ping").status, 404, "of no other host");
    let spare = Port::free();
    let port = spare.number();
    let listener = [("name", "more"), ("address", &*format!("127.0.0.1:{port}"))];
    assert_saved(
        &panel.fill("/listeners", "/listeners", &listener),
        "/listeners?changed=",
    );
    let by = client::ask(
        port,
        &client::Request::get("/ping").field("Host", "shop.test"),
    );
    assert_eq!(by.text(), "pong");
    let only = [("hosts", "shop.test"), ("listeners", "more")];
    assert_saved(
        &panel.fill("/sites/shop", "/sites/shop", &only),
        "/sites/shop?changed=",
    );
    assert_eq!(ask("/ping").status, 404, "by the other listener alone");
    let told = panel
        .get(&format!("/try?url=http://shop.test:{port}/ping"))
        .text();
    for words in ["fixed answer 200", ">shop</a>", "more"] {
        assert!(told.contains(words), "{words} in {told}");
    }
    panel.chinese();
    let told = panel
        .get(&format!("/try?url=http://other.test:{port}/"))
        .text();
    assert!(told.contains("没有站点接收这个主机名"), "{told}");
    assert!(!told.contains("No site answers"), "{told}");
}

/// A form, a field, what is typed there, and what is told beside it in both languages.
const WRONG: &[(&str, &str, &str, &str, &str)] = &[
    (
        "/pools/django",
        "connect_timeout",
        "soon",
        "Must be a time",
        "必须是时间",
    ),
    (
        "/pools/django",
        "retry.tries",
        "5000",
        "Must be 0 to 1000 (is 5000)",
        "必须在 0 到 1000 之间（当前为 5000）",
    ),
    (
        "/pools/django",
        "retry.tries",
        "many",
        "Must be a whole number",
        "必须是 0 到 1000 的整数",
    ),
    (
        "/pools/django",
        "health_check.timeout",
        "9s",
        "Must be at most the interval",
        "不能超过检查间隔",
    ),
    (
        "/sites/shop",
        "hosts",
        "a b",
        "Must be a host name",
        "必须是主机名",
    ),
    (
        "/sites/shop",
        "hosts",
        "other.test",
        "already taken by site other",
        "已被站点 other 占用",
    ),
    (
        "/sites/shop",
        "allow",
        "everyone",
        "Must be an IP address",
        "必须是 IP 地址",
    ),
    (
        "/sites/shop/route",
        "path",
        "ping",
        "Must start with /",
        "必须以 / 开头",
    ),
    (
        "/sites/shop/route",
        "path",
        "/",
        "There is a route / of site shop already",
        "站点 shop 已有路由 /",
    ),
    (
        "/sites/shop/route",
        "headers",
        "X A: 1",
        "Must be a header name",
        "必须是头字段名",
    ),
    (
        "/listeners/http",
        "address",
        "everywhere",
        "Must be IP:PORT",
        "必须是 IP:端口",
    ),
    (
        "/listeners/http",
        "tls.on",
        "on",
        "Needs a certificate to show",
        "需要一张证书",
    ),
    (
        "/settings/settings",
        "memory_budget",
        "much",
        "Must be a size",
        "必须是大小",
    ),
    (
        "/settings/admin",
        "address",
        "0.0.0.0:9443",
        "beyond this machine",
        "从本机之外访问",
    ),
    (
        "/settings/logs",
        "rotate.keep",
        "-1",
        "Must be 0 to",
        "必须在 0 到",
    ),
    (
        "/settings/webhooks",
        "url",
        "ftp://x",
        "Must begin with https://",
        "必须以 https:// 或 http:// 开头",
    ),
];

#[test]
fn each_problem_is_beside_its_field_in_both_languages_and_nothing_is_lost() {
    let (lb, _node, mut panel) = before_forms();
    for (name, host) in [("shop", "shop.test"), ("other", "other.test")] {
        let site = [("name", name), ("hosts", host), ("pool", "django")];
        assert_saved(&panel.fill("/sites", "/sites", &site), "/sites/");
    }
    let before = lb.export();
    for is_chinese in [false, true] {
        if is_chinese {
            panel.chinese();
        }
        for (form, field, value, english, in_chinese) in WRONG {
            let page = match form.starts_with("/settings") {
                true => "/settings",
                false => form,
            };
            let mut typed = vec![(*field, *value)];
            if *form == "/settings/webhooks" {
                typed.push(("name", "ops"));
            }
            let refused = panel.fill(page, form, &typed);
            let text = refused.text();
            assert_eq!(refused.status, 422, "{form} {field}: {text}");
            let words = if is_chinese { in_chinese } else { english };
            let beside = text
                .split("class=\"key ")
                .find(|row| row.contains(&format!("name=\"{field}\"")) && row.contains(words));
            let beside = beside.unwrap_or_else(|| panic!("{form} {field}: no {words} in {text}"));
            assert!(beside.contains("-fault\""), "{beside}");
            let kept = form_fields(&text, form);
            assert!(
                kept.iter().any(|(n, v)| n == field && v == value),
                "{kept:?}"
            );
            // No word of English is left over in the row.
            assert!(!is_chinese || !beside.contains("lang=\"en\""), "{beside}");
        }
    }
    assert_eq!(lb.export(), before);
    let twice = panel.fill(
        "/pools",
        "/pools",
        &[("name", "django"), ("nodes", "127.0.0.1:9")],
    );
    assert_eq!(twice.status, 422);
    assert!(
        twice.text().contains("节点池 django 已存在"),
        "{}",
        twice.text()
    );
}

#[test]
fn settings_and_webhooks_are_saved_and_a_secret_is_never_shown() {
    let (lb, _node, mut panel) = before_forms();
    let logs = [
        ("rotate.keep", "3"),
        ("format", "json"),
        ("store.on", "\0off"),
    ];
    assert_saved(
        &panel.fill("/settings", "/settings/logs", &logs),
        "/settings?changed=",
    );
    let hook = [
        ("name", "ops"),
        ("url", "http://127.0.0.1:9/T0KEN"),
        ("events", "node_down"),
        ("secret", "open sesame"),
    ];
    assert_saved(
        &panel.fill("/settings", "/settings/webhooks", &hook),
        "/settings?changed=",
    );
    let document = lb.export();
    for line in [
        "keep = 3",
        "format = \"json\"",
        "on = false",
        "events = [\"node_down\"]",
    ] {
        assert!(document.contains(line), "{line} in {document}");
    }
    let page = panel.get("/settings/webhooks/ops").text();
    assert!(!page.contains("sesame"), "{page}");
    let other = [("url", "http://127.0.0.1:9/OTHER")];
    let here = "/settings/webhooks/ops";
    assert_saved(&panel.fill(here, here, &other), here);
    let again = panel.fill(here, here, &[("secret", "open sesame")]);
    assert_eq!(again.field("Location"), Some(here), "it was kept");
    let remove = "/settings/webhooks/ops/remove";
    assert_saved(&panel.fill(remove, remove, &[]), "/settings?changed=");
    assert!(!lb.export().contains("webhooks"));
}
