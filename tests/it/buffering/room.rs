//! What happens where bodies find no room.

use std::fs;
use std::io::Write;
use std::net::TcpStream;

use super::{
    LENGTH, LITTLE, WHOLE, asking, behind, checked, checking, client_waits, framed, in_chunks,
    in_files, in_flight, long_answers, metric, nothing_is_held, pattern_of, stream,
};
use crate::support::client::{Client, Request};
use crate::support::eventually;

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

#[test]
fn an_answer_that_finds_no_room_goes_on_as_the_client_takes_it() {
    let node = long_answers();
    for settings in [LITTLE, "spool_limit = 0"] {
        let lb = behind(settings, "", &[node.line(1)]);
        let clients: Vec<TcpStream> = (0..3).map(|_| asking(&lb, "/chunked", "1.1")).collect();
        eventually("the node is not read", || {
            let waits = metric(&lb, "steelyard_buffer_waits_total{side=\"node\"}");
            (waits >= 3).then_some(())
        });
        assert_eq!(in_flight(&lb), 3);
        assert!(in_files(&lb) <= 128 * 1024);
        for client in clients {
            assert_eq!(checked(client), WHOLE);
        }
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
