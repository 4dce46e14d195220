//! The logs page: what was served is found, opened, followed and taken away, and what clients send
//! is text and nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::client::{Request, exchange};
use crate::support::disk::SmallDisk;
use crate::support::document::{one_pool, route, site};
use crate::support::eventually;
use crate::support::node::{Answer, Node};
use crate::support::panel::Panel;

fn node() -> Node {
    Node::scripted("web-1", |request| match request.target() {
        "/fails" => Answer::status(500, "a bug"),
        "/missing" => Answer::status(404, "no"),
        _ => Answer::text("hello"),
    })
}

fn apply(lb: &Appliance, nodes: &[&Node], more: &str) {
    let lines: Vec<_> = nodes.iter().map(|node| node.line(1)).collect();
    let pool = one_pool(lb.port(), "health_check = \"off\"", &lines);
    lb.apply(&format!(
        "{pool}{}\n{more}\n",
        site("shop", &route("/", "django", ""))
    ));
}

/// The ids of the rows on a page, in their order.
fn rows(page: &str) -> Vec<&str> {
    let rows = page.split("<tbody id=\"r-").skip(1);
    rows.map(|row| row.split('"').next().unwrap()).collect()
}

#[track_caller]
fn page(panel: &mut Panel, path: &str) -> String {
    let answer = panel.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.text()
}

/// The page once it has so many rows.
fn found(panel: &mut Panel, path: &str, count: usize) -> String {
    eventually(&format!("{count} rows at {path}"), || {
        let page = page(panel, path);
        (rows(&page).len() == count).then_some(page)
    })
}

#[test]
fn each_field_finds_what_was_served() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[&node], "");
    let mut panel = Panel::set_up(&lb);
    lb.get("/a/page?with=query");
    lb.get("/fails");
    lb.get("/missing");
    lb.ask(&Request::post("/form", "a=b").field("X-Request-ID", "mine"));
    let all = found(&mut panel, "/logs", 4);
    for words in [
        "/a/page?with=query",
        "POST",
        "web-1",
        "127.0.0.1",
        "4 requests",
        "Kept for 30 days or 1.1\u{a0}GB",
    ] {
        assert!(all.contains(words), "{words}: {all}");
    }
    for (query, count) in [
        ("status=5xx", 1),
        ("status=404,500", 2),
        ("status=301", 0),
        ("node=web-1", 4),
        ("node=django%2Fweb-1", 4),
        ("node=web-9", 0),
        ("site=shop", 4),
        ("site=blog", 0),
        ("method=post", 1),
        ("path=%2Fa%2F", 1),
        ("client=127.0.0.0%2F8", 4),
        ("client=192.0.2.1", 0),
        ("slower_than=3600000", 0),
        ("slower_than=0ms", 4),
        ("request_id=mine", 0),
        ("reason=no_node", 0),
        ("from=15m", 4),
        ("from=all", 4),
        ("to=15m&from=1h", 0),
        ("method=&path=&from=", 4),
    ] {
        let found = page(&mut panel, &format!("/logs?{query}"));
        assert_eq!(rows(&found).len(), count, "{query}");
        assert_eq!(found.contains("Nothing found."), count == 0, "{query}");
    }
    let nothing = page(&mut panel, "/logs?status=301&from=15m");
    assert!(
        nothing.contains("/logs?from=all&amp;status=301")
            || nothing.contains("/logs?from=all&#38;status=301"),
        "{nothing}"
    );
    // A filter in force is said, and can be taken away.
    let filtered = page(&mut panel, "/logs?status=5xx&site=shop");
    assert!(filtered.contains("Without the filter Status"), "{filtered}");
    assert!(filtered.contains("1 of 4 requests"), "{filtered}");
    assert!(filtered.contains("value=\"5xx\""), "what was typed stays");
}

