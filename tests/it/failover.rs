//! A node dies, freezes or fails: no request does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::appliance::Appliance;
use crate::support::client::{self, Client, Request};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Node, Then, lines};
use crate::support::{counted, eventually, figure};

/// In `./dev test`.
const SHORT: usize = 5000;
const CONNECTIONS: usize = 8;
const BODY: usize = 20_000;

/// Interval 1 s, timeout 1 s, rise 2, fall 3, by HTTP: a frozen process still accepts.
const CHECKED: &str = r#"policy = "least_conn"
retry = { on = ["error", "timeout", "http_500"] }
health_check = { kind = "http", path = "/who", interval = "1s", timeout = "1s", rise = 2, fall = 3 }"#;

/// fall × interval + timeout + 1 s.
const BOUND: Duration = Duration::from_secs(5);

/// The same by TCP: a frozen process is told from a living one by its silence.
const CHECKED_BY_TCP: &str = r#"policy = "least_conn"
retry = { on = ["error", "timeout", "http_500"] }
health_check = { kind = "tcp", interval = "1s", timeout = "1s", rise = 2, fall = 3 }"#;

fn site(lb: &Appliance, nodes: &[Gunicorn; 3]) {
    checked_site(lb, nodes, CHECKED);
}

fn checked_site(lb: &Appliance, nodes: &[Gunicorn; 3], keys: &str) {
    let [a, b, c] = nodes;
    let lines = [a.line(3), b.line(2), c.line(1)];
    lb.apply(&one_pool(lb.port(), keys, &lines));
}

/// What went wrong in a run, and how long the slowest request took.
#[derive(Debug, Default)]
struct Run {
    failures: Vec<String>,
    slowest: Duration,
}

/// 5,000 GETs (100,000 in assurance) over eight kept connections; `at_1000` happens when the thousandth is drawn.
fn five_thousand(port: u16, expected: &[u8], at_1000: impl Fn() + Sync) -> Run {
    let requests = counted(SHORT, 100_000);
    let drawn = AtomicUsize::new(0);
    let run = Mutex::new(Run::default());
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = Client::of(port);
                loop {
                    let number = drawn.fetch_add(1, Ordering::SeqCst);
                    if number >= requests {
                        return;
                    }
                    if number == 1000 {
                        at_1000();
                    }
                    let began = Instant::now();
                    let outcome = check(&mut client, expected);
                    let took = began.elapsed();
                    let mut run = run.lock().unwrap();
                    run.slowest = run.slowest.max(took);
                    if let Err(why) = outcome {
                        run.failures.push(format!("request {number}: {why}"));
                    }
                }
            });
        }
    });
    assert!(drawn.into_inner() >= requests);
    let run = run.into_inner().unwrap();
    figure(&format!(
        "a node killed or frozen under load: {requests} requests, {} failed",
        run.failures.len()
    ));
    run
}

fn check(client: &mut Client, expected: &[u8]) -> Result<(), String> {
    let request = Request::get(&format!("/big?n={BODY}"));
    let answer = client.send(&request).map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!("{} {:?}", answer.status, answer.reason()));
    }
    if answer.body != expected {
        return Err(format!("a wrong body of {} bytes", answer.body.len()));
    }
    Ok(())
}

fn expected_body(node: &Gunicorn) -> Vec<u8> {
    let body = client::get(node.address().port(), &format!("/big?n={BODY}")).body;
    assert_eq!(body.len(), BODY);
    body
}

fn is_used_again(lb: &Appliance, node: &Gunicorn) {
    lb.wait_for_health("django", node.name(), "up");
    let mut client = Client::of(lb.port());
    let name = format!("{} ", node.name());
    eventually("the node answers again", || {
        client.get("/who").text().starts_with(&name).then_some(())
    });
}

fn killed_at_request_1000(release: Release, worker: Worker) {
    let nodes = Gunicorn::three(release, worker);
    let lb = Appliance::start();
    site(&lb, &nodes);
    let expected = expected_body(&nodes[1]);
    let [victim, ..] = nodes;
    let victim = Mutex::new(victim);
    let run = five_thousand(lb.port(), &expected, || victim.lock().unwrap().kill());
    assert_eq!(run.failures, Vec::<String>::new());

    let mut victim = victim.into_inner().unwrap();
    lb.wait_for_health("django", victim.name(), "down");
    victim.again();
    is_used_again(&lb, &victim);
}

#[test]
fn five_thousand_requests_survive_the_kill_of_sync_workers() {
    killed_at_request_1000(Release::Old, Worker::Sync);
}

#[test]
fn five_thousand_requests_survive_the_kill_of_threads() {
    killed_at_request_1000(Release::New, Worker::Gthread);
}

#[test]
fn five_thousand_requests_survive_a_frozen_node_and_none_waits_past_its_checks() {
    survive_a_frozen_node(Release::New, Worker::Gthread, CHECKED);
}

