//! Where a request's body ends.

use super::stand::{EVIL, Stand, bytes};
use crate::support::client::Request;

/// Heads with one field each, all refused by one rule.
fn with_fields(fields: &[&str], status: u16, rule: u8) -> Vec<(String, u16, u8)> {
    let head = |field: &&str| format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
    fields.iter().map(|f| (head(f), status, rule)).collect()
}

fn borrowed(cases: &[(String, u16, u8)]) -> Vec<(&str, u16, u8)> {
    cases.iter().map(|(t, s, r)| (t.as_str(), *s, *r)).collect()
}

#[test]
fn rule_21_a_length_is_digits() {
    let values = [
        "",
        "+5",
        "-5",
        "0x5",
        "5_0",
        "5.0",
        "5e0",
        "5 0",
        "a",
        "5a",
        "\"5\"",
        "5;",
        "5\u{a0}",
        "\u{b2}",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999999",
        "-0",
        "0x0",
    ];
    let fields: Vec<String> = values
        .iter()
        .map(|v| format!("Content-Length: {v}"))
        .collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    Stand::new().refuses(&borrowed(&with_fields(&fields, 400, 21)));
    Stand::new().refuses(&borrowed(&with_fields(
        &[
            "Content-Length: 5\0",
            "Content-Length: \u{b}5",
            "Content-Length: 5\u{c}",
        ],
        400,
        18,
    )));
}

#[test]
fn rule_22_there_is_one_length() {
    let fields = [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nX: b\r\ncontent-length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 5,6",
        "Content-Length: ,5",
        "Content-Length: 5,",
        "Content-Length: 0\r\nContent-Length: 30",
        // The one that HAProxy let through: CVE-2023-40225.
        "Content-Length:\r\nContent-Length: 5",
    ];
    Stand::new().refuses(&borrowed(&with_fields(&fields, 400, 22)));
}

#[test]
fn rule_23_leading_zeros_are_written_anew() {
    Stand::new().passes(&[
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0011\r\n\r\nhello world",
            "POST / HTTP/1.1\r\nHost: a\r\n~Content-Length: 11\r\n\r\nhello world",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0000000000000000000000000000005\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\n~Content-Length: 5\r\n\r\nhello",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\ncontent-length:\t 5 \t\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: a\r\n~Content-Length: 5\r\n\r\nhello",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 000\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\n~Content-Length: 0\r\n\r\n",
        ),
    ]);
}

#[test]
fn rule_24_a_request_has_a_length_or_chunks() {
    let coded = "0\r\n\r\n";
    let mut cases = Vec::new();
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nX: b\r\ncontent-length: 0",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "CONTENT-LENGTH: 5\r\nTRANSFER-ENCODING: CHUNKED",
    ] {
        for method in ["POST", "GET"] {
            let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{coded}");
            cases.push((head, 400, 24));
        }
    }
    Stand::new().refuses(&borrowed(&cases));
}

#[test]
fn rule_25_a_coding_that_is_not_known_is_not_passed_over() {
    let unknown = [
        "gzip",
        "identity",
        "foo",
        "deflate",
        "compress",
        "x-gzip",
        "xchunked",
        "chunke",
        "cow",
        "'chunked'",
    ];
    let fields: Vec<String> = unknown
        .iter()
        .map(|v| format!("Transfer-Encoding: {v}"))
        .collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    Stand::new().refuses(&borrowed(&with_fields(&fields, 501, 25)));
}

#[test]
fn rule_25_chunked_stands_there_once_and_alone() {
    let malformed = [
        "",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        ", chunked",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, identity",
        "identity, chunked",
        "chunked;q=1",
        "chunked ;a",
        "\"chunked\"",
        "chunked chunked",
        "chunked\u{85}",
        "\u{85}chunked",
        "\u{a0}chunked",
        "chunked\u{a0}",
        "\u{ff}chunked",
        "chunked:",
        "=chunked",
        "(chunked)",
        "chun ked",
        "x: chunked",
        "chunked\\",
    ];
    let mut fields: Vec<String> = malformed
        .iter()
        .map(|v| format!("Transfer-Encoding: {v}"))
        .collect();
    for twice in [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\ntransfer-encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-encoding: x",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    ] {
        fields.push(twice.to_owned());
    }
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    Stand::new().refuses(&borrowed(&with_fields(&fields, 400, 25)));
    // What hides in names and control characters is refused before: rules 16, 17 and 18.
    let fields = [
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding:\u{c}chunked",
        "Transfer-Encoding: chunked\0",
    ];
    Stand::new().refuses(&borrowed(&with_fields(&fields, 400, 18)));
}

