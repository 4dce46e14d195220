//! What is accepted and forwarded, judged by somebody else: AWS's `http_desync_guardian`, which tells how
//! many ways there are to read a request.
//!
//! GET and HEAD with a body are exempt by name: it calls them ambiguous, and rule 46 lets them pass.

use std::cell::Cell;

use http_desync_guardian::request_analyzer::{HttpRequestData, RequestAnalysisResult};
use http_desync_guardian::{ClassificationReason, RequestSafetyTier};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::connection::Security;
use super::exchange::understand;
use super::headers::write_request;
use super::request::{Request, RequestId};
use super::tests::snapshot_of;
use super::{Outcome, decide, origin};
use crate::http::{Framing, HeadScan, Limits, OddNames, RequestHead, parse_request};
use crate::snapshot::{Snapshot, Target};

const DOCUMENT: &str = r#"version = 1
[[listeners]]
name = "dropping"
address = "127.0.0.1:1"
[[listeners]]
name = "rejecting"
address = "127.0.0.1:2"
underscores = "reject"
[[pools]]
name = "p"
nodes = [{ address = "127.0.0.1:3" }]
"#;

fn snapshot() -> Snapshot {
    snapshot_of(DOCUMENT)
}

/// Requests of sound pieces, some of which are exchanged for broken ones.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let line = (method(), blank(), target(), blank(), version(), line_end());
    let line = line.prop_map(|(a, b, c, d, e, f)| [a, b, c, d, e, f].concat());
    let fields = vec(field(), 0..6).prop_map(|fields| fields.concat());
    let end = prop_oneof![30 => Just("\r\n"), 1 => select(vec!["\n", "\r", " \r\n"])];
    (line, host(), fields, end)
        .prop_map(|(line, host, fields, end)| latin1(&format!("{line}{host}{fields}{end}")))
}

/// A byte for each character.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
        .collect()
}

/// Mostly one of the first.
fn mostly(
    usual: &'static [&'static str],
    odd: &'static [&'static str],
) -> impl Strategy<Value = &'static str> {
    prop_oneof![40 => select(usual), 1 => select(odd)]
}

fn method() -> impl Strategy<Value = &'static str> {
    mostly(
        &[
            "GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "FOO", "get",
        ],
        &[
            "", "G(T", "GET\t", " GET", "CONNECT", "TRACE", "\u{e9}", "GET\0", "\r\nGET", "X:",
        ],
    )
}

fn blank() -> impl Strategy<Value = &'static str> {
    mostly(&[" "], &["  ", "\t", "", "\u{b}", " \t", "\u{a0}"])
}

fn target() -> impl Strategy<Value = &'static str> {
    mostly(
        &[
            "/",
            "/a/b?c=d",
            "/a%20b",
            "*",
            "http://a/",
            "/?{}|^\\`",
            "/|",
            "/a%2fb",
        ],
        &[
            "a",
            "/a b",
            "/\u{e9}",
            "/\0",
            "/#",
            "/\"",
            "//",
            "/..",
            "http://b/",
            "/\u{7f}",
            "/\t",
            "/\r",
        ],
    )
}

fn version() -> impl Strategy<Value = &'static str> {
    mostly(
        &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"],
        &[
            "HTTP/1.2",
            "HTTP/0.9",
            "HTTP/2.0",
            "http/1.1",
            "HTTP/1.1 ",
            "",
            "HTTP/1.1\0",
            "HTTP/11",
        ],
    )
}

fn line_end() -> impl Strategy<Value = &'static str> {
    mostly(
        &["\r\n"],
        &[
            "\n", "\r", "\r\r\n", "\n\r", "\r\n ", "\r\n\t", "\0\r\n", "", "\r\n\r\n",
        ],
    )
}

fn host() -> impl Strategy<Value = &'static str> {
    mostly(
        &["Host: a\r\n"],
        &[
            "",
            "Host: b\r\nHost: a\r\n",
            "Host:\r\n",
            " Host: a\r\n",
            "Host : a\r\n",
        ],
    )
}

/// Names that decide framing, names like them, and others.
fn name() -> impl Strategy<Value = &'static str> {
    mostly(
        &[
            "Content-Length",
            "Transfer-Encoding",
            "content-length",
            "TRANSFER-ENCODING",
            "Content_Length",
            "Transfer_Encoding",
            "Content--Length",
            "Transfer-Encoding-",
            "-Content-Length",
            "ContentLength",
            "TransferEncoding",
            "Content-Length1",
            "Expect",
            "Connection",
            "X-A",
            "TE",
            "Trailer",
            "Upgrade",
            "Cookie",
            "X-Forwarded-For",
            "X.Y",
        ],
        &[
            "Content-Length ",
            "Transfer-Encoding\t",
            "",
            " X",
            "X\0",
            "X Y",
            "\u{e9}",
            "X\u{80}",
            "(X)",
            "\u{b}Content-Length",
        ],
    )
}

