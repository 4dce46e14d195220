//! The 72 bugs that the HTTP Garden lists of servers and proxies (its TROPHIES.md), each by a request of ours that
//! would set it off behind us.

use std::collections::BTreeSet;

use super::stand::{EVIL, Stand, bytes, check_refusal};
use crate::support::client::exchange;

/// Number (S: a server's bug, T: a proxy's), what is sent, status and rule of the refusal.
type Bug = (&'static str, &'static str, u16, u8);

/// In the request line.
const LINES: &[Bug] = &[
    ("S5", "GET /a HTTP/1.32\r\nHost: a\r\n\r\n", 400, 14),
    (
        "S6",
        "G=\":<>(e),[T];?\" /a HTTP/1.1\r\nHost: a\r\n\r\n",
        400,
        6,
    ),
    ("S7", "GET ! HTTP/1.1\r\nHost: a\r\n\r\n", 400, 12),
    ("S9", "GET /a\nHTTP/1.1\r\nHost: a\r\n\r\n", 400, 1),
    ("S15", "GET / HTTP/\r\r1.1\r\nHost: a\r\n\r\n", 400, 2),
    (
        "S24",
        "GET / HTTP/4294967297.257\r\nHost: a\r\n\r\n",
        400,
        14,
    ),
    ("S40", "\0 / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 6),
    ("S40", "GET / HTTP/....1.1.\r\nHost: a\r\n\r\n", 400, 14),
    ("T16", "GET / HTTP/1.1\nHost: a\n\n", 400, 1),
];

/// In names and values.
const FIELDS: &[Bug] = &[
    ("S2", "Host: a\r\nX: b\0\rc\r\n", 400, 2),
    ("S2", "Host: a\r\nX: b\0c\r\n", 400, 18),
    ("S3", "Host: a\r\nContent-Length : 31\r\n", 400, 16),
    ("S4", "\tContent-Length: 31\r\nHost: a\r\n", 400, 4),
    ("S8", "Host: a\r\n\u{ef}oo: bar\r\n", 400, 16),
    ("S13", "Host: a\r\nX: b\rContent-Length: 31\r\n", 400, 2),
    (
        "S14",
        "Host: a\r\nX\u{1}\u{7}\t\u{1f} \"(),/;<=>?@[]{}: b\r\n",
        400,
        16,
    ),
    ("S18", ": a\r\nHost: a\r\n", 400, 16),
    ("S19", "Host: a\r\nX:\n\nGET /EVIL HTTP/1.1\r\n", 400, 1),
    ("S20", "Host: a\r\nContent-Length\u{85}: 31\r\n", 400, 16),
    ("S27", ":\r\nHost: a\r\nContent-Length: 31\r\n", 400, 16),
    ("S28", "Host: a\r\nContent-Length 31\r\n", 400, 16),
    ("S30", "Host: a\r\n\rZGET /EVIL: HTTP/1.1\r\n", 400, 2),
    ("S34", "Host: a\r\nX: b\rc\r\n", 400, 2),
    ("S35", "Host: a\r\nX: b\0dropped\r\n", 400, 18),
    (
        "S37",
        "Host: a\r\nTransfer-\r\nEncoding: chunked\r\nContent-Length: 31\r\n",
        400,
        16,
    ),
    ("S43", "Host: a\r\nX: b\0\r\n", 400, 18),
    ("S46", "Host: \u{ff}a\u{ff}\r\n", 400, 15),
    ("T6", "Host: a\r\nX\u{85}: b\r\n", 400, 16),
    ("T10", "Host: a\r\nX: a\rb\rc\r\n", 400, 2),
    ("T12", "Host: a\0.example\r\n", 400, 18),
    ("T14", "Host: a\r\nTe\nst: b\r\n", 400, 1),
    ("T14", "Host: a\r\nTest b\r\n", 400, 16),
    ("T20", "Host: a\r\nX: b\r\nc\0\r\n", 400, 16),
];

/// In what says where the body ends.
const FRAMINGS: &[Bug] = &[
    ("S10", "Content-Length: +3_1", 400, 21),
    (
        "S11",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        400,
        25,
    ),
    ("S12", "Transfer-Encoding: \u{a0}chunked\u{a0}", 400, 25),
    ("S16", "Content-Length: ", 400, 21),
    (
        "S21",
        "Transfer-Encoding: ,chunked\r\nContent-Length: 31",
        400,
        25,
    ),
    ("S23", "Content-Length: 31\r\nContent-Length: 0", 400, 22),
    ("S26", "Content-Length: -48", 400, 21),
    ("S29", "Content-Length: 31Z", 400, 21),
    ("S33", "Content-Length: 0\r\nContent-Length: 31", 400, 22),
    ("S38", "Content-Length:", 400, 21),
    ("S42", "Content-Length: \r\nContent-Length: 31", 400, 22),
    ("S44", "Transfer-Encoding: blegh", 501, 25),
    ("S46", "Transfer-Encoding: \u{ff}chunked\u{ff}", 400, 25),
    ("T1", "Content-Length: 0x1f", 400, 21),
    ("T5", "content-length: ", 400, 21),
    ("T9", "Transfer-Encoding: ,chunked", 400, 25),
    ("T11", "content-length: \r\ncontent-length: 31", 400, 22),
    (
        "T15",
        "Transfer-Encoding: ,chunked\r\nContent-Length: 5\r\nConnection: close",
        400,
        25,
    ),
    (
        "T18",
        "Content-Length: 5\r\nTransfer-Encoding: ,chunked",
        400,
        25,
    ),
    (
        "T22",
        "Content-Length: 0\r\nContent-Length: 31\r\nX: y",
        400,
        22,
    ),
    (
        "T23",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        400,
        24,
    ),
    (
        "T25",
        "Transfer-Encoding: chunked\r\nX: y\r\nTransfer-Encoding: chunked",
        400,
        25,
    ),
];

/// In the chunks.
const CHUNKS: &[Bug] = &[
    ("S1", "0_2e\r\n", 400, 28),
    ("S17", "\r\n\r\n", 400, 28),
    ("S22", "0x5\r\nhello\r\n", 400, 28),
    ("S25", "+5\r\nhello\r\n", 400, 28),
    ("S31", "5\r\r;ABCD\r\n34\r\nE\r\n", 400, 2),
    ("S36", "5;a=b\r\rhello\r\n", 400, 2),
    ("S47", "INVALID\r\n", 400, 28),
    ("T2", "Z\r\nZZ\r\nZZZ\r\n\r\n", 400, 28),
    ("T3", "2\r\r;a\r\n02\r\n41\r\n", 400, 2),
    ("T4", "1\r0\n", 400, 2),
    ("T7", "1these-bytes\r\nZ\r\n", 400, 28),
    ("T13", "5\r\nhello\n", 400, 30),
    ("T17", "5\r\nhello\r\n\r\n", 400, 28),
    ("T19", "-0x0\r\n\r\n", 400, 28),
    ("T24", "           0\r\n\r\n", 400, 28),
];

/// Those that are no fault of the request: it passes, and means the same behind us.
const PASSING: &[&str] = &["S32", "S39", "S41", "S45", "S48", "T21"];

#[track_caller]
fn refused(bugs: &[Bug], whole: impl Fn(&str) -> String) {
    let stand = Stand::new();
    for (number, part, status, rule) in bugs {
        let sent = bytes(&format!("{}{EVIL}", whole(part)));
        let answer = exchange(stand.lb.port(), sent);
        check_refusal(&String::from_utf8_lossy(&answer), *status, *rule, number);
    }
    // Of a body in chunks the sound beginning may have reached the node, but no whole request.
    assert!(stand.node.requests().is_empty());
    assert!(!String::from_utf8_lossy(&stand.node.raw()).contains("EVIL"));
}

#[test]
fn garden_bugs_of_heads_are_set_off_behind_nobody() {
    refused(LINES, str::to_owned);
    refused(FIELDS, |fields| format!("POST / HTTP/1.1\r\n{fields}\r\n"));
    refused(FRAMINGS, |fields| {
        format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
    });
}

#[test]
fn garden_bugs_of_chunks_are_set_off_behind_nobody() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    refused(CHUNKS, |chunks| format!("{head}{chunks}0\r\n\r\n"));
}

