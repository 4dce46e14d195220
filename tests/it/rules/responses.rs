//! What a node answers, and what becomes of it.

use super::stand::{RawNode, Stand};
use crate::support::client::{Client, ClientError, Request};
use crate::support::eventually;
use crate::support::node::{Answer, Then};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A node that answers `/N` with the Nth of these bytes, and anything else with `ok`.
fn answering(answers: &[String]) -> Stand {
    let answers = answers.to_vec();
    Stand::answering(move |target| {
        let case = target[1..].parse().ok().and_then(|n: usize| answers.get(n));
        case.map_or(OK, String::as_str).to_owned()
    })
}

/// None of these answers is believed: 502, the node's connection ends, and the next request on the client's
/// gets its own answer.
#[track_caller]
fn disbelieves(answers: &[String]) {
    let stand = answering(answers);
    let mut client = Client::of(stand.lb.port());
    for (n, sent) in answers.iter().enumerate() {
        let answer = client.get(&format!("/{n}"));
        assert_eq!(
            (answer.status, answer.reason()),
            (502, Some("node_bad_response")),
            "{sent:?}"
        );
        assert_eq!(client.get("/next").text(), "ok", "{sent:?}");
        // Each bad answer was the last on its connection.
        assert_eq!(stand.node.connections(), n + 2, "{sent:?}");
    }
    assert_eq!(client.opened, 1);
}

fn all(answers: &[&str]) -> Vec<String> {
    answers.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn rule_01_to_03_the_lines_of_an_answer_end_with_crlf() {
    disbelieves(&all(&[
        "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
        "HTTP/1.1 200 OK\n\nok",
        "HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: evil\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\rContent-Length: 2\r\r",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ]));
}

#[test]
fn rule_14_an_answer_begins_with_a_status_line() {
    disbelieves(&all(&[
        "HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/2 200\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "ICY 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1\t200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 -20 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 600 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "<html>ok</html>\r\n\r\n",
    ]));
}

#[test]
fn rule_16_to_19_the_fields_of_an_answer_are_as_strict() {
    let mut answers: Vec<String> = [
        "Content-Length : 2",
        "Content-Length\t: 2",
        ": b",
        "X",
        "X b: c",
        "\u{e9}: b",
        "(X): b",
        "X: a\r\n folded",
        "X:\r\n\tfolded",
        "X: \0",
        "X: a\u{1}",
        "X: \u{7f}",
        " X: first",
    ]
    .iter()
    .map(|field| format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 2\r\n\r\nok"))
    .collect();
    answers.push("HTTP/1.1 200 OK\r\n Folded: a\r\nContent-Length: 2\r\n\r\nok".to_owned());
    for fields in [
        "X: b\r\n".repeat(128),
        format!("X: {}\r\n", "b".repeat(16 * 1024)),
        format!("X: {}\r\n", "b".repeat(10_000)).repeat(7),
    ] {
        answers.push(format!(
            "HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"
        ));
    }
    disbelieves(&answers);
}

#[test]
fn rule_37_an_interim_answer_is_asked_for_or_passed_on() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
    let answers = [
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{OK}"
        ),
        format!("{}{OK}", hints.repeat(9)),
        format!("{}{OK}", "HTTP/1.1 100 Continue\r\n\r\n".repeat(9)),
        // What looks like its body is the beginning of no answer.
        format!("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello{OK}"),
    ];
    disbelieves(&answers);
    let stand = answering(&[
        format!("{}{OK}", hints.repeat(8)),
        format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"),
        format!("HTTP/1.1 102 Processing\r\n\r\n{OK}"),
    ]);
    let mut client = Client::of(stand.lb.port());
    for (target, passed) in [("/0", vec![103; 8]), ("/1", vec![]), ("/2", vec![102])] {
        // To HTTP/1.0 nothing of it is said.
        let old = stand.lb.ask(&Request::get(target).http10());
        assert_eq!(
            (old.text().as_str(), old.interim.len()),
            ("ok", 0),
            "{target}"
        );
        let answer = client.get(target);
        // `100 Continue` answers an expectation that the node was never told of.
        assert_eq!(
            (answer.text().as_str(), answer.interim),
            ("ok", passed),
            "{target}"
        );
        assert_eq!(client.get("/next").text(), "ok", "{target}");
    }
    assert_eq!(client.opened, 1);
}

