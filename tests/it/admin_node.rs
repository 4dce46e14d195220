//! Trying an address: what is found there is told in plain words, and nothing is reached that no
//! node may be.

use serde_json::{Value, json};

use crate::support::appliance::Appliance;
use crate::support::broken::{Broken, Deaf, Step};
use crate::support::client::{Client, Request, Response, control};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Node, Then};
use crate::support::panel::Panel;
use crate::support::ports::Port;

/// Asks on the socket, as an admin would.
fn tried(lb: &Appliance, address: &str, language: &str) -> Value {
    let answer = ask(lb, &json!({ "address": address }), language);
    assert_eq!(answer.status, 200, "{address}: {}", answer.text());
    answer.json()
}

fn ask(lb: &Appliance, body: &Value, language: &str) -> Response {
    let target = format!("/api/v1/trial?lang={language}");
    control(lb.data(), &Request::post(&target, body.to_string()))
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_django_under_gunicorn_is_known_by_one_request() {
    let lb = Appliance::start();
    let node = Gunicorn::start(Release::New, Worker::Gthread, "web-1");
    let found = tried(&lb, &node.address().to_string(), "en");
    // The site has nothing at /: that is told, and who says so.
    assert_eq!(found["cause"], "not_found", "{found}");
    assert_eq!(found["passed"], false);
    assert_eq!(found["server"], "gunicorn", "{found}");
    assert_eq!(found["django"], true, "{found}");
    assert!(found["connected_ms"].is_u64(), "{found}");
    let sent = text(&found["exchange"], "sent");
    assert!(
        sent.starts_with("GET / HTTP/1.1\nHost: 127.0.0.1"),
        "{sent}"
    );
    let head = text(&found["exchange"], "head");
    assert!(head.starts_with("HTTP/1.1 404 Not Found\n"), "{head}");
}

#[test]
fn every_failure_has_its_cause_in_both_languages() {
    let lb = Appliance::start();
    let closed = Port::free();
    let deaf = Deaf::new();
    let scripted = |answer: Answer| Node::scripted("broken", move |_| answer.clone());
    let page = "<title>Bad Request (400)</title>\n<h1>Bad Request (400)</h1><p></p>";
    let django = scripted(Answer::status(400, page));
    let mute = scripted(Answer::nothing(Then::Hang));
    let gone = scripted(Answer::nothing(Then::Close));
    let redis = scripted(Answer::raw("-ERR unknown command\r\n"));
    let cut = Broken::doing(vec![Step::ReadHead, Step::say("HTTP/1.1 200 OK\r\nConte")]);
    for (address, cause, english, chinese) in [
        (
            closed.address(),
            "refused",
            "connection refused",
            "连接被拒绝",
        ),
        (
            deaf.address(),
            "connect_timeout",
            "did not accept",
            "没有接受连接",
        ),
        (
            django.address(),
            "disallowed_host",
            "ALLOWED_HOSTS",
            "ALLOWED_HOSTS",
        ),
        (
            mute.address(),
            "answer_timeout",
            "did not answer within 3s",
            "没有应答",
        ),
        (
            gone.address(),
            "closed",
            "without an answer",
            "没有应答就关闭",
        ),
        (
            redis.address(),
            "speaks_redis",
            "is Redis on",
            "是 Redis 服务",
        ),
        (
            cut.address(),
            "head_cut",
            "in the middle of its answer's head",
            "只发送了一半",
        ),
    ] {
        let address = address.to_string();
        for (language, words) in [("en", english), ("zh-CN", chinese)] {
            let found = tried(&lb, &address, language);
            assert_eq!(found["cause"], cause, "{found}");
            assert!(text(&found, "text").contains(words), "{found}");
        }
    }
    let name = tried(&lb, "no-such-name.invalid:80", "en");
    assert_eq!(name["code"], "DNS", "{name}");
    assert_eq!(name["exchange"]["sent"], "");
}

#[test]
fn what_no_node_may_be_is_not_connected_to_and_is_noted() {
    let lb = Appliance::start();
    let mut admin = Panel::set_up(&lb);
    let port = lb.admin_port();
    let own = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("0.0.0.0:{port}"),
        format!("unix:{}/control.sock", lb.data().display()),
        "169.254.169.254:80".to_owned(),
        "[fe80::1]:80".to_owned(),
        "[fd00:ec2::254]:80".to_owned(),
        "100.100.100.200:80".to_owned(),
        "224.0.0.1:80".to_owned(),
        "0.0.0.0:80".to_owned(),
    ];
    for address in &own {
        let refused = ask(&lb, &json!({ "address": address }), "en");
        assert_eq!(refused.status, 422, "{address}: {}", refused.text());
        assert_eq!(refused.json()["problems"][0]["field"], "address");
    }
    let page = admin.get("/audit").text();
    assert!(page.contains("169.254.169.254:80"), "{page}");
    for (body, field) in [
        (json!({ "address": "http://10.0.0.1:80" }), "address"),
        (json!({ "address": "user@10.0.0.1:80" }), "address"),
        (json!({ "address": "10.0.0.1:80\r\nX: y" }), "address"),
        (json!({ "address": "10.0.0.1:80", "url": "/" }), "url"),
        (json!({}), "address"),
    ] {
        let refused = ask(&lb, &body, "en");
        assert_eq!(refused.status, 422, "{body}: {}", refused.text());
        assert_eq!(refused.json()["problems"][0]["field"], field, "{body}");
    }
    let unknown = json!({ "address": "127.0.0.1:1", "pool": "nobody" });
    assert_eq!(ask(&lb, &unknown, "en").status, 404);
}