fn value() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => select(vec!["0", "5", "007", "chunked", "Chunked", "100-continue", "close", "a"]),
        2 => select(vec!["", "b c", "\u{e9}", "a\tb", "x: y", "a, b", "keep-alive, X-A", "13"]),
        1 => select(vec![
            "+5", "-1", "0x5", "5, 5", "5,6", "5 5", "99999999999999999999", "gzip", "identity",
            "gzip, chunked", "chunked, chunked", "chunked;q=1", ",chunked", "chunked,", "xchunked",
            "\"chunked\"", "\u{b}chunked", "chunked\u{85}", "\u{a0}5", "a\0b", "a\rb", "a\nb",
            "a\r\n b", "a\r\nContent-Length: 7", "y 100-continue", "\u{7f}",
        ]),
    ]
}

fn field() -> impl Strategy<Value = String> {
    let colon = mostly(
        &[": ", ":", ":\t", ": \t "],
        &[" :", "", "::", "\t: ", "=", "\0:"],
    );
    let pieces = (name(), colon, value(), line_end());
    pieces.prop_map(|(name, colon, value, end)| format!("{name}{colon}{value}{end}"))
}

/// How the other one reads a head.
fn judged(head: &[u8]) -> RequestAnalysisResult {
    HttpRequestData::analyze_raw_request(head)
}

/// Whether it takes it for better than ambiguous, or for what we let pass by name.
fn is_acceptable(verdict: &RequestAnalysisResult, method: &[u8], framing: Framing) -> bool {
    let body_of_get = matches!(
        verdict.reason,
        ClassificationReason::UndefinedContentLengthSemantics
            | ClassificationReason::UndefinedTransferEncodingSemantics
    );
    let has_body = !matches!(framing, Framing::None | Framing::Length(0));
    verdict.tier <= RequestSafetyTier::Acceptable
        || (matches!(method, b"GET" | b"HEAD") && has_body && body_of_get)
}

/// Reads `bytes` as a listener does; what of them is accepted is judged, and so is what a node gets.
fn check(snapshot: &Snapshot, listener: usize, bytes: &[u8]) -> Result<bool, TestCaseError> {
    let listener = &snapshot.listeners[listener];
    let mut head = RequestHead::default();
    let Ok(Some((start, end))) = HeadScan::default().scan(bytes, &listener.limits) else {
        return Ok(false);
    };
    if parse_request(&bytes[start..end], &listener.limits, &mut head).is_err() {
        return Ok(false);
    }
    let Ok((framing, _)) = understand(&head, false) else {
        return Ok(false);
    };
    // What is left out may be as odd as it likes.
    if listener.limits.odd_names == OddNames::Reject {
        let verdict = judged(&bytes[start..end]);
        let good = is_acceptable(&verdict, head.method(), framing);
        let message = || format!("accepted: {verdict} in {}", bytes.escape_ascii());
        proptest::prop_assert!(good, "{}", message());
    }
    let peer = "127.0.0.1:9".parse().unwrap();
    let request = Request {
        head: &head,
        framing,
        listener,
        peer_ip: "127.0.0.1".parse().unwrap(),
        origin: origin(snapshot, peer, &head.fields),
        security: Security::Plain,
        id: RequestId::new(),
    };
    let decision = decide(snapshot, &request.view());
    let (Outcome::Target, Some(route)) = (decision.outcome, decision.route) else {
        return Ok(false);
    };
    let Target::Pool(to) = &route.target else {
        return Ok(false);
    };
    let pool = &snapshot.pools[to.pool];
    let mut sent = Vec::new();
    write_request(&mut sent, &request, route, pool, &pool.balancer.nodes()[0]);
    let verdict = judged(&sent);
    let good = is_acceptable(&verdict, head.method(), framing);
    let message = || format!("forwarded: {verdict} in {}", sent.escape_ascii());
    proptest::prop_assert!(good, "{}", message());
    // And a second one of us reads in it what the first has read.
    let mut again = RequestHead::default();
    let keeping = Limits {
        odd_names: OddNames::Reject,
        ..listener.limits
    };
    let reread = parse_request(&sent, &keeping, &mut again);
    proptest::prop_assert!(reread.is_ok(), "{reread:?} in {}", sent.escape_ascii());
    let reread = understand(&again, false).map(|(framing, _)| framing);
    proptest::prop_assert!(
        reread.is_ok_and(|f| f == framing),
        "{}",
        sent.escape_ascii()
    );
    proptest::prop_assert_eq!(
        (again.method(), again.path(), again.query()),
        (head.method(), head.path(), head.query())
    );
    Ok(true)
}

#[test]
fn nobody_else_reads_what_is_forwarded_in_two_ways() {
    // More than of other properties: each is but a head. `./dev assurance` asks for more.
    let cases = Config::default().cases * 16;
    let snapshot = snapshot();
    for listener in [0, 1] {
        let forwarded = Cell::new(0);
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        });
        let run = runner.run(&requests(), |bytes| {
            let passed = check(&snapshot, listener, &bytes)?;
            forwarded.set(forwarded.get() + u32::from(passed));
            Ok(())
        });
        if let Err(error) = run {
            panic!("{error}");
        }
        // About a third: the pieces are neither all sound nor all broken.
        let forwarded = forwarded.get();
        assert!(
            (cases / 20..cases * 19 / 20).contains(&forwarded),
            "{forwarded}"
        );
    }
}

#[test]
fn the_other_reader_knows_an_attack() {
    let both =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(judged(both).tier > RequestSafetyTier::Acceptable);
    let good = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    assert!(judged(good).tier == RequestSafetyTier::Compliant);
}
