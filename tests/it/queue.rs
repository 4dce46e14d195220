//! Nodes that bear few requests at a time: the others wait in order, and none is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::client::{Client, Request, Response, Wire};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::document::{NodeLine, one_pool};
use crate::support::eventually;
use crate::support::node::{Answer, Node};

const CLIENTS: usize = 60;

/// A pool whose nodes take one request at a time.
fn one_at_a_time(lb: &Appliance, keys: &str, nodes: &[NodeLine]) -> String {
    let keys = format!("health_check = \"off\"\n{keys}");
    let text = one_pool(lb.port(), &keys, nodes);
    text.replace("weight = 1\n", "weight = 1\nmax_conns = 1\n")
}

/// Nodes that hold every request until the test lets one of them go, and write down in which
/// order they came and how many a node had at a time.
#[derive(Clone, Default)]
struct Desk(Arc<(Mutex<Papers>, Condvar)>);

#[derive(Default)]
struct Papers {
    came: Vec<String>,
    may_go: usize,
}

impl Desk {
    fn node(&self, name: &str) -> (Node, Arc<AtomicUsize>) {
        let (desk, most) = (self.clone(), Arc::new(AtomicUsize::new(0)));
        let (seen, now) = (most.clone(), AtomicUsize::new(0));
        let node = Node::scripted(name, move |request| {
            seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            desk.take(request.target());
            now.fetch_sub(1, Ordering::SeqCst);
            Answer::text(request.target())
        });
        (node, most)
    }

    fn take(&self, target: &str) {
        let (papers, changed) = &*self.0;
        let mut papers = papers.lock().unwrap();
        papers.came.push(target.to_owned());
        let wait = Duration::from_secs(60);
        let (mut papers, _) = changed
            .wait_timeout_while(papers, wait, |papers| papers.may_go == 0)
            .unwrap();
        papers.may_go = papers.may_go.saturating_sub(1);
    }

    /// Lets so many requests be answered, whichever they are.
    fn let_go(&self, count: usize) {
        self.0.0.lock().unwrap().may_go += count;
        self.0.1.notify_all();
    }

    fn came(&self) -> Vec<String> {
        self.0.0.lock().unwrap().came.clone()
    }

    #[track_caller]
    fn wait_for(&self, count: usize) {
        eventually("requests at the desk", || {
            (self.came().len() >= count).then_some(())
        });
    }
}

fn queued(lb: &Appliance) -> usize {
    let metrics = lb.admin("/metrics").text();
    let line = "steelyard_queue_length{pool=\"django\"} ";
    let value = metrics.lines().find_map(|l| l.strip_prefix(line));
    value.and_then(|v| v.parse().ok()).unwrap()
}

#[track_caller]
fn wait_for_queue(lb: &Appliance, length: usize) {
    eventually("the queue has its length", || {
        (queued(lb) == length).then_some(())
    });
}

fn asks(lb: &Appliance, target: &str) -> Wire {
    let mut wire = Wire::to(lb.port());
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
    wire
}

#[track_caller]
fn is_refused(answer: &Response, reason: &str) {
    assert_eq!((answer.status, answer.reason()), (503, Some(reason)));
    assert_eq!(answer.field("Retry-After"), Some("1"));
}

fn record(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn sixty_wait_in_order_over_all_workers_and_no_node_ever_sees_two() {
    let desk = Desk::default();
    let nodes = ["web-1", "web-2", "web-3"].map(|name| desk.node(name));
    let lines: Vec<_> = nodes.iter().map(|(node, _)| node.line(1)).collect();
    let lb = Appliance::start();
    let keys = "queue = { size = 57, timeout = \"1h\" }";
    lb.apply(&one_at_a_time(&lb, keys, &lines));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(asks(&lb, &format!("/{number}")));
        match number {
            0..3 => desk.wait_for(number + 1),
            _ => wait_for_queue(&lb, number - 2),
        }
    }
    assert_eq!(lb.status()["pools"][0]["queued"], 57);
    is_refused(&lb.get("/too-many"), "queue_full");
    // One at a time, so that the order in which they come is the order of the queue.
    for came in 4..=CLIENTS {
        desk.let_go(1);
        desk.wait_for(came);
    }
    desk.let_go(3);
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.response("GET").text(), format!("/{number}"));
    }
    let expected: Vec<String> = (0..CLIENTS).map(|number| format!("/{number}")).collect();
    assert_eq!(desk.came(), expected);
    for (_, most) in &nodes {
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
    assert_eq!(queued(&lb), 0);
}

