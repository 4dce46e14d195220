//! A request's body is here before a node is asked.

use std::fs;
use std::io::Write;

use super::{
    LENGTH, behind, checking, framed, in_chunks, in_files, in_memory, nothing_is_held, pattern_of,
    rest, stream,
};
use crate::support::broken::{Broken, Step};
use crate::support::client::{Client, Request};
use crate::support::django::{Gunicorn, Release, Worker};
use crate::support::eventually;
use crate::support::node::{Answer, Gate, Node, Then};

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
