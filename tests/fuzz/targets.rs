//! What has to be true of any bytes: one function for each fuzz target.
//!
//! The programs in `fuzz_targets/` call them with bytes that libFuzzer makes up, and `tests/it/corpus.rs` with
//! the files in `corpus/`, in every `cargo test`.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, LazyLock};

use steelyard::balance::Registry;
use steelyard::document::{Format, parse, to_json, to_toml};
use steelyard::http::{
    BodyReader, Fields, Framing, HeadScan, Known, Limits, OddNames, Piece, Refusal, RequestHead,
    ResponseHead, Version, parse_request, parse_response, request_expectation, request_framing,
    response_framing,
};
use steelyard::metrics::Metrics;
use steelyard::model::{length_as_sent, one_spelling};
use steelyard::proxy::{Outcome, Reason, RequestView, decide};
use steelyard::session::{Clock, Databases, Keeping, Memory, Settings, Shared, Worker, serve};
use steelyard::snapshot::Snapshot;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A target, and its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// Every target, by the name of its folder in `corpus/`.
pub(crate) const TARGETS: &[Target] = &[
    ("head", head),
    ("chunked", chunked),
    ("response", response),
    ("sequence", sequence),
    ("path", path),
    ("document", document),
    ("session", session),
];

const fn limits(odd_names: OddNames) -> Limits {
    Limits {
        head: 64 * 1024,
        target: 16 * 1024,
        fields: 128,
        odd_names,
    }
}

/// A request's head: read alike however it arrives; what is accepted is sound; and written anew from its parts
/// it reads as before.
pub(crate) fn head(bytes: &[u8]) {
    for odd_names in [OddNames::Drop, OddNames::Reject, OddNames::Keep] {
        let limits = limits(odd_names);
        let Some(range) = scanned(bytes, &limits) else {
            continue;
        };
        let mut head = RequestHead::default();
        let Ok(framing) = accepted(&bytes[range], &limits, &mut head) else {
            continue;
        };
        check_request(&head, framing);
        let anew = request_bytes(&head);
        let mut again = RequestHead::default();
        let reread = accepted(&anew, &limits, &mut again);
        assert_eq!(reread, Ok(framing), "{}", anew.escape_ascii());
        assert_eq!(summary(&again), summary(&head), "{}", anew.escape_ascii());
    }
}

/// A response's head, likewise.
pub(crate) fn response(bytes: &[u8]) {
    let Some(range) = scanned(bytes, &Limits::NODE) else {
        return;
    };
    let mut head = ResponseHead::default();
    if parse_response(&bytes[range], &Limits::NODE, &mut head).is_err() {
        return;
    }
    check_fields(&head.fields);
    assert!((100..600).contains(&head.status));
    let mut anew = format!("{} {} ", head.version.as_str(), head.status).into_bytes();
    anew.extend_from_slice(head.reason());
    anew.extend_from_slice(b"\r\n");
    write_fields(&mut anew, &head.fields);
    let mut again = ResponseHead::default();
    parse_response(&anew, &Limits::NODE, &mut again).expect("it was read before");
    assert_eq!(
        (again.status, again.reason(), pairs(&again.fields)),
        (head.status, head.reason(), pairs(&head.fields))
    );
    for method in [&b"GET"[..], b"HEAD"] {
        let framing = response_framing(&head, method);
        assert_eq!(response_framing(&again, method), framing);
        let lengths = head.fields.all(Known::ContentLength).count();
        let codings = head.fields.all(Known::TransferEncoding).count();
        match framing {
            Ok(Framing::Length(length)) => check_length(&head.fields, length),
            Ok(Framing::Chunked) => assert_eq!((lengths, codings), (0, 1)),
            Ok(Framing::UntilClose) => assert_eq!((lengths, codings), (0, 0)),
            Ok(Framing::None) => {
                assert!(method == b"HEAD" || matches!(head.status, 100..=199 | 204 | 304))
            }
            Err(_) => {}
        }
    }
}

