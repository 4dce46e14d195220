//! One probe: on a connection of its own, within a time of its own, following
//! no redirect.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::finding::{Finding, WrongStatus};
use crate::balance::CheckResult;
use crate::http::{HeadScan, Limits, ResponseHead, parse_response};
use crate::model::{CheckKind, Expect, HealthCheck, NodeAddress};

/// What a probe reads at a time: a usual head in one go.
const READ: usize = 4096;

/// Probes the node once. `addresses` are tried in order, as requests do.
pub(super) async fn probe(
    check: &HealthCheck,
    node: &NodeAddress,
    addresses: &[SocketAddr],
) -> CheckResult {
    let began = Instant::now();
    let finding = find(check, node, addresses, began).await;
    CheckResult {
        passed: finding.passed(),
        code: finding.code(),
        status: finding.status(),
        ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
        text: finding.text(),
        at: SystemTime::now(),
    }
}

async fn find(
    check: &HealthCheck,
    node: &NodeAddress,
    addresses: &[SocketAddr],
    began: Instant,
) -> Finding {
    let stream = match connect(addresses, began, check.timeout).await {
        Ok(stream) => stream,
        Err(Some(finding)) => return finding,
        Err(None) => return Finding::NoAddress(node.host().to_owned()),
    };
    let CheckKind::Http { path, host, expect } = &check.kind else {
        return Finding::Connected;
    };
    let host = match host {
        Some(host) => host.as_str().to_owned(),
        None => node.to_string(),
    };
    let question = Question { path, host, expect };
    match timeout_at(began + check.timeout, question.ask(stream)).await {
        Ok(finding) => finding,
        Err(_) => Finding::AnswerTimeout(check.timeout),
    }
}

// The first address that accepts; else what the last one found, or nothing
// where there is no address. One that never answers must leave time for the
// next, so each has an equal share, and what an earlier one left over.
async fn connect(
    addresses: &[SocketAddr],
    began: Instant,
    timeout: Duration,
) -> Result<TcpStream, Option<Finding>> {
    let share = timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut until = began;
    let mut last = None;
    for address in addresses {
        until += share;
        last = Some(match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => Finding::NotConnected(*address, error),
            Err(_) => Finding::ConnectTimeout(*address, share),
        });
    }
    Err(last)
}

// What an HTTP probe asks.
struct Question<'a> {
    path: &'a str,
    host: String,
    expect: &'a Expect,
}

impl Question<'_> {
    async fn ask(&self, mut stream: TcpStream) -> Finding {
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: steelyard-probe/1\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            self.path, self.host
        );
        match exchange(&mut stream, request.as_bytes()).await {
            Ok(head) => self.judge(&head),
            Err(finding) => finding,
        }
    }

    fn judge(&self, head: &ResponseHead) -> Finding {
        if self.expect.passes(head.status) {
            return Finding::Answered(head.status);
        }
        let location = head.fields.named("location");
        Finding::WrongStatus(WrongStatus {
            status: head.status,
            expected: self.expect.to_string(),
            path: self.path.to_owned(),
            host: self.host.clone(),
            location: location.map(|value| String::from_utf8_lossy(value).into_owned()),
        })
    }
}

