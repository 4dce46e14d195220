//! WebSockets as tunnels: what they survive, what ends them, how they are counted and told.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::appliance::{Appliance, said};
use crate::support::client::{Client, Request, Wire};
use crate::support::document::{listener, node, one_pool, pool, route, site};
use crate::support::node::{Answer, Node, Then};
use crate::support::ports::Port;
use crate::support::socket::{Socket, address, directory};
use crate::support::websocket::{ACCEPT, agree, agreeing, asking, echoes, echoing, open};
use crate::support::{counted, eventually, figure, pattern, pause};

const JSON_LOG: &str = "\n[logs]\nformat = \"json\"\n";
const UNCHECKED: &str = "health_check = \"off\"";

/// The appliance before one node that echoes; `keys` are the route's.
fn stand(keys: &str) -> (Appliance, Node) {
    let (lb, web) = (Appliance::start(), echoing("web-1"));
    lb.apply(&document(lb.port(), &web, keys));
    (lb, web)
}

fn document(port: u16, web: &Node, keys: &str) -> String {
    one_pool(port, UNCHECKED, &[web.line(1)]) + &site("s", &route("/", "django", keys)) + JSON_LOG
}

fn logged(lb: &Appliance, lines: usize) -> Value {
    let line = lb.access_log(lines).pop().unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[track_caller]
fn in_flight(lb: &Appliance, count: u64) {
    eventually(&format!("{count} in flight"), || {
        (lb.node("django", "web-1")["in_flight"] == count).then_some(())
    });
}

#[test]
fn a_tunnel_is_in_flight_until_its_end_and_noted_then() {
    let (lb, _web) = stand("");
    let mut wire = open(lb.port(), "/chat?room=1");
    echoes(&mut wire, "hello");
    in_flight(&lb, 1);
    // Another request neither waits for it nor comes before it.
    assert_eq!(lb.get("/plain").text(), "web-1");
    lb.access_log(1);
    in_flight(&lb, 1);
    wire.finish();
    assert_eq!(wire.rest(), b"");
    in_flight(&lb, 0);
    let line = logged(&lb, 2);
    let sent = asking("/chat?room=1", "").len() + 5;
    for (field, value) in [
        ("status", json!(101)),
        ("path", json!("/chat")),
        ("query", json!("room=1")),
        ("host", json!("a")),
        ("node", json!("web-1")),
        ("site", json!("s")),
        ("route", json!("/")),
        ("revision", json!(1)),
        ("bytes_in", json!(sent)),
        ("reason", Value::Null),
    ] {
        assert_eq!(line[field], value, "{field} in {line}");
    }
    assert!(line["bytes_out"].as_u64().unwrap() > 5 + 100, "{line}");
    assert_eq!(line["tries"][0]["status"], 101);
    let metrics = lb.admin("/metrics").text();
    let counted = metrics.lines().any(|line| {
        line.starts_with("steelyard_requests_total{")
            && line.contains("code=\"1xx\"")
            && line.contains("node=\"web-1\"")
            && line.ends_with(" 1")
    });
    assert!(counted, "{metrics}");
    let status = lb.node("django", "web-1");
    assert_eq!(
        (&status["requests"], &status["errors"]),
        (&json!(2), &json!(0))
    );
}

#[test]
fn a_tunnel_survives_every_change() {
    let (lb, web) = stand("");
    let other = Node::answering("web-2");
    let mut wire = open(lb.port(), "/chat");
    let mut revision = 1;
    let mut after = |what: &str, document: &str| {
        revision += 1;
        assert_eq!(lb.apply(document)["revision"], revision, "{what}");
        echoes(&mut wire, what);
    };
    after(
        "another timeout",
        &document(lb.port(), &web, "tunnel_idle_timeout = \"2h\""),
    );
    in_flight(&lb, 1);
    after(
        "none passed on",
        &document(lb.port(), &web, "upgrade = false"),
    );
    let draining =
        document(lb.port(), &web, "").replace("weight = 1", "weight = 1\nstate = \"draining\"");
    after("draining", &draining);
    in_flight(&lb, 1);
    after("disabled", &draining.replace("draining", "disabled"));
    in_flight(&lb, 1);
    after(
        "another node",
        &(one_pool(lb.port(), UNCHECKED, &[other.line(1)]) + JSON_LOG),
    );
    assert_eq!(lb.get("/").text(), "web-2");
    let moved = Port::free();
    after(
        "another address",
        &(one_pool(moved.number(), UNCHECKED, &[other.line(1)]) + JSON_LOG),
    );
    after(
        "no listener",
        &(String::from("version = 1\n") + &pool("p", "", &[other.line(1)])),
    );
    after("nothing at all", "version = 1\n");
    after("the log again", &format!("version = 1\n{JSON_LOG}"));
    wire.finish();
    assert_eq!(wire.rest(), b"");
    // The revision that it was asked under.
    let line = eventually("the tunnel's line", || {
        let lines = lb.access_log(1);
        let mut tunnels = lines.iter().filter(|line| line.contains("\"status\":101"));
        tunnels.next().cloned()
    });
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["revision"], &line["node"]),
        (&json!(1), &json!("web-1"))
    );
    lb.apply(&document(lb.port(), &web, ""));
    in_flight(&lb, 0);
}

