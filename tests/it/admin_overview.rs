//! The overview of the panel, with real requests: numbers, what is wrong, what happened.

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request};
use crate::support::document::{NodeLine, one_pool, route, site};
use crate::support::eventually;
use crate::support::node::{Answer, Node};
use crate::support::panel::{PASSWORD, Panel};
use crate::support::ports::Port;

const CHECK: &str =
    "health_check = { kind = \"http\", interval = \"1s\", timeout = \"1s\", rise = 1, fall = 1 }";

fn node() -> Node {
    Node::scripted("web-1", |request| match request.target() {
        "/fails" => Answer::status(500, "a bug"),
        _ => Answer::text("hello"),
    })
}

fn apply(lb: &Appliance, nodes: &[NodeLine], more: &str) {
    let pool = one_pool(lb.port(), CHECK, nodes);
    let routes = route("/", "django", "") + &route("/api/", "django", "");
    let site = site("shop", &routes);
    lb.apply(&format!("{pool}{site}\n{more}\n"));
}

fn page(panel: &mut Panel, path: &str) -> String {
    let answer = panel.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// The page once it says `words`.
fn says(panel: &mut Panel, words: &str) -> String {
    eventually(words, || {
        let text = page(panel, "/");
        text.contains(words).then_some(text)
    })
}

#[test]
fn the_picture_and_the_sentence_count_the_requests_that_came() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[node.line(1)], "");
    let mut panel = Panel::set_up(&lb);
    for _ in 0..6 {
        lb.get("/");
    }
    for _ in 0..3 {
        lb.get("/api/list");
    }
    lb.get("/fails");
    let text = says(&mut panel, "requests in the last minute: 10");
    // The listener, the site and the node had all ten; of the routes one had seven. The picture
    // is there twice: on phones from the routes on.
    for (words, count) in [
        ("requests in the last minute: 10<", 4),
        ("requests in the last minute: 7<", 2),
        ("requests in the last minute: 3<", 2),
    ] {
        let found = text.matches(words).count();
        assert_eq!(found, count, "{words}: {text}");
    }
    assert!(text.contains("The node takes requests"), "{text}");
    assert!(text.contains("errors in 15 min: 1"), "{text}");
    assert!(text.contains("req/s"), "{text}");
    assert!(!text.contains("class=\"why\""), "{text}");
}

#[test]
fn a_node_that_is_down_takes_the_top_with_its_cause_in_the_reader_s_language() {
    let node = node();
    let port = Port::free();
    let gone = port.number();
    let lb = Appliance::start();
    apply(
        &lb,
        &[node.line(1), ("web-2".into(), port.address(), 1)],
        "",
    );
    let mut panel = Panel::set_up(&lb);
    let text = says(&mut panel, "web-2 went down");
    assert!(text.contains("web-2 is down since "), "{text}");
    let cause = format!("onnection refused: nothing listens on 127.0.0.1:{gone}");
    assert!(text.contains(&cause), "{text}");
    assert!(text.contains("1 of 2 nodes take requests"), "{text}");
    assert!(text.contains("the other nodes take its share"), "{text}");
    let switched = panel.post("/preferences", &[("language", "zh-CN"), ("next", "/")]);
    assert_eq!(switched.status, 303);
    let text = page(&mut panel, "/");
    let cause = format!("连接被拒绝：127.0.0.1:{gone} 上没有程序在监听");
    // Beside its trouble and beside the event.
    assert_eq!(text.matches(&cause).count(), 2, "{text}");
    for words in [
        "web-2 已宕机",
        "2 个节点中有 1 个接收请求",
        "请求去向",
        "最近动态",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for words in [
        "req/s",
        "last minute",
        "is down",
        "onnection",
        "Overview",
        " went ",
    ] {
        assert!(!text.contains(words), "{words}: {text}");
    }
}

#[test]
fn what_happened_and_what_was_counted_is_there_after_a_restart() {
    let node = node();
    let mut lb = Appliance::start();
    apply(&lb, &[node.line(1)], "");
    let mut panel = Panel::set_up(&lb);
    lb.get("/fails");
    says(&mut panel, "errors in 15 min: 1");
    apply(&lb, &[node.line(3)], "");
    let text = says(&mut panel, "Revision 2");
    assert!(text.contains("Steelyard started"), "{text}");
    lb.stop();
    lb.restart();
    let mut panel = Panel::of(&lb);
    assert_eq!(panel.sign_in("admin", PASSWORD).status, 303);
    let text = page(&mut panel, "/");
    assert!(text.contains("errors in 15 min: 1"), "{text}");
    assert!(text.contains("Steelyard stopped"), "{text}");
    assert_eq!(text.matches("Steelyard started").count(), 2, "{text}");
    // The chart has the error of before in its table: so many a second of a minute that may not be
    // over, and nothing else was asked.
    let cells = text.split("<td class=\"r\">").skip(1);
    let numbers: Vec<f64> = cells
        .filter_map(|cell| cell.split('<').next()?.parse().ok())
        .collect();
    let fifth = numbers.chunks(4).take(2).map(|row| row[3]);
    assert!(fifth.sum::<f64>() > 0.0, "{text}");
}

#[test]
fn ranges_are_links_and_a_viewer_sees_it_all() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[node.line(1)], "");
    let mut panel = Panel::set_up(&lb);
    let mut viewer = panel.with(&lb, "eve", "viewer");
    for (range, words) in [
        ("15m", "15 min"),
        ("1h", "1 h"),
        ("24h", "24 h"),
        ("7d", "7 d"),
    ] {
        let text = page(&mut viewer, &format!("/?range={range}"));
        let link = format!("<a href=\"/?range={range}\" aria-current=\"true\">{words}</a>");
        assert!(text.contains(&link), "{text}");
        let charts = format!("/api/v1/charts?range={range}");
        assert!(text.contains(&charts), "{text}");
        let answer = viewer.get(&charts);
        assert_eq!(answer.json()["range"], range);
    }
    let text = page(&mut viewer, "/?range=%3Cscript%3E");
    assert!(text.contains("/?range=15m\" aria-current=\"true\""));
    assert!(!text.contains("<script>"), "{text}");
}

