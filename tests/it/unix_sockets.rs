//! Nodes behind a Unix socket: as those behind a port, in all that can be seen.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use serde_json::{Value, json};

use crate::support::appliance::{Appliance, said};
use crate::support::client::{self, Client, Request};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::document::{node, one_pool};
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node, Then};
use crate::support::pattern::Checker;
use crate::support::socket::{Socket, address, directory};

/// A check by HTTP that one answer turns.
const CHECKED: &str = r#"health_check = { kind = "http", path = "/who", interval = "2s", timeout = "2s", rise = 1, fall = 1 }"#;

/// One pool of one node behind `path`, named `web-1`.
fn document(port: u16, keys: &str, path: &Path) -> String {
    one_pool(port, keys, &[]) + &named("web-1", &address(path))
}

fn named(name: &str, address: &str) -> String {
    node(&format!("name = \"{name}\"\naddress = {address:?}"))
}

/// A scripted node and the socket before it.
fn behind(path: &Path, script: impl Fn() -> Answer + Send + Sync + 'static) -> (Node, Socket) {
    let node = Node::scripted("web-1", move |_| script());
    let socket = Socket::new(path.join("s"), node.address());
    (node, socket)
}

fn answers_as_behind_a_port(release: Release, worker: Worker) {
    let dir = directory();
    let path = dir.path().join("gunicorn.sock");
    let _node = Gunicorn::at_socket(release, worker, "web-1", path.clone());
    let lb = Appliance::start();
    lb.apply(&(document(lb.port(), CHECKED, &path) + "\n[logs]\nformat = \"json\"\n"));
    let mut browser = Client::of(lb.port());
    assert!(browser.get("/who").text().starts_with("web-1 "));
    let form = "title=%E6%9D%86%E7%A7%A4&".repeat(5000);
    let request = Request::post("/echo?a=1", form.as_str()).field("Host", "shop.example.com");
    let expecting = request.clone().field("Expect", "100-continue");
    for request in [&request, &expecting] {
        let seen = browser.ask(request).json();
        assert_eq!(
            (&seen["method"], &seen["path"]),
            (&json!("POST"), &json!("/echo?a=1"))
        );
        assert_eq!(seen["body_length"], form.len());
        assert_eq!(seen["headers"]["Host"], "shop.example.com");
        assert_eq!(seen["headers"]["X-Forwarded-For"], "127.0.0.1");
    }
    let upload = browser
        .ask(&Request::post_pattern("/echo", 5_000_000))
        .json();
    assert_eq!(upload["body_length"], 5_000_000);
    let whole = browser.get("/big?n=3000000");
    assert_eq!((whole.status, whole.body.len()), (200, 3_000_000));
    assert_eq!(browser.get("/stream?n=3000000").body, whole.body);
    assert_eq!(browser.ask(&Request::head("/big?n=100")).status, 200);

    lb.wait_for_health("django", "web-1", "up");
    let told = lb.node("django", "web-1");
    assert_eq!(told["address"], address(&path));
    assert_eq!(told["check"]["code"], "L7OK");
    assert_eq!(
        (&told["errors"], &told["in_flight"]),
        (&json!(0), &json!(0))
    );
    for line in lb.access_log(7) {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["tries"][0]["address"], address(&path), "{line}");
        assert_eq!(line["tries"].as_array().map(Vec::len), Some(1), "{line}");
    }
}

#[test]
fn django_4_and_sync_workers_answer_as_behind_a_port() {
    answers_as_behind_a_port(Release::Old, Worker::Sync);
}

#[test]
fn django_5_and_threads_answer_as_behind_a_port() {
    answers_as_behind_a_port(Release::New, Worker::Gthread);
}

#[test]
fn a_request_without_a_host_is_sent_with_localhost() {
    let dir = directory();
    let (node, socket) = behind(dir.path(), || Answer::text("fine"));
    let lb = Appliance::start();
    lb.apply(&document(lb.port(), "", socket.path()));
    let answer = client::exchange(lb.port(), "GET /old HTTP/1.0\r\n\r\n");
    assert!(String::from_utf8_lossy(&answer).ends_with("fine"));
    assert_eq!(node.last().field("Host"), Some("localhost"));
    lb.ask(&Request::get("/new").field("Host", "shop.example.com"));
    assert_eq!(node.last().field("Host"), Some("shop.example.com"));
}