#[test]
fn one_request_is_sent_and_no_redirect_is_followed() {
    let lb = Appliance::start();
    let target = Node::answering("target");
    let to = format!("http://{}/", target.address());
    let node = Node::scripted("node", move |_| {
        Answer::status(302, "").field("Location", &to)
    });
    let found = tried(&lb, &node.address().to_string(), "en");
    assert_eq!(found["status"], 302, "{found}");
    assert_eq!(node.connections(), 1);
    assert_eq!(target.connections(), 0);
}

#[test]
fn a_configured_node_is_tried_by_the_check_of_its_pool_and_secrets_are_not_shown() {
    let lb = Appliance::start();
    let node = Node::scripted("web-1", |_| {
        Answer::text(&"x".repeat(4000)).field("Set-Cookie", "sessionid=sesame; HttpOnly")
    });
    let check = r#"health_check = { kind = "http", path = "/up", host = "shop.example", headers = { Authorization = "Bearer sesame" }, interval = "60s" }"#;
    lb.apply(&one_pool(lb.port(), check, &[node.line(1)]));
    let mut admin = Panel::set_up(&lb);
    let made = admin.post("/people/tokens", &[("name", "ops"), ("scope", "operator")]);
    let page = made.text();
    let start = page.find("steelyard_").unwrap();
    let token = format!("Bearer {}", &page[start..start + 53]);
    let by_token = |target: &str, body: &str| {
        let request = Request::post(target, body).field("Authorization", &token);
        Client::of(lb.admin_port()).ask(&request)
    };
    let pool = lb.status()["pools"][0]["name"].as_str().unwrap().to_owned();
    let found = by_token(&format!("/api/v1/pools/{pool}/nodes/web-1/trial"), "");
    assert_eq!(found.status, 200, "{}", found.text());
    assert!(!found.text().contains("sesame"), "{}", found.text());
    let found = found.json();
    assert_eq!(found["passed"], true);
    let sent = text(&found["exchange"], "sent");
    assert!(
        sent.starts_with("GET /up HTTP/1.1\nHost: shop.example\n"),
        "{sent}"
    );
    assert_eq!(text(&found["exchange"], "body").len(), 200);
    assert_eq!(found["exchange"]["more"], true);
    let gone = by_token(&format!("/api/v1/pools/{pool}/nodes/nobody/trial"), "");
    assert_eq!(gone.status, 404);
    let address = json!({ "address": node.address().to_string() }).to_string();
    let refused = by_token("/api/v1/trial", &address);
    assert_eq!(
        refused.status, 403,
        "an operator tries no address of their own"
    );
}