/// A body in chunks: read alike however it arrives, and as the stupidest reader reads it.
pub(crate) fn chunked(bytes: &[u8]) {
    let whole = dechunked(bytes, usize::MAX);
    for step in [1, 2, 7, 64] {
        let pieces = dechunked(bytes, step);
        assert_eq!(pieces.is_err(), whole.is_err());
        if let (Ok(pieces), Ok(whole)) = (&pieces, &whole) {
            assert_eq!(pieces, whole);
        }
    }
    let Ok(Some((body, used))) = whole else {
        return;
    };
    assert_eq!(plainly_dechunked(bytes), Some((body.clone(), used)));
    let mut anew = rechunked(&body, 5);
    let length = anew.len();
    anew.extend_from_slice(b"GET");
    assert_eq!(dechunked(&anew, usize::MAX), Ok(Some((body, length))));
}

/// Requests one behind the other: the same ones however their bytes arrive, and the same ones again when they
/// are written anew, each head from its parts and each body in its framing.
pub(crate) fn sequence(bytes: &[u8]) {
    let asked = requests(bytes, usize::MAX);
    for step in [1, 13] {
        assert_eq!(requests(bytes, step), asked);
    }
    let anew: Vec<u8> = asked
        .iter()
        .flat_map(|asked| asked.anew.iter().copied())
        .collect();
    let again = requests(&anew, usize::MAX);
    assert_eq!(again.len(), asked.len(), "{}", anew.escape_ascii());
    for (again, asked) in again.iter().zip(&asked) {
        assert_eq!(
            (&again.summary, &again.body),
            (&asked.summary, &asked.body),
            "{}",
            anew.escape_ascii()
        );
    }
}

