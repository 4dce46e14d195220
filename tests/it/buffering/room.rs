//! What happens where bodies find no room.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use socket2::{Domain, Socket, Type};

use super::{
    LENGTH, LITTLE, LONG, WHOLE, asking, behind, checked, checking, client_waits, framed,
    in_chunks, in_files, in_flight, in_memory, long_answers, metric, node_waits, nothing_is_held,
    pattern_of, rest, stream,
};
use crate::support::client::{Client, Request};
use crate::support::document::NodeLine;
use crate::support::node::{Answer, Node};
use crate::support::{PATIENCE, eventually, pattern, pause, ports};

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
    // As much of the room is its as one may have, and it says no more.
    let mut slow = stream(&lb);
    let request = framed(&pattern_of(2_500_000), true);
    slow.write_all(&request[..1_000_000]).unwrap();
    eventually("it has half of the room", || {
        (in_files(&lb) > 900_000).then_some(())
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

#[test]
fn an_answer_that_finds_no_room_goes_on_as_the_client_takes_it() {
    let node = long_answers();
    for settings in [LITTLE, "spool_limit = 0"] {
        let lb = behind(settings, "", &[node.line(1)]);
        let clients: Vec<TcpStream> = (0..3).map(|_| asking(&lb, "/chunked", "1.1")).collect();
        eventually("the node is not read", || {
            (node_waits(&lb) == 3).then_some(())
        });
        assert_eq!(in_flight(&lb), 3);
        assert!(in_files(&lb) <= 128 * 1024);
        for client in clients {
            assert_eq!(checked(client), WHOLE);
        }
        // However often each of them stopped.
        assert_eq!(node_waits(&lb), 3);
        nothing_is_held(&lb);
    }
    let lb = behind("", "", &[node.line(1)]);
    fs::remove_dir(lb.data().join("spool")).unwrap();
    let client = asking(&lb, "/length", "1.1");
    eventually("the node is not read", || {
        let failures = metric(&lb, "steelyard_spool_failures_total");
        (failures == 1).then_some(())
    });
    assert_eq!(checked(client), WHOLE);
    nothing_is_held(&lb);
}

#[test]
fn an_answer_over_the_budget_goes_to_its_file_all_the_same() {
    let node = long_answers();
    let lb = behind("memory_budget = \"64k\"", "", &[node.line(1)]);
    let clients: Vec<TcpStream> = (0..3).map(|_| asking(&lb, "/chunked", "1.1")).collect();
    eventually("the node is done with", || {
        (in_flight(&lb) == 0).then_some(())
    });
    assert!(in_memory(&lb) < 2 * 1024 * 1024);
    for client in clients {
        assert_eq!(checked(client), WHOLE);
    }
    nothing_is_held(&lb);
}

#[test]
fn an_answer_that_waits_for_memory_goes_on_when_another_leaves() {
    let node = long_answers();
    let settings = "memory_budget = \"1m\"\nspool_limit = 0";
    let lb = behind(settings, "", &[node.line(1)]);
    let first = asking(&lb, "/length", "1.1");
    eventually("it has all of it", || (node_waits(&lb) == 1).then_some(()));
    let second = asking(&lb, "/length", "1.1");
    eventually("it waits", || (node_waits(&lb) == 2).then_some(()));
    drop(first);
    eventually("the first is gone", || (in_flight(&lb) == 1).then_some(()));
    // Its client has taken nothing meanwhile.
    eventually("it goes on", || (in_memory(&lb) > 900_000).then_some(()));
    assert_eq!(checked(second), WHOLE);
    nothing_is_held(&lb);
}

/// A node with one answer, which counts what it got rid of.
fn counting_node() -> (NodeLine, Arc<AtomicU64>) {
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = door.local_addr().unwrap();
    let written = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&written);
    // It ends with the process.
    std::thread::spawn(move || {
        let (mut stream, _) = door.accept().unwrap();
        let _head = stream.read(&mut [0; 4096]).unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let sent = pattern::write(LONG, |part| {
            count.fetch_add(part.len() as u64, Ordering::Relaxed);
            stream.write_all(part)
        });
        sent.unwrap();
    });
    (("a".to_owned(), address, 1), written)
}

#[test]
fn an_answer_larger_than_its_room_is_read_on_as_the_client_takes_it() {
    const MIB: u64 = 1024 * 1024;
    let (node, written) = counting_node();
    let lb = behind("spool_limit = \"16m\"", "", &[node]);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    // Small, so that what it takes comes out of our file soon.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&ports::local(lb.port()).into()).unwrap();
    let mut client = TcpStream::from(socket);
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.write_all(request).unwrap();
    eventually("its room is used up", || {
        (node_waits(&lb) == 1).then_some(())
    });
    // Half of the room, but for a piece that no longer fits: what memory holds and one read more.
    let piece = MIB + 256 * 1024;
    assert!(in_files(&lb) <= 8 * MIB && in_files(&lb) + piece > 8 * MIB);
    let written = || written.load(Ordering::Relaxed);
    // What the kernel takes of the node yet.
    let mut before = 0;
    while before != written() {
        before = written();
        (0..20).for_each(|_| pause());
    }
    // Less than is in the file.
    let mut taken = vec![0; 5 * 1024 * 1024];
    client.read_exact(&mut taken).unwrap();
    eventually("the node goes on", || {
        (written() >= before + 2 * MIB).then_some(())
    });
    assert!(in_files(&lb) <= 8 * MIB);
    assert_eq!(checked(io::Cursor::new(taken).chain(client)), WHOLE);
    nothing_is_held(&lb);
}

#[test]
fn one_slow_answer_leaves_room_for_others() {
    let node = Node::scripted("a", |request| match request.target() {
        "/long" => Answer::Download(LONG),
        _ => Answer::text(&request.pattern.length.to_string()),
    });
    let lb = behind("spool_limit = \"2m\"", "", &[node.line(1)]);
    let slow = asking(&lb, "/long", "1.1");
    eventually("it has its room", || (node_waits(&lb) == 1).then_some(()));
    assert!(in_files(&lb) <= 1024 * 1024);
    assert_eq!(lb.ask(&in_chunks(LENGTH)).text(), "300000");
    assert_eq!(node.last().all("Content-Length"), ["300000"]);
    assert_eq!(client_waits(&lb), 0);
    assert_eq!(checked(slow), WHOLE);
    nothing_is_held(&lb);
}

#[test]
fn a_small_body_of_known_length_waits_for_no_room() {
    let node = Node::scripted("a", |request| match request.target() {
        "/long" => Answer::Download(LONG),
        _ => Answer::text(&request.pattern.length.to_string()),
    });
    let settings = "memory_budget = \"64k\"\nspool_limit = 0";
    let lb = behind(settings, "", &[node.line(1)]);
    let slow = asking(&lb, "/long", "1.1");
    eventually("the budget is used up", || {
        (node_waits(&lb) == 1).then_some(())
    });
    let request = framed(&pattern_of(60_000), false);
    let mut client = stream(&lb);
    let before = in_memory(&lb);
    client.write_all(&request[..30_000]).unwrap();
    eventually("half of it is held", || {
        (in_memory(&lb) >= before + 29_000).then_some(())
    });
    assert_eq!((client_waits(&lb), in_flight(&lb)), (0, 1));
    client.write_all(&request[30_000..]).unwrap();
    assert!(rest(client).ends_with("\r\n\r\n60000"));
    assert_eq!(client_waits(&lb), 0);
    assert_eq!(checked(slow), WHOLE);
    nothing_is_held(&lb);
}
