//! The log store from outside: what was served is found, through kills and full disks.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, control};
use crate::support::disk::SmallDisk;
use crate::support::document::{one_pool, route, site};
use crate::support::eventually;
use crate::support::node::{Answer, Node};

fn apply(lb: &Appliance, node: &Node, logs: &str) {
    let pool = one_pool(lb.port(), "health_check = \"off\"", &[node.line(1)]);
    let site = site("shop", &route("/", "django", ""));
    lb.apply(&format!("{pool}{site}\n[logs]\n{logs}\n"));
}

fn node() -> Node {
    Node::scripted("web-1", |request| match request.target() {
        "/fails" => Answer::status(500, "a bug"),
        _ => Answer::text("hello"),
    })
}

fn ask(data: &Path, target: &str) -> Value {
    let answer = control(data, &Request::get(target));
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

fn records(data: &Path, query: &str) -> Vec<Value> {
    let page = ask(data, &format!("/api/v1/logs?{query}"));
    page["records"].as_array().unwrap().clone()
}

/// The records that a search finds once there are so many.
fn found(lb: &Appliance, query: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} records for {query}"), || {
        let found = records(lb.data(), query);
        (found.len() >= count).then_some(found)
    })
}

fn counter(lb: &Appliance, name: &str) -> u64 {
    let text = lb.admin("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn what_was_served_is_found_by_each_of_its_traits() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &node, "");
    lb.get("/a/page?with=query");
    lb.get("/fails");
    lb.ask(&Request::post("/form", "a=b"));
    lb.ask(&Request::get("/%3Cscript%3E").field("User-Agent", "\"<script>"));
    found(&lb, "", 4);
    for (query, count) in [
        ("status=200", 3),
        ("status=5xx,404", 1),
        ("status=400-499", 0),
        ("node=web-1", 4),
        ("node=django/web-1", 4),
        ("node=web-2", 0),
        ("site=shop", 4),
        ("method=POST", 1),
        ("path=/a/", 1),
        ("path=%253Cscript", 1),
        ("client=127.0.0.1", 4),
        ("client=10.0.0.0/8", 0),
        ("slower_than=1h", 0),
        ("request_id=another", 0),
        ("reason=no_node", 0),
        ("from=1h&to=0s", 4),
        ("to=1h", 0),
        ("limit=2", 2),
        ("method=&path=", 4),
    ] {
        let found = records(lb.data(), query);
        assert_eq!(found.len(), count, "{query}: {found:#?}");
    }
    let all = ask(lb.data(), "/api/v1/logs?limit=3");
    let rest = format!("/api/v1/logs?before={}", all["next"].as_str().unwrap());
    let rest = ask(lb.data(), &rest);
    assert_eq!(rest["records"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next"], Value::Null);
    let newest = all["newest"].as_str().unwrap();
    assert_eq!(records(lb.data(), &format!("after={newest}")).len(), 0);
    let one = &records(lb.data(), "status=500")[0];
    let whole = ask(
        lb.data(),
        &format!("/api/v1/logs/{}", one["id"].as_str().unwrap()),
    );
    assert_eq!(&whole, one);
    assert_eq!(whole["tries"][0]["status"], 500);
    assert!(whole["tries"][0]["first_byte_s"].as_f64().unwrap() > 0.0);
    assert_eq!(whole["revision"], 1);
    let query = format!("request_id={}", whole["request_id"].as_str().unwrap());
    assert_eq!(records(lb.data(), &query), [whole]);
}

#[test]
fn what_makes_no_sense_is_told_and_what_is_not_there_is_404() {
    let lb = Appliance::start();
    for (target, status, part) in [
        ("/api/v1/logs?colour=red", 400, "colour is not known"),
        ("/api/v1/logs?status=9", 400, "404, 5xx or 400-499"),
        ("/api/v1/logs?limit=201", 400, "1 to 200"),
        ("/api/v1/logs?before=1-2-3&after=1-2-3", 400, "both"),
        ("/api/v1/logs/9-9-9", 404, "not found"),
        ("/api/v1/logs/../config", 404, "not found"),
        ("/api/v1/logs/histogram?buckets=0", 400, "1 to 500"),
        ("/api/v1/charts?range=1y", 400, "15m, 1h, 24h or 7d"),
        ("/api/v1/charts?node=web-1", 400, "POOL/NODE"),
        ("/api/v1/events?limit=x", 400, "a number"),
    ] {
        let answer = control(lb.data(), &Request::get(target));
        let told = answer.text();
        assert_eq!(answer.status, status, "{target}: {told}");
        assert!(told.contains(part), "{target}: {told}");
    }
    assert_eq!(records(lb.data(), "").len(), 0);
    let chart = ask(lb.data(), "/api/v1/charts?range=15m");
    assert_eq!(chart["time"].as_array().unwrap().len(), 15);
}

#[test]
fn charts_and_events_tell_what_happened_and_a_restart_keeps_them() {
    let node = node();
    let mut lb = Appliance::start();
    apply(&lb, &node, "");
    lb.get("/");
    lb.get("/fails");
    found(&lb, "", 2);
    let sum = |chart: &Value, class: &str| -> u64 {
        let column = chart["requests"][class].as_array().unwrap();
        column.iter().map(|count| count.as_u64().unwrap()).sum()
    };
    for query in [
        "range=1h",
        "range=7d&site=shop",
        "node=django/web-1&range=24h",
    ] {
        let chart = ask(lb.data(), &format!("/api/v1/charts?{query}"));
        assert_eq!((sum(&chart, "2xx"), sum(&chart, "5xx")), (1, 1), "{query}");
    }
    let histogram = ask(lb.data(), "/api/v1/logs/histogram?from=1h&buckets=10");
    let buckets = histogram["buckets"].as_array().unwrap();
    assert_eq!(buckets.len(), 10);
    assert_eq!(buckets[9]["requests"]["5xx"], 1);
    assert_eq!(lb.stop().code(), Some(0));
    lb.restart();
    lb.get("/");
    found(&lb, "", 3);
    let chart = ask(lb.data(), "/api/v1/charts?range=1h");
    assert_eq!((sum(&chart, "2xx"), sum(&chart, "5xx")), (2, 1));
    let events = ask(lb.data(), "/api/v1/events");
    let events = events["events"].as_array().unwrap();
    let kinds: Vec<&str> = events.iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "stop", "change", "start"]);
    assert_eq!(events[2]["revision"], 1);
    assert_eq!(chart["events"].as_array().unwrap(), events);
}

#[test]
fn the_command_line_searches_a_running_instance_and_a_stopped_one() {
    let node = node();
    let mut lb = Appliance::start();
    apply(&lb, &node, "");
    lb.get("/one");
    lb.get("/fails");
    found(&lb, "", 2);
    for runs in [true, false] {
        if !runs {
            assert_eq!(lb.stop().code(), Some(0));
        }
        let shown = lb.runs(&["logs"]);
        // Two workers may have served them: which ended first is theirs to say.
        assert_eq!(shown.lines().count(), 2, "{shown}");
        for part in [
            " 200 GET localhost/one 127.0.0.1 web-1 ",
            " 500 GET localhost/fails 127.0.0.1 web-1 ",
        ] {
            assert!(shown.contains(part), "{shown}");
        }
        let shown = lb.runs(&["logs", "--status", "5xx", "--path", "/f", "--json"]);
        let page: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(page["records"][0]["path"], "/fails");
        assert_eq!(page["records"].as_array().unwrap().len(), 1);
        let shown = lb.runs(&["logs", "-n", "1"]);
        assert!(shown.contains("go on with --before"), "{shown}");
        assert_eq!(lb.runs(&["logs", "--node", "nobody"]), "nothing found\n");
        assert_eq!(lb.run(&["logs", "--status", "x"]).status.code(), Some(2));
    }
    assert_eq!(lb.run(&["logs", "--follow"]).status.code(), Some(1));
}

#[test]
fn a_live_tail_sends_what_is_new() {
    use std::io::{BufRead, BufReader, Write};
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &node, "");
    let mut stream =
        std::os::unix::net::UnixStream::connect(lb.data().join("control.sock")).unwrap();
    stream
        .set_read_timeout(Some(crate::support::PATIENCE))
        .unwrap();
    let head = "GET /api/v1/logs/live?status=5xx HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut events = || loop {
        let line = lines.next().unwrap();
        if let Some(data) = line.strip_prefix("data: ") {
            return serde_json::from_str::<Value>(data).unwrap();
        }
    };
    assert_eq!(events()["records"].as_array().unwrap().len(), 0);
    lb.get("/ok");
    lb.get("/fails");
    let news = eventually("news", || {
        let event = events();
        event["records"].get(0).cloned()
    });
    assert_eq!(news["path"], "/fails");
    // The same is not told again.
    assert_eq!(events()["records"].as_array().unwrap().len(), 0);
}

