//! Webhooks: each event once and in order, signed, tried again; and none of it in anybody's way.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::support::appliance::{Appliance, said};
use crate::support::client::Client;
use crate::support::document::{listener, one_pool};
use crate::support::eventually;
use crate::support::node::{Answer, Node, Seen, Then};
use crate::support::tls::Authority;

/// A check that one refusal turns, slow enough that no node is late on a busy machine.
const CHECKED: &str =
    r#"health_check = { kind = "tcp", interval = "1s", timeout = "1s", rise = 1, fall = 2 }"#;
const OFF: &str = "health_check = \"off\"";

fn webhook(name: &str, url: &str, keys: &str) -> String {
    format!("\n[[webhooks]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

fn url(node: &Node) -> String {
    format!("http://{}/lb?x=1", node.address())
}

/// One pool with this check, and hooks.
fn document(lb: &Appliance, pool: &str, weight: u32, node: &Node, hooks: &str) -> String {
    one_pool(lb.port(), pool, &[node.line(weight)]) + hooks
}

fn json(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

/// The value of a field of every message, in the order they came.
fn told(hook: &Node, field: &str) -> Vec<Value> {
    let messages = hook.requests();
    messages.iter().map(|m| json(m)[field].clone()).collect()
}

/// The count of one result in `/metrics`.
fn count(lb: &Appliance, hook: &str, result: &str) -> Option<u64> {
    let line =
        format!("steelyard_webhook_deliveries_total{{webhook=\"{hook}\",result=\"{result}\"}} ");
    let metrics = lb.admin("/metrics").text();
    let found = metrics.lines().find_map(|l| l.strip_prefix(&line));
    found.map(|number| number.parse().unwrap())
}

fn wait_for_count(lb: &Appliance, hook: &str, result: &str, number: u64) {
    eventually("messages are counted", || {
        (count(lb, hook, result) == Some(number)).then_some(())
    });
}

fn wait_for_log(lb: &Appliance, words: &str) {
    eventually(words, || lb.log().contains(words).then_some(()));
}

/// A server that waits for nothing and says this, and its port.
fn answers_every_connection(text: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _gone = stream.write_all(text.as_bytes());
            let _rest = io::copy(&mut stream, &mut io::sink());
        }
    });
    port
}

/// What `openssl` makes of it.
fn signed(key: &str, body: &[u8]) -> String {
    let mut child = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().rsplit(' ').next().unwrap().to_owned()
}

/// Every field that each message has, and the signature of its very bytes.
#[track_caller]
fn is_whole(message: &Seen, event: &str, hook: &Node) {
    let body = json(message);
    assert_eq!((message.method(), message.target()), ("POST", "/lb?x=1"));
    for (field, value) in [
        ("Host", hook.address().to_string()),
        (
            "User-Agent",
            format!("steelyard/{}", env!("CARGO_PKG_VERSION")),
        ),
        ("Content-Type", "application/json".to_owned()),
        ("X-Steelyard-Event", event.to_owned()),
        (
            "X-Steelyard-Delivery",
            body["id"].as_str().unwrap().to_owned(),
        ),
        (
            "X-Steelyard-Signature",
            signed("open sesame", &message.body),
        ),
    ] {
        assert_eq!(message.all(field), [value], "{field}");
    }
    let host = rustix::system::uname();
    assert_eq!(body["host"], host.nodename().to_str().unwrap());
    assert!(body["time"].as_str().unwrap().ends_with('Z'));
    let mut values = body.as_object().unwrap().values();
    assert!(values.all(|value| !value.is_object() && !value.is_array()));
}