#[test]
fn garden_requests_that_are_sound_mean_the_same_behind_us() {
    let stand = Stand::new();
    stand.passes(&[
        // S32: no reader takes it for octal.
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 010\r\n\r\n0123456789",
            "POST /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 10\r\n\r\n0123456789",
        ),
        // S39: no trailer is left to be taken for the next request.
        (
            "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX:POST /EVIL HTTP/1.1\r\n\r\n",
            "POST /a HTTP/1.1\r\nHost: a\r\n~Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        // S41: a value is passed on to the byte, at its ends as well.
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nUser: \u{85}admin\u{a0}\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a\r\nUser: \u{85}admin\u{a0}\r\n~\r\n",
        ),
        // T21: a body of GET is passed on with its length.
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
            "GET /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 10\r\n\r\n0123456789",
        ),
    ]);
    // S45: what is wrong behind the last request takes nothing from its answer.
    let mark = stand.mark();
    let mut wire = stand.wire();
    wire.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nInvalid\r\n\r\n");
    assert_eq!(wire.response("GET").text(), "GET /a 0");
    assert_eq!(wire.rest(), b"");
    // S48: a length of nothing has nothing behind it.
    let mut wire = stand.wire();
    wire.send("POST /a HTTP/1.1\r\nContent-Length: 0\r\nConnection:keep-alive\r\nHost: a\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\nGET /c HTTP/1.1\r\nHost: evil\r\n\r\nGET /d HTTP/1.1\r\nHost: a\r\n\r\n");
    for expected in ["POST /a 0", "POST /b 31"] {
        assert_eq!(wire.response("POST").text(), expected);
    }
    assert_eq!(wire.response("GET").text(), "GET /d 0");
    assert!(!stand.arrived_since(mark).contains("Host: evil\r\n~"));
}

#[test]
fn garden_bugs_are_all_there() {
    let servers = (1..=48).map(|n| format!("S{n}"));
    // There is no T8.
    let proxies = (1..=25).filter(|n| *n != 8).map(|n| format!("T{n}"));
    let all: BTreeSet<String> = servers.chain(proxies).collect();
    assert_eq!(all.len(), 72);
    let tables = [LINES, FIELDS, FRAMINGS, CHUNKS].concat();
    let told = tables
        .iter()
        .map(|(number, ..)| *number)
        .chain(PASSING.iter().copied());
    assert_eq!(told.map(str::to_owned).collect::<BTreeSet<_>>(), all);
}
