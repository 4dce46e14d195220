//! What a check can ask, what it does to health, and the check module's status page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::document::{one_pool, route, site};
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node};

/// A check by HTTP that one answer turns, slow enough that no node is late on a busy machine.
fn checked(keys: &str) -> String {
    format!(
        "health_check = {{ kind = \"http\", interval = \"2s\", timeout = \"2s\", rise = 1, fall = 1, {keys} }}"
    )
}

#[test]
fn a_probe_asks_as_it_is_told_and_names_itself() {
    let probes = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&probes);
    let node = Node::scripted("web-1", move |request| {
        kept.lock().unwrap().push(request.clone());
        Answer::text("")
    });
    let lb = Appliance::start();
    let keys = r#"method = "HEAD", path = "/up?full=1", host = "shop.example.com", headers = { X-Forwarded-Proto = "https" }"#;
    lb.apply(&one_pool(lb.port(), &checked(keys), &[node.line(1)]));
    lb.wait_for_health("django", "web-1", "up");
    let seen = probes.lock().unwrap()[0].clone();
    assert_eq!((seen.method(), seen.target()), ("HEAD", "/up?full=1"));
    assert_eq!(seen.field("Host"), Some("shop.example.com"));
    assert_eq!(seen.field("X-Forwarded-Proto"), Some("https"));
    assert_eq!(seen.field("User-Agent"), Some("steelyard-probe/1"));
    let exported = lb.export();
    for key in ["HEAD", "/up?full=1", "X-Forwarded-Proto"] {
        assert!(exported.contains(key), "{exported}");
    }
}

/// Django takes its own names only: a probe that asked for an address would find it Down.
#[test]
fn a_probe_asks_for_the_name_that_visitors_ask_for() {
    let node = Node::scripted("web-1", |request| match request.field("Host") {
        Some("shop.example.com" | "of-the-pool") => Answer::text(""),
        _ => Answer::status(400, "<h1>Bad Request (400)</h1>"),
    });
    let lb = Appliance::start();
    let keys = checked("path = \"/up\"");
    let hosts = "hosts = [\"zoo.example.com\", \"*.example.com\", \"shop.example.com\"]\n\n";
    let named = |hosts: &str| site("shop", &format!("{hosts}{}", route("/", "django", "")));
    let pool = one_pool(lb.port(), &keys, &[node.line(1)]);
    lb.apply(&(pool.clone() + &named(hosts)));
    lb.wait_for_health("django", "web-1", "up");

    // The words name the Host that was sent; and what is asked follows the sites.
    lb.apply(&(pool.clone() + &named("hosts = [\"new.example.com\"]\n\n")));
    lb.wait_for_health("django", "web-1", "down");
    let check = &lb.node("django", "web-1")["check"];
    assert_eq!(check["cause"], "disallowed_host", "{check}");
    let text = check["text"].as_str().unwrap();
    assert!(text.contains("\"new.example.com\""), "{text}");

    let keys = format!("host = \"of-the-pool\"\n{keys}");
    let pool = one_pool(lb.port(), &keys, &[node.line(1)]);
    lb.apply(&(pool + &named("hosts = [\"new.example.com\"]\n\n")));
    lb.wait_for_health("django", "web-1", "up");
}

#[test]
fn probes_stay_out_of_the_statistics() {
    let node = Node::answering("web-1");
    let lb = Appliance::start();
    lb.apply(&one_pool(
        lb.port(),
        &checked("path = \"/up\""),
        &[node.line(1)],
    ));
    eventually("probes", || (node.probes() >= 3).then_some(()));
    assert_eq!(lb.get("/visit").text(), "web-1");
    assert_eq!(node.requests().len(), 1);
    let shown = lb.node("django", "web-1");
    assert_eq!(shown["requests"], 1);
    assert_eq!(shown["errors"], 0);
    let log = lb.access_log(1);
    assert_eq!(log.len(), 1);
    assert!(log[0].contains("/visit"), "{log:?}");
    let metrics = lb.admin("/metrics").text();
    let counted = metrics
        .lines()
        .find(|line| line.starts_with("steelyard_requests_total") && line.contains("django"));
    assert!(
        counted.is_some_and(|line| line.ends_with(" 1")),
        "{metrics}"
    );
}