// Sends the request and reads one head, as strictly as the proxy would: an
// answer it would refuse is no proof of health.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<ResponseHead, Finding> {
    // A node may answer and close before it has read; then the answer counts.
    let written = stream.write_all(request).await;
    let mut input = Vec::new();
    let mut scan = HeadScan::default();
    loop {
        let found = scan.scan(&input, &Limits::NODE).map_err(Finding::NotHttp)?;
        if let Some((start, end)) = found {
            let mut head = ResponseHead::default();
            parse_response(&input[start..end], &Limits::NODE, &mut head)
                .map_err(Finding::NotHttp)?;
            return Ok(head);
        }
        input.reserve(READ);
        match stream.read_buf(&mut input).await {
            Ok(0) if written.is_ok() => return Err(Finding::Closed),
            Ok(0) | Err(_) => return Err(Finding::Reset),
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use socket2::{Domain, SockRef, Socket, Type};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::{CheckKind, CheckResult, Expect, HealthCheck, NodeAddress, probe};

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
        HealthCheck {
            kind: CheckKind::Http {
                path: path.to_owned(),
                host: None,
                expect: Expect { from: 200, to: 299 },
            },
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
        probe(check, &NodeAddress::parse("web-1:8000").unwrap(), addresses).await
    }

    async fn answer(answer: &'static str) -> CheckResult {
        let (address, _asked) = node(answer).await;
        result(&http("/up", LONG), &[address]).await
    }

    #[tokio::test]
    async fn a_tcp_check_passes_when_the_node_accepts() {
        let (_listener, address) = listener().await;
        let found = result(&tcp(LONG), &[address]).await;
        assert_eq!(
            (found.passed, found.code, found.status),
            (true, "L4OK", None)
        );
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_refused() {
        let (listener, address) = listener().await;
        drop(listener);
        let found = result(&tcp(LONG), &[address]).await;
        assert_eq!((found.passed, found.code), (false, "L4CON"));
        assert_eq!(
            found.text,
            format!("connection refused: nothing listens on {address}")
        );
    }

    #[tokio::test]
    async fn a_node_that_does_not_accept_times_out() {
        // A queue of one, filled: the kernel answers no further connection.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let _first = TcpStream::connect(address).await.unwrap();
        let found = result(&tcp(SHORT), &[address]).await;
        assert_eq!(
            (found.passed, found.code),
            (false, "L4TOUT"),
            "{}",
            found.text
        );
        assert!(found.text.contains("within 50ms"), "{}", found.text);
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_told_as_dns() {
        let found = result(&tcp(LONG), &[]).await;
        assert_eq!((found.passed, found.code), (false, "DNS"));
        assert!(found.text.contains("web-1"), "{}", found.text);
    }

    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let (gone, refused) = listener().await;
        drop(gone);
        let (_listener, address) = listener().await;
        assert!(result(&tcp(LONG), &[refused, address]).await.passed);
    }

    #[tokio::test]
    async fn an_http_check_asks_for_its_path_as_itself() {
        let (address, asked) = node("HTTP/1.1 204 No Content\r\n\r\n").await;
        let found = result(&http("/up?full=1", LONG), &[address]).await;
        assert_eq!(
            (found.passed, found.code, found.status),
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
        let found = answer("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<h1>").await;
        assert_eq!(
            (found.passed, found.code, found.status),
            (false, "L7STS", Some(400))
        );
        assert!(
            found.text.contains("add web-1:8000 to ALLOWED_HOSTS"),
            "{}",
            found.text
        );
        let found = answer("HTTP/1.1 301 Moved\r\nLocation: https://shop/up\r\n\r\n").await;
        assert!(found.text.contains("insists on HTTPS"), "{}", found.text);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_http_fails() {
        for garbage in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 20x OK\r\n\r\n",
            "hello\n",
        ] {
            let found = answer(garbage).await;
            assert_eq!((found.passed, found.code), (false, "L7RSP"), "{garbage:?}");
            assert!(
                found.text.starts_with("the answer is not HTTP/1"),
                "{}",
                found.text
            );
        }
    }

    #[tokio::test]
    async fn a_node_that_closes_without_an_answer_fails() {
        for part in ["", "HTTP/1.1 200 OK\r\nContent-"] {
            let found = answer(part).await;
            assert_eq!((found.passed, found.code), (false, "L7RSP"), "{part:?}");
            assert!(
                found.text.starts_with("closed the connection"),
                "{}",
                found.text
            );
        }
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
        assert_eq!((found.passed, found.code), (false, "L7RSP"));
        assert_eq!(found.text, "broke the connection off before an answer");
    }

    #[tokio::test]
    async fn a_node_that_accepts_and_never_answers_times_out() {
        let (_listener, address) = listener().await;
        let found = result(&http("/", SHORT), &[address]).await;
        assert_eq!((found.passed, found.code), (false, "L7TOUT"));
        assert!(found.text.contains("within 50ms"), "{}", found.text);
    }

    #[tokio::test]
    async fn a_head_without_end_fails() {
        let (listener, address) = listener().await;
        let babbling = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            while stream.write_all(&[b'a'; 4096]).await.is_ok() {}
        });
        let found = result(&http("/", LONG), &[address]).await;
        assert_eq!(
            (found.passed, found.code),
            (false, "L7RSP"),
            "{}",
            found.text
        );
        babbling.await.unwrap();
    }
}
