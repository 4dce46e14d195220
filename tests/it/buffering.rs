//! Requests are taken in before a node is asked: a slow client holds none.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::appliance::Appliance;
use crate::support::broken::{Broken, Step};
use crate::support::client::{Client, Request};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::document::{NodeLine, listener, pool, route, site};
use crate::support::node::{Answer, Gate, Node, Then};
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
    let pool_keys = "health_check = \"off\"\nmax_fails = 0\nretry = { non_idempotent = true }";
    lb.apply(
        &(listener(lb.port())
            + &pool("django", pool_keys, nodes)
            + &site("all", &route("/", "django", keys))
            + &format!("\n[settings]\n{settings}\n")),
    );
    lb
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

#[test]
fn a_slow_upload_has_no_node_before_its_last_byte() {
    for chunked in [false, true] {
        let node = checking("a");
        let lb = behind("", "", &[node.line(1)]);
        let request = framed(&pattern_of(LENGTH), chunked);
        let mut client = stream(&lb);
        client.write_all(&request[..request.len() / 2]).unwrap();
        // Its first half is here, most of it in a file without a name.
        eventually("half of it is held", || {
            let held = in_memory(&lb) + in_files(&lb);
            (held > LENGTH as u64 / 2 - 1000).then_some(())
        });
        assert!(in_files(&lb) > 64 * 1024);
        let files = fs::read_dir(lb.data().join("spool")).unwrap();
        assert_eq!(files.count(), 0);
        assert_eq!(node.connections(), 0);
        client.write_all(&request[request.len() / 2..]).unwrap();
        let answer = rest(client);
        assert!(answer.ends_with("\r\n\r\n300000 None"), "{answer}");
        let seen = node.last();
        assert_eq!(seen.all("Content-Length"), ["300000"]);
        assert_eq!(seen.all("Transfer-Encoding"), [""; 0]);
        nothing_is_held(&lb);
    }
}

#[test]
fn a_client_that_leaves_gives_back_what_it_held() {
    let node = checking("a");
    let lb = behind("", "", &[node.line(1)]);
    let request = framed(&pattern_of(LENGTH), true);
    let mut client = stream(&lb);
    client.write_all(&request[..LENGTH / 2]).unwrap();
    eventually("half of it is held", || (in_files(&lb) > 0).then_some(()));
    drop(client);
    nothing_is_held(&lb);
    let line = lb.access_log(1).remove(0);
    assert!(line.contains("\" 499 "), "{line}");
    assert_eq!(node.connections(), 0);
}

#[test]
fn a_body_over_its_limit_asks_no_node_however_it_comes() {
    let node = checking("a");
    let lb = behind("", "body_limit = 200000", &[node.line(1)]);
    for request in [in_chunks(200_001), Request::post_pattern("/", 200_001)] {
        let refused = lb.ask(&request);
        let told = (refused.status, refused.reason());
        assert_eq!(told, (413, Some("body_too_large")));
    }
    assert_eq!(node.connections(), 0);
    assert_eq!(lb.ask(&in_chunks(200_000)).text(), "200000 None");
    nothing_is_held(&lb);
}

#[test]
fn a_body_that_was_taken_in_is_sent_again_whole() {
    let bad = Node::scripted("bad", |_| Answer::nothing(Then::Reset));
    let good = checking("good");
    let lb = behind("", "", &[bad.line(1), good.line(1)]);
    for length in [10, 100_000, 1_000_000] {
        for _ in 0..2 {
            let answer = lb.ask(&in_chunks(length));
            assert_eq!(answer.text(), format!("{length} None"));
        }
    }
    // Each got it whole.
    assert!(bad.requests().len() >= 3);
    let seen = [bad.requests(), good.requests()].concat();
    assert!(seen.iter().all(|seen| seen.pattern.wrong_at.is_none()));
    assert!(seen.iter().all(|seen| {
        seen.field("Content-Length") == Some(seen.pattern.length.to_string().as_str())
    }));
    nothing_is_held(&lb);
}

const LITTLE: &str = "memory_budget = \"64k\"\nspool_limit = \"128k\"";

#[test]
fn a_body_larger_than_all_room_goes_on_as_it_comes() {
    for (settings, length) in [(LITTLE, 4_000_000), ("spool_limit = 0", 1_000_000)] {
        let node = checking("a");
        let lb = behind(settings, "", &[node.line(1)]);
        let answer = lb.ask(&in_chunks(length));
        assert_eq!(answer.text(), format!("{length} None"));
        assert_eq!(node.last().all("Transfer-Encoding"), ["chunked"]);
        assert!(client_waits(&lb) > 0);
        let answer = lb.ask(&Request::post_pattern("/", length as u64));
        assert_eq!(answer.text(), format!("{length} None"));
        assert_eq!(node.last().all("Content-Length"), [length.to_string()]);
        nothing_is_held(&lb);
    }
}