#[test]
fn a_store_that_is_off_keeps_nothing_and_what_it_has_is_still_found() {
    let node = node();
    let lb = Appliance::start();
    apply(&lb, &node, "");
    lb.get("/kept");
    found(&lb, "", 1);
    apply(&lb, &node, "store = { on = false }");
    lb.get("/not-kept");
    apply(&lb, &node, "file = \"\"\nstore = { on = true }");
    lb.get("/kept-again");
    let found = found(&lb, "", 2);
    let paths: Vec<&str> = found.iter().map(|r| r["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/kept-again", "/kept"]);
}

#[test]
fn killed_under_load_it_has_all_but_the_last_moment_and_no_file_is_damaged() {
    let node = node();
    let mut lb = Appliance::start();
    apply(&lb, &node, "");
    for round in 0..3 {
        let port = lb.port();
        let load = std::thread::spawn(move || {
            let mut client = Client::of(port);
            let mut served = 0;
            while client.send(&Request::get(&format!("/{round}"))).is_ok() {
                served += 1;
            }
            served
        });
        // What a search has shown was on disk before.
        let seen = eventually("some hundred records", || {
            let page = ask(lb.data(), &format!("/api/v1/logs?path=/{round}"));
            let seen = page["records"].as_array().unwrap().clone();
            (seen.len() == 200).then_some(seen)
        });
        lb.kill9();
        assert!(load.join().unwrap() >= 200);
        lb.restart();
        for record in &seen {
            let id = record["id"].as_str().unwrap();
            assert_eq!(&ask(lb.data(), &format!("/api/v1/logs/{id}")), record);
        }
    }
    let store = fs::read_dir(lb.data().join("logs/store")).unwrap();
    let names: Vec<String> = store
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        !names.iter().any(|name| name.contains("corrupt")),
        "{names:?}"
    );
    assert!(!lb.log().contains("log store"), "{}", lb.log());
}

