//! An upload that takes its time, and what changes meanwhile.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::appliance::Appliance;
use crate::support::client::Wire;
use crate::support::document::{NodeLine, node, one_pool};
use crate::support::node::Node;
use crate::support::ports::Port;
use crate::support::socket::{address, directory};
use crate::support::{eventually, pause};

const KEYS: &str = "health_check = \"off\"\nmax_fails = 0";
/// More than is held in memory, and more than a Unix socket takes of it.
const LENGTH: usize = 300_000;

fn put(length: usize) -> String {
    format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

fn before(nodes: &[NodeLine]) -> Appliance {
    let lb = Appliance::start();
    lb.apply(&one_pool(lb.port(), KEYS, nodes));
    lb
}

/// A client that has sent half of its body.
fn half_sent(lb: &Appliance) -> Wire {
    let mut wire = Wire::to(lb.port());
    wire.send(put(LENGTH));
    wire.send(vec![b'x'; LENGTH / 2]);
    let nothing = ["memory", "spool"].map(|p| format!("steelyard_buffer_bytes{{place=\"{p}\"}} 0"));
    eventually("half of it is held", || {
        let text = lb.admin("/metrics").text();
        let holds = nothing.iter().any(|line| !text.contains(line));
        holds.then_some(())
    });
    wire
}

#[test]
fn the_time_of_an_upload_is_none_of_a_retry_s() {
    let nobody = Port::free();
    let good = Node::answering("good");
    let lb = Appliance::start();
    let keys = format!("{KEYS}\nretry = {{ timeout = \"200ms\" }}");
    let away = ("away".to_owned(), nobody.address(), 1);
    lb.apply(&one_pool(lb.port(), &keys, &[away, good.line(1)]));
    for _ in 0..2 {
        let mut wire = half_sent(&lb);
        // Longer than a retry may take.
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(400) {
            pause();
        }
        wire.send(vec![b'x'; LENGTH / 2]);
        assert_eq!(wire.response("PUT").text(), "good");
    }
}

#[test]
fn an_upload_goes_where_a_request_would_that_came_when_it_was_whole() {
    let [old, new, _] = Node::three();
    let lb = before(&[old.line(1)]);
    let mut wire = half_sent(&lb);
    let moved = (old.name().to_owned(), new.address(), 1);
    lb.apply(&one_pool(lb.port(), KEYS, &[moved]));
    wire.send(vec![b'x'; LENGTH / 2]);
    assert_eq!(wire.response("PUT").text(), new.name());

    let mut wire = half_sent(&lb);
    lb.runs(&["node", "disable", &format!("django/{}", old.name())]);
    wire.send(vec![b'x'; LENGTH / 2]);
    let answer = wire.response("PUT");
    assert_eq!((answer.status, answer.reason()), (503, Some("no_node")));
    // It is noted once, by what it was served by.
    let log = lb.access_log(2);
    assert_eq!(log.len(), 2);
    assert_eq!((old.requests().len(), new.requests().len()), (0, 1));
}

/// A node behind a Unix socket that reads a head, says `says`, and no more takes anything.
fn deaf(says: &'static str) -> (tempfile::TempDir, Appliance) {
    let dir = directory();
    let path = dir.path().join("s");
    let door = UnixListener::bind(&path).unwrap();
    // It ends with the process.
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in door.incoming().flatten() {
            let mut head = [0; 512];
            let _read = stream.read(&mut head);
            let _said = stream.write_all(says.as_bytes());
            held.push(stream);
        }
    });
    let lb = Appliance::start();
    let named = format!("name = \"deaf\"\naddress = {:?}", address(&path));
    lb.apply(&(one_pool(lb.port(), KEYS, &[]) + &node(&named)));
    (dir, lb)
}

#[test]
fn a_node_that_answers_instead_of_reading_a_held_body_is_heard() {
    let (_dir, lb) = deaf("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    let mut wire = Wire::to(lb.port());
    wire.send(put(LENGTH));
    wire.send(vec![b'x'; LENGTH]);
    let answer = wire.response("PUT");
    assert_eq!((answer.status, answer.text().as_str()), (413, "no"));
    assert_eq!(lb.node("django", "deaf")["errors"], json!(0));
}

#[test]
fn who_leaves_while_a_node_does_not_read_its_body_holds_it_no_longer() {
    let (_dir, lb) = deaf("");
    let streamed = "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\npool = \"django\"\nbuffer_request = false\n";
    // Held in memory, in a file, and not at all.
    for (length, more) in [(LENGTH, ""), (LENGTH * 10, ""), (LENGTH * 10, streamed)] {
        lb.apply(&(lb.export() + more));
        let mut wire = Wire::to(lb.port());
        wire.send(put(length));
        let sent = if more.is_empty() { length } else { LENGTH };
        wire.send(vec![b'x'; sent]);
        let in_flight = |wanted: u64| {
            eventually("the node is asked, or free", || {
                let now = lb.node("django", "deaf")["in_flight"].as_u64();
                (now == Some(wanted)).then_some(())
            });
        };
        in_flight(1);
        drop(wire);
        in_flight(0);
    }
}
