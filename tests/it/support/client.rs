//! A plain HTTP/1.1 client that keeps its connection, and a raw one for what no client would send.
//!
//! Small on purpose and strict: an answer that is cut, doubled or mis-framed is an error that
//! says where, never a short body.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::{PATIENCE, pattern, ports::local, tls::Trust};

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    version: &'static str,
    fields: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Bytes(Vec<u8>),
    Chunks(Vec<Vec<u8>>),
    Pattern(u64),
}

impl Request {
    /// A request without a body.
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            version: "HTTP/1.1",
            fields: Vec::new(),
            body: Body::None,
        }
    }

    /// GET.
    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// HEAD.
    pub(crate) fn head(target: &str) -> Self {
        Self::new("HEAD", target)
    }

    /// POST with a Content-Length.
    pub(crate) fn post(target: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut request = Self::new("POST", target);
        request.body = Body::Bytes(body.into());
        request
    }

    /// POST in chunks, one for each part.
    pub(crate) fn post_chunked(target: &str, parts: &[&[u8]]) -> Self {
        let mut request = Self::new("POST", target);
        request.body = Body::Chunks(parts.iter().map(|part| part.to_vec()).collect());
        request
    }

    /// POST of `length` bytes of the pattern.
    pub(crate) fn post_pattern(target: &str, length: u64) -> Self {
        let mut request = Self::new("POST", target);
        request.body = Body::Pattern(length);
        request
    }

    /// The same with a body of this length.
    pub(crate) fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Body::Bytes(body.into());
        self
    }

    /// Adds a field. `Host` is `localhost` unless given.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// As a client of 1996 would send it: no Host of its own.
    pub(crate) fn http10(mut self) -> Self {
        self.version = "HTTP/1.0";
        self
    }

    fn head_bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} {}\r\n", self.method, self.target, self.version);
        let given = |name: &str| {
            self.fields
                .iter()
                .any(|(n, _)| n.eq_ignore_ascii_case(name))
        };
        if self.version == "HTTP/1.1" && !given("host") {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::None => {}
            Body::Bytes(bytes) => head.push_str(&format!("Content-Length: {}\r\n", bytes.len())),
            Body::Chunks(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
            Body::Pattern(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        let mut first = self.head_bytes();
        match &self.body {
            Body::None => out.write_all(&first),
            Body::Bytes(bytes) => {
                first.extend_from_slice(bytes);
                out.write_all(&first)
            }
            Body::Chunks(parts) => {
                out.write_all(&first)?;
                for part in parts {
                    let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
                    chunk.extend_from_slice(part);
                    chunk.extend_from_slice(b"\r\n");
                    out.write_all(&chunk)?;
                }
                out.write_all(b"0\r\n\r\n")
            }
            Body::Pattern(length) => {
                out.write_all(&first)?;
                pattern::write(*length, |part| out.write_all(part))
            }
        }
    }
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// `HTTP/1.1`, say.
    pub(crate) version: String,
    /// The fields in their order, names as they came.
    pub(crate) fields: Vec<(String, String)>,
    /// The body; empty where it went into a [`pattern::Checker`].
    pub(crate) body: Vec<u8>,
    /// Codes of the 1xx answers before it.
    pub(crate) interim: Vec<u16>,
    /// The body had no length: the end of the connection ended it.
    pub(crate) until_close: bool,
}

impl Response {
    /// The first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let named = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.fields.iter().find(named).map(|(_, v)| v.as_str())
    }

    /// Every value of the fields of this name, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        let values = self.fields.iter().filter(named);
        values.map(|(_, v)| v.as_str()).collect()
    }

    /// The body as text, without blanks at its ends.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }

    /// Why the proxy itself answered, if it did.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.field("X-Steelyard-Reason")
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    fn closes(&self) -> bool {
        let says = |word: &str| {
            let values = self.all("Connection");
            values.iter().any(|v| v.to_ascii_lowercase().contains(word))
        };
        says("close") || (self.version == "HTTP/1.0" && !says("keep-alive"))
    }
}

/// How an exchange went wrong, precisely.
#[derive(Debug)]
pub(crate) enum ClientError {
    /// Nobody took the connection.
    Connect(io::Error),
    /// The request could not be sent to its end, and there was no answer to say why.
    Write(io::Error),
    /// The connection ended without one byte of an answer.
    NoAnswer(Option<io::Error>),
    /// The answer's head is cut or is not HTTP.
    Head(String),
    /// The answer's body is cut or mis-framed.
    Body { got: u64, what: String },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Write(error) => write!(f, "cannot send the request: {error}"),
            Self::NoAnswer(None) => f.write_str("closed without one byte of an answer"),
            Self::NoAnswer(Some(error)) => write!(f, "no byte of an answer: {error}"),
            Self::Head(what) => write!(f, "bad response head: {what}"),
            Self::Body { got, what } => write!(f, "body broken after {got} bytes: {what}"),
        }
    }
}

