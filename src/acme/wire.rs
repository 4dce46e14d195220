//! The connection that instant-acme speaks over: one for each request, by TLS alone, read by our own
//! HTTP engine. hyper, its own client, would be in the tree for this alone; and here time and size
//! have an end.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response, header};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient, Problem};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::trouble::{Failed, Trouble};
use crate::http::{
    BodyReader, HeadScan, Limits, Piece, ResponseHead, parse_response, response_framing,
};
use crate::tls::ToAuthority;

/// How long one request may take in all. An authority that has much to do answers within seconds.
const REQUEST: Duration = Duration::from_secs(30);

/// How long one of several addresses of a name may take to accept, so that the next has time.
const CONNECT: Duration = Duration::from_secs(8);

/// Limit: of an answer's body, in bytes. A chain of ten certificates has some 20 KiB.
const BODY: usize = 256 * 1024;

/// Limit: interim answers before the final one.
const INTERIM: usize = 8;

/// What is read at a time.
const READ: usize = 8192;

/// One who asks an authority, and what was noted of its answers.
#[derive(Debug, Clone)]
pub struct Asked {
    tls: Arc<ToAuthority>,
    noted: Arc<Mutex<Noted>>,
}

/// What instant-acme does not hand on.
#[derive(Debug, Default, Clone, Copy)]
struct Noted {
    /// What the last answer asked to wait.
    retry_after: Option<Duration>,
    /// By how many seconds the authority's clock is ahead of ours.
    ahead: Option<i64>,
    /// The status of the last answer.
    status: u16,
}

impl Asked {
    /// Of an authority that is judged so.
    pub fn new(tls: Arc<ToAuthority>) -> Self {
        Self {
            tls,
            noted: Arc::default(),
        }
    }

    /// The status of the last answer; 0 where there was none.
    pub(super) fn status(&self) -> u16 {
        self.noted().status
    }

    /// `trouble`, with what the last answer said of a next try and of the clock.
    pub(super) fn failed(&self, trouble: Trouble) -> Failed {
        let noted = self.noted();
        Failed {
            trouble,
            retry_after: noted.retry_after,
            clock_off: noted.ahead.filter(|ahead| ahead.abs() > Failed::SKEW),
        }
    }

    /// By how many seconds the authority's clock is ahead of ours, as far as it has answered.
    pub fn clock_ahead(&self) -> Option<i64> {
        self.noted().ahead
    }

