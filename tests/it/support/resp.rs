//! Debian's redis-server as the oracle, our own session store on a loopback socket, and a client for both.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use steelyard::session::{Clock, Databases, Keeping, Memory, Settings, Shared, Worker, serve};
use tempfile::TempDir;

use super::eventually;
use super::ports::Port;
use super::tls::Leaf;

/// A redis-server of our own, which keeps nothing.
pub(crate) struct Redis {
    child: Child,
    port: Port,
    dir: TempDir,
    arguments: Vec<String>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// One with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        Self::start_at(Port::free(), arguments)
    }

    /// One that speaks TLS, by this certificate.
    pub(crate) fn start_tls(leaf: &Leaf) -> Self {
        let port = Port::free();
        let number = port.number().to_string();
        let (chain, key) = (leaf.chain(), leaf.key());
        let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
        let files = ["--tls-cert-file", chain, "--tls-key-file", key];
        let own = ["--port", "0", "--tls-port", &number];
        let clients = ["--tls-ca-cert-file", chain, "--tls-auth-clients", "no"];
        Self::start_at(port, &[&own[..], &files, &clients].concat())
    }

    fn start_at(port: Port, arguments: &[&str]) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("sy-redis")
            .tempdir()
            .unwrap();
        let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let child = Self::spawn(&port, &dir, &arguments);
        let mut redis = Self {
            child,
            port,
            dir,
            arguments,
        };
        redis.wait();
        redis
    }

    fn spawn(port: &Port, dir: &TempDir, arguments: &[String]) -> Child {
        let log = File::create(dir.path().join("stderr")).unwrap();
        Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.number().to_string(), "--dir"])
            .arg(dir.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("redis-server is installed: tests/install does it")
    }

    /// Ends at once; what it had is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Another one in its place.
    pub(crate) fn again(&mut self) {
        self.child = Self::spawn(&self.port, &self.dir, &self.arguments);
        self.wait();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    fn wait(&mut self) {
        let address = self.address();
        eventually("redis-server answers", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = fs::read_to_string(self.dir.path().join("stderr"));
                panic!(
                    "redis-server ended with {status}: {}",
                    said.unwrap_or_default()
                );
            }
            TcpStream::connect(address).ok()
        });
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// What a session store has that nobody set.
pub(crate) fn settings() -> Settings {
    Settings {
        databases: Databases::new(None),
        max_memory: 64 << 20,
        max_value: 1 << 20,
        ttl_jitter: 0,
    }
}

/// Our session store on a free port, on a thread that ends with the process.
pub(crate) fn store(settings: Settings) -> (SocketAddr, Arc<Shared>) {
    let memory = Arc::new(Memory::new());
    let shared = Arc::new(Shared::new(
        memory,
        Keeping::Nothing,
        Clock::System,
        settings,
    ));
    (serve_all(&shared), shared)
}

/// Serves every connection of a free port.
pub(crate) fn serve_all(shared: &Arc<Shared>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let worker = Worker::new(shared);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                tokio::task::spawn_local(serve(stream, std::rc::Rc::clone(&worker)));
            }
        });
    });
    address
}

/// A connection that sends commands as words and gets answers as they were written.
pub(crate) struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    /// Bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> Reply {
        read(&mut self.reader).expect("an answer")
    }

    /// What comes until the other side closes, when it hears that nothing more will come from here.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let _closed_already = self.stream.shutdown(Shutdown::Write);
        let mut rest = Vec::new();
        // A reset counts as closed, too: what came before is what matters.
        let _ended = self.reader.read_to_end(&mut rest);
        rest
    }

    /// One command and its answer.
    pub(crate) fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Reply {
        self.send(&command(words));
        self.answer()
    }

    /// The same for words that have no spaces.
    pub(crate) fn say(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        self.ask(&words).to_string()
    }
}

/// A command as clients write it.
pub(crate) fn command<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// An answer: its first line and, behind it, what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) parts: Vec<Reply>,
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.head.as_bytes().first() {
            Some(b'$' | b'=') if !self.head.starts_with("$-") => {
                write!(f, "{}", self.bytes.escape_ascii())
            }
            Some(b'*' | b'%' | b'~') => {
                let parts: Vec<String> = self.parts.iter().map(ToString::to_string).collect();
                write!(f, "{}[{}]", self.head, parts.join(" "))
            }
            _ => f.write_str(&self.head),
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Reply> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    assert!(
        line.ends_with(b"\r\n"),
        "a whole line: {}",
        line.escape_ascii()
    );
    line.truncate(line.len() - 2);
    let head = String::from_utf8_lossy(&line).into_owned();
    let length = || head[1..].parse::<i64>().ok();
    let mut reply = Reply {
        head: head.clone(),
        bytes: Vec::new(),
        parts: Vec::new(),
    };
    match line.first()? {
        b'$' | b'=' => {
            if let Ok(length) = usize::try_from(length()?) {
                let mut bytes = vec![0; length + 2];
                reader.read_exact(&mut bytes).ok()?;
                bytes.truncate(length);
                reply.bytes = bytes;
            }
        }
        kind @ (b'*' | b'~' | b'%') => {
            let each = if *kind == b'%' { 2 } else { 1 };
            for _ in 0..length()?.max(0) * each {
                reply.parts.push(read(reader)?);
            }
        }
        _ => {}
    }
    Some(reply)
}