#[test]
fn each_event_comes_once_in_order_and_signed() {
    let mut node = Node::answering("web-1");
    let hook = Node::answering("hook");
    let some = Node::answering("some");
    let lb = Appliance::start();
    let hooks = webhook("all", &url(&hook), "secret = \"open sesame\"")
        + &webhook("some", &url(&some), "events = [\"node_up\", \"fail_open\"]");
    lb.apply(&document(&lb, CHECKED, 1, &node, &hooks));
    lb.wait_for_health("django", "web-1", "up");
    node.stop();
    hook.saw(3);
    node.start();
    hook.saw(5);
    // What says nothing of the secret leaves it as it is.
    let changed = lb.apply(
        &lb.export()
            .replace("weight = 1", "")
            .replace("name = \"web-1\"", "name = \"web-1\"\nweight = 2"),
    );
    assert_eq!(changed["revision"], 2, "{changed}");
    hook.saw(6);
    wait_for_count(&lb, "all", "delivered", 6);
    let rest = ["fail_open", "node_up", "fail_open", "change"];
    let events = [&["change", "node_down"][..], &rest].concat();
    assert_eq!(told(&hook, "event"), events);
    assert_eq!(told(&some, "event"), rest[..3]);
    let messages = hook.requests();
    for (message, event) in messages.iter().zip(events) {
        is_whole(message, event, &hook);
    }
    let ids: HashSet<String> = told(&hook, "id").iter().map(Value::to_string).collect();
    assert_eq!(ids.len(), 6, "an event came twice");
    assert_eq!(some.requests()[0].field("X-Steelyard-Signature"), None);
    let down = json(&messages[1]);
    for (field, value) in [
        ("pool", "django"),
        ("node", "web-1"),
        ("address", &node.address().to_string()),
        ("health", "down"),
        ("admin_state", "enabled"),
        ("code", "L4CON"),
        ("cause", "refused"),
    ] {
        assert_eq!(down[field], value, "{down}");
    }
    assert!(
        down["text"]
            .as_str()
            .unwrap()
            .starts_with("connection refused")
    );
    assert!(down["text_zh"].as_str().unwrap().starts_with("连接被拒绝"));
    assert_eq!(json(&messages[3])["health"], "up");
    assert_eq!(
        told(&some, "fail_open"),
        [Value::Bool(true), Value::Null, Value::Bool(false)]
    );
    let change = json(&messages[5]);
    assert_eq!(
        (&change["revision"], &change["changes"]),
        (&2.into(), &1.into())
    );
    assert!(
        change["author"].as_str().unwrap().contains("uid"),
        "{change}"
    );
    assert_eq!(change["text"], "~ pools.django.nodes.web-1.weight: 1 -> 2");
}

#[test]
fn what_may_pass_is_tried_again_with_the_same_message() {
    let node = Node::answering("web-1");
    let tries = AtomicUsize::new(0);
    let hook = Node::scripted("hook", move |_| {
        match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Answer::status(500, "no"),
            1 => Answer::status(429, "slowly"),
            _ => Answer::status(204, ""),
        }
    });
    let lb = Appliance::start();
    let hooks = webhook("ops", &url(&hook), "");
    lb.apply(&document(&lb, OFF, 1, &node, &hooks));
    // Waits behind the first.
    lb.apply(&document(&lb, OFF, 2, &node, &hooks));
    wait_for_count(&lb, "ops", "delivered", 2);
    assert_eq!(told(&hook, "revision"), [1, 1, 1, 2]);
    let ids = told(&hook, "id");
    assert!(
        ids[0] == ids[1] && ids[1] == ids[2] && ids[2] != ids[3],
        "{ids:?}"
    );
    let log = lb.log();
    assert!(
        log.contains("webhook ops: change not delivered yet: it answered 500"),
        "{log}"
    );
    assert_eq!(count(&lb, "ops", "failed"), Some(0));
}

#[test]
fn what_cannot_pass_is_given_up_at_once() {
    let node = Node::answering("web-1");
    let other = Node::answering("other");
    let to = url(&other);
    let moved = Node::scripted("moved", move |_| {
        Answer::status(307, "there").field("Location", &to)
    });
    let gone = Node::scripted("gone", |_| Answer::status(404, "not here"));
    let lb = Appliance::start();
    let hooks = webhook("moved", &url(&moved), "") + &webhook("gone", &url(&gone), "");
    lb.apply(&document(&lb, OFF, 1, &node, &hooks));
    for hook in ["moved", "gone"] {
        wait_for_count(&lb, hook, "failed", 1);
    }
    wait_for_log(
        &lb,
        "given up: it answered 307, and no redirect is followed",
    );
    wait_for_log(
        &lb,
        "webhook gone: change not delivered, given up: it answered 404",
    );
    assert_eq!((moved.requests().len(), gone.requests().len()), (1, 1));
    assert_eq!(other.requests().len(), 0, "a redirect was followed");
}