    fn noted(&self) -> Noted {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, head: &ResponseHead) {
        let text = |name: &str| {
            let value = head.fields.named(name)?;
            std::str::from_utf8(value).ok().map(str::trim)
        };
        let now = SystemTime::now();
        let date = text("date").and_then(|date| httpdate::parse_http_date(date).ok());
        let retry_after = text("retry-after").and_then(|value| match value.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            // By its own clock, where it says what that shows.
            Err(_) => {
                let at = httpdate::parse_http_date(value).ok()?;
                Some(at.duration_since(date.unwrap_or(now)).unwrap_or_default())
            }
        });
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Noted {
            retry_after,
            ahead: date.map(|date| seconds(date).saturating_sub(seconds(now))),
            status: head.status,
        };
    }

    /// Asks for `url` and has no use for the answer but what is noted of it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn look(&self, url: &str) -> Result<(), Trouble> {
        let request = Request::get(url).body(BodyWrapper::default());
        let request = request.map_err(|_| Trouble::NotHttp)?;
        self.exchange(request).await.map(|_| ())
    }

    async fn exchange(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, Trouble> {
        let (parts, body) = request.into_parts();
        // The way there is to what it holds.
        let mut body = BytesResponse::from(Response::new(body)).body;
        let body = body.into_bytes().await.unwrap_or_default();
        let not_https = || Trouble::NotHttps {
            url: super::problem::plain(&parts.uri.to_string(), 200),
        };
        if parts.uri.scheme_str() != Some("https") {
            return Err(not_https());
        }
        let authority = parts.uri.authority().ok_or_else(not_https)?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let socket = connect(&host, authority.port_u16().unwrap_or(443)).await?;
        let stream = self.tls.shake_hands(&host, socket).await;
        let stream = stream.map_err(Trouble::NoTls)?;
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let mut question = format!(
            "{} {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: steelyard/{}\r\nAccept-Language: en\r\nConnection: close\r\n",
            parts.method,
            env!("CARGO_PKG_VERSION"),
        );
        if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
            let kind = kind.to_str().unwrap_or_default();
            question.push_str(&format!(
                "Content-Type: {kind}\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        question.push_str("\r\n");
        let question = [question.as_bytes(), &body].concat();
        let (head, body) = ask(stream, &question, &parts.method).await?;
        self.note(&head);
        // instant-acme looks for the reason in answers to what it signed alone.
        if head.status >= 400 && parts.method != Method::POST {
            let said = serde_json::from_slice::<Problem>(&body).ok();
            let trouble = said.map(|said| Trouble::of(Error::Api(said), head.status));
            return Err(trouble.unwrap_or(Trouble::Status(head.status)));
        }
        answer(&head, body)
    }
}

impl HttpClient for Asked {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let done = timeout(REQUEST, this.exchange(request)).await;
            let done = done.unwrap_or(Err(Trouble::Silent { waited: REQUEST }));
            done.map_err(|trouble| Error::Other(Box::new(trouble)))
        })
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Trouble> {
    let no_address = || Trouble::NoAddress {
        host: host.to_owned(),
    };
    // On the blocking pool, unless it is an address.
    let found = lookup_host((host, port)).await.map_err(|_| no_address())?;
    let mut last = no_address();
    for address in found {
        let why = match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        last = Trouble::NotConnected {
            to: format!("{host} ({address})"),
            why,
        };
    }
    Err(last)
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    question: &[u8],
    method: &Method,
) -> Result<(ResponseHead, Vec<u8>), Trouble> {
    // Whoever answers before all was sent has answered all the same.
    let _ = stream.write_all(question).await;
    let _ = stream.flush().await;
    let mut input = Vec::new();
    for _ in 0..=INTERIM {
        let head = head(&mut stream, &mut input).await?;
        if !matches!(head.status, 100 | 102..=199) {
            let body = body(&mut stream, input, &head, method).await?;
            return Ok((head, body));
        }
    }
    Err(Trouble::NotHttp)
}

async fn head(
    stream: &mut (impl AsyncRead + Unpin),
    input: &mut Vec<u8>,
) -> Result<ResponseHead, Trouble> {
    let mut scan = HeadScan::default();
    loop {
        let found = scan.scan(input, &Limits::NODE);
        if let Some((start, end)) = found.map_err(|_| Trouble::NotHttp)? {
            let mut head = ResponseHead::default();
            parse_response(&input[start..end], &Limits::NODE, &mut head)
                .map_err(|_| Trouble::NotHttp)?;
            input.drain(..end);
            return Ok(head);
        }
        if !more(stream, input).await {
            return Err(Trouble::BrokenOff);
        }
    }
}

async fn body(
    stream: &mut (impl AsyncRead + Unpin),
    mut input: Vec<u8>,
    head: &ResponseHead,
    method: &Method,
) -> Result<Vec<u8>, Trouble> {
    let framing = response_framing(head, method.as_str().as_bytes());
    let mut reader = BodyReader::new(framing.map_err(|_| Trouble::NotHttp)?);
    let mut body = Vec::new();
    loop {
        match reader.next(&input).map_err(|_| Trouble::NotHttp)? {
            Piece::Data(range) => {
                body.extend_from_slice(&input[range.clone()]);
                input.drain(..range.end);
            }
            Piece::More => input.clear(),
            Piece::End(_) => return Ok(body),
        }
        if body.len() > BODY {
            return Err(Trouble::TooLong);
        }
        if reader.is_done() {
            return Ok(body);
        }
        if input.is_empty() && !more(stream, &mut input).await {
            return match reader.connection_ended() {
                true => Ok(body),
                false => Err(Trouble::BrokenOff),
            };
        }
    }
}

/// Reads on; false at the end, in order or not: what an answer's length or last chunk does not
/// end is no whole one.
async fn more(stream: &mut (impl AsyncRead + Unpin), input: &mut Vec<u8>) -> bool {
    input.reserve(READ);
    matches!(stream.read_buf(input).await, Ok(1..))
}

/// The answer as instant-acme takes it: of the head what it looks at.
fn answer(head: &ResponseHead, body: Vec<u8>) -> Result<BytesResponse, Trouble> {
    // An error that is no problem document would be told as bad JSON.
    let is_problem = head.fields.named("content-type").is_some_and(|kind| {
        kind.starts_with(b"application/problem+json") || kind.starts_with(b"application/json")
    });
    if head.status >= 400 && !is_problem {
        return Err(Trouble::Status(head.status));
    }
    let mut response = Response::builder().status(head.status);
    for name in ["replay-nonce", "location", "retry-after"] {
        if let Some(value) = head.fields.named(name) {
            response = response.header(name, value);
        }
    }
    let response = response.body(()).map_err(|_| Trouble::NotHttp)?;
    let (parts, ()) = response.into_parts();
    Ok(BytesResponse {
        parts,
        body: Box::new(Bytes::from(body)),
    })
}

#[cfg(test)]
mod tests {
    use http::Method;
    use tokio::io::AsyncWriteExt;

    use instant_acme::{BodyWrapper, HttpClient};

    use super::{Asked, BODY, REQUEST, Trouble, ask};
    use crate::tls::{Engine, ToAuthority};

    async fn answered(answer: &[u8]) -> Result<(u16, Vec<u8>), Trouble> {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let answer = answer.to_vec();
        let authority = tokio::spawn(async move {
            let _ = theirs.write_all(&answer).await;
        });
        let asked = ask(ours, b"GET / HTTP/1.1\r\n\r\n", &Method::GET).await;
        authority.abort();
        asked.map(|(head, body)| (head.status, body))
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let root = rcgen::generate_simple_self_signed(vec!["ca".to_owned()]).unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, root.cert.pem()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/dir", listener.local_addr().unwrap());
        let tls = ToAuthority::new(&Engine::new(), Some(&file)).unwrap();
        let asked = Asked::new(std::sync::Arc::new(tls));
        let request = http::Request::get(url).body(BodyWrapper::default());
        let error = asked.request(request.unwrap()).await.err().unwrap();
        let trouble = Trouble::of(error, asked.status());
        assert_eq!(trouble, Trouble::Silent { waited: REQUEST });
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_end_and_no_further_than_its_limit() {
        let whole = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(answered(whole).await, Ok((200, b"abc".to_vec())));
        let close = b"HTTP/1.1 400 Bad\r\n\r\nabc";
        assert_eq!(answered(close).await, Ok((400, b"abc".to_vec())));
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc";
        assert_eq!(answered(cut).await, Err(Trouble::BrokenOff));
        assert_eq!(answered(b"HTTP/1.1 200").await, Err(Trouble::BrokenOff));
        assert_eq!(answered(b"SSH-2.0\r\n\r\n").await, Err(Trouble::NotHttp));
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(endless.len() + BODY + 1, b'x');
        assert_eq!(answered(&endless).await, Err(Trouble::TooLong));
        let interim = b"HTTP/1.1 103 Early\r\n\r\n".repeat(9);
        assert_eq!(answered(&interim).await, Err(Trouble::NotHttp));
    }
}
