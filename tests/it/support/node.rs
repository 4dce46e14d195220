//! Scripted nodes: they answer what a test tells them and remember every byte they saw.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::document::NodeLine;
use super::ports::Port;
use super::{eventually, pattern};

/// One request as it reached a node.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// The head's bytes, the empty line included.
    pub(crate) head: String,
    /// The body without its framing, as far as it is kept (1 MiB).
    pub(crate) body: Vec<u8>,
    /// The whole body against the pattern.
    pub(crate) pattern: pattern::Checker,
}

impl Seen {
    /// The method.
    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// The request target.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// Every value of the fields of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1);
        let fields = lines.filter_map(|line| line.split_once(':'));
        let named = fields.filter(|(n, _)| n.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).collect()
    }

    /// The first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    fn is_probe(&self) -> bool {
        let agent = self.field("User-Agent");
        agent.is_some_and(|agent| agent.starts_with("steelyard-probe"))
    }
}

/// What a node does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A response with a Content-Length; the connection is kept.
    Reply {
        status: u16,
        fields: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// These bytes as they are, then this.
    Raw(Vec<u8>, Then),
    /// This many bytes of the pattern with a Content-Length.
    Download(u64),
}

/// What follows raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next request.
    KeepOn,
    /// An orderly end.
    Close,
    /// A reset.
    Reset,
    /// Nothing, until the other side gives up.
    Hang,
    /// Whatever comes, until the other side ends.
    Echo,
    /// An end of what it says. It reads on.
    HalfClose,
}

impl Answer {
    /// 200 and a text.
    pub(crate) fn text(text: &str) -> Self {
        Self::status(200, text)
    }

    /// A status and a text.
    pub(crate) fn status(status: u16, text: &str) -> Self {
        Self::Reply {
            status,
            fields: Vec::new(),
            body: text.as_bytes().to_vec(),
        }
    }

    /// Bytes as they are; the connection is kept.
    pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::Raw(bytes.as_ref().to_vec(), Then::KeepOn)
    }

    /// No byte, and this.
    pub(crate) fn nothing(then: Then) -> Self {
        Self::Raw(Vec::new(), then)
    }

    /// The same with a field more.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply { fields, .. } = &mut self {
            fields.push((name.into(), value.into()));
        }
        self
    }

    fn send(&self, request: &Seen, out: &mut TcpStream) -> io::Result<Then> {
        match self {
            Self::Reply {
                status,
                fields,
                body,
            } => {
                let mut bytes = format!("HTTP/1.1 {status} Said\r\n").into_bytes();
                for (name, value) in fields {
                    bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
                }
                let length = format!("Content-Length: {}\r\n\r\n", body.len());
                bytes.extend_from_slice(length.as_bytes());
                if request.method() != "HEAD" {
                    bytes.extend_from_slice(body);
                }
                out.write_all(&bytes)?;
                Ok(Then::KeepOn)
            }
            Self::Raw(bytes, then) => out.write_all(bytes).map(|()| *then),
            Self::Download(length) => {
                write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
                pattern::write(*length, |part| out.write_all(part))?;
                Ok(Then::KeepOn)
            }
        }
    }
}

/// Holds answers back until the test opens it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A gate that holds.
    pub(crate) fn closed() -> Self {
        Self::default()
    }

    /// Lets everything through from now on.
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Waits for [`Gate::open`]; a test that died opens nothing, so not for ever.
    pub(crate) fn pass(&self) {
        let held = self.0.0.lock().unwrap();
        let wait = Duration::from_secs(60);
        let _open = self.0.1.wait_timeout_while(held, wait, |open| !*open);
    }
}

type Script = dyn Fn(&Seen) -> Answer + Send + Sync;

struct Shared {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    bytes: Mutex<Vec<u8>>,
    connections: AtomicUsize,
    open: Mutex<Vec<TcpStream>>,
    stopping: AtomicBool,
}

/// A node on a port of its own, which it keeps while it is stopped.
pub(crate) struct Node {
    name: String,
    port: Port,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Node {
    /// A node that answers its own name.
    pub(crate) fn answering(name: &str) -> Self {
        let text = Answer::text(name);
        Self::scripted(name, move |_| text.clone())
    }

    /// A node that answers as `script` says.
    pub(crate) fn scripted(
        name: &str,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let mut node = Self::refusing(name, script);
        node.start();
        node
    }

    /// Three that answer their own names: `web-1`, `web-2`, `web-3`.
    pub(crate) fn three() -> [Self; 3] {
        ["web-1", "web-2", "web-3"].map(Self::answering)
    }

    /// The same, not listening until [`Node::start`].
    pub(crate) fn refusing(
        name: &str,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            port: Port::free(),
            shared: Arc::new(Shared {
                script: Box::new(script),
                seen: Mutex::default(),
                bytes: Mutex::default(),
                connections: AtomicUsize::new(0),
                open: Mutex::default(),
                stopping: AtomicBool::new(false),
            }),
            accepting: None,
        }
    }

