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
        "255.255.255.255:80".to_owned(),
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