#[test]
fn draining_waits_for_a_tunnel() {
    let (lb, _web) = stand("");
    let mut wire = open(lb.port(), "/chat");
    let early = lb.run(&["node", "drain", "django/web-1", "--wait", "0s"]);
    assert!(!early.status.success(), "{}", said(&early));
    assert_eq!(lb.node("django", "web-1")["drained"], false);
    echoes(&mut wire, "still here");
    wire.finish();
    assert_eq!(wire.rest(), b"");
    let done = lb.run(&["node", "drain", "django/web-1", "--wait", "20s"]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(lb.node("django", "web-1")["drained"], true);
}

#[test]
fn a_node_found_down_keeps_its_tunnels() {
    let lb = Appliance::start();
    let web = Node::scripted("web-1", |seen| match seen.target() {
        "/health" => Answer::status(500, "no"),
        _ => agree(seen, Then::Echo),
    });
    let check = "health_check = { kind = \"http\", path = \"/health\", interval = \"1s\", rise = 1, fall = 1 }";
    let unchecked = one_pool(lb.port(), UNCHECKED, &[web.line(1)]);
    lb.apply(&unchecked);
    let mut before = open(lb.port(), "/chat");
    lb.apply(&one_pool(lb.port(), check, &[web.line(1)]));
    lb.wait_for_health("django", "web-1", "down");
    echoes(&mut before, "still here");
    // With no better node left it is asked all the same, and that tunnel lives as well.
    let mut after = open(lb.port(), "/chat");
    let probes = web.probes();
    eventually("more probes", || (web.probes() >= probes + 2).then_some(()));
    echoes(&mut after, "here too");
    echoes(&mut before, "still here");
}

#[test]
fn tunnels_take_the_places_of_a_node() {
    let lb = Appliance::start();
    let web = echoing("web-1");
    let keys = format!("{UNCHECKED}\nqueue = {{ size = 0, timeout = \"1s\" }}");
    let narrow = node(&format!(
        "name = \"web-1\"\naddress = \"{}\"\nmax_conns = 1",
        web.address()
    ));
    lb.apply(&(one_pool(lb.port(), &keys, &[]) + &narrow));
    let mut wire = open(lb.port(), "/chat");
    for _ in 0..3 {
        assert_eq!(lb.get("/").reason(), Some("queue_full"));
    }
    echoes(&mut wire, "mine");
    wire.finish();
    assert_eq!(wire.rest(), b"");
    eventually("the place is free", || {
        (lb.get("/").status == 200).then_some(())
    });
}

#[test]
fn each_side_may_end_and_still_hear_the_other() {
    let lb = Appliance::start();
    let web = Node::scripted("web-1", |seen| match seen.target() {
        "/node-first" => agree(seen, Then::HalfClose),
        _ => agree(seen, Then::Echo),
    });
    lb.apply(&document(lb.port(), &web, ""));
    // The client ends: what it sent before is still answered.
    let mut wire = open(lb.port(), "/client-first");
    let long = "x".repeat(300_000);
    let mut to = wire.stream().try_clone().unwrap();
    let sending = std::thread::spawn({
        let long = long.clone();
        move || {
            to.write_all(long.as_bytes()).unwrap();
            to.shutdown(std::net::Shutdown::Write).unwrap();
        }
    });
    assert_eq!(wire.rest(), long.as_bytes());
    sending.join().unwrap();
    // The node ends: the client may go on.
    let mut wire = open(lb.port(), "/node-first");
    assert_eq!(wire.rest(), b"");
    let before = web.raw().len();
    wire.send("and on");
    eventually("it arrives", || {
        (web.raw().len() == before + 6).then_some(())
    });
    in_flight(&lb, 1);
    wire.finish();
    in_flight(&lb, 0);
    assert_eq!(logged(&lb, 2)["reason"], Value::Null);
}

#[test]
fn what_breaks_a_tunnel_is_told_to_the_other_side_and_noted() {
    let lb = Appliance::start();
    let web = Node::scripted("web-1", |seen| match seen.target() {
        "/reset" => agree(seen, Then::Reset),
        _ => agree(seen, Then::Echo),
    });
    lb.apply(&document(lb.port(), &web, ""));
    let mut wire = open(lb.port(), "/reset");
    assert_eq!(wire.rest(), b"");
    assert_eq!(logged(&lb, 1)["reason"], "node_reset");
    // A client that goes on sending does not hold it.
    in_flight(&lb, 0);
    let wire = open(lb.port(), "/chat");
    rustix::net::sockopt::set_socket_linger(wire.stream(), Some(std::time::Duration::ZERO))
        .unwrap();
    drop(wire);
    in_flight(&lb, 0);
    assert_eq!(logged(&lb, 2)["reason"], "client_gone");
    // A client that is gone altogether is an end like any other.
    drop(open(lb.port(), "/chat"));
    in_flight(&lb, 0);
    assert_eq!(logged(&lb, 3)["reason"], Value::Null);
    assert_eq!(lb.node("django", "web-1")["errors"], 0);
}

#[test]
fn silence_of_both_sides_ends_a_tunnel_and_a_word_of_either_does_not() {
    let (lb, _web) = stand("tunnel_idle_timeout = \"3s\"");
    let mut wire = open(lb.port(), "/chat");
    let start = Instant::now();
    let mut last = start;
    while start.elapsed().as_secs() < 5 {
        last = Instant::now();
        echoes(&mut wire, "tick");
        pause();
    }
    assert_eq!(wire.rest(), b"");
    assert!(last.elapsed().as_secs() >= 3);
    let line = logged(&lb, 1);
    assert_eq!(
        (&line["status"], &line["reason"]),
        (&json!(101), &json!("tunnel_idle"))
    );
    in_flight(&lb, 0);
}

#[test]
fn a_tunnel_without_a_limit_outlives_the_limits_of_requests() {
    let lb = Appliance::start();
    let web = echoing("web-1");
    let keys = format!("{UNCHECKED}\nread_timeout = \"1s\"\nsend_timeout = \"1s\"");
    let routes = route(
        "/",
        "django",
        "tunnel_idle_timeout = \"0s\"\nread_timeout = \"1s\"",
    );
    let text = one_pool(lb.port(), &keys, &[web.line(1)]) + &site("s", &routes);
    lb.apply(&text.replace("name = \"http\"", "name = \"http\"\nidle_timeout = \"1s\""));
    let mut wire = open(lb.port(), "/chat");
    let start = Instant::now();
    // Both of another connection's limits pass meanwhile.
    assert_eq!(Wire::to(lb.port()).rest(), b"");
    assert!(start.elapsed().as_millis() >= 900);
    eventually("three seconds", || {
        (start.elapsed().as_secs() >= 3).then_some(())
    });
    echoes(&mut wire, "still here");
}

#[test]
fn a_stop_waits_for_tunnels_and_cuts_them_when_the_grace_is_over() {
    let (mut lb, web) = stand("");
    let grace = |grace: &str| {
        format!(
            "{}\n[settings]\nshutdown_grace = \"{grace}\"\n",
            document(lb.port(), &web, "")
        )
    };
    lb.apply(&grace("1s"));
    let mut wire = open(lb.port(), "/chat");
    echoes(&mut wire, "before");
    let start = Instant::now();
    assert!(lb.stop().success());
    assert!(start.elapsed().as_millis() >= 900);
    assert_eq!(wire.rest(), b"");
    let line = logged(&lb, 1);
    assert_eq!(
        (&line["status"], &line["bytes_in"]),
        (&json!(101), &json!(asking("/chat", "").len() + 6))
    );
    lb.restart();
    // One that ends by itself holds the stop up no longer.
    let longer = format!(
        "{}\n[settings]\nshutdown_grace = \"60s\"\n",
        document(lb.port(), &web, "")
    );
    lb.apply(&longer);
    let mut wire = open(lb.port(), "/chat");
    lb.signal(rustix::process::Signal::TERM);
    eventually("no more are let in", || {
        Client::of(lb.port()).send(&Request::get("/")).err()
    });
    echoes(&mut wire, "after");
    wire.finish();
    assert_eq!(wire.rest(), b"");
    assert!(lb.ended().success());
}

#[test]
fn a_slow_side_holds_the_other_up_and_no_memory() {
    const LENGTH: u64 = 64 * 1024 * 1024;
    let (lb, _web) = stand("");
    let mut wire = open(lb.port(), "/chat");
    let before = lb.resident();
    let mut to = wire.stream().try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        pattern::write(LENGTH, |part| to.write_all(part)).unwrap();
        to.shutdown(std::net::Shutdown::Write).unwrap();
    });
    // Nothing is read, so that node and client hold each other up, with all that fits between.
    let mut held = 0;
    for _ in 0..50 {
        held = held.max(lb.resident().saturating_sub(before));
        pause();
    }
    assert!(!sending.is_finished());
    let mut checker = pattern::Checker::default();
    let (mut piece, mut got) = (vec![0; 256 * 1024], 0);
    while got < LENGTH {
        let count = wire.stream().read(&mut piece).unwrap();
        assert!(count > 0, "ended after {got}");
        checker.see(&piece[..count]);
        got += count as u64;
    }
    sending.join().unwrap();
    assert_eq!((checker.length, checker.wrong_at), (LENGTH, None));
    assert_eq!(wire.rest(), b"");
    held = held.max(lb.resident().saturating_sub(before));
    assert!(held < 8 * 1024, "{held} KiB");
}