#[test]
fn a_full_disk_costs_records_and_a_word_and_nothing_else() {
    let node = node();
    let mut lb = Appliance::prepared();
    let logs = lb.data().join("logs");
    let Some(disk) = SmallDisk::mount(&logs) else {
        return;
    };
    lb.restart();
    apply(&lb, &node, "file = \"\"");
    lb.get("/before");
    found(&lb, "path=/before", 1);
    disk.fill();
    // What stands in pages that are there may still fit: long ones do not for long.
    let long = "x".repeat(8000);
    eventually("lost records are counted", || {
        for _ in 0..20 {
            assert_eq!(
                lb.ask(&Request::get("/lost").field("User-Agent", &long))
                    .status,
                200
            );
        }
        records(lb.data(), "limit=1");
        (counter(&lb, "steelyard_log_records_dropped_total") > 0).then_some(())
    });
    assert_eq!(records(lb.data(), "path=/before").len(), 1);
    disk.free();
    eventually("records are kept again", || {
        lb.get("/after");
        (!records(lb.data(), "path=/after").is_empty()).then_some(())
    });
    let told = lb.log().matches("the log store in").count();
    assert!((1..=5).contains(&told), "told {told} times\n{}", lb.log());
}

#[test]
fn a_read_only_disk_stops_nothing_and_is_used_once_it_can_be() {
    let node = node();
    let mut lb = Appliance::prepared();
    let logs = lb.data().join("logs");
    let Some(disk) = SmallDisk::mount(&logs) else {
        return;
    };
    assert!(disk.set_read_only(true));
    lb.restart();
    apply(&lb, &node, "");
    assert_eq!(lb.get("/lost").status, 200);
    eventually("lost records are counted", || {
        records(lb.data(), "limit=1");
        (counter(&lb, "steelyard_log_records_dropped_total") > 0).then_some(())
    });
    assert!(disk.set_read_only(false));
    eventually("records are kept", || {
        lb.get("/after");
        (!records(lb.data(), "path=/after").is_empty()).then_some(())
    });
}