#[test]
fn a_check_by_tcp_too_sees_a_frozen_node_on_which_requests_wait() {
    survive_a_frozen_node(Release::Old, Worker::Sync, CHECKED_BY_TCP);
}

fn survive_a_frozen_node(release: Release, worker: Worker, keys: &str) {
    let nodes = Gunicorn::three(release, worker);
    let lb = Appliance::start();
    checked_site(&lb, &nodes, keys);
    let expected = expected_body(&nodes[1]);
    let run = five_thousand(lb.port(), &expected, || nodes[0].freeze());
    assert_eq!(run.failures, Vec::<String>::new());
    assert!(run.slowest <= BOUND, "one took {:?}", run.slowest);

    lb.wait_for_health("django", nodes[0].name(), "down");
    nodes[0].thaw();
    is_used_again(&lb, &nodes[0]);
}

/// No check, so that only the requests speak.
const UNCHECKED: &str = "health_check = \"off\"";

fn unchecked_with(keys: &str) -> String {
    format!("{UNCHECKED}\n{keys}")
}

#[test]
fn a_node_that_is_down_gets_nothing_until_it_has_passed_rise_checks() {
    let [mut a, b, c] = Node::three();
    let lb = Appliance::start();
    let keys = r#"health_check = { kind = "http", path = "/", interval = "100ms", timeout = "100ms", rise = 4, fall = 2 }"#;
    lb.apply(&one_pool(
        lb.port(),
        keys,
        &[a.line(1), b.line(1), c.line(1)],
    ));
    lb.wait_for_health("django", a.name(), "up");
    a.stop();
    lb.wait_for_health("django", a.name(), "down");
    let (probes, requests) = (a.probes(), a.requests().len());
    a.start();
    let mut client = Client::of(lb.port());
    eventually("the node is used again", || {
        client.get("/");
        (a.requests().len() > requests).then_some(())
    });
    assert!(a.probes() >= probes + 4, "{} probes", a.probes() - probes);
}

#[test]
fn a_check_says_in_code_and_words_why_a_node_is_down() {
    let refusing = Node::refusing("refusing", |_| Answer::text("never"));
    let failing = Node::scripted("failing", |_| Answer::status(503, "overloaded"));
    let lb = Appliance::start();
    let keys = r#"health_check = { kind = "http", path = "/", interval = "100ms", timeout = "100ms", rise = 2, fall = 2 }"#;
    lb.apply(&one_pool(
        lb.port(),
        keys,
        &[refusing.line(1), failing.line(1)],
    ));
    for (node, status) in [("refusing", None), ("failing", Some(503))] {
        lb.wait_for_health("django", node, "down");
        let check = &lb.node("django", node)["check"];
        assert_eq!(check["status"].as_u64(), status, "{check}");
        assert!(
            check["code"].as_str().is_some_and(|code| !code.is_empty()),
            "{check}"
        );
        assert!(
            check["text"].as_str().is_some_and(|text| !text.is_empty()),
            "{check}"
        );
    }
    // Both are down: the pool fails open, and says so.
    assert_eq!(lb.status()["pools"][0]["fail_open"], true);
    assert_eq!(lb.status()["state"], "degraded");
    assert_eq!(lb.get("/").text(), "overloaded");
}

#[test]
fn a_node_that_refuses_is_passed_over() {
    let [mut a, b, c] = Node::three();
    a.stop();
    let lb = Appliance::start();
    lb.apply(&one_pool(
        lb.port(),
        UNCHECKED,
        &[a.line(1), b.line(1), c.line(1)],
    ));
    let mut client = Client::of(lb.port());
    for _ in 0..30 {
        assert_ne!(client.get("/").text(), "web-1");
    }
    assert!(lb.node("django", "web-1")["errors"].as_u64() > Some(0));
}

#[test]
fn an_answer_broken_off_before_its_first_byte_is_asked_for_elsewhere() {
    for then in [Then::Close, Then::Reset] {
        let broken = Node::scripted("broken", move |_| Answer::nothing(then));
        let whole = Node::answering("whole");
        let lb = Appliance::start();
        lb.apply(&one_pool(
            lb.port(),
            UNCHECKED,
            &[broken.line(1), whole.line(1)],
        ));
        for _ in 0..4 {
            assert_eq!(lb.get("/").text(), "whole", "{then:?}");
        }
        assert!(!broken.requests().is_empty());
    }
}

#[test]
fn a_small_answer_cut_in_its_body_is_asked_for_elsewhere() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this";
    let broken = Node::scripted("broken", move |_| Answer::Raw(cut.into(), Then::Close));
    let whole = Node::answering("whole");
    let lb = Appliance::start();
    lb.apply(&one_pool(
        lb.port(),
        UNCHECKED,
        &[broken.line(1), whole.line(1)],
    ));
    for _ in 0..4 {
        assert_eq!(lb.get("/").text(), "whole");
    }
    assert!(!broken.requests().is_empty());
}

