//! Probes of real sockets.

mod body;
mod connect;

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::probe::{Asked, probe};
use crate::balance::{Cause, CheckResult, Unresolved};
use crate::model::{CheckKind, HealthCheck, NodeAddress};
use crate::model::{CheckMethod, Expect, HeaderName, HeaderValue, HttpCheck, Language};

// Long enough for a loaded machine; what must time out says so itself.
const LONG: Duration = Duration::from_secs(20);

const SHORT: Duration = Duration::from_millis(50);

fn tcp(timeout: Duration) -> HealthCheck {
    HealthCheck {
        timeout,
        ..HealthCheck::default()
    }
}

fn http(path: &str, timeout: Duration) -> HealthCheck {
    let http = HttpCheck {
        path: path.to_owned(),
        expect: Expect { from: 200, to: 299 },
        ..HttpCheck::default()
    };
    asking(http, timeout)
}

fn asking(http: HttpCheck, timeout: Duration) -> HealthCheck {
    HealthCheck {
        kind: CheckKind::Http(http),
        ..tcp(timeout)
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

// A node that takes one request, answers this and closes; tells what it was asked.
async fn node(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let (listener, address) = listener().await;
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        asked
    });
    (address, asked)
}

async fn request(stream: &mut TcpStream) -> String {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut asked).await.unwrap(), 0);
    }
    String::from_utf8(asked).unwrap()
}

async fn result(check: &HealthCheck, addresses: &[SocketAddr]) -> CheckResult {
    let node = NodeAddress::parse("web-1:8000").unwrap();
    let asked = Asked {
        tls: None,
        check,
        node: &node,
        host: None,
        proxy_protocol: crate::model::ProxyProtocol::Off,
        silent: false,
    };
    probe(asked, addresses, Unresolved::NotFound).await
}

fn text(found: &CheckResult) -> String {
    found.text(Language::English)
}

async fn answer(answer: &'static str) -> CheckResult {
    let (address, _asked) = node(answer).await;
    result(&http("/up", LONG), &[address]).await
}

#[tokio::test]
async fn an_http_check_asks_for_its_path_as_itself() {
    let (address, asked) = node("HTTP/1.1 204 No Content\r\n\r\n").await;
    let found = result(&http("/up?full=1", LONG), &[address]).await;
    assert_eq!(
        (found.passed(), found.code(), found.status()),
        (true, "L7OK", Some(204))
    );
    let asked = asked.await.unwrap();
    assert!(
        asked.starts_with("GET /up?full=1 HTTP/1.1\r\nHost: web-1:8000\r\n"),
        "{asked}"
    );
    for field in ["User-Agent: steelyard-probe/1\r\n", "Connection: close\r\n"] {
        assert!(asked.contains(field), "{asked}");
    }
}

#[tokio::test]
async fn a_status_that_is_not_expected_fails_with_a_hint() {
    let found =
        answer("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<h1>Bad Request (400)</h1>")
            .await;
    assert_eq!(
        (found.passed(), found.code(), found.status()),
        (false, "L7STS", Some(400))
    );
    assert!(
        text(&found).contains("ALLOWED_HOSTS += [\"web-1\"]"),
        "{}",
        text(&found)
    );
    let found = answer("HTTP/1.1 301 Moved\r\nLocation: https://shop/up\r\n\r\n").await;
    assert_eq!(found.cause, Some(Cause::SslRedirect));
    assert!(
        text(&found).contains("r\"^up$\" in SECURE_REDIRECT_EXEMPT"),
        "{}",
        text(&found)
    );
}

#[tokio::test]
async fn an_answer_that_is_not_http_fails() {
    for (garbage, cause) in [
        ("SSH-2.0-OpenSSH\r\n\r\n", Cause::SpeaksSsh),
        ("hello\n", Cause::NotHttp),
        ("HTTP/1.1 20x OK\r\n\r\n", Cause::BadHttp),
        ("HTTP/1.1 200 OK\n\n", Cause::BadHttp),
    ] {
        let found = answer(garbage).await;
        assert_eq!(
            (found.cause, found.code()),
            (Some(cause), "L7RSP"),
            "{garbage:?}"
        );
    }
    let found = answer("hello\n").await;
    assert!(
        text(&found).contains("begins with hello:"),
        "{}",
        text(&found)
    );
}