#[test]
fn a_node_without_the_text_is_down_until_it_has_it() {
    let well = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&well);
    let node = Node::scripted("web-1", move |_| match now.load(Ordering::SeqCst) {
        true => Answer::text("database: ok"),
        false => Answer::text("database: gone"),
    });
    let lb = Appliance::start();
    let keys = checked("body = \"database: ok\"");
    lb.apply(&one_pool(lb.port(), &keys, &[node.line(1)]));
    lb.wait_for_health("django", "web-1", "down");
    let check = lb.node("django", "web-1")["check"].clone();
    assert_eq!(check["code"], "L7RSP");
    assert_eq!(check["cause"], "body_mismatch");
    assert_eq!(check["status"], 200);
    well.store(true, Ordering::SeqCst);
    lb.wait_for_health("django", "web-1", "up");
}

#[test]
fn a_node_that_is_down_by_default_takes_nothing_before_its_probes_pass() {
    let gate = Gate::closed();
    let held = gate.clone();
    let new = Node::scripted("new", move |_| {
        held.pass();
        Answer::text("new")
    });
    let old = Node::answering("old");
    let lb = Appliance::start();
    // The new node's probes wait for the gate, and none is late.
    let keys = r#"health_check = { kind = "http", interval = "60s", timeout = "60s", rise = 1, default_down = true }"#;
    lb.apply(&one_pool(lb.port(), keys, &[new.line(1), old.line(1)]));
    lb.wait_for_health("django", "old", "up");
    assert_eq!(lb.node("django", "new")["health"], "down");
    assert_eq!(lb.node("django", "new")["check"], json!(null));
    for _ in 0..10 {
        assert_eq!(lb.get("/").text(), "old");
    }
    gate.open();
    lb.wait_for_health("django", "new", "up");
    assert_eq!(lb.get("/").text() + &lb.get("/").text(), "newold");
}

#[test]
fn a_check_with_a_port_asks_there() {
    let well = Node::answering("well");
    let node = Node::refusing("web-1", |_| Answer::text("never"));
    let lb = Appliance::start();
    let port = format!("port = {}", well.address().port());
    lb.apply(&one_pool(lb.port(), &checked(&port), &[node.line(1)]));
    lb.wait_for_health("django", "web-1", "up");
    assert!(well.probes() > 0);
    assert!(lb.export().contains(&port), "{}", lb.export());
}

#[test]
fn the_check_module_s_page_is_there_in_its_three_formats() {
    let up = Node::answering("up");
    let down = Node::scripted("down", |_| Answer::raw("<script>alert(1)</script>\n"));
    let lb = Appliance::start();
    let keys = checked("path = \"/\"");
    lb.apply(&one_pool(lb.port(), &keys, &[up.line(1), down.line(1)]));
    lb.wait_for_health("django", "up", "up");
    lb.wait_for_health("django", "down", "down");
    let head = Request::new("HEAD", "/check_status");
    let head = Client::of(lb.admin_port()).ask(&head);
    assert_eq!((head.status, head.text().len()), (200, 0));
    let page = |query: &str| lb.admin(&format!("/check_status{query}"));

    let answer = page("?format=json&status=up");
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    let mut json = answer.json();
    let rise = json["servers"]["server"][0]["rise"].take();
    assert!(rise.as_u64().is_some_and(|rise| rise >= 1), "{rise}");
    let server = json!({
        "index": 0, "upstream": "django", "name": up.address().to_string(), "status": "up",
        "rise": null, "fall": 0, "type": "http", "port": up.address().port(),
    });
    assert_eq!(
        json,
        json!({"servers": {"total": 1, "generation": 1, "server": [server]}})
    );

    let csv = page("?format=csv&status=down").text();
    let begin = format!("1,django,{},down,0,", down.address());
    let end = format!(",http,{}", down.address().port());
    assert!(
        csv.starts_with(&begin) && csv.trim_end().ends_with(&end),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 1);
    assert_eq!(page("?format=csv").text().lines().count(), 2);

    let html = page("");
    let kind = html.field("Content-Type").unwrap();
    assert!(kind.starts_with("text/html"), "{kind}");
    assert_eq!(html.text().matches("<tr").count(), 3);
    assert!(!html.text().contains("<script"), "{}", html.text());
    assert!(
        html.text().contains("&lt;script&gt;alert(1)"),
        "{}",
        html.text()
    );
    assert!(page("?lang=zh-CN").text().contains("请检查端口"));

    for wrong in ["?format=xml", "?status=maybe", "?lang=fr"] {
        assert_eq!(page(wrong).status, 400, "{wrong}");
    }
}

