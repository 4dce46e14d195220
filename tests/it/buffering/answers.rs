//! An answer is taken from its node as fast as it sends.

use std::fs;

use super::{
    WHOLE, asking, behind, checked, in_files, in_flight, in_memory, long_answers, nothing_is_held,
};
use crate::support::eventually;

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
        nothing_is_held(&lb);
        assert_eq!(in_flight(&lb), 1, "{target}");
        assert_eq!(checked(client), WHOLE, "{target}");
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