/// A second head must not be a way around what the operator takes out of the first (CVE-2025-32094).
#[test]
fn rule_37_what_is_taken_out_of_an_answer_is_taken_out_of_its_interim_ones() {
    let site = "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\nremove_headers = [\"X-Secret\"]\n";
    let secret = "X-Secret: s\r\nConnection: X-Hop\r\nX-Hop: h\r\nKeep-Alive: timeout=5\r\n";
    let stand = Stand::with("", site, move |_| {
        Answer::raw(format!(
            "HTTP/1.1 100 Continue\r\n{secret}\r\nHTTP/1.1 103 Early Hints\r\n{secret}Content-Length: 0\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n{secret}Content-Length: 2\r\n\r\nok"
        ))
    });
    let mut wire = stand.wire();
    for _ in 0..2 {
        wire.send(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
        );
        let told = wire.head();
        assert_eq!((told.status, told.fields.len()), (100, 0));
        wire.send("x");
        let hints = wire.head();
        let link = [("Link".to_owned(), "</a>".to_owned())];
        assert_eq!(
            (hints.status, hints.fields.as_slice()),
            (103, link.as_slice())
        );
        let answer = wire.response("POST");
        assert_eq!(answer.text(), "ok");
        for name in ["X-Secret", "X-Hop", "Keep-Alive", "Connection"] {
            assert_eq!(answer.field(name), None, "{name}");
        }
    }
    assert_eq!(stand.node.connections(), 1);
}