#[test]
fn bodies_of_any_length_arrive_whole_in_both_directions() {
    const LENGTH: u64 = 20_000_000;
    let dir = directory();
    let (node, socket) = behind(dir.path(), || Answer::Download(LENGTH));
    let lb = Appliance::start();
    lb.apply(&document(lb.port(), "", socket.path()));
    let parts: [&[u8]; 3] = [b"one", b"two", b"three"];
    lb.ask(&Request::post_chunked("/", &parts));
    assert_eq!(node.last().body, b"onetwothree");
    let whole = Checker {
        length: LENGTH,
        wrong_at: None,
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let request = Request::post_pattern("/big", LENGTH);
                let mut seen = Checker::default();
                let answer = Client::of(lb.port()).send_and_check(&request, &mut seen);
                assert_eq!((answer.unwrap().status, &seen), (200, &whole));
            });
        }
    });
    let asked = node.requests();
    let big = asked.iter().filter(|asked| asked.target() == "/big");
    assert_eq!(big.map(|asked| assert_eq!(asked.pattern, whole)).count(), 4);
}

#[test]
fn a_connection_is_kept_and_one_that_has_ended_costs_no_request() {
    let dir = directory();
    let (node, socket) = behind(dir.path(), || Answer::text("fine"));
    let lb = Appliance::start();
    let keys = "health_check = \"off\"\nkeepalive = { timeout = \"60s\" }";
    let one = "[settings]\nworkers = 1\n\n[[pools]]";
    let text = document(lb.port(), keys, socket.path());
    lb.apply(&text.replacen("[[pools]]", one, 1));
    let mut browser = Client::of(lb.port());
    for _ in 0..20 {
        assert_eq!(browser.get("/").text(), "fine");
    }
    assert_eq!(socket.connections(), 1);
    for round in 2..6 {
        socket.end_connections();
        assert_eq!(browser.get("/").text(), "fine");
        assert_eq!(socket.connections(), round);
    }
    assert_eq!(node.requests().len(), 24);
    let told = lb.node("django", "web-1");
    assert_eq!(
        (&told["requests"], &told["errors"]),
        (&json!(24), &json!(0))
    );
}

#[test]
fn what_a_node_does_wrong_has_the_reason_it_has_behind_a_port() {
    for (answer, reason) in [
        (Answer::nothing(Then::Close), "node_reset"),
        (Answer::raw("hello\r\n\r\n"), "node_bad_response"),
    ] {
        let dir = directory();
        let (_node, socket) = behind(dir.path(), move || answer.clone());
        let lb = Appliance::start();
        lb.apply(&document(
            lb.port(),
            "health_check = \"off\"",
            socket.path(),
        ));
        let told = lb.get("/");
        assert_eq!((told.status, told.reason()), (502, Some(reason)));
    }
    let dir = directory();
    let (_node, mut socket) = behind(dir.path(), || Answer::text("fine"));
    socket.stop();
    let lb = Appliance::start();
    lb.apply(&document(
        lb.port(),
        "health_check = \"off\"",
        socket.path(),
    ));
    for there in [true, false] {
        if !there {
            std::fs::remove_file(socket.path()).unwrap();
        }
        let told = lb.get("/");
        assert_eq!((told.status, told.reason()), (502, Some("node_refused")));
    }
    socket.start();
    assert_eq!(lb.get("/").text(), "fine");
}

#[test]
fn a_gunicorn_that_dies_behind_its_socket_costs_no_request_of_a_mixed_pool() {
    const REQUESTS: usize = 2000;
    let dir = directory();
    let path = dir.path().join("gunicorn.sock");
    let port = Gunicorn::start(Release::New, Worker::Gthread, "port");
    let socket = Gunicorn::at_socket(Release::New, Worker::Gthread, "socket", path.clone());
    let lb = Appliance::start();
    let text = one_pool(lb.port(), CHECKED, &[port.line(1)]) + &named("socket", &address(&path));
    lb.apply(&text);
    lb.wait_for_health("django", "socket", "up");

    let socket = Mutex::new(socket);
    let drawn = AtomicUsize::new(0);
    let (failures, answers) = (Mutex::new(Vec::new()), Mutex::new([0, 0]));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut browser = Client::of(lb.port());
                loop {
                    match drawn.fetch_add(1, Ordering::SeqCst) {
                        REQUESTS.. => return,
                        500 => socket.lock().unwrap().kill(),
                        1200 => socket.lock().unwrap().again(),
                        _ => {}
                    }
                    match browser.send(&Request::get("/who")) {
                        Ok(answer) if answer.status == 200 => {
                            let place = usize::from(answer.text().starts_with("socket "));
                            answers.lock().unwrap()[place] += 1;
                        }
                        other => failures.lock().unwrap().push(format!("{other:?}")),
                    }
                }
            });
        }
    });
    assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
    let [by_port, by_socket] = *answers.lock().unwrap();
    assert_eq!(by_port + by_socket, REQUESTS);
    assert!(by_port > 0 && by_socket > 0, "{by_port}, {by_socket}");
    eventually("it takes its share again", || {
        let answer = lb.get("/who").text();
        answer.starts_with("socket ").then_some(())
    });
}