/// Where a body goes.
enum Sink<'a> {
    Keep(&'a mut Vec<u8>),
    Check(&'a mut pattern::Checker),
}

impl Sink<'_> {
    fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Keep(body) => body.extend_from_slice(bytes),
            Self::Check(checker) => checker.see(bytes),
        }
    }
}

/// What a client reads and writes.
trait Stream: Read + Write + fmt::Debug + Send {}

impl<S: Read + Write + fmt::Debug + Send> Stream for S {}

/// A client with one connection, opened when needed and kept while the other side keeps it.
#[derive(Debug)]
pub(crate) struct Client {
    port: u16,
    connection: Option<BufReader<Box<dyn Stream>>>,
    trust: Option<Trust>,
    /// Connections opened so far.
    pub(crate) opened: usize,
}

impl Client {
    /// A client of 127.0.0.1 and this port; connects at the first request.
    pub(crate) fn of(port: u16) -> Self {
        Self {
            port,
            connection: None,
            trust: None,
            opened: 0,
        }
    }

    /// The same over TLS.
    pub(crate) fn trusting(port: u16, trust: Trust) -> Self {
        Self {
            trust: Some(trust),
            ..Self::of(port)
        }
    }

    fn open(&self) -> io::Result<Box<dyn Stream>> {
        let stream = connect(self.port)?;
        match &self.trust {
            None => Ok(Box::new(stream)),
            Some(trust) => Ok(Box::new(trust.encrypt(stream)?)),
        }
    }

    /// Sends GET and gives the answer.
    #[track_caller]
    pub(crate) fn get(&mut self, target: &str) -> Response {
        self.ask(&Request::get(target))
    }

    /// Sends a request and gives the answer.
    ///
    /// # Panics
    /// When there is no whole answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &Request) -> Response {
        self.send(request).unwrap_or_else(|error| {
            panic!("{} {}: {error}", request.method, request.target);
        })
    }

    /// Sends a request and waits for its whole answer.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Response, ClientError> {
        let mut body = Vec::new();
        let mut response = self.exchange(request, &mut Sink::Keep(&mut body))?;
        response.body = body;
        Ok(response)
    }

    /// The same, comparing the body with the pattern instead of keeping it.
    pub(crate) fn send_and_check(
        &mut self,
        request: &Request,
        checker: &mut pattern::Checker,
    ) -> Result<Response, ClientError> {
        self.exchange(request, &mut Sink::Check(checker))
    }

    fn exchange(
        &mut self,
        request: &Request,
        sink: &mut Sink<'_>,
    ) -> Result<Response, ClientError> {
        // Taken out, so that after any error the next request opens a new one.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                self.opened += 1;
                BufReader::new(self.open().map_err(ClientError::Connect)?)
            }
        };
        let sent = request.write_to(connection.get_mut());
        // A refusal may come before the body is through: then the answer counts.
        let response = match (sent, read_response(&mut connection, &request.method, sink)) {
            (_, Ok(response)) => response,
            (Err(error), Err(ClientError::NoAnswer(_))) => return Err(ClientError::Write(error)),
            (_, Err(error)) => return Err(error),
        };
        if !response.closes() && !response.until_close && request.version == "HTTP/1.1" {
            self.connection = Some(connection);
        }
        Ok(response)
    }
}

/// GET on a connection of its own.
#[track_caller]
pub(crate) fn get(port: u16, target: &str) -> Response {
    Client::of(port).get(target)
}

/// Any request on a connection of its own.
#[track_caller]
pub(crate) fn ask(port: u16, request: &Request) -> Response {
    Client::of(port).ask(request)
}

/// Any request to a running instance's `control.sock`.
#[track_caller]
pub(crate) fn control(data: &Path, request: &Request) -> Response {
    let mut stream = UnixStream::connect(data.join("control.sock")).expect("it runs");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = request.clone().field("Connection", "close");
    request.write_to(&mut stream).unwrap();
    let mut body = Vec::new();
    let mut from = BufReader::new(stream);
    let read = read_response(&mut from, &request.method, &mut Sink::Keep(&mut body));
    let mut response = read.unwrap_or_else(|error| panic!("{error}"));
    response.body = body;
    response
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&local(port), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn read_response(
    from: &mut impl BufRead,
    method: &str,
    sink: &mut Sink<'_>,
) -> Result<Response, ClientError> {
    let mut interim = Vec::new();
    loop {
        let mut response = read_head(from)?;
        if (100..200).contains(&response.status) && response.status != 101 {
            interim.push(response.status);
            continue;
        }
        response.interim = interim;
        let mut got = 0;
        let read = read_body(from, &response, method, &mut |bytes| {
            got += bytes.len() as u64;
            sink.take(bytes);
        });
        response.until_close = read.map_err(|what| ClientError::Body { got, what })?;
        return Ok(response);
    }
}

fn read_head(from: &mut impl BufRead) -> Result<Response, ClientError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let before = head.len();
        match from.read_until(b'\n', &mut head) {
            Ok(_) if head.len() == before && head.is_empty() => {
                return Err(ClientError::NoAnswer(None));
            }
            Ok(_) if head.len() == before => {
                let cut = String::from_utf8_lossy(&head);
                return Err(ClientError::Head(format!("cut after {cut:?}")));
            }
            Ok(_) => {}
            Err(error) if head.is_empty() => return Err(ClientError::NoAnswer(Some(error))),
            Err(error) => return Err(ClientError::Head(error.to_string())),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    parse_head(&text).ok_or(ClientError::Head(text))
}

fn parse_head(text: &str) -> Option<Response> {
    let mut lines = text.strip_suffix("\r\n\r\n")?.split("\r\n");
    let (version, rest) = lines.next()?.split_once(' ')?;
    let status = rest.get(..3)?.parse().ok()?;
    let fields = lines
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_owned(), value.trim().to_owned()))
        })
        .collect::<Option<Vec<_>>>()?;
    version.starts_with("HTTP/1.").then_some(())?;
    Some(Response {
        status,
        version: version.to_owned(),
        fields,
        ..Response::default()
    })
}