fn pool_of(lb: &Appliance) -> String {
    lb.status()["pools"][0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn the_page_of_a_node_says_how_it_is_and_why_and_tests_it() {
    let lb = Appliance::start();
    let page = "<title>Bad Request (400)</title>\n<h1>Bad Request (400)</h1><p></p>";
    let down = Node::scripted("web-1", move |_| {
        Answer::status(400, page).field("X-Note", "<b>hostile</b>")
    });
    let check = r#"health_check = { kind = "http", path = "/up", interval = "1s", timeout = "1s", fall = 1 }"#;
    let well = Node::answering("web-2");
    lb.apply(&one_pool(lb.port(), check, &[down.line(3), well.line(1)]));
    let pool = pool_of(&lb);
    lb.wait_for_health(&pool, "web-1", "down");
    let mut admin = Panel::set_up(&lb);
    let here = format!("/nodes/{pool}/web-1");
    let page = admin.get(&here).text();
    for words in [
        "Django does not allow it",
        "failed checks in a row",
        "It gets no requests.",
        "ALLOWED_HOSTS += [&#34;127.0.0.1&#34;]",
        "name=\"weight\" type=\"number\" min=\"1\" max=\"1000\" step=\"1\" value=\"3\"",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let tested = admin.post(&format!("{here}/test"), &[]);
    assert_eq!(tested.status, 200, "{}", tested.text());
    let page = tested.text();
    assert!(page.contains("GET /up HTTP/1.1"), "{page}");
    assert!(page.contains("HTTP/1.1 400 "), "{page}");
    assert!(!page.contains("<b>hostile</b>"), "{page}");
    admin.post("/preferences", &[("language", "zh-CN"), ("next", "/")]);
    let page = admin.get(&here).text();
    assert!(page.contains("Django 不允许该主机名"), "{page}");
    assert!(page.contains("不接收请求"), "{page}");
    assert_eq!(admin.get(&format!("/nodes/{pool}/nobody")).status, 404);
    assert_eq!(admin.get("/nodes/nowhere/web-1").status, 404);
}

#[test]
fn its_settings_are_saved_as_one_change_with_each_fault_beside_its_field() {
    let lb = Appliance::start();
    let nodes = Node::three();
    let lines: Vec<_> = nodes.iter().map(|node| node.line(1)).collect();
    lb.apply(&one_pool(lb.port(), "", &lines));
    let pool = pool_of(&lb);
    let name = nodes[0].name().to_owned();
    let here = format!("/nodes/{pool}/{name}");
    let mut admin = Panel::set_up(&lb);
    let own = nodes[0].address().to_string();
    let form = |revision: &str, address: &str, weight: &str, conns: &str, slow: &str| {
        [
            ("revision", revision.to_owned()),
            ("address", address.to_owned()),
            ("weight", weight.to_owned()),
            ("max_conns", conns.to_owned()),
            ("slow_start", slow.to_owned()),
        ]
    };
    let send = |panel: &mut Panel, fields: [(&'static str, String); 5]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        panel.post(&here, &fields)
    };
    for (address, weight, conns, slow, words) in [
        ("nowhere", "1", "0", "", "This is no address"),
        (own.as_str(), "0", "0", "", "A weight is a whole number"),
        (
            own.as_str(),
            "1",
            "-1",
            "",
            "A whole number of 0 to 1000000",
        ),
        (own.as_str(), "1", "0", "soon", "A time up to a day"),
    ] {
        let refused = send(&mut admin, form("1", address, weight, conns, slow));
        assert_eq!(refused.status, 422, "{words}");
        assert!(
            refused.text().contains(words),
            "{words}: {}",
            refused.text()
        );
    }
    assert_eq!(lb.status()["revision"], 1, "nothing half done");
    for _ in 0..2 {
        let saved = send(&mut admin, form("1", &own, "4", "8", "30s"));
        assert_eq!(
            saved.field("Location"),
            Some(format!("{here}?changed=2").as_str()),
            "{}",
            saved.text()
        );
    }
    assert_eq!(lb.status()["revision"], 2, "sent twice, saved once");
    let stale = send(&mut admin, form("1", &own, "9", "0", ""));
    assert_eq!(stale.status, 409, "{}", stale.text());
    let document = lb.export();
    assert!(
        document.contains("max_conns = 8") && document.contains("slow_start = \"30s\""),
        "{document}"
    );
}

#[test]
fn an_operator_drains_and_tests_it_and_a_viewer_looks() {
    let lb = Appliance::start();
    let node = Node::answering("web-1");
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let pool = pool_of(&lb);
    let here = format!("/nodes/{pool}/web-1");
    let mut admin = Panel::set_up(&lb);
    let switch = format!("{here}/switch");
    let drained = admin.post(&switch, &[("state", "draining")]);
    assert_eq!(drained.status, 303);
    assert_eq!(lb.node(&pool, "web-1")["admin_state"], "draining");
    let fields = [("address", "127.0.0.1:1"), ("weight", "9")];
    let mut operator = admin.with(&lb, "olga", "operator");
    assert_eq!(operator.post(&here, &fields).status, 403);
    assert_eq!(operator.post(&format!("{here}/test"), &[]).status, 200);
    let enabled = operator.post(&switch, &[("state", "enabled")]);
    assert_eq!(enabled.status, 303);
    let mut viewer = admin.with(&lb, "vera", "viewer");
    assert_eq!(viewer.get(&here).status, 200);
    assert_eq!(viewer.post(&format!("{here}/test"), &[]).status, 403);
    let refused = viewer.post(&switch, &[("state", "disabled")]);
    assert_eq!(refused.status, 403);
    assert_eq!(lb.status()["revision"], 3);
}

#[test]
fn a_node_is_tested_and_added_by_one_row() {
    let lb = Appliance::start();
    let first = Node::answering("web-1");
    let second = Node::answering("web-2");
    lb.apply(&one_pool(lb.port(), "", &[first.line(1)]));
    let pool = pool_of(&lb);
    let mut admin = Panel::set_up(&lb);
    let page = admin.get("/nodes").text();
    assert!(
        page.contains(&format!("action=\"/add-node/{pool}\"")),
        "{page}"
    );
    let to = format!("/add-node/{pool}");
    let address = second.address().to_string();
    let send = |panel: &mut Panel, address: &str, name: &str, weight: &str, act: &str| {
        let fields = [
            ("address", address),
            ("name", name),
            ("weight", weight),
            ("revision", "1"),
            ("do", act),
        ];
        panel.post(&to, &fields)
    };
    let tested = send(&mut admin, &address, "", "1", "test");
    assert_eq!(tested.status, 200, "{}", tested.text());
    assert!(tested.text().contains("answers 200"), "{}", tested.text());
    let own = format!("127.0.0.1:{}", lb.admin_port());
    let refused = send(&mut admin, &own, "", "1", "test");
    assert!(
        refused.text().contains("where the panel itself listens"),
        "{}",
        refused.text()
    );
    let taken = first.address().to_string();
    for (address, name, weight, words) in [
        ("x", "", "1", "This is no address"),
        (
            taken.as_str(),
            "",
            "1",
            "Another node of this pool has this address",
        ),
        (
            address.as_str(),
            "web-1",
            "1",
            "A node of this pool has this name",
        ),
        (address.as_str(), "a b", "1", "A name holds letters"),
        (address.as_str(), "", "1001", "A weight is a whole number"),
    ] {
        let refused = send(&mut admin, address, name, weight, "add");
        assert_eq!(refused.status, 422, "{words}: {}", refused.text());
        assert!(
            refused.text().contains(words),
            "{words}: {}",
            refused.text()
        );
    }
    assert_eq!(lb.status()["revision"], 1);
    let added = send(&mut admin, &address, "", "2", "add");
    assert_eq!(
        added.field("Location"),
        Some("/nodes?changed=2"),
        "{}",
        added.text()
    );
    assert_eq!(lb.node(&pool, "web-2")["weight"], 2);
}

#[test]
fn only_an_admin_adds_a_node() {
    let lb = Appliance::start();
    let node = Node::answering("web-1");
    lb.apply(&one_pool(lb.port(), "", &[node.line(1)]));
    let to = format!("/add-node/{}", pool_of(&lb));
    let mut admin = Panel::set_up(&lb);
    let mut operator = admin.with(&lb, "olga", "operator");
    let fields = [("address", "127.0.0.1:1"), ("do", "add")];
    assert_eq!(operator.post(&to, &fields).status, 403);
    assert!(!operator.get("/nodes").text().contains("/add-node/"));
    assert_eq!(lb.status()["revision"], 1);
}
