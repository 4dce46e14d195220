//! Bodies in chunks.

use super::stand::{EVIL, STREAMED, Stand, bytes, check_refusal, masked};
use crate::support::client::exchange;

const HEAD: &str = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const AT_NODE: &str = "POST /a HTTP/1.1\r\nHost: a\r\n~Transfer-Encoding: chunked\r\n\r\n";

/// Bodies that break a rule, each with its rule: refused; of each, no more than its sound beginning
/// reaches the node, never an end of the body, and nothing of what follows.
#[track_caller]
fn breaks(cases: &[(&str, u8)]) {
    let stand = Stand::new();
    each_breaks(&stand, cases);
    // Where a body is taken in beforehand, not even its sound beginning reaches the node.
    assert!(!masked(&stand.node.raw()).contains("POST"));
    stand.apply("", STREAMED);
    each_breaks(&stand, cases);
    let seen = stand.node.requests();
    assert!(seen.iter().all(|seen| seen.target() == "/next"));
    assert_eq!(seen.len(), 2 * cases.len());
}

#[track_caller]
fn each_breaks(stand: &Stand, cases: &[(&str, u8)]) {
    for (body, rule) in cases {
        let mark = stand.mark();
        let sent = bytes(&format!("{HEAD}{body}0\r\n\r\n{EVIL}"));
        let answer = exchange(stand.lb.port(), sent);
        check_refusal(&String::from_utf8_lossy(&answer), 400, *rule, body);
        // A request that comes later has all its bytes behind what came of this one.
        let wire = &mut stand.wire();
        wire.send("GET /next HTTP/1.1\r\nHost: next.example\r\n\r\n");
        assert_eq!(wire.response("GET").text(), "GET /next 0", "{body:?}");
        let arrived = masked(&stand.node.raw()[mark..]);
        let next = "GET /next HTTP/1.1\r\nHost: next.example\r\n~\r\n";
        let before = arrived.replace(next, "");
        assert!(!arrived.contains("EVIL"), "{body:?}: {arrived}");
        assert!(!before.contains("\r\n0\r\n"), "{body:?}: {arrived}");
        assert!(
            before.is_empty() || before.starts_with(AT_NODE),
            "{body:?}: {arrived}"
        );
    }
}

#[test]
fn rule_01_and_02_the_lines_of_chunks_end_with_crlf() {
    breaks(&[
        ("5\nhello\r\n", 1),
        ("5\r\nhello\r\n0\n\r\n", 1),
        ("5;a\nhello\r\n", 1),
        ("5;a=\"b\nhello\r\n", 1),
        ("0\r\nX: y\n\r\n", 1),
        ("0\r\n\n", 1),
        ("0\nX: y\r\n\r\n", 1),
        ("5\rhello\r\n", 2),
        ("5\r\r\nhello\r\n", 2),
        ("5;a\r;b\r\nhello\r\n", 2),
        ("0\r\rX: y\r\n\r\n", 2),
        ("0\r\nX: y\rZ: a\r\n\r\n", 2),
        ("0\r\n\rX", 2),
    ]);
}

#[test]
fn rule_28_a_chunk_size_is_hexadecimal_digits() {
    breaks(&[
        ("\r\n", 28),
        (";a\r\n", 28),
        ("x\r\nhello\r\n", 28),
        ("g\r\nhello\r\n", 28),
        ("0x5\r\nhello\r\n", 28),
        ("5h\r\nhello\r\n", 28),
        ("+5\r\nhello\r\n", 28),
        ("-5\r\nhello\r\n", 28),
        ("-1\r\nhello\r\n", 28),
        ("5_0\r\nhello\r\n", 28),
        ("5.0\r\nhello\r\n", 28),
        (" 5\r\nhello\r\n", 28),
        ("\t5\r\nhello\r\n", 28),
        ("5 \r\nhello\r\n", 28),
        ("5\t\r\nhello\r\n", 28),
        ("5 ;a\r\nhello\r\n", 28),
        ("5\u{b}\r\nhello\r\n", 28),
        ("5\0\r\nhello\r\n", 28),
        ("5,\r\nhello\r\n", 28),
        ("\"5\"\r\nhello\r\n", 28),
        ("\u{b2}\r\nhello\r\n", 28),
        // Over 16 digits, zeros or not; and beyond what fits an i64.
        ("00000000000000005\r\nhello\r\n", 28),
        ("10000000000000005\r\nhello\r\n", 28),
        ("8000000000000000\r\nhello\r\n", 28),
        ("ffffffffffffffff\r\nhello\r\n", 28),
        // The second chunk as well as the first.
        ("2\r\nab\r\nx\r\nhello\r\n", 28),
        ("2\r\nab\r\n\r\nhello\r\n", 28),
    ]);
}

#[test]
fn rule_28_sizes_are_written_anew() {
    Stand::new().passes(&[
        (
            &format!("{HEAD}0000000000000005\r\nhello\r\n0A\r\n0123456789\r\n000\r\n\r\n"),
            &format!("{AT_NODE}5\r\nhello\r\na\r\n0123456789\r\n0\r\n\r\n"),
        ),
        (&format!("{HEAD}0\r\n\r\n"), &format!("{AT_NODE}0\r\n\r\n")),
    ]);
}