// Whether the end of the connection was the end of the body.
fn read_body(
    from: &mut impl BufRead,
    response: &Response,
    method: &str,
    take: &mut dyn FnMut(&[u8]),
) -> Result<bool, String> {
    let lengths = response.all("Content-Length");
    let codings = response.all("Transfer-Encoding");
    if method == "HEAD" || matches!(response.status, 101 | 204 | 304) {
        return Ok(false);
    }
    match (lengths.as_slice(), codings.as_slice()) {
        ([], ["chunked"]) => read_chunks(from, take).map(|()| false),
        ([length], []) => {
            let length = length.parse().map_err(|_| format!("length {length:?}"))?;
            read_exactly(from, length, take).map(|()| false)
        }
        ([], []) => read_to_the_end(from, take).map(|()| true),
        _ => Err(format!("lengths {lengths:?} with codings {codings:?}")),
    }
}

fn read_exactly(
    from: &mut impl BufRead,
    length: u64,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), String> {
    let mut left = length;
    while left > 0 {
        let bytes = from
            .fill_buf()
            .map_err(|e| format!("{left} to come: {e}"))?;
        if bytes.is_empty() {
            return Err(format!("closed with {left} of {length} to come"));
        }
        let part = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        take(&bytes[..part]);
        from.consume(part);
        left -= part as u64;
    }
    Ok(())
}

fn read_to_the_end(from: &mut impl BufRead, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    loop {
        let bytes = from.fill_buf().map_err(|error| error.to_string())?;
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len();
        take(bytes);
        from.consume(length);
    }
}

fn read_chunks(from: &mut impl BufRead, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    loop {
        let line = read_line(from)?;
        let digits = line.split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(digits, 16).map_err(|_| format!("chunk size {line:?}"))?;
        if size == 0 {
            while !read_line(from)?.is_empty() {}
            return Ok(());
        }
        read_exactly(from, size, take)?;
        let end = read_line(from)?;
        if !end.is_empty() {
            return Err(format!("{end:?} after a chunk"));
        }
    }
}

fn read_line(from: &mut impl BufRead) -> Result<String, String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)
        .map_err(|error| error.to_string())?;
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        None => Err(format!(
            "cut or without CRLF: {:?}",
            String::from_utf8_lossy(&line)
        )),
    }
}

/// A connection that sends whatever bytes it is given.
#[derive(Debug)]
pub(crate) struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects to 127.0.0.1 and this port.
    pub(crate) fn to(port: u16) -> Self {
        Self(BufReader::new(connect(port).expect("somebody listens")))
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let written = self.0.get_mut().write_all(bytes.as_ref());
        written.expect("the other side still reads");
    }

    /// The same to a side that may have had enough: whether it still took them.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Reads one response to a request of this method.
    #[track_caller]
    pub(crate) fn response(&mut self, method: &str) -> Response {
        let mut body = Vec::new();
        let read = read_response(&mut self.0, method, &mut Sink::Keep(&mut body));
        let mut response = read.unwrap_or_else(|error| panic!("{error}"));
        response.body = body;
        response
    }

    /// Reads one head and nothing after it, a 1xx included.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Response {
        read_head(&mut self.0).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Reads this many bytes.
    #[track_caller]
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.0.read_exact(&mut bytes);
        read.unwrap_or_else(|error| panic!("{count} bytes: {error}"));
        bytes
    }

    /// Sends nothing more.
    pub(crate) fn finish(&mut self) {
        self.0.get_ref().shutdown(Shutdown::Write).unwrap();
    }

    /// The connection itself.
    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// Whatever comes until the other side closes; a reset ends it as well.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => bytes,
            Err(error) => panic!(
                "still open after {:?}: {error}",
                String::from_utf8_lossy(&bytes)
            ),
        }
    }
}

/// Sends `bytes` on a connection of its own and gives all that comes until it is closed.
#[track_caller]
pub(crate) fn exchange(port: u16, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut wire = Wire::to(port);
    wire.send(bytes);
    wire.rest()
}