#[test]
fn a_post_that_was_sent_is_not_repeated() {
    let broken = Node::scripted("broken", |_| Answer::nothing(Then::Close));
    let whole = Node::answering("whole");
    let lb = Appliance::start();
    lb.apply(&one_pool(
        lb.port(),
        UNCHECKED,
        &[broken.line(1), whole.line(1)],
    ));
    let post = Request::post("/", "once");
    let answers = [lb.ask(&post), lb.ask(&post)];
    let failed: Vec<_> = answers.iter().filter(|a| a.status == 502).collect();
    assert_eq!(failed.len(), 1, "{answers:?}");
    assert_eq!(failed[0].reason(), Some("node_reset"));
    assert_eq!((broken.requests().len(), whole.requests().len()), (1, 1));
}

#[test]
fn a_post_is_repeated_where_the_operator_says_it_may_be() {
    let broken = Node::scripted("broken", |_| Answer::nothing(Then::Close));
    let whole = Node::answering("whole");
    let lb = Appliance::start();
    let keys = unchecked_with(r#"retry = { on = ["error"], non_idempotent = true }"#);
    lb.apply(&one_pool(
        lb.port(),
        &keys,
        &[broken.line(1), whole.line(1)],
    ));
    for _ in 0..2 {
        assert_eq!(lb.ask(&Request::post("/", "twice")).text(), "whole");
    }
    assert_eq!(whole.last().body, b"twice");
}

#[test]
fn a_listed_status_is_asked_for_elsewhere_and_the_last_one_is_passed_on() {
    let failing = |name: &str| Node::scripted(name, |_| Answer::status(500, "a page of its own"));
    let (bad, good) = (failing("bad"), Node::answering("good"));
    let lb = Appliance::start();
    let keys = unchecked_with(r#"retry = { on = ["error", "timeout", "http_500"] }"#);
    lb.apply(&one_pool(lb.port(), &keys, &[bad.line(1), good.line(1)]));
    for _ in 0..4 {
        assert_eq!(lb.get("/").text(), "good");
    }
    let worse = failing("worse");
    lb.apply(&one_pool(lb.port(), &keys, &[bad.line(1), worse.line(1)]));
    let answer = lb.get("/");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (500, "a page of its own")
    );
    assert_eq!(answer.reason(), None);
}

#[test]
fn a_status_that_is_not_listed_is_the_answer() {
    let nodes = ["a", "b"].map(|name| Node::scripted(name, |_| Answer::status(500, "mine")));
    let lb = Appliance::start();
    let [a, b] = &nodes;
    lb.apply(&one_pool(lb.port(), UNCHECKED, &[a.line(1), b.line(1)]));
    assert_eq!(lb.get("/").status, 500);
    assert_eq!(a.requests().len() + b.requests().len(), 1);
}

#[test]
fn what_no_node_could_do_has_a_reason() {
    let mut node = Node::scripted("a", |request| match request.target() {
        "/silent" => Answer::nothing(Then::Hang),
        "/reset" => Answer::nothing(Then::Reset),
        _ => Answer::raw("220 mail.example.com ESMTP\r\n\r\n"),
    });
    let lb = Appliance::start();
    let keys = unchecked_with("read_timeout = \"300ms\"\nmax_fails = 0");
    lb.apply(&one_pool(lb.port(), &keys, &[node.line(1)]));
    for (target, status, reason) in [
        ("/silent", 504, "node_timeout"),
        ("/reset", 502, "node_reset"),
        ("/mail", 502, "node_bad_response"),
    ] {
        let answer = lb.get(target);
        assert_eq!((answer.status, answer.reason()), (status, Some(reason)));
    }
    node.stop();
    let answer = lb.get("/");
    assert_eq!(
        (answer.status, answer.reason()),
        (502, Some("node_refused"))
    );
}

#[test]
fn a_pool_that_may_not_be_used_says_so() {
    let nodes = Node::three();
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), "", &lines(&nodes, [1, 1, 1])));
    for node in &nodes {
        let done = lb.run(&["node", "disable", &format!("django/{}", node.name())]);
        assert!(done.status.success(), "{done:?}");
    }
    let answer = lb.get("/");
    assert_eq!((answer.status, answer.reason()), (503, Some("no_node")));
    let done = lb.run(&["node", "enable", "django/web-2"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(lb.get("/").text(), "web-2");
}

#[test]
fn one_broken_url_ejects_no_node() {
    let nodes = ["a", "b"].map(|name| {
        Node::scripted(name, |request| match request.target() {
            "/broken" => Answer::status(500, "a bug"),
            _ => Answer::text("fine"),
        })
    });
    let [a, b] = &nodes;
    let lb = Appliance::start();
    let keys = unchecked_with(r#"retry = { on = ["http_500"] }"#);
    lb.apply(&one_pool(lb.port(), &keys, &[a.line(1), b.line(1)]));
    for _ in 0..20 {
        assert_eq!(lb.get("/broken").status, 500);
    }
    for node in ["a", "b"] {
        assert!(lb.node("django", node)["ejected_until"].is_null());
    }
}