#[test]
fn what_makes_no_sense_is_told_beside_its_field_in_the_reader_s_language() {
    let lb = Appliance::start();
    let mut panel = Panel::set_up(&lb);
    for (query, field, english, chinese) in [
        (
            "status=5x",
            "status",
            "This is no status",
            "无法识别该状态码",
        ),
        (
            "client=me",
            "client",
            "This is no address",
            "无法识别该地址",
        ),
        (
            "from=yesterday",
            "from",
            "This is no time",
            "无法识别该时间",
        ),
        (
            "slower_than=long",
            "slower_than",
            "This is no length of time",
            "无法识别该时长",
        ),
        ("from=5m&to=10m", "to", "before the begin", "结束早于开始"),
    ] {
        let answer = panel.get(&format!("/logs?{query}"));
        assert_eq!(answer.status, 422, "{query}");
        let text = answer.text();
        assert!(
            text.contains(&format!("id=\"x-{field}\">{english}")) || text.contains(english),
            "{text}"
        );
        assert!(
            text.contains(&format!("aria-describedby=\"x-{field}\"")),
            "{query}"
        );
        panel.post("/preferences", &[("language", "zh-CN"), ("next", "/logs")]);
        let text = panel.get(&format!("/logs?{query}")).text();
        assert!(text.contains(chinese), "{text}");
        panel.post("/preferences", &[("language", "en"), ("next", "/logs")]);
    }
    let empty = page(&mut panel, "/logs");
    assert!(empty.contains("No request was kept yet."), "{empty}");
    panel.post("/preferences", &[("language", "zh-CN"), ("next", "/logs")]);
    let empty = page(&mut panel, "/logs");
    for words in ["日志", "还没有保存任何请求", "实时跟踪", "筛选", "客户端"] {
        assert!(empty.contains(words), "{words}: {empty}");
    }
}

#[test]
fn an_open_record_tells_every_node_that_was_tried_and_why() {
    let mut dead = Node::answering("web-1");
    let alive = Node::answering("web-2");
    let lb = Appliance::start();
    apply(&lb, &[&dead, &alive], "");
    dead.stop();
    let mut panel = Panel::set_up(&lb);
    for n in 0..4 {
        let request = Request::get(&format!("/try/{n}?q=it's")).field("Referer", "/from here");
        assert_eq!(lb.ask(&request).status, 200);
    }
    let tried = eventually("a record of two tries", || {
        let found = page(&mut panel, "/logs?node=web-1");
        (!rows(&found).is_empty()).then_some(found)
    });
    assert!(tried.contains("2 nodes tried"), "{tried}");
    let id = rows(&tried)[0].to_owned();
    let whole = page(&mut panel, &format!("/logs?node=web-1&open={id}"));
    for words in [
        "Refused the connection: nothing listens there.",
        &dead.address().to_string(),
        &alive.address().to_string(),
        "Answered 200 after",
        "Connect web-1",
        "Answer of web-2",
        "Total ",
        "Waiting for a node",
        "shop, /",
        "/from here",
        "aria-expanded=\"true\"",
    ] {
        assert!(whole.contains(words), "{words}: {whole}");
    }
    let curl = whole.split("<pre id=\"c-").nth(1).unwrap();
    let curl = curl.split("</pre>").next().unwrap();
    assert!(
        curl.contains("curl --header &#39;Referer: /from here&#39;"),
        "{curl}"
    );
    assert!(curl.contains(&format!(":{}/try/", lb.port())), "{curl}");
    assert!(curl.contains("it&#39;\\&#39;&#39;s"), "{curl}");
    // In its place, for a page that has it already; without that, by the page.
    let part = panel
        .send(Request::get(&format!("/logs/record/{id}?open={id}")).field("HX-Request", "true"));
    assert!(
        part.text().trim_start().starts_with("<tbody"),
        "{}",
        part.text()
    );
    assert!(part.text().contains("Refused the connection"));
    let closed =
        panel.send(Request::get(&format!("/logs/record/{id}")).field("HX-Request", "true"));
    assert!(!closed.text().contains("Refused the connection"));
    let plain = panel.get(&format!("/logs/record/{id}?status=200"));
    assert_eq!(plain.status, 303);
    assert_eq!(
        plain.field("Location"),
        Some(&*format!("/logs?status=200&open={id}"))
    );
    assert_eq!(panel.get("/logs/record/x").status, 404);
    let gone = page(&mut panel, "/logs?open=99-99-99");
    assert!(gone.contains("This record is not there any more"), "{gone}");
}

