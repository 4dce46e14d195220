//! Requests are taken in before a node is asked and answers as fast as it sends them: a slow client
//! holds no node.

mod answers;
mod proof;
mod requests;
mod room;

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::appliance::Appliance;
use crate::support::client::Request;
use crate::support::document::{NodeLine, listener, pool, route, site};
use crate::support::node::{Answer, Node, Then};
use crate::support::pattern::{self, Checker};
use crate::support::{PATIENCE, eventually, ports};

/// One number of `/metrics`.
fn metric(lb: &Appliance, name: &str) -> u64 {
    let text = lb.admin("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.trim().parse().ok());
    number.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn in_memory(lb: &Appliance) -> u64 {
    metric(lb, "steelyard_buffer_bytes{place=\"memory\"}")
}

fn in_files(lb: &Appliance) -> u64 {
    metric(lb, "steelyard_buffer_bytes{place=\"spool\"}")
}

fn node_waits(lb: &Appliance) -> u64 {
    metric(lb, "steelyard_buffer_waits_total{side=\"node\"}")
}

fn client_waits(lb: &Appliance) -> u64 {
    metric(lb, "steelyard_buffer_waits_total{side=\"client\"}")
}

/// Whatever was held is given back.
#[track_caller]
fn nothing_is_held(lb: &Appliance) {
    eventually("nothing is held", || {
        ((in_memory(lb), in_files(lb)) == (0, 0)).then_some(())
    });
}

fn behind(settings: &str, keys: &str, nodes: &[NodeLine]) -> Appliance {
    let lb = Appliance::start();
    lb.apply(&document(&lb, settings, keys, nodes));
    lb
}

fn document(lb: &Appliance, settings: &str, keys: &str, nodes: &[NodeLine]) -> String {
    let pool_keys = "health_check = \"off\"\nmax_fails = 0\nretry = { non_idempotent = true }";
    listener(lb.port())
        + &pool("django", pool_keys, nodes)
        + &site("all", &route("/", "django", keys))
        + &format!("\n[settings]\n{settings}\n")
}

/// Answers how much came, and whether that is the pattern.
fn checking(name: &str) -> Node {
    Node::scripted(name, |request| {
        let Checker { length, wrong_at } = &request.pattern;
        Answer::text(&format!("{length} {wrong_at:?}"))
    })
}

fn pattern_of(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written: Result<(), ()> = pattern::write(length as u64, |part| {
        bytes.extend_from_slice(part);
        Ok(())
    });
    written.unwrap();
    bytes
}

fn in_chunks(length: usize) -> Request {
    let bytes = pattern_of(length);
    let parts: Vec<&[u8]> = bytes.chunks(50_000).collect();
    Request::post_chunked("/", &parts)
}

fn stream(lb: &Appliance) -> TcpStream {
    let stream = TcpStream::connect(ports::local(lb.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

const LENGTH: usize = 300_000;

/// A request's bytes, framed either way: as they are to arrive at the node, they have a length.
fn framed(body: &[u8], chunked: bool) -> Vec<u8> {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let (framing, before, behind) = if chunked {
        let size = format!("{:x}\r\n", body.len());
        (
            "Transfer-Encoding: chunked".to_owned(),
            size,
            "\r\n0\r\n\r\n",
        )
    } else {
        (format!("Content-Length: {}", body.len()), String::new(), "")
    };
    [
        format!("{head}{framing}\r\n\r\n{before}").as_bytes(),
        body,
        behind.as_bytes(),
    ]
    .concat()
}

const LITTLE: &str = "memory_budget = \"64k\"\nspool_limit = \"128k\"";

const LONG: u64 = 24 * 1024 * 1024;

/// Answers with more than the kernel holds, in the way that its path says.
fn long_answers() -> Node {
    Node::scripted("a", |request| {
        let body = |head: &str, chunked: bool| {
            let mut bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n").into_bytes();
            let body = pattern_of(usize::try_from(LONG).unwrap());
            if chunked {
                for part in body.chunks(60_000) {
                    bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                    bytes.extend_from_slice(part);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            } else {
                bytes.extend_from_slice(&body);
            }
            bytes
        };
        let length = format!("Content-Length: {LONG}\r\n");
        match request.target() {
            "/chunked" => Answer::raw(body("Transfer-Encoding: chunked\r\n", true)),
            "/close" => Answer::Raw(body("Connection: close\r\n", false), Then::Close),
            "/events" => Answer::raw(body(
                &format!("{length}Content-Type: text/event-stream; charset=utf-8\r\n"),
                false,
            )),
            "/accel" => Answer::raw(body(&format!("{length}X-Accel-Buffering: no\r\n"), false)),
            _ => Answer::Download(LONG),
        }
    })
}

fn in_flight(lb: &Appliance) -> u64 {
    let name = "steelyard_requests_in_flight{pool=\"django\",node=\"a\"}";
    metric(lb, name)
}

fn asking(lb: &Appliance, target: &str, version: &str) -> TcpStream {
    let mut stream = stream(lb);
    let request = format!("GET {target} HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    // It is asked, and answered: from here on the client takes nothing.
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

/// The body of what is left of an answer, compared with the pattern.
fn checked(mut stream: impl Read) -> Checker {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut checker = Checker::default();
    let mut body = &bytes[end..];
    if !head.contains("\r\nTransfer-Encoding: chunked\r\n") {
        checker.see(body);
        return checker;
    }
    loop {
        let line = body.windows(2).position(|w| w == b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let (data, rest) = body[line + 2..].split_at(size);
        checker.see(data);
        assert_eq!(&rest[..2], b"\r\n");
        body = &rest[2..];
        if size == 0 {
            assert_eq!(body, b"");
            return checker;
        }
    }
}

const WHOLE: Checker = Checker {
    length: LONG,
    wrong_at: None,
};
