//! Answers that come piece by piece: each piece goes on at once, interim answers too, and an end
//! that is none is never taken for one.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::appliance::Appliance;
use crate::support::broken::{Broken, Step};
use crate::support::client::{Client, Request};
use crate::support::document::one_pool;
use crate::support::node::{Answer, Gate, Node};
use crate::support::{PATIENCE, ports};

const OK: &str = "HTTP/1.1 200 OK\r\n";
const HINT: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n";

fn behind(node: &Broken) -> Appliance {
    let lb = Appliance::start();
    let keys = "health_check = \"off\"\nmax_fails = 0";
    let logs = "\n[settings]\nshutdown_grace = \"1s\"\n\n[logs]\nformat = \"json\"\n";
    let nodes = [("node".to_owned(), node.address(), 1)];
    lb.apply(&(one_pool(lb.port(), keys, &nodes) + logs));
    lb
}

fn asking(port: u16, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(ports::local(port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD_GET: &str = "GET / HTTP/1.0\r\nHost: a\r\n\r\n";

/// What comes until it ends so.
fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(end.as_bytes()) {
        let mut byte = [0];
        if let Err(error) = stream.read_exact(&mut byte) {
            panic!(
                "no {end:?} but {:?}: {error}",
                String::from_utf8_lossy(&seen)
            );
        }
        seen.push(byte[0]);
    }
    String::from_utf8(seen).unwrap()
}

#[test]
fn each_piece_of_a_stream_goes_on_before_the_next_is_there() {
    let gates: [Gate; 4] = std::array::from_fn(|_| Gate::closed());
    let [head, half, event, end] = gates.clone();
    let node = Broken::doing(vec![
        Step::ReadHead,
        Step::say(format!(
            "{OK}Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )),
        Step::Stall(head.clone()),
        Step::say("9\r\ndata:"),
        Step::Stall(half.clone()),
        Step::say(" 1\n\n\r\n"),
        Step::Stall(event.clone()),
        Step::say("9\r\ndata: 2\n\n\r\n"),
        Step::Stall(end.clone()),
        Step::say("0\r\n\r\n"),
    ]);
    let lb = behind(&node);
    let mut client = asking(lb.port(), GET);
    // Were a piece held back for the next, none would ever come: that waits for the gate.
    until(&mut client, "\r\n\r\n");
    head.open();
    until(&mut client, "data:");
    half.open();
    until(&mut client, " 1\n\n");
    event.open();
    until(&mut client, "data: 2\n\n");
    end.open();
    until(&mut client, "0\r\n\r\n");
}

#[test]
fn a_small_answer_in_chunks_is_whole_and_its_connection_is_kept() {
    let node = Node::scripted("a", |request| match request.target() {
        "/cut" => Answer::raw(format!(
            "{OK}Transfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n7\r\n, world\r\n0\r\nX-Sum: 1\r\n\r\n"
        )),
        _ => Answer::raw(format!("{OK}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    });
    let mut lb = Appliance::start();
    let keys = "health_check = \"off\"\nkeepalive = { timeout = \"60s\" }";
    let one_worker = "\n[settings]\nworkers = 1\n";
    lb.apply(&(one_pool(lb.port(), keys, &[node.line(1)]) + one_worker));
    // The number of workers is taken at a start.
    assert!(lb.stop().success());
    lb.restart();
    let mut client = Client::of(lb.port());
    for _ in 0..5 {
        assert_eq!(client.get("/cut").text(), "hello, world");
        assert_eq!(client.get("/empty").text(), "");
        let old = lb.ask(&Request::get("/cut").http10());
        assert_eq!(
            (old.text().as_str(), old.until_close),
            ("hello, world", true)
        );
    }
    assert_eq!((node.connections(), client.opened), (1, 1));
}

#[test]
fn interim_answers_go_on_to_whoever_knows_them() {
    let gate = Gate::closed();
    let own = "Connection: close, X-Hop\r\nX-Hop: 1\r\nContent-Length: 5\r\n";
    let node = Broken::doing(vec![
        Step::ReadHead,
        Step::say(format!("HTTP/1.1 100 Continue\r\n\r\n{HINT}{own}\r\n")),
        Step::Stall(gate.clone()),
        Step::say(format!(
            "HTTP/1.1 102 Processing\r\n\r\n{OK}Content-Length: 4\r\n\r\nbody"
        )),
    ]);
    let lb = behind(&node);
    let mut client = asking(lb.port(), GET);
    // It is of use only before the answer is there.
    assert_eq!(until(&mut client, "\r\n\r\n"), format!("{HINT}\r\n"));
    gate.open();
    let processing = until(&mut client, "\r\n\r\n");
    assert_eq!(processing, "HTTP/1.1 102 Processing\r\n\r\n");
    let answer = until(&mut client, "body");
    assert!(answer.starts_with(OK), "{answer}");
    let mut old = asking(lb.port(), OLD_GET);
    let answer = until(&mut old, "body");
    assert!(answer.starts_with(OK), "{answer}");
    let lines = lb.access_log(2);
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (&line["status"], &line["node"]),
        (&200.into(), &"node".into())
    );
}

#[test]
fn eight_interim_answers_pass_and_a_ninth_is_too_many() {
    for (count, status) in [(8, 200), (9, 502)] {
        let node = Node::scripted("a", move |_| {
            let hints = format!("{HINT}\r\n").repeat(count);
            Answer::raw(format!("{hints}{OK}Content-Length: 4\r\n\r\nbody"))
        });
        let lb = Appliance::start();
        lb.apply(&one_pool(
            lb.port(),
            "health_check = \"off\"",
            &[node.line(1)],
        ));
        let answer = lb.get("/");
        assert_eq!((answer.status, answer.interim), (status, vec![103; 8]));
    }
}

#[test]
fn interim_answers_are_no_part_of_the_body_s_size() {
    let node = Node::scripted("a", |_| {
        Answer::raw(format!("{HINT}\r\n{OK}Content-Length: 4\r\n\r\nbody"))
    });
    let lb = Appliance::start();
    lb.apply(&one_pool(
        lb.port(),
        "health_check = \"off\"",
        &[node.line(1)],
    ));
    lb.get("/");
    lb.ask(&Request::post("/", "x".repeat(9)).field("Expect", "100-continue"));
    for line in lb.access_log(2) {
        assert!(line.contains("\" 200 4 \""), "{line}");
    }
}

/// What ends an answer whose end the connection's is.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Grace,
    Kill,
    Node,
}

#[test]
fn an_answer_until_close_ends_with_a_reset_unless_it_is_whole() {
    for ending in [Ending::Grace, Ending::Kill, Ending::Node] {
        let gate = Gate::closed();
        let mut steps = vec![
            Step::ReadHead,
            Step::say(format!(
                "{OK}Transfer-Encoding: chunked\r\n\r\n6\r\nhalf a\r\n"
            )),
            Step::Stall(gate.clone()),
        ];
        if matches!(ending, Ending::Node) {
            steps.push(Step::say("7\r\n loaf\r\n"));
        }
        let node = Broken::doing(steps);
        let mut lb = behind(&node);
        let mut client = asking(lb.port(), OLD_GET);
        until(&mut client, "half a");
        match ending {
            Ending::Grace => assert!(lb.stop().success()),
            Ending::Kill => lb.kill9(),
            Ending::Node => gate.open(),
        }
        let end = client.read_to_end(&mut Vec::new());
        let kind = end.map_err(|error| error.kind());
        assert_eq!(kind, Err(ErrorKind::ConnectionReset), "{ending:?}");
        gate.open();
    }
    let node = Broken::doing(vec![
        Step::ReadHead,
        Step::say("HTTP/1.0 200 OK\r\n\r\nall of "),
        Step::say("it"),
    ]);
    let lb = behind(&node);
    let mut client = asking(lb.port(), OLD_GET);
    until(&mut client, "\r\n\r\n");
    let mut body = String::new();
    client.read_to_string(&mut body).unwrap();
    assert_eq!(body, "all of it");
}