#[test]
fn rule_29_an_extension_is_well_formed_short_and_dropped() {
    let long = |length: usize| format!("5;{}\r\nhello\r\n", "a".repeat(length));
    let many = long(256).repeat(16);
    breaks(&[
        ("5;\r\nhello\r\n", 29),
        ("5;;a\r\nhello\r\n", 29),
        ("5;a;\r\nhello\r\n", 29),
        ("5;=b\r\nhello\r\n", 29),
        ("5;a=\r\nhello\r\n", 29),
        ("5;a==b\r\nhello\r\n", 29),
        ("5;a b\r\nhello\r\n", 29),
        ("5;a,b\r\nhello\r\n", 29),
        ("5;(a)\r\nhello\r\n", 29),
        ("5;a=\"b\r\nhello\r\n", 29),
        ("5;a=b\"\r\nhello\r\n", 29),
        ("5;a=\"b\"c\r\nhello\r\n", 29),
        ("5;a=\"b\"c\"d\"\r\nhello\r\n", 29),
        ("5;a=\"b\\\"\r\nhello\r\n", 29),
        ("5;\"a\"=b\r\nhello\r\n", 29),
        ("5;a=\0\r\nhello\r\n", 29),
        ("5;a=\"\0\"\r\nhello\r\n", 29),
        ("5;a\u{80}\r\nhello\r\n", 29),
        ("0;\r\n", 29),
        (&long(257), 29),
        (&(many + "1;a\r\nb\r\n"), 29),
    ]);
    let longest = long(256).repeat(16);
    let data = "5\r\nhello\r\n".repeat(16);
    Stand::new().passes(&[
        (
            &format!("{HEAD}5;a;b=c;d=\"e;f\\\"=g\"\r\nhello\r\n0;x=y\r\n\r\n"),
            &format!("{AT_NODE}5\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            &format!("{HEAD}{longest}0\r\n\r\n"),
            &format!("{AT_NODE}{data}0\r\n\r\n"),
        ),
    ]);
}

#[test]
fn rule_30_data_ends_where_its_size_says() {
    breaks(&[
        ("5\r\nhelloo\r\n", 30),
        ("5\r\nhell\r\n\r\n", 30),
        ("5\r\nhello", 30),
        ("5\r\nhello\n", 30),
        ("5\r\nhello\r", 30),
        ("5\r\nhello\r\r\n", 30),
        ("5\r\nhelloX\n", 30),
        ("5\r\nhello\rX", 30),
        ("5\r\nhello \r\n", 30),
        ("2\r\nab\r\n5\r\nhelloXX", 30),
    ]);
}

/// «Funky chunks» (w4ke.info, 2025): two servers that end a chunk's line or data in different places.
#[test]
fn rule_29_and_30_funky_chunks() {
    breaks(&[
        // TERM.EXT: one ends the line at the LF, the other reads on to the CRLF.
        ("2;\n45\r\nab\r\n", 1),
        ("2;a\n45\r\nab\r\n", 1),
        ("2;\r45\r\nab\r\n", 29),
        ("2;a\r45\r\nab\r\n", 2),
        // EXT.TERM: the other way round.
        ("45;\n2\r\nab\r\n", 1),
        ("45;x=\"\n\"\r\nab\r\n", 1),
        // TERM.SPILL: two bytes are left out behind the data, whatever they are.
        ("5\r\nhelloXX45\r\n", 30),
        ("5\r\nhello45\r\n", 30),
        // SPILL.TERM: data over the size up to the next line end.
        ("5\r\nhello45\r\n0\r\n\r\n", 30),
        ("1\r\nZZ\r\n", 30),
        ("1\r\nZ\n", 30),
    ]);
}

#[test]
fn rule_31_trailers_are_checked_and_dropped() {
    let trailers = "X-A: b\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nContent-Length: 99\r\nAuthorization: Basic\r\nCookie: a=b\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\nTrailer: X\r\nExpect: 100-continue\r\nUnder_score: 1\r\n";
    let stand = Stand::new();
    stand.passes(&[(
        &format!("{HEAD}5\r\nhello\r\n0\r\n{trailers}\r\n"),
        &format!("{AT_NODE}5\r\nhello\r\n0\r\n\r\n"),
    )]);
    assert_eq!(stand.node.requests()[0].body, b"hello");
    breaks(&[
        ("0\r\nX y\r\n\r\n", 16),
        ("0\r\nX : y\r\n\r\n", 16),
        ("0\r\n: y\r\n\r\n", 16),
        ("0\r\nX\u{80}: y\r\n\r\n", 16),
        ("0\r\nGET /EVIL HTTP/1.1\r\nHost: a\r\n\r\n", 16),
        ("0\r\n X: y\r\n\r\n", 4),
        ("0\r\nX: y\r\n z\r\n\r\n", 17),
        ("0\r\nX: \0\r\n\r\n", 18),
        ("0\r\nX: y\u{7f}\r\n\r\n", 18),
    ]);
}

#[test]
fn rule_31_trailers_have_limits() {
    let stand = Stand::new();
    let long = format!("X: {}\r\n", "y".repeat(17 * 1024));
    let many = "X: y\r\n".repeat(65);
    let large = format!("X: {}\r\n", "y".repeat(1000)).repeat(17);
    for trailers in [long, many, large] {
        let sent = format!("{HEAD}0\r\n{trailers}\r\n{EVIL}");
        let answer = exchange(stand.lb.port(), sent);
        check_refusal(&String::from_utf8_lossy(&answer), 431, 19, "trailers");
    }
    assert!(stand.node.requests().is_empty());
}