/// The path of a URL: it has one spelling; and no spelling of what is below a guarded route is open to strangers.
pub(crate) fn path(bytes: &[u8]) {
    let text = [b"GET ", bytes, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
    let limits = limits(OddNames::Drop);
    let Some(range) = scanned(&text, &limits) else {
        return;
    };
    let mut head = RequestHead::default();
    if accepted(&text[range], &limits, &mut head).is_err() || head.path().first() != Some(&b'/') {
        return;
    }
    let sent = head.path();
    let spelled = one_spelling(sent);
    assert_eq!(one_spelling(&spelled), spelled);
    assert_eq!(length_as_sent(sent, spelled.len()), sent.len());
    let read = unquoted(sent);
    assert_eq!(unquoted(&spelled), read);
    if is_below_admin(&read) || is_below_admin(&normal(&read)) {
        let snapshot = &*GUARDED;
        let request = RequestView {
            listener: &snapshot.listeners[0],
            scheme: "http",
            secured: None,
            method: head.method(),
            authority: head.authority(),
            host: head.host(),
            path: sent,
            query: head.query(),
            client: "192.0.2.1".parse().unwrap(),
            fields: &head.fields,
        };
        let outcome = decide(snapshot, &request).outcome;
        assert_eq!(
            outcome,
            Outcome::Refuse(Reason::Forbidden),
            "{}",
            sent.escape_ascii()
        );
    }
}

/// A document: written as it was understood, it is understood as before.
pub(crate) fn document(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for format in [Format::Toml, Format::Json] {
        let config = match parse(&text, format) {
            Ok(parsed) => parsed.config,
            Err(problems) => {
                assert!(!problems.to_string().is_empty());
                continue;
            }
        };
        let toml = parse(&to_toml(&config), Format::Toml).map(|parsed| parsed.config);
        assert_eq!(toml.as_ref(), Ok(&config), "{}", to_toml(&config));
        let json = parse(&to_json(&config).to_string(), Format::Json).map(|parsed| parsed.config);
        assert_eq!(json.as_ref(), Ok(&config), "{}", to_json(&config));
    }
}

/// Where the head in `bytes` lies, found at once and byte by byte alike.
fn scanned(bytes: &[u8], limits: &Limits) -> Option<Range<usize>> {
    let whole = HeadScan::default().scan(bytes, limits);
    let mut scan = HeadScan::default();
    let mut bytewise = Ok(None);
    for end in 0..=bytes.len() {
        bytewise = scan.scan(&bytes[..end], limits);
        if bytewise != Ok(None) {
            break;
        }
    }
    assert_eq!(bytewise.is_err(), whole.is_err());
    let (start, end) = whole.ok().flatten()?;
    assert_eq!(bytewise, Ok(Some((start, end))));
    assert!(start <= 2 && end <= bytes.len() && bytes[..end].ends_with(b"\r\n"));
    Some(start..end)
}

/// Parses a head as the proxy does.
fn accepted(bytes: &[u8], limits: &Limits, head: &mut RequestHead) -> Result<Framing, Refusal> {
    parse_request(bytes, limits, head)?;
    let framing = request_framing(head)?;
    request_expectation(head, framing)?;
    Ok(framing)
}

fn check_request(head: &RequestHead, framing: Framing) {
    check_fields(&head.fields);
    assert!(is_token(head.method()) && head.method().len() <= 32);
    assert!(
        head.path().first() == Some(&b'/') || (head.path() == b"*" && head.method() == b"OPTIONS")
    );
    let visible = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_graphic);
    assert!(visible(head.path()) && head.query().is_none_or(visible));
    assert!(visible(head.authority()) && !head.authority().iter().any(|b| b"/@,?#\\".contains(b)));
    assert!(head.version == Version::Http10 || !head.authority().is_empty());
    assert!(head.fields.all(Known::Host).count() <= 1);
    let lengths = head.fields.all(Known::ContentLength).count();
    let codings: Vec<&[u8]> = head.fields.all(Known::TransferEncoding).collect();
    match framing {
        Framing::None => assert_eq!((lengths, codings.len()), (0, 0)),
        Framing::Length(length) => check_length(&head.fields, length),
        Framing::Chunked => {
            assert!(lengths == 0 && codings.len() == 1 && head.version == Version::Http11);
            assert!(codings[0].eq_ignore_ascii_case(b"chunked"));
        }
        Framing::UntilClose => panic!("a request until the close"),
    }
}

fn check_fields(fields: &Fields) {
    for field in fields.iter() {
        assert!(is_token(field.name) && field.known == Known::of(field.name));
        assert!(
            field
                .value
                .iter()
                .all(|b| matches!(b, b'\t' | b' '..=b'~' | 0x80..))
        );
        assert_eq!(field.value.trim_ascii(), field.value);
    }
}

/// One length, the number it says, and no coding.
fn check_length(fields: &Fields, length: u64) {
    let all: Vec<&[u8]> = fields.all(Known::ContentLength).collect();
    assert!(all.len() == 1 && fields.get(Known::TransferEncoding).is_none());
    let said: u64 = std::str::from_utf8(all[0]).unwrap().parse().unwrap();
    assert!(said == length && !all[0].starts_with(b"+") && i64::try_from(length).is_ok());
}

fn is_token(bytes: &[u8]) -> bool {
    let mark = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    !bytes.is_empty() && bytes.iter().all(mark)
}

fn pairs(fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields
        .iter()
        .map(|field| (field.name.to_vec(), field.value.to_vec()))
        .collect()
}

/// All that a head says.
fn summary(head: &RequestHead) -> impl Debug + PartialEq + use<> {
    (
        head.method().to_vec(),
        head.path().to_vec(),
        head.query().map(<[u8]>::to_vec),
        head.authority().to_vec(),
        pairs(&head.fields),
    )
}

fn write_fields(out: &mut Vec<u8>, fields: &Fields) {
    for field in fields.iter() {
        steelyard::http::field(out, field.name, field.value);
    }
    out.extend_from_slice(b"\r\n");
}

