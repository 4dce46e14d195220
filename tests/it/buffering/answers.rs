//! An answer is taken from its node as fast as it sends.

use std::fs;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::{
    WHOLE, asking, behind, checked, document, in_files, in_flight, in_memory, long_answers,
    nothing_is_held,
};
use crate::support::{counted, eventually, pause};

#[test]
fn an_answer_is_taken_from_its_node_whole_while_the_client_takes_none() {
    let node = long_answers();
    let lb = behind("", "", &[node.line(1)]);
    for (target, version) in [
        ("/length", "1.1"),
        ("/chunked", "1.1"),
        ("/chunked", "1.0"),
        ("/close", "1.1"),
        ("/close", "1.0"),
    ] {
        let client = asking(&lb, target, version);
        eventually("the node is done with", || {
            (in_flight(&lb) == 0).then_some(())
        });
        assert!(in_files(&lb) > 0, "{target}");
        assert!(in_memory(&lb) < 4 * 1024 * 1024, "{target}");
        assert_eq!(checked(client), WHOLE, "{target} {version}");
        nothing_is_held(&lb);
    }
    assert_eq!(fs::read_dir(lb.data().join("spool")).unwrap().count(), 0);
}

#[test]
fn streams_and_routes_without_it_keep_their_node() {
    let node = long_answers();
    for (target, keys) in [
        ("/events", ""),
        ("/accel", ""),
        ("/length", "buffer_response = false"),
    ] {
        let other = format!("{keys}\n[[sites.routes]]\npath = \"/other\"\npool = \"django\"");
        let lb = behind("", &other, &[node.line(1)]);
        let client = asking(&lb, target, "1.1");
        // One that came later is through with the node, and this is not.
        let held = asking(&lb, "/other", "1.1");
        eventually("the other is done", || (in_flight(&lb) == 1).then_some(()));
        drop(held);
        // Nothing but what waits to be written, once the other's is given back.
        eventually("only what waits to be written is held", || {
            let waits = 1..=512 * 1024;
            (in_files(&lb) == 0 && waits.contains(&in_memory(&lb))).then_some(())
        });
        assert_eq!(in_flight(&lb), 1, "{target}");
        assert_eq!(checked(client), WHOLE, "{target}");
        nothing_is_held(&lb);
    }
}

#[test]
fn a_client_that_leaves_its_answer_gives_back_what_was_held() {
    let node = long_answers();
    let lb = behind("", "", &[node.line(1)]);
    let client = asking(&lb, "/length", "1.1");
    eventually("some of it is held", || (in_files(&lb) > 0).then_some(()));
    drop(client);
    nothing_is_held(&lb);
    assert_eq!(in_flight(&lb), 0);
    // Whole at the node, and not at the client.
    let line = lb.access_log(1).remove(0);
    assert!(line.contains("\" 200 "), "{line}");
}

#[test]
fn a_client_that_takes_little_but_steadily_is_not_cut_off() {
    let node = long_answers();
    let lb = behind("", "", &[node.line(1)]);
    for keys in ["", "buffer_response = false"] {
        lb.apply(&document(&lb, "", keys, &[node.line(1)]));
        let mut client = asking(&lb, "/length", "1.1");
        // 100 KiB a second, which the kernel does not call «writable» for a quarter of a minute.
        let time = Duration::from_secs(counted(1, 40) as u64);
        let began = Instant::now();
        let mut taken = Vec::new();
        while began.elapsed() < time {
            let mut piece = [0; 1024];
            client.read_exact(&mut piece).unwrap();
            taken.extend_from_slice(&piece);
            pause();
        }
        assert_eq!(checked(io::Cursor::new(taken).chain(client)), WHOLE);
        nothing_is_held(&lb);
    }
}