#[test]
fn rule_25_chunked_may_stand_in_any_letters_and_among_blanks() {
    let stand = Stand::new();
    for value in [
        "chunked",
        "Chunked",
        "CHUNKED",
        "\tchunked",
        "chunked\t",
        " \t chunked \t ",
    ] {
        stand.passes(&[(
            &format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:{value}\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
            "POST / HTTP/1.1\r\nHost: a\r\n~Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        )]);
    }
}

#[test]
fn rule_26_http_10_has_no_transfer_encoding() {
    let mut cases = Vec::new();
    for method in ["POST", "GET", "OPTIONS", "PUT", "DELETE"] {
        let head = format!(
            "{method} / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        cases.push((head, 400, 26));
    }
    let both = "POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    cases.push((both.to_owned(), 400, 24));
    Stand::new().refuses(&borrowed(&cases));
}

#[test]
fn rule_27_without_a_length_there_is_no_body() {
    let stand = Stand::new();
    let mut wire = stand.wire();
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET", "FOO"] {
        let mark = stand.mark();
        // What follows is a request of its own, and never a body until the close.
        wire.send(format!(
            "{method} /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n"
        ));
        assert_eq!(wire.response(method).text(), format!("{method} /a 0"));
        assert_eq!(wire.response("GET").text(), "GET /b 0");
        let arrived =
            format!("{method} /a HTTP/1.1\r\nHost: a\r\n~\r\nGET /b HTTP/1.1\r\nHost: b\r\n~\r\n");
        assert_eq!(stand.arrived_since(mark), arrived);
    }
    let stand = Stand::new();
    let mut wire = stand.wire();
    wire.send("POST /a HTTP/1.0\r\nHost: a\r\n\r\nuntil the close");
    assert_eq!(wire.response("POST").text(), "POST /a 0");
    assert_eq!(wire.rest(), b"");
    assert_eq!(
        stand.arrived_since(0),
        "POST /a HTTP/1.1\r\nHost: a\r\n~\r\n"
    );
}

#[test]
fn rule_46_a_body_passes_with_any_method() {
    let stand = Stand::new();
    for method in ["GET", "HEAD", "OPTIONS", "DELETE", "POST", "FOO"] {
        stand.passes(&[
            (
                &format!("{method} /a HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n{EVIL}"),
                &format!("{method} /a HTTP/1.1\r\nHost: a\r\n~Content-Length: 31\r\n\r\n{EVIL}"),
            ),
            (
                &format!("{method} /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n{EVIL}\r\n0\r\n\r\n"),
                &format!("{method} /a HTTP/1.1\r\nHost: a\r\n~Transfer-Encoding: chunked\r\n\r\n1f\r\n{EVIL}\r\n0\r\n\r\n"),
            ),
        ]);
    }
    let mut cases = Vec::new();
    for method in ["GET", "OPTIONS", "DELETE"] {
        let head = format!("{method} / HTTP/1.0\r\nHost: a\r\nContent-Length: 31\r\n\r\n");
        cases.push((head, 400, 46));
    }
    Stand::new().refuses(&borrowed(&cases));
    let mut cases = Vec::new();
    for method in ["GET", "OPTIONS", "DELETE"] {
        for framing in ["Content-Length: 31", "Transfer-Encoding: chunked"] {
            let head = format!("{method} / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
            cases.push((head, 400, 46));
        }
    }
    let refusing = Stand::listening("refuse_get_body = true");
    refusing.refuses(&borrowed(&cases));
    // A length of nothing is no body, and POST is not meant.
    assert_eq!(
        refusing
            .lb
            .ask(&Request::get("/").field("Content-Length", "0"))
            .status,
        200
    );
    assert_eq!(
        refusing.lb.ask(&Request::post("/", "abc")).text(),
        "POST / 3"
    );
    // HEAD's refusal has no text to name the rule in.
    let mut wire = refusing.wire();
    wire.send(bytes(&format!(
        "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 31\r\n\r\n{EVIL}"
    )));
    let answer = wire.response("HEAD");
    assert_eq!((answer.status, answer.reason()), (400, Some("bad_request")));
    assert_eq!(wire.rest(), b"");
}