    /// Listens, as it did before.
    pub(crate) fn start(&mut self) {
        let listener = TcpListener::bind(self.port.address()).expect("the port is ours");
        let shared = Arc::clone(&self.shared);
        shared.stopping.store(false, Ordering::SeqCst);
        self.accepting = Some(std::thread::spawn(move || accept(&listener, &shared)));
    }

    /// Refuses new connections and resets the open ones.
    pub(crate) fn stop(&mut self) {
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accept that is waiting.
        let _woken = TcpStream::connect(self.port.address());
        accepting.join().expect("the accept loop does not panic");
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// As it stands in a document.
    pub(crate) fn line(&self, weight: u32) -> NodeLine {
        (self.name.clone(), self.address(), weight)
    }

    /// Every request so far but probes, in the order they came.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| !seen.is_probe())
            .cloned()
            .collect()
    }

    /// How many probes asked for a path.
    pub(crate) fn probes(&self) -> usize {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.is_probe()).count()
    }

    /// The last request but probes.
    #[track_caller]
    pub(crate) fn last(&self) -> Seen {
        self.requests().pop().expect("a request reached the node")
    }

    /// Every byte of every connection so far.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.shared.bytes.lock().unwrap().clone()
    }

    /// Connections so far, probes by TCP included.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until this many requests have come.
    #[track_caller]
    pub(crate) fn saw(&self, requests: usize) {
        eventually("requests at the node", || {
            (self.requests().len() >= requests).then_some(())
        });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else {
            continue;
        };
        shared.open.lock().unwrap().push(copy);
        let shared = Arc::clone(shared);
        shared.connections.fetch_add(1, Ordering::SeqCst);
        std::thread::spawn(move || {
            // A broken connection is what many tests make.
            let _end = serve(stream, &shared);
        });
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut from = BufReader::new(Recorder {
        stream,
        bytes: &shared.bytes,
    });
    while let Some(seen) = read_request(&mut from, &mut out)? {
        shared.seen.lock().unwrap().push(seen.clone());
        match (shared.script)(&seen).send(&seen, &mut out)? {
            Then::KeepOn => {}
            Then::Close => break,
            Then::Reset => {
                rustix::net::sockopt::set_socket_linger(&out, Some(Duration::ZERO))?;
                forget(shared, &out);
                return Ok(());
            }
            Then::Hang => {
                io::copy(&mut from, &mut io::sink())?;
                break;
            }
            Then::Echo => {
                io::copy(&mut from, &mut out)?;
                break;
            }
            Then::HalfClose => {
                out.shutdown(Shutdown::Write)?;
                io::copy(&mut from, &mut io::sink())?;
                break;
            }
        }
    }
    let ended = out.shutdown(Shutdown::Both);
    forget(shared, &out);
    ended
}

// The copy kept for `stop` would hold the socket open.
fn forget(shared: &Shared, stream: &TcpStream) {
    let peer = stream.peer_addr().ok();
    let mut open = shared.open.lock().unwrap();
    open.retain(|other| other.peer_addr().ok() != peer);
}

/// Keeps what it reads, up to a limit that no test of bytes comes near.
struct Recorder<'a> {
    stream: TcpStream,
    bytes: &'a Mutex<Vec<u8>>,
}

const KEPT: usize = 1024 * 1024;

impl Read for Recorder<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(into)?;
        let mut bytes = self.bytes.lock().unwrap();
        if bytes.len() < KEPT {
            bytes.extend_from_slice(&into[..length]);
        }
        Ok(length)
    }
}

fn read_request(from: &mut impl BufRead, out: &mut impl Write) -> io::Result<Option<Seen>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
    }
    let mut seen = Seen {
        head: String::from_utf8_lossy(&head).into_owned(),
        ..Seen::default()
    };
    if seen.field("Expect").is_some() {
        out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length = seen.field("Content-Length").and_then(|l| l.parse().ok());
    if seen.field("Transfer-Encoding").is_some() {
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let digits = line.trim_end().split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
            take_body(from, size, &mut seen)?;
            from.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = length {
        take_body(from, length, &mut seen)?;
    }
    Ok(Some(seen))
}

fn take_body(from: &mut impl BufRead, length: u64, seen: &mut Seen) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let part = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        seen.pattern.see(&bytes[..part]);
        let room = KEPT.saturating_sub(seen.body.len());
        seen.body.extend_from_slice(&bytes[..part.min(room)]);
        from.consume(part);
        left -= part as u64;
    }
    Ok(())
}

/// Lines of a document for three nodes of these weights.
pub(crate) fn lines(nodes: &[Node; 3], weights: [u32; 3]) -> Vec<NodeLine> {
    let pairs = nodes.iter().zip(weights);
    pairs.map(|(node, weight)| node.line(weight)).collect()
}
