//! The fields of a request's head, and the ends of its lines.

use super::stand::{Stand, check_refusal};
use crate::support::client::exchange;

#[test]
fn rule_01_a_line_ends_with_crlf() {
    Stand::new().refuses(&[
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400, 1),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400, 1),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400, 1),
        ("GET / HTTP/1.1\nHost: a\n\n", 400, 1),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nX: b\nContent-Length: 5\r\n\r\n",
            400,
            1,
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\n c\r\n\r\n", 400, 1),
        ("GET /\n HTTP/1.1\r\nHost: a\r\n\r\n", 400, 1),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\n: b\r\n\r\n", 400, 1),
    ]);
}

#[test]
fn rule_02_a_cr_stands_before_its_lf_and_nowhere_else() {
    Stand::new().refuses(&[
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\rEvil: c\r\n\r\n", 400, 2),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", 400, 2),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:\rb\r\n\r\n", 400, 2),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n", 400, 2),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n", 400, 2),
        ("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", 400, 2),
        ("GET / HTTP/1.1\rHost: a\r\r", 400, 2),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\rX: b\r\n\r\n",
            400,
            2,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\u{b}\r\n\r\n",
            400,
            2,
        ),
    ]);
}

#[test]
fn rule_04_the_first_field_stands_at_the_start_of_its_line() {
    Stand::new().refuses(&[
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, 4),
        ("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", 400, 4),
        (
            "GET / HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\n",
            400,
            4,
        ),
        ("GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n", 400, 4),
        ("GET / HTTP/1.1\r\n\u{b}Host: a\r\n\r\n", 400, 16),
    ]);
}

#[test]
fn rule_15_there_is_one_host_and_it_is_one() {
    let bad = [
        "", " ", ":80", "a/b", "/", "u@a", "u:p@a", "a, b", "a,b", "a b", "a\tb", "a;b", "a:b",
        "a:80:80", "a:123456", "http://a", "a#b", "a?b", "a\\b", "\"a\"", "%61", "[::1", "[a]",
        "::1", "\u{e9}", "a\u{80}", "(a)", "*",
    ];
    let mut cases: Vec<(String, u16, u8)> = bad
        .iter()
        .map(|host| (format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 400, 15))
        .collect();
    for head in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nhOST: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost:\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.0\r\nHost:\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ] {
        cases.push((head.to_owned(), 400, 15));
    }
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|(t, s, r)| (t.as_str(), *s, *r)).collect();
    Stand::new().refuses(&cases);
    let stand = Stand::new();
    for host in [
        "a",
        "Shop.Example.",
        "a_b",
        "127.0.0.1:8080",
        "[::1]:80",
        "[2001:db8::1]",
        "a:",
    ] {
        stand.passes(&[(
            &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            &format!("GET / HTTP/1.1\r\nHost: {host}\r\n~\r\n"),
        )]);
    }
    // HTTP/1.0 may do without: then the node is asked by its own address.
    let address = stand.node.address();
    stand.passes(&[(
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        &format!("GET / HTTP/1.1\r\nHost: {address}\r\n~\r\n"),
    )]);
}

#[test]
fn rule_16_a_name_is_a_token_right_before_its_colon() {
    let fields = [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Content-Length : 5",
        "Content-Length\u{b}: 5",
        "Content-Length\0: 5",
        "Content-Length\u{a0}: 5",
        "Content-Length 5",
        "Content-Length",
        ": b",
        ":",
        "X",
        "X b: c",
        "(X): b",
        "X,Y: b",
        "X/Y: b",
        "X;a: b",
        "X=Y: b",
        "X\"Y\": b",
        "[X]: b",
        "{X}: b",
        "X@Y: b",
        "X\\Y: b",
        "X?: b",
        "<X>: b",
        "\u{e9}: b",
        "X\u{80}: b",
        "\u{ff}: b",
        "X\u{7f}: b",
        "X\u{1}: b",
    ];
    let cases: Vec<(String, u16, u8)> = fields
        .iter()
        .map(|field| {
            (
                format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"),
                400,
                16,
            )
        })
        .collect();
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|(t, s, r)| (t.as_str(), *s, *r)).collect();
    Stand::new().refuses(&cases);
}

