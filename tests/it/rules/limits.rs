//! Limits and timeouts. What takes time is waited for and never measured.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::scope;
use std::time::Duration;

use super::stand::Stand;
use crate::support::appliance::write_file;
use crate::support::client::{Client, Request, Wire};
use crate::support::document::listener;
use crate::support::node::{Answer, Gate};
use crate::support::pattern::Checker;
use crate::support::ports::local;

/// Sends `start`, then `more` again and again in small steps, until the other side has had enough; gives
/// what it said.
fn drip(port: u16, start: &str, more: &str) -> String {
    let mut stream = TcpStream::connect(local(port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    stream.write_all(start.as_bytes()).unwrap();
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    loop {
        // Once it has closed, writing fails; what it said before can still be read.
        let _refused = stream.write_all(more.as_bytes());
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => said.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[track_caller]
fn is_told_of_the_timeout(said: &str) {
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    assert!(
        said.contains("\r\nX-Steelyard-Reason: client_timeout\r\n"),
        "{said}"
    );
    assert!(said.contains("\r\nConnection: close\r\n"), "{said}");
    assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
}

#[test]
fn limit_the_defaults_are_those_of_the_rules() {
    let stand = Stand::new();
    let plain = stand.lb.export();
    let keys = "head_timeout = \"10s\"\nidle_timeout = \"60s\"\nmax_requests = 1000\nbody_min_rate = 500\nresponse_min_rate = 500\nmax_head = \"64k\"\nmax_target = \"16k\"\nmax_fields = 128\nunderscores = \"drop\"\nrefuse_get_body = false\n";
    stand.apply(keys, "");
    // Defaults are not exported.
    assert_eq!(stand.lb.export(), plain);
    assert!(!listener(1).contains("timeout"));
}

#[test]
fn limit_a_head_has_its_time_however_it_drips() {
    let stand = Stand::listening("head_timeout = \"1s\"\n");
    let port = stand.lb.port();
    scope(|threads| {
        for (start, more) in [
            ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "y"),
            ("G", "E"),
            ("GET / HTTP/1.1\r\nHost: a\r\n", ""),
            ("GET /", "a"),
        ] {
            threads.spawn(move || is_told_of_the_timeout(&drip(port, start, more)));
        }
    });
    // The second head of a connection has no more time than the first.
    let mut wire = stand.wire();
    stand.next_is_its_own(&mut wire);
    wire.send("GET /late HTTP/1.1\r\nHost: a\r\n");
    is_told_of_the_timeout(&String::from_utf8_lossy(&wire.rest()));
    assert_eq!(stand.node.requests().len(), 1);
}

#[test]
fn limit_a_head_s_time_begins_with_its_first_byte() {
    let stand = Stand::listening("head_timeout = \"300ms\"\n");
    let mut early = stand.wire();
    let mut kept = Client::of(stand.lb.port());
    assert_eq!(kept.get("/one").text(), "GET /one 0");
    // Another one's whole time goes by.
    is_told_of_the_timeout(&drip(stand.lb.port(), "GET /", "x"));
    early.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(early.response("GET").text(), "GET /two 0");
    assert_eq!(kept.get("/three").text(), "GET /three 0");
    assert_eq!(kept.opened, 1);
}

#[test]
fn limit_one_line_end_too_many_is_no_request_that_comes_late() {
    let stand = Stand::listening("head_timeout = \"300ms\"\n");
    let mut wire = stand.wire();
    wire.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\n");
    assert_eq!(wire.response("POST").text(), "POST /a 3");
    assert_eq!(wire.rest(), b"");
}

#[test]
fn limit_a_connection_may_idle_for_so_long_and_no_longer() {
    let gate = Gate::closed();
    let held = gate.clone();
    let stand = Stand::with("idle_timeout = \"300ms\"\n", "", move |request| {
        if request.target() == "/held" {
            held.pass();
        }
        Answer::text(request.target())
    });
    let mut busy = stand.wire();
    busy.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    stand.node.saw(1);
    let mut fresh = stand.wire();
    let mut kept = stand.wire();
    kept.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(kept.response("GET").text(), "/a");
    // Closed without a word, since nothing was asked.
    assert_eq!(kept.rest(), b"");
    assert_eq!(fresh.rest(), b"");
    // One that waits for its answer does not idle.
    gate.open();
    assert_eq!(busy.response("GET").text(), "/held");
}

#[test]
fn limit_a_connection_carries_so_many_requests() {
    let stand = Stand::listening("max_requests = 3\n");
    let mut wire = stand.wire();
    let all: String = (1..=5)
        .map(|n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .collect();
    wire.send(all);
    for n in 1..=3 {
        let answer = wire.response("GET");
        assert_eq!(answer.text(), format!("GET /{n} 0"));
        assert_eq!(answer.field("Connection"), (n == 3).then_some("close"));
    }
    assert_eq!(wire.rest(), b"");
    assert_eq!(stand.node.requests().len(), 3);
}

#[test]
fn limit_one_address_may_have_any_number_of_connections() {
    let site = "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\nrespond = { status = 200, body = \"ok\" }\n";
    let stand = Stand::new();
    stand.apply("", site);
    let mut wires: Vec<Wire> = (0..300).map(|_| stand.wire()).collect();
    for wire in &mut wires {
        wire.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for wire in &mut wires {
        assert_eq!(wire.response("GET").text(), "ok");
    }
}

/// After ten seconds of grace, whoever sends less than 500 bytes a second.
#[test]
fn limit_a_body_comes_at_some_rate() {
    let stand = Stand::new();
    let port = stand.lb.port();
    let head = "POST /a HTTP/1.1\r\nHost: a\r\n";
    scope(|threads| {
        for (framing, more) in [
            ("Content-Length: 1000\r\n\r\n", ""),
            ("Content-Length: 1000\r\n\r\n", "x"),
            ("Content-Length: 1000000\r\n\r\n", "x"),
            ("Transfer-Encoding: chunked\r\n\r\n", ""),
            ("Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ] {
            threads.spawn(move || {
                is_told_of_the_timeout(&drip(port, &format!("{head}{framing}"), more));
            });
        }
    });
    // Of none a whole body reached the node.
    assert!(stand.node.requests().is_empty());
    assert_eq!(stand.lb.get("/b").text(), "GET /b 0");
}

#[test]
fn limit_an_answer_is_taken_at_some_rate() {
    const LONG: u64 = 100_000_000;
    // More than what the kernel's buffers hold could earn.
    let stand = Stand::with("response_min_rate = \"1g\"\n", "", |_| {
        Answer::Download(LONG)
    });
    let mut stalled = TcpStream::connect(local(stand.lb.port())).unwrap();
    stalled
        .write_all(b"GET /stalled HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    // Nothing is read: the line in the log comes when it is given up.
    let line = stand.lb.access_log(1).remove(0);
    assert!(line.contains("/stalled"), "{line}");
    let mut taken = Vec::new();
    let ended = stalled.read_to_end(&mut taken);
    assert!(
        ended.is_err(),
        "an orderly end behind {} bytes",
        taken.len()
    );
    assert!((taken.len() as u64) < LONG);
    // Who reads has it whole.
    let mut checker = Checker::default();
    Client::of(stand.lb.port())
        .send_and_check(&Request::get("/read"), &mut checker)
        .unwrap();
    assert_eq!((checker.length, checker.wrong_at), (LONG, None));
}

/// Overlapping ranges have been an attack: none is answered with more than the file.
#[test]
fn limit_many_ranges_cost_no_more_than_the_file() {
    let stand = Stand::new();
    let root = stand.lb.data().join("files");
    write_file(&root.join("a.txt"), "0123456789".repeat(1000));
    let site = format!(
        "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\nfiles = {{ root = \"{}\" }}\n",
        root.display()
    );
    stand.apply("", &site);
    let overlapping: Vec<String> = (0..1300).map(|n| format!("{n}-")).collect();
    let answer = stand
        .lb
        .ask(&Request::get("/a.txt").field("Range", &format!("bytes={}", overlapping.join(","))));
    assert!(
        matches!(answer.status, 200 | 206 | 416),
        "{}",
        answer.status
    );
    assert!(answer.body.len() <= 10_000);
}

#[test]
fn limit_settings_of_a_listener_are_kept_to() {
    let stand = Stand::listening("max_head = \"1k\"\nmax_target = \"300\"\nmax_fields = 4\n");
    let longest = "a".repeat(299);
    stand.refuses(&[
        (
            &format!("GET /{longest}a HTTP/1.1\r\nHost: a\r\n\r\n"),
            414,
            10,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n",
            431,
            19,
        ),
        (
            &format!(
                "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
                "x".repeat(1000)
            ),
            431,
            19,
        ),
    ]);
    stand.passes(&[
        (
            &format!("GET /{longest} HTTP/1.1\r\nHost: a\r\n\r\n"),
            &format!("GET /{longest} HTTP/1.1\r\nHost: a\r\n~\r\n"),
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n~\r\n",
        ),
    ]);
}