#[test]
fn rule_40_where_no_body_can_be_none_is_sent() {
    let answers = all(&[
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX: b\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
    ]);
    let stand = answering(&answers);
    let mut wire = stand.wire();
    for (method, target, status, length) in [
        ("GET", "/0", 204, None),
        ("GET", "/1", 204, None),
        ("GET", "/2", 204, None),
        ("GET", "/3", 304, Some("5")),
        ("GET", "/4", 304, None),
        ("HEAD", "/5", 200, Some("5")),
        ("HEAD", "/6", 200, None),
        ("HEAD", "/7", 200, None),
        ("HEAD", "/1", 204, None),
    ] {
        wire.send(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = wire.response(method);
        assert_eq!(answer.status, status, "{method} {target}");
        assert_eq!(answer.field("Content-Length"), length, "{method} {target}");
        assert_eq!(answer.field("Transfer-Encoding"), None, "{method} {target}");
        // What follows on the wire is the next answer.
        wire.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(wire.response("GET").text(), "ok", "{method} {target}");
    }
    assert_eq!(stand.node.connections(), 1);
}

#[test]
fn rule_40_a_body_where_none_can_be_is_no_answer_to_anyone() {
    let body = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";
    let answers = [
        format!(
            "HTTP/1.1 204 No Content\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
        format!(
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n29\r\n{body}\r\n0\r\n\r\n"
        ),
        format!(
            "HTTP/1.1 304 Not Modified\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n29\r\n{body}\r\n0\r\n\r\n"),
    ];
    let stand = answering(&answers);
    let mut wire = stand.wire();
    for (n, (method, status)) in [
        ("GET", 204),
        ("GET", 204),
        ("GET", 304),
        ("HEAD", 200),
        ("HEAD", 200),
    ]
    .into_iter()
    .enumerate()
    {
        wire.send(format!("{method} /{n} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(wire.response(method).status, status);
        wire.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(wire.response("GET").text(), "ok", "{:?}", answers[n]);
        assert_eq!(stand.node.connections(), n + 2, "{:?}", answers[n]);
    }
}

#[test]
fn rule_41_an_answer_has_one_length() {
    disbelieves(&all(&[
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: three\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        // Even where no body follows.
        "HTTP/1.1 204 No Content\r\nContent-Length: 3, 3\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    ]));
}

#[test]
fn rule_42_a_body_until_the_close_is_framed_anew() {
    let stand = Stand::with("", "", |request| {
        let head = match request.target() {
            "/old" => "HTTP/1.0 200 OK\r\n\r\n",
            "/kept" => "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\n\r\n",
        };
        Answer::Raw(format!("{head}abcde").into_bytes(), Then::Close)
    });
    let mut wire = stand.wire();
    for target in ["/", "/old", "/kept"] {
        wire.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let answer = wire.response("GET");
        assert_eq!(
            answer.field("Transfer-Encoding"),
            Some("chunked"),
            "{target}"
        );
        assert_eq!(
            (answer.text().as_str(), answer.until_close),
            ("abcde", false),
            "{target}"
        );
        let old = stand.lb.ask(&Request::get(target).http10());
        assert_eq!(old.field("Transfer-Encoding"), None, "{target}");
        assert_eq!(
            (old.text().as_str(), old.until_close),
            ("abcde", true),
            "{target}"
        );
        assert_eq!(old.field("Connection"), Some("close"), "{target}");
    }
}

#[test]
fn rule_42_a_cut_answer_is_never_taken_for_a_whole_one() {
    let long = "x".repeat(200_000);
    let stand = Stand::with("", "", move |request| {
        let (head, then) = match request.target() {
            "/length" => ("Content-Length: 300000\r\n\r\n", Then::Close),
            "/chunked" => ("Transfer-Encoding: chunked\r\n\r\nfffff\r\n", Then::Close),
            "/between" => ("Transfer-Encoding: chunked\r\n\r\n30d40\r\n", Then::Close),
            "/bad" => ("Transfer-Encoding: chunked\r\n\r\n30d3f\r\n", Then::KeepOn),
            // Until the close, and no orderly one.
            _ => ("\r\n", Then::Reset),
        };
        let end = if request.target() == "/between" {
            "\r\n"
        } else {
            ""
        };
        Answer::Raw(
            format!("HTTP/1.1 200 OK\r\n{head}{long}{end}").into_bytes(),
            then,
        )
    });
    for target in ["/length", "/chunked", "/between", "/bad", "/reset"] {
        for request in [Request::get(target), Request::get(target).http10()] {
            let sent = Client::of(stand.lb.port()).send(&request);
            let cut = matches!(
                sent,
                Err(ClientError::Body { .. } | ClientError::NoAnswer(_) | ClientError::Head(_))
            );
            // A reset may overtake the whole answer, and then there is a refusal.
            assert!(
                cut || sent.is_ok_and(|answer| answer.status == 502),
                "{target}"
            );
        }
    }
}

/// How many bytes too many the metrics tell of.
fn excess_bytes(stand: &Stand) -> u64 {
    let text = stand.lb.admin("/metrics").text();
    let begins = |line: &&str| line.starts_with("steelyard_node_excess_bytes_total{");
    let line = text.lines().find(begins).expect("every node has it");
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn rule_43_bytes_behind_an_answer_end_the_node_s_connection() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";
    let answers = [
        format!("{OK}{evil}"),
        format!("{OK}\r\n"),
        format!("{OK}x"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{evil}"),
        format!("HTTP/1.1 304 Not Modified\r\n\r\n{evil}"),
    ];
    let stand = answering(&answers);
    let mut client = Client::of(stand.lb.port());
    for (n, sent) in answers.iter().enumerate() {
        let answer = client.get(&format!("/{n}"));
        assert!(answer.text() == "ok" || answer.status == 304, "{sent:?}");
        assert_eq!(client.get("/next").text(), "ok", "{sent:?}");
        assert_eq!(stand.node.connections(), n + 2, "{sent:?}");
    }
    // The last of them may be counted a moment after its answer is here.
    let lengths = [evil.len(), 2, 1, evil.len(), evil.len()];
    let all = lengths.iter().sum::<usize>() as u64;
    eventually("all bytes too many are counted", || {
        (excess_bytes(&stand) == all).then_some(())
    });
}

#[test]
fn rule_43_bytes_on_an_idle_connection_end_it() {
    let node = RawNode::answering(OK);
    let stand = Stand::before(&node);
    let mut client = Client::of(stand.lb.port());
    for connections in 1..=3 {
        assert_eq!(client.get("/").text(), "ok");
        assert_eq!(node.connections(), connections);
        // An answer to nobody, on a connection that idles: it must not wait for the next request.
        node.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL");
    }
    assert_eq!(client.get("/").text(), "ok");
    assert_eq!(client.opened, 1);
    assert!(excess_bytes(&stand) >= 3);
}
