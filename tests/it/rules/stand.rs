//! What these tests stand on: the appliance before one node that writes down every byte.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::support::appliance::Appliance;
use crate::support::client::{Wire, exchange};
use crate::support::document::{NodeLine, listener, one_pool, pool};
use crate::support::eventually;
use crate::support::node::{Answer, Node, Seen};
use crate::support::ports::Port;

/// Follows what is sent, wherever that may be taken to end: it must never be taken for a request.
pub(super) const EVIL: &str = "GET /EVIL HTTP/1.1\r\nHost: a\r\n\r\n";

/// No checks and no second tries: what reaches the node is what one request made.
pub(super) const PLAIN_POOL: &str =
    "health_check = \"off\"\nmax_fails = 0\nretry = { on = [] }\nkeepalive = { timeout = \"1h\" }";

/// A site whose bodies are passed on as they come.
pub(super) const STREAMED: &str = "\n[[sites]]\nname = \"s\"\n[[sites.routes]]\npath = \"/\"\npool = \"p\"\nbuffer_request = false\n";

/// The bytes of a text whose characters each stand for one: `\u{85}` is the byte 0x85.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).expect("one byte a character");
    text.chars().map(byte).collect()
}

/// The appliance, and the node behind it.
pub(super) struct Stand {
    pub(super) lb: Appliance,
    pub(super) node: Node,
}

impl Stand {
    /// A listener and a pool of which nothing is said but what has to be.
    pub(super) fn new() -> Self {
        Self::with("", "", |request| {
            Answer::text(&format!(
                "{} {} {}",
                request.method(),
                request.target(),
                request.body.len()
            ))
        })
    }

    /// The same, with its pool leading to `node`.
    pub(super) fn before(node: &RawNode) -> Self {
        let stand = Self::new();
        let document = one_pool(stand.lb.port(), PLAIN_POOL, &[node.line()]);
        stand.lb.apply(&document);
        stand
    }

    /// The same, with bodies passed on as they come.
    pub(super) fn streaming(node: &RawNode) -> Self {
        let stand = Self::new();
        let document = document(stand.lb.port(), "", &node.line(), STREAMED);
        stand.lb.apply(&document);
        stand
    }

    /// The same with keys of the listener.
    pub(super) fn listening(keys: &str) -> Self {
        let stand = Self::new();
        stand.apply(keys, "");
        stand
    }

    /// The same before a node that answers every request with these bytes, which its path chooses.
    pub(super) fn answering(script: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::with("", "", move |request| {
            Answer::raw(bytes(&script(request.target())))
        })
    }

    /// The same with keys of the listener, what stands behind the pool in the document, and what the node does.
    pub(super) fn with(
        keys: &str,
        more: &str,
        script: impl Fn(&Seen) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let stand = Self {
            lb: Appliance::start(),
            node: Node::scripted("a", script),
        };
        stand.apply(keys, more);
        stand
    }

    /// Another document.
    pub(super) fn apply(&self, keys: &str, more: &str) {
        self.lb
            .apply(&document(self.lb.port(), keys, &self.node.line(1), more));
    }

    /// A connection to the listener.
    pub(super) fn wire(&self) -> Wire {
        Wire::to(self.lb.port())
    }

    /// How many bytes have reached the node.
    pub(super) fn mark(&self) -> usize {
        self.node.raw().len()
    }

    /// What reached the node behind a mark, with `~` in place of what we say of the client.
    #[track_caller]
    pub(super) fn arrived_since(&self, mark: usize) -> String {
        masked(&self.node.raw()[mark..])
    }

    /// Sends each text with [`EVIL`] behind it: the answer has this status and names this rule, the
    /// connection is closed, and not one byte reaches the node.
    #[track_caller]
    pub(super) fn refuses(&self, cases: &[(&str, u16, u8)]) {
        for (text, status, rule) in cases {
            let sent = [&bytes(text)[..], EVIL.as_bytes()].concat();
            let answer = exchange(self.lb.port(), sent);
            check_refusal(&String::from_utf8_lossy(&answer), *status, *rule, text);
        }
        assert_eq!(self.node.raw(), b"", "{}", masked(&self.node.raw()));
        assert_eq!(self.node.connections(), 0);
        // It is there, and would have been asked.
        assert_eq!(self.lb.get("/good").text(), "GET /good 0");
    }

    /// Sends each first text on one connection, then another request: the second text is what the
    /// first becomes at the node, byte by byte.
    #[track_caller]
    pub(super) fn passes(&self, cases: &[(&str, &str)]) {
        // A body in chunks is first taken in, and then has a length.
        let whole: Vec<String> = cases
            .iter()
            .map(|(_, arrives)| unchunked(arrives))
            .collect();
        let taken_in: Vec<(&str, &str)> = cases
            .iter()
            .zip(&whole)
            .map(|((sent, _), whole)| (*sent, whole.as_str()))
            .collect();
        self.each_passes(&taken_in);
        if taken_in != cases {
            self.apply("", STREAMED);
            self.each_passes(cases);
            self.apply("", "");
        }
    }

    #[track_caller]
    fn each_passes(&self, cases: &[(&str, &str)]) {
        let mut wire = self.wire();
        for (sent, arrives) in cases {
            let mark = self.mark();
            wire.send(bytes(sent));
            let method = sent.trim_start().split(' ').next().unwrap();
            let answer = wire.response(method);
            assert_eq!(answer.status, 200, "{sent:?}: {}", answer.text());
            if method != "HEAD" {
                let target = arrives.split(' ').nth(1).unwrap();
                let said = answer.text();
                let own = format!("{method} {target} ");
                assert!(said.starts_with(&own), "{sent:?}: {said}");
            }
            assert_eq!(self.arrived_since(mark), *arrives, "{sent:?}");
            self.next_is_its_own(&mut wire);
        }
    }