#[test]
fn what_waits_stays_over_changes_and_goes_where_the_hook_is_now() {
    let node = Node::answering("web-1");
    // Both refuse at first.
    let mut hook = Node::refusing("hook", |_| Answer::text("ok"));
    let old = Node::refusing("old", |_| Answer::text("never"));
    let new = Node::answering("new");
    let lb = Appliance::start();
    let hooks = |moved: &Node| webhook("ops", &url(&hook), "") + &webhook("moved", &url(moved), "");
    lb.apply(&document(&lb, OFF, 1, &node, &hooks(&old)));
    wait_for_log(
        &lb,
        "webhook ops: change not delivered yet: cannot connect to",
    );
    lb.apply(&document(&lb, OFF, 2, &node, &hooks(&old)));
    lb.apply(&document(&lb, OFF, 3, &node, &hooks(&new)));
    hook.start();
    wait_for_count(&lb, "ops", "delivered", 3);
    wait_for_count(&lb, "moved", "delivered", 3);
    assert_eq!(told(&hook, "revision"), [1, 2, 3]);
    assert_eq!(told(&new, "revision"), [1, 2, 3]);
    assert_eq!(told(&new, "id"), told(&hook, "id"));
}

#[test]
fn a_hook_that_hangs_or_never_ends_is_in_nobody_s_way() {
    let node = Node::answering("web-1");
    let hangs = Node::scripted("hangs", |_| Answer::nothing(Then::Hang));
    let endless = Node::scripted("endless", |_| Answer::Download(1 << 40));
    let head = Arc::new([b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 64 << 20]].concat());
    let long = Node::scripted("long", move |_| Answer::Raw(head.to_vec(), Then::Close));
    let garbage = Node::scripted("garbage", |_| {
        Answer::Raw(b"\x00\x01\n".to_vec(), Then::Close)
    });
    let mut lb = Appliance::start();
    let all = [&hangs, &endless, &long, &garbage];
    let hooks: String = all
        .map(|hook| webhook(hook.name(), &url(hook), ""))
        .concat();
    lb.apply(&document(&lb, OFF, 1, &node, &hooks));
    let before = lb.resident();
    hangs.saw(1);
    let mut client = Client::of(lb.port());
    for i in 0..1000 {
        assert_eq!(client.get("/").status, 200);
        if i % 100 == 0 {
            lb.apply(&document(&lb, OFF, 2 + i / 100, &node, &hooks));
        }
    }
    // Its head was good; of the body nothing is read.
    wait_for_count(&lb, "endless", "delivered", 11);
    wait_for_log(
        &lb,
        "webhook long: change not delivered yet: its answer is not HTTP",
    );
    wait_for_log(
        &lb,
        "webhook garbage: change not delivered yet: its answer is not HTTP",
    );
    let grown = lb.resident().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    assert_eq!(lb.stop().code(), Some(0));
    let log = lb.log();
    assert!(
        log.contains("webhook hangs: 11 waiting messages are dropped: the program ends"),
        "{log}"
    );
}

#[test]
fn an_encrypted_hook_must_prove_its_name() {
    let node = Node::answering("web-1");
    let authority = Authority::new();
    let trusted = authority.receiver("DNS:localhost,IP:127.0.0.1");
    let misnamed = authority.receiver("DNS:hooks.example.com");
    let stranger = Authority::new().receiver("DNS:localhost");
    let plain = answers_every_connection("HTTP/1.1 400 Bad Request\r\n\r\n");
    let file = authority.file().to_str().unwrap().to_owned().leak();
    let lb = Appliance::start_with(&[("SSL_CERT_FILE", file)]);
    let at = |host: &str, port| format!("https://{host}:{port}/");
    let hooks = [
        ("named", at("localhost", trusted.port())),
        ("address", at("127.0.0.1", trusted.port())),
        ("misnamed", at("localhost", misnamed.port())),
        ("stranger", at("localhost", stranger.port())),
        ("plain", at("localhost", plain)),
    ];
    let keys = "secret = \"open sesame\"";
    let hooks: String = hooks
        .iter()
        .map(|(name, url)| webhook(name, url, keys))
        .collect();
    lb.apply(&document(&lb, OFF, 1, &node, &hooks));
    for hook in ["named", "address"] {
        wait_for_count(&lb, hook, "delivered", 1);
    }
    for words in [
        "webhook misnamed: change not delivered yet: its certificate is not for localhost",
        "webhook stranger: change not delivered yet: its certificate is signed by nobody this machine trusts",
        "webhook plain: change not delivered yet: it does not speak TLS there",
    ] {
        wait_for_log(&lb, words);
    }
    let seen = eventually("both messages", || {
        Some(trusted.seen()).filter(|s| s.len() == 2)
    });
    for request in seen {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!(
            "X-Steelyard-Signature: {}\r\n",
            signed("open sesame", body.as_bytes())
        )));
    }
    assert_eq!(misnamed.seen().len() + stranger.seen().len(), 0);
}