#[tokio::test]
async fn a_node_that_closes_before_a_whole_head_fails() {
    for (part, cause) in [
        ("", Cause::Closed),
        ("HTTP/1.1 200 OK\r\nContent-", Cause::HeadCut),
    ] {
        let found = answer(part).await;
        assert_eq!(
            (found.cause, found.code()),
            (Some(cause), "L7RSP"),
            "{part:?}"
        );
    }
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let found = answer("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!((found.cause, found.status()), (None, Some(200)));
}

#[tokio::test]
async fn a_probe_asks_with_its_own_method_host_and_fields() {
    let http = HttpCheck {
        method: CheckMethod::Head,
        headers: vec![
            (
                HeaderName::parse("X-Forwarded-Proto").unwrap(),
                HeaderValue::parse("https").unwrap(),
            ),
            (
                HeaderName::parse("Accept").unwrap(),
                HeaderValue::parse("text/html").unwrap(),
            ),
        ],
        ..HttpCheck::default()
    };
    // An answer to HEAD says how long the body would be, and has none.
    let (address, asked) = node("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await;
    let check = asking(http, LONG);
    let node = NodeAddress::parse("web-1:8000").unwrap();
    let question = Asked {
        tls: None,
        check: &check,
        node: &node,
        host: Some("shop.example.com"),
        proxy_protocol: crate::model::ProxyProtocol::Off,
        silent: false,
    };
    let found = probe(question, &[address], Unresolved::NotFound).await;
    assert!(found.passed());
    assert_eq!(
        asked.await.unwrap(),
        "HEAD / HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: steelyard-probe/1\r\nConnection: close\r\nX-Forwarded-Proto: https\r\nAccept: text/html\r\n\r\n"
    );
}

async fn stops_after(part: &'static str, wanted: &str) -> Option<Cause> {
    let (listener, address) = listener().await;
    let holding_on = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream.write_all(part.as_bytes()).await.unwrap();
        let mut end = Vec::new();
        stream.read_buf(&mut end).await
    });
    let http = HttpCheck {
        body: wanted.to_owned(),
        ..HttpCheck::default()
    };
    // Long enough for what was sent to arrive on a busy machine.
    let check = asking(http, Duration::from_secs(3));
    let found = result(&check, &[address]).await;
    let _ended = holding_on.await.unwrap();
    found.cause
}

#[tokio::test]
async fn an_answer_that_stops_halfway_is_told_from_none() {
    let causes = tokio::join!(
        stops_after("HTTP/1.1 200 OK\r\n", ""),
        stops_after("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na", "b"),
        stops_after("220", ""),
    );
    let slow = Some(Cause::AnswerSlow);
    assert_eq!(causes, (slow, slow, Some(Cause::NotHttp)));
}

#[tokio::test]
async fn a_node_that_resets_fails() {
    let (listener, address) = listener().await;
    let resetting = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    });
    let found = result(&http("/", LONG), &[address]).await;
    resetting.await.unwrap();
    assert_eq!((found.cause, found.code()), (Some(Cause::Reset), "L7RSP"));
}

#[tokio::test]
async fn a_node_that_accepts_and_never_answers_times_out() {
    let (_listener, address) = listener().await;
    let found = result(&http("/", SHORT), &[address]).await;
    assert_eq!((found.passed(), found.code()), (false, "L7TOUT"));
    assert!(text(&found).contains("within 50ms"), "{}", text(&found));
}

#[tokio::test]
async fn a_head_without_end_fails() {
    let (listener, address) = listener().await;
    let babbling = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        let field = format!("A: {}\r\n", "b".repeat(4096));
        while stream.write_all(field.as_bytes()).await.is_ok() {}
    });
    let found = result(&http("/", LONG), &[address]).await;
    assert_eq!(
        (found.cause, found.code()),
        (Some(Cause::HeadTooLarge), "L7RSP"),
        "{}",
        text(&found)
    );
    babbling.await.unwrap();
}