    /// Sends one more request on a connection: it reaches the node as itself, and the answer is its own.
    #[track_caller]
    pub(super) fn next_is_its_own(&self, wire: &mut Wire) {
        let mark = self.mark();
        wire.send("GET /next HTTP/1.1\r\nHost: next.example\r\n\r\n");
        let answer = wire.response("GET");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "GET /next 0")
        );
        let next = "GET /next HTTP/1.1\r\nHost: next.example\r\n~\r\n";
        assert_eq!(self.arrived_since(mark), next);
    }
}

/// The same message with a length in place of its chunks.
pub(super) fn unchunked(text: &str) -> String {
    let Some((head, mut chunks)) = text.split_once("Transfer-Encoding: chunked\r\n\r\n") else {
        return text.to_owned();
    };
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        if size == 0 {
            return format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
        body += &rest[..size];
        chunks = &rest[size + 2..];
    }
}

fn document(port: u16, keys: &str, node: &NodeLine, more: &str) -> String {
    let listener = listener(port) + keys + "\n";
    listener + &pool("p", PLAIN_POOL, std::slice::from_ref(node)) + more
}

/// One answer that refuses, and nothing behind it.
#[track_caller]
pub(super) fn check_refusal(answer: &str, status: u16, rule: u8, sent: &str) {
    let reason = match status {
        405 => "method_not_allowed",
        414 => "target_too_long",
        431 => "head_too_large",
        _ => "bad_request",
    };
    let expected = [
        format!("HTTP/1.1 {status} "),
        "\r\nConnection: close\r\n".to_owned(),
        format!("\r\nX-Steelyard-Reason: {reason}\r\n"),
        format!("(rule {rule})"),
    ];
    for part in expected {
        assert_eq!(
            answer.matches(&part).count(),
            1,
            "{part:?} once for {sent:?} in: {answer}"
        );
    }
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{sent:?}: {answer}");
}

/// `raw` with `~` in place of the fields that we write of a client on this machine; its `Host` stands in
/// them again, and every request has its own id.
#[track_caller]
pub(super) fn masked(raw: &[u8]) -> String {
    const FIRST: &str =
        "X-Real-IP: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n";
    let text: String = raw.iter().copied().map(char::from).collect();
    let mut parts = text.split(FIRST);
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let host = masked.rsplit("\r\nHost: ").next().unwrap();
        let host = host.split("\r\n").next().unwrap();
        let named = format!("X-Forwarded-Host: {host}\r\n");
        let rest = part.strip_prefix(&named).unwrap_or(part);
        let (id, rest) = rest
            .strip_prefix("X-Request-ID: ")
            .and_then(|rest| rest.split_once("\r\n"))
            .unwrap_or_else(|| panic!("other fields than ours: {text}"));
        assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()));
        masked += "~";
        masked += rest;
    }
    masked
}

/// A node that answers before it has read, or speaks when nobody asked: what no script of [`Node`] does.
pub(super) struct RawNode {
    port: Port,
    shared: Arc<Shared>,
    ended: Receiver<Vec<u8>>,
}

struct Shared {
    answer: &'static str,
    connections: AtomicUsize,
    latest: Mutex<Option<TcpStream>>,
    ended: Sender<Vec<u8>>,
}

impl RawNode {
    /// Sends `answer` as soon as a head has come, and takes in whatever else comes.
    pub(super) fn answering(answer: &'static str) -> Self {
        let port = Port::free();
        let listener = TcpListener::bind(port.address()).unwrap();
        let (tell, ended) = channel();
        let shared = Arc::new(Shared {
            answer,
            connections: AtomicUsize::new(0),
            latest: Mutex::default(),
            ended: tell,
        });
        let of_threads = Arc::clone(&shared);
        // They end with the process: nothing waits for them.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&of_threads);
                shared.connections.fetch_add(1, Ordering::SeqCst);
                *shared.latest.lock().unwrap() = stream.try_clone().ok();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self {
            port,
            shared,
            ended,
        }
    }

    /// As it stands in a document.
    pub(super) fn line(&self) -> NodeLine {
        ("raw".to_owned(), self.port.address(), 1)
    }

    /// Connections so far.
    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Says something on the newest connection without being asked.
    pub(super) fn say(&self, text: &str) {
        let mut latest = self.shared.latest.lock().unwrap();
        latest.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// All that came on the next connection that ends.
    #[track_caller]
    pub(super) fn next_ended(&self) -> Vec<u8> {
        eventually("a connection of the node ends", || {
            self.ended.try_recv().ok()
        })
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut seen = Vec::new();
    let mut piece = [0; 64 * 1024];
    let mut answered = 0;
    // A reset ends it as an orderly end does.
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        seen.extend_from_slice(&piece[..count]);
        let heads = seen.windows(9).filter(|w| *w == b" HTTP/1.1").count();
        if heads > answered && seen.windows(4).any(|end| end == b"\r\n\r\n") {
            answered = heads;
            let _gone = stream.write_all(shared.answer.as_bytes());
        }
    }
    let _nobody_asks = shared.ended.send(seen);
}