#[test]
fn a_hook_whose_secret_is_gone_is_not_told_without_a_signature() {
    let node = Node::answering("web-1");
    let hook = Node::answering("hook");
    let mut lb = Appliance::start();
    let key = lb.data().join("key");
    let keys = format!("secret = {{ file = \"{}\" }}", key.display());
    let document = |weight| document(&lb, OFF, weight, &node, &webhook("ops", &url(&hook), &keys));
    let refused = lb.try_apply(&document(1));
    assert_eq!(refused.status.code(), Some(78));
    let words = said(&refused);
    assert!(
        words.contains(": webhooks[0].secret: ") && words.contains("cannot be read"),
        "{words}"
    );
    std::fs::write(&key, "one\n").unwrap();
    let (first, second) = (document(1), document(2));
    lb.apply(&first);
    hook.saw(1);
    assert_eq!(lb.stop().code(), Some(0));
    std::fs::remove_file(&key).unwrap();
    lb.restart();
    lb.apply(&second);
    wait_for_log(
        &lb,
        "webhook ops: change not delivered yet: its secret is missing",
    );
    assert_eq!(hook.requests().len(), 1);
    std::fs::write(&key, "two\n").unwrap();
    lb.apply(&second);
    hook.saw(2);
    let last = hook.last();
    assert_eq!(json(&last)["revision"], 2);
    assert_eq!(
        last.field("X-Steelyard-Signature"),
        Some(signed("two", &last.body).as_str())
    );
}

#[test]
fn a_certificate_is_told_of_before_its_end_at_its_end_and_where_it_cannot_be_read() {
    let hook = Node::answering("hook");
    let mut lb = Appliance::start();
    let authority = Authority::new();
    let issue = |days: i64, left: i64| {
        let key = "ec -pkeyopt ec_paramgen_curve:P-256";
        // Half an hour more: whole days are left at whatever hour this runs.
        authority.issue_with("DNS:a.test", key, (left - days * 86_400, left + 1800))
    };
    let ends = issue(90, 6 * 86_400);
    let fine = issue(90, 60 * 86_400);
    let webhook = webhook("ops", &url(&hook), "events = [\"certificate\"]");
    let document =
        listener(lb.port()) + &ends.table("ends", "") + &fine.table("fine", "") + &webhook;
    lb.apply(&document);
    hook.saw(1);
    let first = json(&hook.last());
    assert_eq!(
        (&first["event"], &first["certificate"], &first["days_left"]),
        (&"certificate".into(), &"ends".into(), &6.into()),
        "{first}"
    );
    assert_eq!(first["text"], "certificate ends ends, days left: 6");
    assert!(
        first["text_zh"].as_str().unwrap().contains("6 天后到期"),
        "{first}"
    );
    assert!(first["not_after"].as_str().unwrap().ends_with('Z'));

    // Neither another change nor a restart tells it again; what comes next is told alone.
    lb.apply(&(document.clone() + "\n[settings]\ndns_refresh = \"40s\"\n"));
    lb.stop();
    lb.restart();
    fs::copy(ends.key(), fine.key()).unwrap();
    lb.apply(&document);
    hook.saw(2);
    let second = json(&hook.last());
    assert_eq!(second["certificate"], "fine", "{second}");
    assert!(
        second["why"]
            .as_str()
            .unwrap()
            .contains("is the key of another certificate")
    );
    ends.become_like(&issue(90, 3600));
    lb.apply(&document);
    hook.saw(3);
    let third = json(&hook.last());
    assert_eq!(
        third["text"], "certificate ends ends within a day",
        "{third}"
    );
    let events = lb.log();
    assert_eq!(
        events
            .matches("WARN certificate ends ends, days left: 6")
            .count(),
        1,
        "{events}"
    );
    assert!(hook.requests().len() == 3, "{:?}", told(&hook, "text"));
}