#[test]
fn rule_17_a_field_is_never_folded() {
    Stand::new().refuses(&[
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, 17),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", 400, 17),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n \r\n\r\n", 400, 17),
        ("GET / HTTP/1.1\r\nHost: a\r\nX:\r\n b\r\n\r\n", 400, 17),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400, 17),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n , identity\r\n\r\n", 400, 17),
        ("POST / HTTP/1.1\r\nHost: a\r\nX: b\r\n Transfer-Encoding: chunked\r\n\r\n", 400, 17),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n Content-Length: 6\r\n\r\n", 400, 17),
        ("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect:\r\n 100-continue\r\n\r\n", 400, 17),
    ]);
}

#[test]
fn rule_18_a_value_holds_no_control_character_but_tab() {
    let stand = Stand::new();
    let bad = (0..0x20_u8)
        .chain([0x7f])
        .filter(|b| !b"\t\r\n".contains(b));
    let mut cases = Vec::new();
    for c in bad.map(char::from) {
        for value in [format!("{c}"), format!("b{c}c"), format!(" b{c}")] {
            cases.push((
                format!("GET / HTTP/1.1\r\nHost: a\r\nX:{value}\r\n\r\n"),
                400,
                18,
            ));
        }
    }
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|(t, s, r)| (t.as_str(), *s, *r)).collect();
    stand.refuses(&cases);
    // All else passes as it is, but for blanks at either end.
    let all: String = (0x21..=0x7e_u8)
        .chain(0x80..=0xff)
        .map(char::from)
        .collect();
    stand.passes(&[(
        &format!("GET / HTTP/1.1\r\nHost: a\r\nX: \t {all} \t b \t\r\nY:\r\nZ: \r\n\r\n"),
        &format!("GET / HTTP/1.1\r\nHost: a\r\nX: {all} \t b\r\nY: \r\nZ: \r\n~\r\n"),
    )]);
}

/// A head of exactly this many bytes, in few fields.
fn head_of(length: usize) -> String {
    let start = "GET / HTTP/1.1\r\nHost: a\r\n";
    let mut left = length - start.len() - 2;
    let mut head = start.to_owned();
    while left > 0 {
        // Never so little left that no field fits.
        let line = if left > 12_000 { 10_000 } else { left };
        head += &format!("X: {}\r\n", "x".repeat(line - 5));
        left -= line;
    }
    head + "\r\n"
}

#[test]
fn rule_19_a_head_has_limits() {
    let fields = |name: &str, count: usize| {
        let lines = format!("{name}: b\r\n").repeat(count);
        format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
    };
    let field_of = |length: usize| {
        let value = "x".repeat(length - "X: ".len());
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n")
    };
    let stand = Stand::new();
    stand.refuses(&[
        (&head_of(64 * 1024 + 1), 431, 19),
        (&fields("X", 128), 431, 19),
        // Those that are left out count as well.
        (&fields("X_Y", 128), 431, 19),
        (&field_of(16 * 1024 + 1), 431, 19),
    ]);
    let own = |head: &str| format!("{}~\r\n", head.strip_suffix("\r\n").unwrap());
    for head in [head_of(64 * 1024), fields("X", 127), field_of(16 * 1024)] {
        stand.passes(&[(&head, &own(&head))]);
    }
    // Refused while it still arrives: its end is not waited for.
    let endless = &head_of(80_000)[..70_000];
    let answer = exchange(stand.lb.port(), endless);
    check_refusal(
        &String::from_utf8_lossy(&answer),
        431,
        19,
        "an endless head",
    );
}

#[test]
fn rule_20_a_name_with_odd_bytes_is_dropped_refused_or_kept() {
    let odd = "X_Forwarded_For: 6.6.6.6\r\nX.Real.IP: 6.6.6.6\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nContent--Length: 5\r\nTransferEncoding: chunked\r\n!#$%&'*+.^_`|~: b\r\n";
    let head = format!("GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n{odd}X-C: d\r\n\r\n");
    let stand = Stand::new();
    stand.passes(&[(
        &head,
        "GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\nX-C: d\r\n~\r\n",
    )]);
    stand.apply("underscores = \"keep\"", "");
    // None of them is the field it resembles.
    let kept = format!("GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n{odd}X-C: d\r\n~\r\n");
    stand.passes(&[(&head, &kept)]);
    let rejecting = Stand::listening("underscores = \"reject\"");
    let cases: Vec<String> = odd
        .lines()
        .map(|line| format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n"))
        .collect();
    let cases: Vec<(&str, u16, u8)> = cases.iter().map(|t| (t.as_str(), 400, 20)).collect();
    rejecting.refuses(&cases);
}
