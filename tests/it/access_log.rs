//! The access log: what others read it with can read it.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, exchange};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Node};

fn logging(node: &Node, format: &str) -> Appliance {
    let lb = Appliance::start();
    let logs = format!("\n[logs]\nformat = \"{format}\"\n");
    lb.apply(&(one_pool(lb.port(), "health_check = \"off\"", &[node.line(1)]) + &logs));
    lb
}

/// Requests of every kind, ordinary and odd, one log line each.
fn traffic(lb: &Appliance) -> usize {
    let mut client = Client::of(lb.port());
    let odd = Request::get("/?q=%22a%20b%22&x=[1]|{}")
        .field("User-Agent", "odd \"quoted\" \\ back\tslash — é")
        .field("Referer", "https://example.com/\"x\"");
    let requests = [
        Request::get("/"),
        Request::get("/path/with/many/segments?and=a&query=string"),
        Request::head("/"),
        Request::post("/form", "a=b"),
        Request::new("DELETE", "/thing"),
        Request::new("OPTIONS", "*"),
        Request::get("/status/304"),
        Request::get("/status/500"),
        odd,
        Request::get("/").field("User-Agent", ""),
        Request::get("/old").http10(),
        Request::get("/big"),
    ];
    for request in &requests {
        client.ask(request);
    }
    let refused = exchange(lb.port(), "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert!(refused.starts_with(b"HTTP/1.1 400 "));
    requests.len() + 1
}

fn node() -> Node {
    Node::scripted("web-1", |request| match request.target() {
        "/status/304" => Answer::raw("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"),
        "/status/500" => Answer::status(500, "a bug"),
        "/big" => Answer::Download(1_000_000),
        _ => Answer::text("hello"),
    })
}

/// GoAccess's own count of lines it read and lines it could not.
fn goaccess(log: &str, format: &str) -> (u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let (file, report) = (
        dir.path().join("access.log"),
        dir.path().join("report.json"),
    );
    fs::write(&file, log).unwrap();
    let read = Command::new("goaccess")
        .arg(&file)
        .args(["--no-global-config", "--log-format", format, "--output"])
        .arg(&report)
        .stdin(Stdio::null())
        .output()
        .expect("goaccess is installed: tests/install does it");
    assert!(read.status.success(), "{read:?}");
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    let number = |key: &str| report["general"][key].as_u64().unwrap();
    (number("total_requests"), number("failed_requests"))
}

#[test]
fn goaccess_reads_every_line_of_combined_and_vcombined() {
    for (format, name) in [("combined", "COMBINED"), ("vcombined", "VCOMBINED")] {
        let node = node();
        let lb = logging(&node, format);
        let count = traffic(&lb);
        let lines = lb.access_log(count);
        assert_eq!(lines.len(), count, "{lines:#?}");
        let (total, failed) = goaccess(&(lines.join("\n") + "\n"), name);
        assert_eq!((total, failed), (count as u64, 0), "{lines:#?}");
    }
}

#[test]
fn a_combined_line_is_nginxs_to_the_byte() {
    let node = node();
    let lb = logging(&node, "combined");
    lb.ask(
        &Request::get("/a?b=c")
            .field("User-Agent", "tester/1")
            .field("Referer", "http://r/"),
    );
    let line = lb.access_log(1).remove(0);
    let (before, after) = line.split_once('[').unwrap();
    let (time, after) = after.split_once(']').unwrap();
    assert_eq!(before, "127.0.0.1 - - ");
    assert_eq!(
        after,
        " \"GET /a?b=c HTTP/1.1\" 200 5 \"http://r/\" \"tester/1\""
    );
    let shape: String = time
        .chars()
        .map(|c| match c {
            '0'..='9' => '9',
            'a'..='z' | 'A'..='Z' => 'a',
            '-' => '+',
            c => c,
        })
        .collect();
    assert_eq!(shape, "99/aaa/9999:99:99:99 +9999", "{time}");
}

#[test]
fn a_json_line_has_every_field() {
    let broken = Node::refusing("broken", |_| Answer::text("never"));
    let node = node();
    let lb = Appliance::start();
    let pool = one_pool(
        lb.port(),
        "health_check = \"off\"",
        &[broken.line(1), node.line(1)],
    );
    lb.apply(&(pool + "\n[logs]\nformat = \"json\"\n"));
    lb.ask(&Request::post("/form?a=b", "12345").field("User-Agent", "tester/1"));
    lb.ask(&Request::get("/").field("User-Agent", "tester/1"));
    let lines: Vec<Value> = lb
        .access_log(2)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let words = "time listener site route client_ip client_port method host path query protocol tls \
        status bytes_in bytes_out reason revision request_id user_agent referer node tries queue_s total_s";
    for word in words.split_whitespace() {
        assert!(lines[0].get(word).is_some(), "no {word} in {:#}", lines[0]);
    }
    // Two workers may have had them, and hand their lines over in any order.
    let post = lines.iter().find(|line| line["method"] == "POST");
    let post = post.expect("one line is the POST's");
    assert_eq!(post["path"], "/form");
    assert_eq!(
        (&post["query"], &post["status"]),
        (&"a=b".into(), &200.into())
    );
    assert_eq!(
        (&post["listener"], &post["client_ip"]),
        (&"http".into(), &"127.0.0.1".into())
    );
    assert_eq!(
        (&post["node"], &post["revision"]),
        (&"web-1".into(), &1.into())
    );
    // One of the two met the node that refuses, and says so.
    let retried = lines
        .iter()
        .find(|line| line["tries"].as_array().is_some_and(|t| t.len() == 2));
    let tries = &retried.expect("one request was tried twice")["tries"];
    assert_eq!(tries[0]["node"], "broken");
    assert_eq!(tries[0]["reason"], "node_refused");
    assert_eq!(
        (&tries[1]["node"], &tries[1]["status"]),
        (&"web-1".into(), &200.into())
    );
}

#[test]
fn usr1_reopens_the_log_and_no_line_is_lost() {
    let node = node();
    let lb = logging(&node, "combined");
    let path = lb.access_log_path();
    let moved = path.with_extension("log.1");
    let mut client = Client::of(lb.port());
    client.get("/before");
    lb.access_log(1);
    fs::rename(&path, &moved).unwrap();
    client.get("/between");
    crate::support::eventually("the line is in the file that was moved", || {
        let text = fs::read_to_string(&moved).unwrap();
        text.contains("/between").then_some(())
    });
    lb.signal(Signal::USR1);
    crate::support::eventually("the log is there again", || path.exists().then_some(()));
    client.get("/after");
    let after = lb.access_log(1);
    assert_eq!(after.len(), 1, "{after:?}");
    assert!(after[0].contains("/after"), "{after:?}");
    let before = fs::read_to_string(moved).unwrap();
    assert!(
        before.contains("/before") && before.contains("/between"),
        "{before}"
    );
}

#[test]
fn what_the_proxy_itself_answers_is_logged_with_its_reason() {
    let node = Node::refusing("web-1", |_| Answer::text("never"));
    let lb = logging(&node, "json");
    let answer = lb.get("/");
    assert_eq!(
        (answer.status, answer.reason()),
        (502, Some("node_refused"))
    );
    let line: Value = serde_json::from_str(&lb.access_log(1)[0]).unwrap();
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&502.into(), &"node_refused".into())
    );
}