/// Waits for a node's cause and gives the words for it, in English and in Chinese.
#[track_caller]
fn words(lb: &Appliance, cause: &str) -> (String, String) {
    let words = |language: &str| {
        let request = Request::get(&format!("/api/v1/status?lang={language}"));
        let told = client::control(lb.data(), &request).json();
        let check = &told["pools"][0]["nodes"][0]["check"];
        let text = check["text"].as_str().map(str::to_owned);
        text.filter(|_| check["cause"] == cause)
    };
    eventually(cause, || words("en").zip(words("zh-CN")))
}

#[test]
fn a_socket_that_is_gone_or_dead_is_told_in_both_languages_and_comes_back() {
    let dir = directory();
    let path = dir.path().join("gunicorn.sock");
    let mut node = Gunicorn::at_socket(Release::New, Worker::Sync, "web-1", path.clone());
    let lb = Appliance::start();
    lb.apply(&document(lb.port(), CHECKED, &path));
    lb.wait_for_health("django", "web-1", "up");
    let at = address(&path);

    // Gunicorn takes its socket with it, unless it is killed.
    node.stop();
    lb.wait_for_health("django", "web-1", "down");
    let (english, chinese) = words(&lb, "socket_missing");
    assert!(
        english.starts_with(&format!("no socket is at {at}:")),
        "{english}"
    );
    assert!(
        chinese.starts_with(&format!("{at} 处没有套接字文件")),
        "{chinese}"
    );
    let shown = said(&lb.run(&["status"]));
    assert!(shown.contains(&english), "{shown}");
    node.again();
    lb.wait_for_health("django", "web-1", "up");

    node.kill();
    lb.wait_for_health("django", "web-1", "down");
    let (english, chinese) = words(&lb, "refused");
    assert_eq!(
        english,
        format!("connection refused: nothing listens on {at}")
    );
    assert_eq!(chinese, format!("连接被拒绝：{at} 上没有程序在监听"));
    assert!(path.exists());
    node.again();
    lb.wait_for_health("django", "web-1", "up");
    assert!(lb.get("/who").text().starts_with("web-1 "));

    node.stop();
    std::fs::write(&path, "").unwrap();
    let (english, chinese) = words(&lb, "no_socket");
    assert_eq!(
        english,
        format!("what is at {at} is not a socket: look at the path")
    );
    assert!(chinese.contains("不是套接字文件"), "{chinese}");
}

#[test]
fn a_socket_that_may_not_be_used_is_told_and_refused() {
    // A thread of its own gives up what root may, for itself and for what it starts.
    let denied = std::thread::spawn(|| {
        if rustix::process::geteuid().is_root() {
            remove_capability_from_bounding_set(CapabilitySet::DAC_OVERRIDE)
                .expect("root may give up what it may");
        }
        tell_a_socket_that_may_not_be_used();
    });
    denied.join().unwrap();
}

fn tell_a_socket_that_may_not_be_used() {
    let dir = directory();
    let (_node, socket) = behind(dir.path(), || Answer::text("fine"));
    let permit = |mode| {
        std::fs::set_permissions(socket.path(), Permissions::from_mode(mode)).unwrap();
    };
    permit(0o000);
    let lb = Appliance::start();
    lb.apply(&document(lb.port(), CHECKED, socket.path()));
    let (english, chinese) = words(&lb, "socket_not_permitted");
    assert!(english.contains("may not use unix:/"), "{english}");
    assert!(english.contains("this service (uid "), "{english}");
    assert!(chinese.contains("无权使用 unix:/"), "{chinese}");
    let told = lb.get("/");
    assert_eq!((told.status, told.reason()), (502, Some("node_refused")));
    permit(0o600);
    lb.wait_for_health("django", "web-1", "up");
    assert_eq!(lb.get("/").text(), "fine");
}