#[test]
fn a_tunnel_goes_through_a_unix_socket() {
    let dir = directory();
    let path = dir.path().join("s");
    let web = echoing("web-1");
    let _socket = Socket::new(path.clone(), web.address());
    let lb = Appliance::start();
    let at = node(&format!("name = \"web-1\"\naddress = {:?}", address(&path)));
    lb.apply(&(one_pool(lb.port(), UNCHECKED, &[]) + &at));
    let mut wire = open(lb.port(), "/chat");
    echoes(&mut wire, "through a file");
    in_flight(&lb, 1);
    wire.finish();
    assert_eq!(wire.rest(), b"");
    in_flight(&lb, 0);
}

#[test]
fn a_tunnel_binds_its_client_and_is_led_by_its_cookie() {
    let lb = Appliance::start();
    let nodes = ["web-1", "web-2", "web-3"]
        .map(|name| Node::scripted(name, move |seen| agree(seen, Then::Echo)));
    let lines = nodes.each_ref().map(|node| node.line(1));
    lb.apply(&one_pool(
        lb.port(),
        &format!("{UNCHECKED}\naffinity = {{}}"),
        &lines,
    ));
    let mut wire = Wire::to(lb.port());
    wire.send(asking("/first", ""));
    let head = wire.head();
    assert_eq!((head.status, head.all("Set-Cookie").len()), (101, 1));
    let cookie = head
        .field("Set-Cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    echoes(&mut wire, "bound");
    let first = nodes
        .iter()
        .position(|node| !node.requests().is_empty())
        .unwrap();
    for _ in 0..6 {
        let mut wire = Wire::to(lb.port());
        wire.send(asking("/again", &format!("Cookie: {cookie}\r\n")));
        let head = wire.head();
        assert_eq!((head.status, head.field("Set-Cookie")), (101, None));
    }
    assert_eq!(nodes[first].requests().len(), 7);
}

#[test]
fn an_operator_s_fields_and_lists_hold_for_a_websocket() {
    let keys = "headers = { \"X-Frame-Options\" = \"DENY\" }\nremove_headers = [\"Sec-WebSocket-Extensions\"]\nrequest_headers = { \"X-Api\" = \"1\" }\nremove_request_headers = [\"Sec-WebSocket-Extensions\"]\nstrip_prefix = true";
    let lb = Appliance::start();
    let web = Node::scripted("web-1", |_| {
        Answer::Raw(
            agreeing("Sec-WebSocket-Extensions: x\r\nServer: n\r\n").into_bytes(),
            Then::Echo,
        )
    });
    let routes =
        route("/ws/", "django", keys) + &route("/inside/", "django", "allow = [\"192.0.2.1\"]");
    lb.apply(&(one_pool(lb.port(), UNCHECKED, &[web.line(1)]) + &site("s", &routes)));
    let mut wire = Wire::to(lb.port());
    wire.send(asking("/ws/chat", "Sec-WebSocket-Extensions: x\r\n"));
    let head = wire.head();
    assert_eq!(
        (head.status, head.field("X-Frame-Options")),
        (101, Some("DENY"))
    );
    assert_eq!(head.field("Sec-WebSocket-Extensions"), None);
    let seen = web.last();
    assert_eq!((seen.target(), seen.field("X-Api")), ("/chat", Some("1")));
    assert_eq!(seen.field("Sec-WebSocket-Extensions"), None);
    let mut wire = Wire::to(lb.port());
    wire.send(asking("/inside/chat", ""));
    assert_eq!(wire.response("GET").reason(), Some("forbidden"));
    assert_eq!(web.requests().len(), 1);
}

#[test]
fn a_node_that_does_not_agree_is_asked_again_only_where_the_pool_says_so() {
    let lb = Appliance::start();
    let liar = Node::scripted("liar", |_| Answer::raw(agreeing("").replace(ACCEPT, "x")));
    let good = echoing("good");
    let document = |retry: &str| {
        let keys = format!("{UNCHECKED}\nretry = {{ on = [{retry}] }}\nmax_fails = 1");
        one_pool(lb.port(), &keys, &[liar.line(1), good.line(1)]) + JSON_LOG
    };
    lb.apply(&document("\"error\", \"timeout\""));
    let mut statuses = BTreeSet::new();
    for _ in 0..4 {
        let mut wire = Wire::to(lb.port());
        wire.send(asking("/", ""));
        statuses.insert(wire.head().status);
    }
    // One wrong path is no evidence against its node.
    assert_eq!(statuses, BTreeSet::from([101, 502]));
    assert_eq!(lb.node("django", "liar")["ejected_until"], Value::Null);
    assert_eq!(lb.node("django", "liar")["errors"], 2);
    lb.apply(&document("\"invalid_header\""));
    for _ in 0..2 {
        let mut wire = open(lb.port(), "/");
        echoes(&mut wire, "agreed");
    }
    // That another answered the same request is.
    assert_ne!(lb.node("django", "liar")["ejected_until"], Value::Null);
}

#[test]
fn explain_tells_what_becomes_of_a_websocket() {
    let (lb, _web) = stand("");
    let url = format!("http://127.0.0.1:{}/chat", lb.port());
    let explain = |fields: &[&str]| -> Value {
        let mut arguments = vec!["explain", "--json", &url];
        for field in fields {
            arguments.extend(["--header", field]);
        }
        let output = lb.run(&arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)))
    };
    let ask = ["Connection: Upgrade", "Upgrade: websocket"];
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let whole = [ask[0], ask[1], "Sec-WebSocket-Version: 13", key];
    let told = explain(&whole);
    assert_eq!(told["refused"], Value::Null);
    assert!(
        told["notes"][0].as_str().unwrap().contains("3600s"),
        "{told}"
    );
    let fields = told["request_headers"].to_string();
    assert!(
        fields.contains("Upgrade") && fields.contains("websocket"),
        "{fields}"
    );
    let old = explain(&[ask[0], ask[1], "Sec-WebSocket-Version: 8", key]);
    assert!(old["refused"].to_string().contains("bad_request"), "{old}");
    let other = explain(&["Connection: Upgrade", "Upgrade: h2c"]);
    assert!(
        other["notes"][0].as_str().unwrap().contains("no further"),
        "{other}"
    );
    assert!(!other["request_headers"].to_string().contains("h2c"));
}