/// The head, written from its parts.
fn request_bytes(head: &RequestHead) -> Vec<u8> {
    let mut out = [head.method(), b" "].concat();
    let has_host = head.fields.get(Known::Host).is_some();
    if !has_host && !head.authority().is_empty() {
        // An HTTP/1.0 request may name its host in the URL alone.
        out.extend_from_slice(b"http://");
        out.extend_from_slice(head.authority());
    }
    if head.path() != b"*" || has_host || head.authority().is_empty() {
        out.extend_from_slice(head.path());
    }
    if let Some(query) = head.query() {
        out.push(b'?');
        out.extend_from_slice(query);
    }
    out.extend_from_slice(format!(" {}\r\n", head.version.as_str()).as_bytes());
    write_fields(&mut out, &head.fields);
    out
}

type Dechunked = Result<Option<(Vec<u8>, usize)>, Refusal>;

/// The body, and how many bytes were its own, when they come so many at a time.
fn dechunked(bytes: &[u8], step: usize) -> Dechunked {
    let mut reader = BodyReader::new(Framing::Chunked);
    let mut body = Vec::new();
    let mut before = 0;
    for piece in bytes.chunks(step.min(bytes.len().max(1))) {
        let mut at = 0;
        loop {
            match reader.next(&piece[at..])? {
                Piece::Data(range) => {
                    body.extend_from_slice(&piece[at..][range.clone()]);
                    at += range.end;
                }
                Piece::More => break,
                Piece::End(used) => return Ok(Some((body, before + at + used))),
            }
        }
        before += piece.len();
    }
    Ok(None)
}

/// The same by somebody who looks at nothing but sizes and line ends.
fn plainly_dechunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let line_from = |at: usize| {
        let length = bytes[at..].windows(2).position(|end| end == b"\r\n")?;
        Some((&bytes[at..at + length], at + length + 2))
    };
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let (line, after) = line_from(at)?;
        let digits = line.split(|b| *b == b';').next()?;
        let size = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        if size == 0 {
            at = after;
            break;
        }
        let (data, rest) = bytes.get(after..)?.split_at_checked(size)?;
        rest.starts_with(b"\r\n").then_some(())?;
        body.extend_from_slice(data);
        at = after + size + 2;
    }
    loop {
        let (line, after) = line_from(at)?;
        at = after;
        if line.is_empty() {
            return Some((body, at));
        }
    }
}

fn rechunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for part in body.chunks(size) {
        steelyard::http::chunk_size_line(&mut out, part.len());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    steelyard::http::chunk_end(&mut out);
    out
}

/// One request of a connection.
#[derive(Debug, PartialEq)]
struct Asked {
    summary: String,
    body: Vec<u8>,
    /// Head and body, written anew.
    anew: Vec<u8>,
}

/// The whole requests of a connection, up to what is refused or not whole, when its bytes come so many at a time.
fn requests(bytes: &[u8], step: usize) -> Vec<Asked> {
    let limits = limits(OddNames::Drop);
    let mut asked = Vec::new();
    let mut at = 0;
    loop {
        let mut scan = HeadScan::default();
        let mut arrived = at;
        let range = loop {
            match scan.scan(&bytes[at..arrived], &limits) {
                Ok(Some((start, end))) => break at + start..at + end,
                Ok(None) if arrived < bytes.len() => {
                    arrived = arrived.saturating_add(step).min(bytes.len())
                }
                Ok(None) | Err(_) => return asked,
            }
        };
        let mut head = RequestHead::default();
        let Ok(framing) = accepted(&bytes[range.clone()], &limits, &mut head) else {
            return asked;
        };
        let rest = &bytes[range.end..];
        let read = match framing {
            Framing::Chunked => dechunked(rest, step).ok().flatten(),
            Framing::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                rest.get(..length).map(|body| (body.to_vec(), length))
            }
            Framing::None | Framing::UntilClose => Some((Vec::new(), 0)),
        };
        let Some((body, used)) = read else {
            return asked;
        };
        let mut anew = request_bytes(&head);
        match framing {
            Framing::Chunked => anew.extend(rechunked(&body, 3)),
            _ => anew.extend_from_slice(&body),
        }
        let summary = format!("{:?} {framing:?}", summary(&head));
        asked.push(Asked {
            summary,
            body,
            anew,
        });
        at = range.end + used;
    }
}