#[test]
fn a_client_that_leaves_frees_its_place() {
    let desk = Desk::default();
    let (node, _) = desk.node("web-1");
    let lb = Appliance::start();
    let logs = "\n[logs]\nformat = \"json\"\n";
    let keys = "queue = { size = 2, timeout = \"1h\" }";
    lb.apply(&(one_at_a_time(&lb, keys, &[node.line(1)]) + logs));
    let mut first = asks(&lb, "/first");
    desk.wait_for(1);
    let leaving = asks(&lb, "/leaving");
    wait_for_queue(&lb, 1);
    let mut second = asks(&lb, "/second");
    wait_for_queue(&lb, 2);
    is_refused(&lb.get("/full"), "queue_full");
    drop(leaving);
    wait_for_queue(&lb, 1);
    let mut third = asks(&lb, "/third");
    wait_for_queue(&lb, 2);
    desk.let_go(3);
    for (client, text) in [
        (&mut first, "/first"),
        (&mut second, "/second"),
        (&mut third, "/third"),
    ] {
        assert_eq!(client.response("GET").text(), text);
    }
    assert_eq!(desk.came(), ["/first", "/second", "/third"]);
    let records: Vec<Value> = lb.access_log(5).iter().map(|line| record(line)).collect();
    let of = |path: &str| records.iter().find(|r| r["path"] == path).unwrap();
    assert_eq!(of("/leaving")["status"], 499);
    assert_eq!(of("/leaving")["reason"], "client_gone");
    assert_eq!(of("/full")["reason"], "queue_full");
    assert_eq!(of("/first")["queue_s"].as_f64(), Some(0.0));
    for path in ["/leaving", "/second", "/third"] {
        assert!(of(path)["queue_s"].as_f64() > Some(0.0), "{}", of(path));
    }
}