#[test]
fn bodies_that_share_too_little_room_arrive_all_the_same() {
    let node = checking("a");
    let lb = behind(LITTLE, "", &[node.line(1)]);
    let port = lb.port();
    let clients: Vec<_> = (0..16)
        .map(|n| {
            std::thread::spawn(move || {
                let length = 60_000 + n * 10_000;
                let answer = Client::of(port).ask(&in_chunks(length));
                assert_eq!(answer.text(), format!("{length} None"));
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    nothing_is_held(&lb);
}

#[test]
fn what_waits_for_room_is_taken_in_when_another_leaves() {
    let node = checking("a");
    let lb = behind("spool_limit = \"2m\"", "", &[node.line(1)]);
    // Most of the room is its, and it says no more.
    let mut slow = stream(&lb);
    let request = framed(&pattern_of(2_500_000), true);
    slow.write_all(&request[..1_900_000]).unwrap();
    eventually("it has most of the room", || {
        (in_files(&lb) > 1_800_000).then_some(())
    });
    assert_eq!(client_waits(&lb), 0);
    let port = lb.port();
    let other = std::thread::spawn(move || Client::of(port).ask(&in_chunks(1_000_000)).text());
    eventually("the other waits", || (client_waits(&lb) > 0).then_some(()));
    drop(slow);
    assert_eq!(other.join().unwrap(), "1000000 None");
    assert_eq!(node.last().all("Content-Length"), ["1000000"]);
    assert_eq!(node.connections(), 1);
    nothing_is_held(&lb);
}

#[test]
fn where_no_file_can_be_made_bodies_go_on_as_they_come() {
    let node = checking("a");
    let lb = behind("", "", &[node.line(1)]);
    let spool = lb.data().join("spool");
    fs::remove_dir(&spool).unwrap();
    for n in 1..=3 {
        assert_eq!(lb.ask(&in_chunks(LENGTH)).text(), "300000 None");
        assert_eq!(node.last().all("Transfer-Encoding"), ["chunked"]);
        assert_eq!(metric(&lb, "steelyard_spool_failures_total"), n);
    }
    // One that memory holds needs no file.
    assert_eq!(lb.ask(&in_chunks(60_000)).text(), "60000 None");
    assert_eq!(node.last().all("Content-Length"), ["60000"]);
    eventually("it is told", || {
        lb.log().contains("no spool file in").then_some(())
    });
    fs::create_dir(&spool).unwrap();
    assert_eq!(lb.ask(&in_chunks(LENGTH)).text(), "300000 None");
    assert_eq!(node.last().all("Content-Length"), ["300000"]);
    eventually("it is told", || {
        lb.log().contains("are written again").then_some(())
    });
    assert_eq!(lb.log().matches("no spool file in").count(), 1);
    nothing_is_held(&lb);
}

const EARLY: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";

#[test]
fn without_buffer_request_the_node_has_the_body_as_it_comes() {
    let node = Broken::doing(vec![Step::ReadHead, Step::say(EARLY), Step::Hang]);
    let lb = behind(
        "",
        "buffer_request = false",
        &[("a".to_owned(), node.address(), 1)],
    );
    for chunked in [false, true] {
        let request = framed(&pattern_of(1000), chunked);
        let mut client = stream(&lb);
        client.write_all(&request[..500]).unwrap();
        // It is answered by a node that has seen no more than a part of it.
        let answer = rest(client);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    assert_eq!(node.connections(), 2);
}

#[test]
fn an_answer_before_the_held_body_s_end_is_passed_on_and_the_client_may_ask_on() {
    // It takes no more of the body than the kernel does for it.
    let gate = Gate::closed();
    let node = Broken::doing(vec![
        Step::ReadHead,
        Step::say(EARLY),
        Step::Stall(gate.clone()),
    ]);
    let lb = behind("", "", &[("a".to_owned(), node.address(), 1)]);
    let mut client = Client::of(lb.port());
    for _ in 0..3 {
        let answer = client.ask(&in_chunks(20_000_000));
        assert_eq!((answer.status, answer.text().as_str()), (403, "no"));
    }
    // All that it sent was taken: nothing of it can be mistaken for a request.
    assert_eq!(client.opened, 1);
    nothing_is_held(&lb);
    gate.open();
}

#[test]
fn an_upload_in_chunks_reaches_django_under_gunicorn() {
    for release in [Release::Old, Release::New] {
        let gunicorn = Gunicorn::start(release, Worker::Sync, "web-1");
        let lb = behind("", "", &[gunicorn.line(1)]);
        for length in [10_u64, 500_000] {
            let bytes = pattern_of(usize::try_from(length).unwrap());
            let parts: Vec<&[u8]> = bytes.chunks(50_000).collect();
            let seen = lb.ask(&Request::post_chunked("/echo", &parts)).json();
            assert_eq!(seen["body_length"], length, "{release:?}");
            assert_eq!(seen["headers"]["Content-Length"], length.to_string());
        }
    }
}