#[test]
fn hostile_lines_are_text_on_the_page_and_in_the_tail() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[&node], "");
    let mut panel = Panel::set_up(&lb);
    let mut raw =
        b"GET /%0d%0aSet-Cookie:x?<script>alert(1)</script> HTTP/1.1\r\nHost: a\r\nUser-Agent: "
            .to_vec();
    raw.extend_from_slice(
        b"\xff\xfe\"><img src=x onerror=alert(2)>\xe2\x80\xae' OR 1=1\r\nConnection: close\r\n\r\n",
    );
    exchange(lb.port(), &raw);
    exchange(
        lb.port(),
        "GET /\x1b[2J HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    let long = "x".repeat(6000);
    lb.get(&format!("/{long}"));
    let all = found(&mut panel, "/logs", 3);
    for id in rows(&all) {
        let whole = page(&mut panel, &format!("/logs?open={id}"));
        for page in [&all, &whole] {
            assert!(!page.contains("<script>alert"), "{page}");
            assert!(!page.contains("<img src=x"), "{page}");
            assert!(
                !page.contains('\x1b') && !page.contains('\u{202e}'),
                "{page}"
            );
        }
    }
    let short = all.matches(&long[..1000]).count();
    assert_eq!(short, 0, "a row shows only the begin");
    let id = rows(&page(&mut panel, "/logs?path=%2Fxxx"))[0].to_owned();
    let whole = page(&mut panel, &format!("/logs?open={id}"));
    assert!(whole.contains(&long), "the record has it whole");
    // What is searched for comes back as text too.
    let asked = page(
        &mut panel,
        "/logs?path=%22%3E%3Cscript%3Ealert(3)%3C%2Fscript%3E",
    );
    assert!(!asked.contains("<script>alert"), "{asked}");
}

#[test]
fn all_that_was_found_can_be_taken_away_and_pages_go_back() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[&node], "");
    let mut panel = Panel::set_up(&lb);
    for n in 0..450 {
        lb.get(&format!("/{n}"));
    }
    lb.get("/fails");
    eventually("all are there", || {
        page(&mut panel, "/logs")
            .contains("451 requests")
            .then_some(())
    });
    let (mut path, mut seen) = ("/logs".to_owned(), Vec::new());
    loop {
        let page = page(&mut panel, &path);
        seen.extend(rows(&page).into_iter().map(str::to_owned));
        let links = page.split("href=\"/logs?before=").skip(1);
        // Rows have links too, which open them.
        let mut links = links.map(|link| link.split('"').next().unwrap());
        let Some(older) = links.find(|link| !link.contains("open")) else {
            break;
        };
        path = format!("/logs?before={older}");
    }
    assert_eq!(seen.len(), 451);
    let json = panel.get("/logs/download?format=json");
    assert_eq!(json.status, 200);
    let named = json.field("Content-Disposition").unwrap_or_default();
    assert!(
        named.starts_with("attachment; filename=\"requests-"),
        "{named}"
    );
    let json = json.text();
    assert_eq!(json.lines().count(), 451);
    for line in json.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["site"], "shop");
    }
    let combined = panel.get("/logs/download?format=combined").text();
    let (mut these, mut those) = (lb.access_log(451), Vec::new());
    those.extend(combined.lines().map(str::to_owned));
    these.sort();
    those.sort();
    assert_eq!(these, those, "what the access log has");
    let few = panel.get("/logs/download?format=json&status=500").text();
    assert_eq!(few.lines().count(), 1, "{few}");
    assert_eq!(panel.get("/logs/download?format=xml").status, 404);
    assert_eq!(
        panel.get("/logs/download?format=json&status=5x").status,
        303
    );
}