#[test]
fn a_client_that_leaves_unread_bytes_behind_frees_its_place_too() {
    let desk = Desk::default();
    let (node, _) = desk.node("web-1");
    let lb = Appliance::start();
    let keys = "queue = { size = 1, timeout = \"1h\" }";
    lb.apply(&one_at_a_time(&lb, keys, &[node.line(1)]));
    let mut first = asks(&lb, "/first");
    desk.wait_for(1);
    let body = |length: usize| {
        let head = format!("POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        head + &"x".repeat(length)
    };
    let get = "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n";
    for sent in [body(100_000), get.repeat(2), body(0) + "\r\n"] {
        let mut leaving = Wire::to(lb.port());
        leaving.send(sent);
        wait_for_queue(&lb, 1);
        drop(leaving);
        wait_for_queue(&lb, 0);
    }
    let mut second = asks(&lb, "/second");
    wait_for_queue(&lb, 1);
    desk.let_go(2);
    assert_eq!(first.response("GET").text(), "/first");
    assert_eq!(second.response("GET").text(), "/second");
    assert_eq!(desk.came(), ["/first", "/second"]);
}

#[test]
fn who_waits_too_long_is_told_to_come_again() {
    let desk = Desk::default();
    let (node, _) = desk.node("web-1");
    let lb = Appliance::start();
    let logs = "\n[logs]\nformat = \"json\"\n";
    let keys = "queue = { size = 2, timeout = \"300ms\" }";
    lb.apply(&(one_at_a_time(&lb, keys, &[node.line(1)]) + logs));
    let mut first = asks(&lb, "/first");
    desk.wait_for(1);
    is_refused(&lb.get("/late"), "queue_timeout");
    assert_eq!(queued(&lb), 0);
    desk.let_go(1);
    assert_eq!(first.response("GET").status, 200);
    assert_eq!(desk.came(), ["/first"]);
    let late = lb
        .access_log(2)
        .iter()
        .map(|line| record(line))
        .find(|r| r["path"] == "/late");
    assert!(late.unwrap()["queue_s"].as_f64() >= Some(0.3));
}

#[test]
fn a_pool_without_a_queue_refuses_at_once() {
    let desk = Desk::default();
    let (node, _) = desk.node("web-1");
    let lb = Appliance::start();
    lb.apply(&one_at_a_time(&lb, "queue = { size = 0 }", &[node.line(1)]));
    let mut first = asks(&lb, "/first");
    desk.wait_for(1);
    is_refused(&lb.get("/"), "queue_full");
    desk.let_go(1);
    assert_eq!(first.response("GET").status, 200);
}

#[test]
fn a_change_leaves_nobody_stranded() {
    let desk = Desk::default();
    let (node, _) = desk.node("web-1");
    let lb = Appliance::start();
    let keys = "queue = { size = 9, timeout = \"1h\" }";
    let text = one_at_a_time(&lb, keys, &[node.line(1)]);
    lb.apply(&text);
    let mut clients = Vec::new();
    for (length, target) in ["/0", "/1", "/2", "/3"].into_iter().enumerate() {
        clients.push(asks(&lb, target));
        match length {
            0 => desk.wait_for(1),
            _ => wait_for_queue(&lb, length),
        }
    }
    // Raised: the next goes on with nobody done.
    lb.apply(&text.replace("max_conns = 1", "max_conns = 2"));
    desk.wait_for(2);
    wait_for_queue(&lb, 2);
    // Drained: who has its node is served by it, who waits is told that there is none.
    let done = lb.run(&["node", "drain", "django/web-1"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(lb.get("/").reason(), Some("no_node"));
    wait_for_queue(&lb, 0);
    for client in &mut clients[2..] {
        is_refused(&client.response("GET"), "no_node");
    }
    lb.apply(&one_pool(lb.port(), "health_check = \"off\"", &[]));
    desk.let_go(2);
    for client in &mut clients[..2] {
        assert_eq!(client.response("GET").status, 200);
    }
    assert_eq!(desk.came(), ["/0", "/1"]);
}

#[test]
fn a_node_that_refuses_sends_its_requests_to_wait_for_the_others() {
    let desk = Desk::default();
    let (node, most) = desk.node("web-1");
    let mut gone = Node::answering("gone");
    gone.stop();
    let lb = Appliance::start();
    let keys = "queue = { size = 9, timeout = \"1h\" }\nmax_fails = 0";
    lb.apply(&one_at_a_time(&lb, keys, &[node.line(1), gone.line(1)]));
    let mut clients: Vec<Wire> = (0..8).map(|n| asks(&lb, &format!("/{n}"))).collect();
    desk.let_go(8);
    for client in &mut clients {
        assert_eq!(client.response("GET").status, 200);
    }
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn sixty_clients_of_three_sync_gunicorns_all_get_their_answer() {
    let nodes = Gunicorn::three(Release::New, Worker::Sync);
    let lines: Vec<_> = nodes.iter().map(|node| node.line(1)).collect();
    let lb = Appliance::start();
    let logs = "\n[logs]\nformat = \"json\"\n";
    let keys = "queue = { size = 57, timeout = \"30s\" }";
    lb.apply(&(one_at_a_time(&lb, keys, &lines) + logs));
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let ask = || Client::of(lb.port()).ask(&Request::get("/slow?ms=20"));
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().map(|c| c.join().unwrap()).collect()
    });
    for answer in &answers {
        assert_eq!(answer.status, 200, "{:?}", answer.reason());
    }
    let records: Vec<Value> = lb
        .access_log(CLIENTS)
        .iter()
        .map(|line| record(line))
        .collect();
    assert!(
        records
            .iter()
            .all(|r| r["tries"].as_array().unwrap().len() == 1)
    );
    let waited = |r: &&Value| r["queue_s"].as_f64() > Some(0.0);
    assert!(records.iter().any(|r| waited(&r)));
    let status = lb.status();
    let requests = |n: usize| status["pools"][0]["nodes"][n]["requests"].as_u64().unwrap();
    assert_eq!(requests(0) + requests(1) + requests(2), 60);
}