#[test]
fn the_keys_of_a_route_are_checked_and_come_back() {
    let lb = Appliance::start();
    let tables = |keys: &str| {
        listener(lb.port())
            + &pool("django", UNCHECKED, &[])
            + &site("s", &route("/", "django", keys))
    };
    lb.apply(&tables("upgrade = false\ntunnel_idle_timeout = \"90s\""));
    let text = lb.export();
    assert!(
        text.contains("upgrade = false") && text.contains("tunnel_idle_timeout = \"1m30s\""),
        "{text}"
    );
    assert_eq!(lb.apply(&text)["changed"], false);
    let changed = lb.apply(&tables("upgrade = true\ntunnel_idle_timeout = \"0\""));
    assert_eq!(changed["changes"].as_array().unwrap().len(), 2, "{changed}");
    assert!(lb.export().contains("tunnel_idle_timeout = \"0s\""));
    lb.apply(&tables("tunnel_idle_timeout = \"1h\""));
    assert!(!lb.export().contains("tunnel"));
    for (keys, problem) in [
        ("upgrade = \"yes\"", "upgrade: must be true or false"),
        ("tunnel_idle_timeout = 60", "tunnel_idle_timeout: must be"),
        (
            "tunnel_idle_timeout = \"60\"",
            "tunnel_idle_timeout: must have a unit",
        ),
        (
            "tunnel_idle_timeout = \"-1s\"",
            "tunnel_idle_timeout: must be",
        ),
        (
            "tunnel_idle_timeout = \"25h\"",
            "tunnel_idle_timeout: must be",
        ),
        ("upgrades = true", "did you mean \"upgrade\""),
    ] {
        let refused = lb.try_apply(&tables(keys));
        assert!(!refused.status.success());
        assert!(
            said(&refused).contains(problem),
            "{keys}: {}",
            said(&refused)
        );
    }
}

/// A real library on both sides: random scripts of frames, directly and through the appliance.
#[test]
fn random_frames_arrive_as_they_do_without_us() {
    let (lb, port) = (Appliance::start(), Port::free());
    let at = node(&format!(
        "name = \"web-1\"\naddress = \"{}\"",
        port.address()
    ));
    lb.apply(&(one_pool(lb.port(), UNCHECKED, &[]) + &at + JSON_LOG));
    let scripts = counted(1_000, 20_000);
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(house.join("target/venv/websockets/bin/python"))
        .arg(house.join("tests/websocket/frames.py"))
        .args([port.number(), lb.port()].map(|port| port.to_string()))
        .arg(scripts.to_string())
        .output()
        .expect("target/venv is there: tests/install makes it");
    assert!(output.status.success(), "{}", said(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    figure(told.trim());
    assert!(told.starts_with(&format!("{scripts} scripts, ")), "{told}");
    let tunnels = lb.access_log(scripts);
    assert!(tunnels.iter().all(|line| line.contains("\"status\":101")));
    in_flight(&lb, 0);
}