#[test]
fn a_socket_without_a_name_is_called_by_its_address_everywhere() {
    let dir = directory();
    let (node, mut socket) = behind(dir.path(), || Answer::text("fine"));
    socket.stop();
    // As odd as a path may be.
    let socket = Socket::new(dir.path().join("a, \"b\".sock"), node.address());
    let lb = Appliance::start();
    let at = socket.address();
    let text = one_pool(lb.port(), CHECKED, &[]) + &unnamed(&at);
    lb.apply(&text);
    lb.wait_for_health("django", &at, "up");
    assert_eq!(lb.get("/").text(), "fine");

    let exported = lb.export();
    assert!(exported.contains(&unnamed(&at)), "{exported}");
    assert_eq!(lb.apply(&exported)["changed"], false);

    let path = format!("django/{at}");
    let said_of = |arguments: &[&str]| {
        let output = lb.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let changed = said_of(&["node", "weight", &path, "7"]);
    assert!(
        changed.contains(&format!("pools.django.nodes.{at}.weight: 1 -> 7")),
        "{changed}"
    );
    said_of(&["node", "drain", &path, "--wait", "20s"]);
    assert!(said_of(&["status"]).contains(&format!("{at} is drained")));
    let url = format!("http://127.0.0.1:{}/", lb.port());
    let explained = lb.run(&["explain", &url]);
    assert!(said(&explained).contains(&at), "{}", said(&explained));
    said_of(&["node", "enable", &path, "--wait", "20s"]);

    let metrics = lb.admin("/metrics").text();
    let label = format!("node=\"{}\"", at.replace('"', "\\\""));
    assert!(metrics.contains(&label), "{metrics}");
    let csv = lb.admin("/check_status?format=csv").text();
    let begin = format!("0,django,\"{}\",up,", at.replace('"', "\"\""));
    assert!(
        csv.starts_with(&begin) && csv.trim_end().ends_with(",0,http,0"),
        "{csv}"
    );
    let json = lb.admin("/check_status?format=json").json();
    assert_eq!(json["servers"]["server"][0]["name"], at);
}

fn unnamed(address: &str) -> String {
    node(&format!("address = {address:?}"))
}

#[test]
fn changes_leave_what_is_under_way_at_a_socket_alone() {
    let dir = directory();
    let gate = Gate::closed();
    let held = gate.clone();
    let slow = Node::scripted("web-1", move |_| {
        held.pass();
        Answer::text("slow")
    });
    let socket = Socket::new(dir.path().join("s"), slow.address());
    let other = Node::answering("other");
    let lb = Appliance::start();
    let off = "health_check = \"off\"";
    let text = document(lb.port(), off, socket.path());
    lb.apply(&text);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| lb.get("/"));
        slow.saw(1);
        lb.apply(&(text.clone() + "weight = 5\n"));
        assert_eq!(lb.node("django", "web-1")["in_flight"], 1);
        // The same name at another address is another node.
        lb.apply(&one_pool(
            lb.port(),
            off,
            &[("web-1".into(), other.address(), 1)],
        ));
        assert_eq!(lb.get("/").text(), "other");
        gate.open();
        assert_eq!(asked.join().unwrap().text(), "slow");
    });
    lb.apply(&text);
    assert_eq!(lb.get("/").text(), "slow");
}

#[test]
fn two_pools_may_share_a_socket() {
    let dir = directory();
    let (_node, socket) = behind(dir.path(), || Answer::text("fine"));
    let lb = Appliance::start();
    let more = format!(
        "\n[[pools]]\nname = \"two\"\n{}",
        unnamed(&socket.address())
    );
    let site = "\n[[sites]]\nname = \"s\"\nroutes = [{ path = \"/\", pool = \"django\" }, { path = \"/two\", pool = \"two\" }]\n";
    lb.apply(&(document(lb.port(), "", socket.path()) + &more + site));
    for path in ["/", "/two"] {
        assert_eq!(lb.get(path).text(), "fine", "{path}");
    }
}

#[test]
fn a_bad_socket_is_a_problem_with_its_place_and_changes_nothing() {
    let dir = directory();
    let (_node, socket) = behind(dir.path(), || Answer::text("fine"));
    let lb = Appliance::start();
    let good = document(lb.port(), "", socket.path());
    lb.apply(&good);
    let before = lb.export();
    let own = lb.data().join("control.sock").display().to_string();
    let long = format!("/{}", "x".repeat(107));
    for (path, words) in [
        ("run/gunicorn.sock", "must be unix: and an absolute path"),
        ("", "must be unix: and an absolute path"),
        ("/run/gunicorn.sock:8000", "a Unix socket has no port"),
        (
            &long,
            "at most 107 bytes, the limit of the system (has 108)",
        ),
        (&own, "is the control socket of this program"),
    ] {
        let bad = good.replace(&socket.address(), &format!("unix:{path}"));
        let line = bad.lines().position(|line| line.contains("unix:")).unwrap() + 1;
        let refused = lb.try_apply(&bad);
        assert_eq!(refused.status.code(), Some(78), "{}", said(&refused));
        let place = format!("tried.toml:{line}:11: pools[0].nodes[0].address: ");
        assert!(said(&refused).contains(&place), "{}", said(&refused));
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
    let check = "health_check = { kind = \"http\", port = 80 }";
    let refused = lb.try_apply(&document(lb.port(), check, socket.path()));
    let words = "pools[0].health_check.port: cannot be used with node web-1, whose address is a Unix socket";
    assert!(said(&refused).contains(words), "{}", said(&refused));
    assert_eq!(lb.export(), before);
    assert_eq!(lb.get("/").text(), "fine");
}