#[test]
fn what_comes_from_outside_is_text() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[node.line(1)], "");
    let mut panel = Panel::set_up(&lb);
    let mut client = Client::of(lb.port());
    for target in [
        "/%3Cscript%3Ealert(1)%3C/script%3E",
        "/\"><svg/onload=alert(1)>",
    ] {
        let request = Request::get(target).field("User-Agent", "<script>alert(2)</script>");
        let _ = client.send(&request.field("Host", "<b>evil.example</b>"));
        client = Client::of(lb.port());
        lb.get(target);
    }
    let text = says(&mut panel, "requests in the last minute: ");
    for hostile in ["alert(", "evil.example", "onload"] {
        assert!(!text.contains(hostile), "{hostile}: {text}");
    }
}

#[test]
fn where_nothing_is_configured_or_logged_the_page_says_so() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    let text = page(&mut panel, "/");
    assert!(text.contains("Add your first nodes"), "{text}");
    assert!(text.contains("steelyard apply"), "{text}");
    assert!(!text.contains("class=\"why\""), "{text}");
    let node = node();
    apply(&lb, &[node.line(1)], "[logs.store]\non = false");
    lb.get("/");
    let text = says(&mut panel, "The log store is off");
    assert!(text.contains("The node takes requests"), "{text}");
    assert!(!text.contains("uplot.js"), "{text}");
}

#[test]
fn a_page_or_a_node_is_found_by_its_name() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[node.line(1)], "");
    let mut panel = Panel::set_up(&lb);
    let mut viewer = panel.with(&lb, "eve", "viewer");
    let text = page(&mut panel, "/find");
    for words in [
        "Overview",
        "People",
        "Audit",
        "web-1",
        "Node of pool django",
        "⌘K",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let found = |text: &str| text.matches("<li><a href=\"/\"><svg").count();
    assert_eq!(found(&page(&mut panel, "/find?q=over")), 1);
    let text = page(&mut panel, "/find?q=DJANGO+web");
    assert_eq!(found(&text), 0);
    assert!(text.contains("<span>web-1</span>"), "{text}");
    let text = page(&mut panel, "/find?q=%3Cscript%3E");
    assert!(text.contains("Nothing of that name"), "{text}");
    assert!(!text.contains("<script>"), "{text}");
    // What somebody may not open is not offered.
    let text = page(&mut viewer, "/find");
    assert!(!text.contains("<span>Audit</span>"), "{text}");
}