#[test]
fn a_node_that_comes_back_up_is_warmed_by_slow_start() {
    let [mut cold, mut ready, steady] = Node::three();
    let lb = Appliance::start();
    let check = r#"health_check = { kind = "http", path = "/", interval = "1s", timeout = "1s", rise = 1, fall = 2 }"#;
    let document = |slow_start: &str| {
        let line = |node: &Node| node.line(1);
        let keys = format!("slow_start = \"{slow_start}\"\n{check}");
        let pool = one_pool(
            lb.port(),
            &keys,
            &[line(&cold), line(&steady), line(&ready)],
        );
        // The last node has a word of its own.
        pool + "slow_start = \"0s\"\n"
    };
    let (slow, fast) = (document("1h"), document("0s"));
    lb.apply(&slow);
    let mut client = Client::of(lb.port());
    let mut ask = |count: usize| {
        let mut answers = BTreeMap::<String, usize>::new();
        for _ in 0..count {
            *answers.entry(client.get("/").text()).or_default() += 1;
        }
        ["web-1", "web-2", "web-3"].map(|name| answers.get(name).copied().unwrap_or(0))
    };
    // At a start nobody is warmed: all would be slow.
    assert_eq!(ask(60), [20, 20, 20]);
    for node in [&mut cold, &mut ready] {
        node.stop();
        lb.wait_for_health("django", node.name(), "down");
        node.start();
        lb.wait_for_health("django", node.name(), "up");
    }
    // Of an hour no minute is over: it has less than a sixtieth of its weight.
    let [warming, whole, whole_too] = ask(200);
    assert!(warming <= 10, "{warming}");
    assert!(whole.abs_diff(whole_too) <= 10, "{whole} {whole_too}");
    let shares = ["web-1", "web-2", "web-3"].map(|name| {
        let node = lb.node("django", name);
        assert_eq!(node["weight"], 1);
        node["share"].as_f64().unwrap()
    });
    assert!(shares[0] < 0.05, "{shares:?}");
    assert!(shares[1] > 0.45 && shares[2] > 0.45, "{shares:?}");
    lb.apply(&fast);
    let [one, two, three] = ask(60);
    for count in [one, two, three] {
        assert!(count.abs_diff(20) <= 2, "{one} {two} {three}");
    }
}

#[test]
fn a_verdict_is_told_once_with_its_reason() {
    let mut node = Node::answering("web-1");
    let lb = Appliance::start();
    let keys = "health_check = { kind = \"tcp\", interval = \"1s\", timeout = \"1s\", rise = 1, fall = 1 }";
    lb.apply(&one_pool(lb.port(), keys, &[node.line(1)]));
    let told = |words: &str| lb.log().lines().filter(|line| line.contains(words)).count();
    lb.wait_for_health("django", "web-1", "up");
    let is_up = " INFO node django/web-1 is up: accepts connections";
    let address = node.address();
    node.stop();
    lb.wait_for_health("django", "web-1", "down");
    // Another failure tells nothing more.
    let at = lb.node("django", "web-1")["check"]["at"].clone();
    eventually("another failure", || {
        (lb.node("django", "web-1")["check"]["at"] != at).then_some(())
    });
    let is_down = format!(
        " WARN node django/web-1 is down: connection refused: nothing listens on {address}"
    );
    assert_eq!((told(is_up), told(&is_down)), (1, 1), "{}", lb.log());
}