/// Anyone may ask for all but what is below /admin/.
static GUARDED: LazyLock<Snapshot> = LazyLock::new(|| {
    let text = r#"version = 1
listeners = [{ name = "http", address = "127.0.0.1:1" }]
pools = [{ name = "a" }]
[[sites]]
name = "s"
[[sites.routes]]
path = "/"
pool = "a"
[[sites.routes]]
path = "/admin/"
pool = "a"
allow = ["10.0.0.0/8"]
"#;
    let config = parse(text, Format::Toml).expect("it is sound").config;
    let (registry, metrics) = (Registry::new(), Metrics::new());
    Snapshot::build(Arc::new(config), Arc::default(), 1, &registry, &metrics)
});

fn is_below_admin(read: &[u8]) -> bool {
    read == b"/admin" || read.starts_with(b"/admin/")
}

/// What a node that decodes everything takes `path` for.
fn unquoted(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%');
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    out
}

/// The same for one that also takes several slashes for one, and goes back at `..`.
fn normal(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|b| *b == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    [b"/", kept.join(&b'/').as_slice(), b"/"].concat()
}

/// Bytes on the port of the session store: answered as long however they arrive, in bounded memory, to the end.
pub(crate) fn session(bytes: &[u8]) {
    let whole = session_answers(bytes, bytes.len().max(1));
    let split = session_answers(bytes, 1);
    // What is told of the server itself counts what was asked before.
    let told = |word: &[u8]| bytes.windows(4).any(|part| part.eq_ignore_ascii_case(word));
    // `KEYS` and `SCAN` tell keys in an order that each memory draws for itself.
    if !told(b"info") && !told(b"scan") {
        assert_eq!(
            whole.len(),
            split.len(),
            "{} {}",
            whole.escape_ascii(),
            split.escape_ascii()
        );
    }
}

/// What a store that has just begun answers to bytes that arrive in pieces.
fn session_answers(bytes: &[u8], piece: usize) -> Vec<u8> {
    let memory = Arc::new(Memory::new());
    let clock = Clock::Given(Arc::new(AtomicU64::new(1_700_000_000_000)));
    let settings = Settings {
        databases: Databases::new(None).with(15, "shop", b"secret"),
        max_memory: 1 << 20,
        max_value: 64 * 1024,
        ttl_jitter: 0,
    };
    let shared = Arc::new(Shared::new(
        Arc::clone(&memory),
        Keeping::Nothing,
        clock,
        settings,
    ));
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let local = tokio::task::LocalSet::new();
    let answers = local.block_on(&runtime.expect("a runtime without drivers"), async {
        let served = tokio::task::spawn_local(serve(theirs, Worker::new(shared)));
        let answers = ask_in_pieces(ours, bytes, piece).await;
        assert!(served.await.is_ok(), "no panic");
        answers
    });
    assert!(memory.used() <= 1 << 20, "{} bytes", memory.used());
    answers
}

async fn ask_in_pieces(stream: DuplexStream, bytes: &[u8], piece: usize) -> Vec<u8> {
    let (mut reads, mut writes) = tokio::io::split(stream);
    let asking = async {
        for part in bytes.chunks(piece) {
            // One that is closed before all was said has answered what it will.
            if writes.write_all(part).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _closed_already = writes.shutdown().await;
    };
    let mut answers = Vec::new();
    let reading = reads.read_to_end(&mut answers);
    let ((), read) = tokio::join!(asking, reading);
    assert!(read.is_ok());
    answers
}