#[test]
fn a_tail_sends_each_row_once_and_goes_on_where_it_broke() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[&node], "");
    let mut panel = Panel::set_up(&lb);
    let cookie = panel.cookie.clone().unwrap();
    let tail = |query: &str, last: &str| {
        let stream = TcpStream::connect(("127.0.0.1", lb.admin_port())).unwrap();
        stream
            .set_read_timeout(Some(crate::support::PATIENCE))
            .unwrap();
        let head = format!(
            "GET /logs/live?{query} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {cookie}\r\n{last}\r\n",
            lb.admin_port()
        );
        (&stream).write_all(head.as_bytes()).unwrap();
        BufReader::new(stream).lines().map(Result::unwrap)
    };
    let mut lines = tail("status=5xx", "");
    let said = lines.next().unwrap();
    assert!(said.contains(" 200 "), "{said}");
    assert!(
        lines.any(|line| line == "event: same"),
        "it says that it is there"
    );
    lb.get("/ok");
    lb.get("/fails");
    // The id of the event that has the row.
    let mut id = String::new();
    let row = lines.find(|line| {
        if let Some(newer) = line.strip_prefix("id: ") {
            newer.clone_into(&mut id);
        }
        line.contains("/fails")
    });
    let row = row.unwrap();
    assert!(!row.contains("/ok"), "{row}");
    drop(lines);
    lb.get("/fails?again");
    // By another worker than `/fails`, the record of `/ok` may have come in behind it: it is not asked for.
    let mut lines = tail("path=/fails", &format!("Last-Event-ID: {id}\r\n"));
    // It may come with the first event or, as it is kept a moment after it was answered, with a later.
    let mut news = String::new();
    while !news.contains("/fails?again") {
        news += &lines.next().expect("a stream has no end");
    }
    assert_eq!(news.matches("<tbody").count(), 1, "{news}");
    let followed = page(&mut panel, "/logs?follow=1&status=5xx");
    assert!(
        followed.contains("hx-sse:connect=\"/logs/live?status=5xx"),
        "{followed}"
    );
}

#[test]
fn a_viewer_sees_the_logs_and_a_stranger_does_not() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[&node], "");
    let mut admin = Panel::set_up(&lb);
    let mut viewer = admin.with(&lb, "vera", "viewer");
    lb.get("/seen");
    assert!(found(&mut viewer, "/logs", 1).contains("/seen"));
    assert_eq!(viewer.get("/logs/events").status, 200);
    assert_eq!(viewer.get("/logs/download?format=json").status, 200);
    let mut stranger = Panel::of(&lb);
    for path in [
        "/logs",
        "/logs/live",
        "/logs/download?format=json",
        "/logs/events",
    ] {
        assert_eq!(stranger.get(path).status, 303, "{path}");
    }
}

#[test]
fn events_are_told_in_both_languages() {
    let node = node();
    let mut lb = Appliance::start();
    apply(&lb, &[&node], "");
    let mut panel = Panel::set_up(&lb);
    assert_eq!(lb.stop().code(), Some(0));
    lb.restart();
    let english = page(&mut panel, "/logs/events");
    for words in [
        "Steelyard started",
        "Steelyard stopped",
        "Pool django added",
    ] {
        assert!(english.contains(words), "{words}: {english}");
    }
    panel.post("/preferences", &[("language", "zh-CN"), ("next", "/logs")]);
    let chinese = page(&mut panel, "/logs/events");
    for words in ["Steelyard 已启动", "Steelyard 已停止", "节点池 django"] {
        assert!(chinese.contains(words), "{words}: {chinese}");
    }
}

#[test]
fn a_full_or_read_only_disk_is_told_and_the_page_stays_up() {
    let node = node();
    let mut lb = Appliance::prepared();
    let logs = lb.data().join("logs");
    let Some(disk) = SmallDisk::mount(&logs) else {
        return;
    };
    lb.restart();
    apply(&lb, &[&node], "[logs]\nfile = \"\"");
    let mut panel = Panel::set_up(&lb);
    lb.get("/before");
    found(&mut panel, "/logs?path=/before", 1);
    disk.fill();
    let long = "x".repeat(8000);
    let told = eventually("the page says what it cannot do", || {
        for _ in 0..20 {
            let request = Request::get("/lost").field("User-Agent", &long);
            assert_eq!(lb.ask(&request).status, 200);
        }
        let page = page(&mut panel, "/logs?path=/before");
        page.contains("The disk is full").then_some(page)
    });
    assert_eq!(rows(&told).len(), 1, "what is there is found");
    let lost = eventually("what was lost is counted", || {
        let page = page(&mut panel, "/logs");
        page.contains("were served and not kept").then_some(page)
    });
    assert!(lost.contains("since the disk did not take them"), "{lost}");
    disk.free();
    eventually("it is well again", || {
        lb.get("/after");
        let page = page(&mut panel, "/logs?path=/after");
        (!page.contains("The disk is full") && !rows(&page).is_empty()).then_some(())
    });
}

#[test]
fn a_store_that_is_off_says_so() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &[&node], "[logs]\nstore = { on = false }");
    let mut panel = Panel::set_up(&lb);
    let off = page(&mut panel, "/logs");
    assert!(off.contains("The log store is off"), "{off}");
}
