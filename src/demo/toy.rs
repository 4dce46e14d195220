//! A toy node: a tiny HTTP/1.1 server that names itself, can be slow, can fail now
//! and then, and dies for a while when asked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long a stopped node stays away: long enough to see it, short enough to wait for.
pub(super) const AWAY: Duration = Duration::from_secs(10);
/// Longest request line or header field read; a longer one ends the connection.
const MAX_LINE: usize = 16 * 1024;

/// What a toy node does with a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Its name, in the body and in `X-Node`.
    pub(super) name: &'static str,
    /// Its weight to begin with.
    pub(super) weight: u16,
    /// How long it thinks.
    pub(super) delay: Duration,
    /// Every so many requests it answers 500; 0 is never.
    pub(super) fails_every: u64,
}

/// A running toy node. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Toy {
    /// What it does.
    pub(super) manner: Manner,
    /// Where it listens.
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    // Held for its drop, which ends the task.
    _task: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    asked: AtomicU64,
    failed: AtomicU64,
    stop: Notify,
}

impl Toy {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When not even a free port can be listened on.
    pub(super) async fn start(manner: Manner) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let mut task = JoinSet::new();
        task.spawn(live(listener, address, manner, Arc::clone(&shared)));
        Ok(Self {
            manner,
            address,
            shared,
            _task: task,
        })
    }

    /// How often it has answered 500.
    pub(super) fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }
}

/// Serves until it is stopped, stays away, comes back: for ever.
async fn live(first: TcpListener, address: SocketAddr, manner: Manner, shared: Arc<Shared>) {
    let mut listener = Some(first);
    loop {
        if let Some(listener) = listener.take() {
            // Dropping this future closes the socket and every connection, as death does.
            tokio::select! {
                () = accept(listener, manner, &shared) => {}
                () = shared.stop.notified() => {}
            }
        }
        tokio::time::sleep(AWAY).await;
        // Where the port was taken meanwhile, it is tried again after the same time.
        listener = TcpListener::bind(address).await.ok();
    }
}

async fn accept(listener: TcpListener, manner: Manner, shared: &Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let shared = Arc::clone(shared);
                connections.spawn(async move {
                    // A client that went away is nothing to a toy.
                    let _ = serve(stream, manner, &shared).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers one request after another on one connection.
async fn serve(stream: TcpStream, manner: Manner, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_head(&mut stream).await? {
        if request.target == "/stop" {
            let away = AWAY.as_secs();
            let body = format!("{} dies now and is back in {away} seconds\n", manner.name);
            let answer = answer(manner.name, "200 OK", &body, request.head_only);
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
            shared.stop.notify_one();
            return Ok(());
        }
        let count = shared.asked.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::time::sleep(manner.delay).await;
        let fails = manner.fails_every != 0 && count.is_multiple_of(manner.fails_every);
        let (status, body) = if fails {
            shared.failed.fetch_add(1, Ordering::Relaxed);
            let body = format!("{} fails on purpose, now and then\n", manner.name);
            ("500 Internal Server Error", body)
        } else {
            ("200 OK", format!("{}, request {count}\n", manner.name))
        };
        let answer = answer(manner.name, status, &body, request.head_only);
        stream.write_all(answer.as_bytes()).await?;
        // A toy does not read bodies: what follows would be taken for a request.
        if request.has_body {
            return Ok(());
        }
    }
    Ok(())
}

fn answer(name: &str, status: &str, body: &str, head_only: bool) -> String {
    let shown = if head_only { "" } else { body };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nX-Node: {name}\r\n\r\n{shown}",
        body.len()
    )
}

struct Asked {
    target: String,
    head_only: bool,
    has_body: bool,
}

/// Reads one head; nothing when the client is done.
async fn read_head(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Asked>> {
    let Some(first) = read_line(stream).await? else {
        return Ok(None);
    };
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let mut asked = Asked {
        target: target.to_owned(),
        head_only: method == "HEAD",
        has_body: false,
    };
    while let Some(line) = read_line(stream).await? {
        if line.is_empty() {
            return Ok(Some(asked));
        }
        let field = line.split(':').next().unwrap_or("");
        asked.has_body |= field.eq_ignore_ascii_case("content-length")
            || field.eq_ignore_ascii_case("transfer-encoding");
    }
    Ok(None)
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    loop {
        let seen = stream.fill_buf().await?;
        if seen.is_empty() || line.len() > MAX_LINE {
            return Ok(None);
        }
        if let Some(end) = memchr::memchr(b'\n', seen) {
            line.extend_from_slice(&seen[..end]);
            stream.consume(end + 1);
            let text = String::from_utf8_lossy(&line);
            return Ok(Some(text.trim_end_matches('\r').to_owned()));
        }
        let length = seen.len();
        line.extend_from_slice(seen);
        stream.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::{Manner, Toy};

    const FLAKY: Manner = Manner {
        name: "flaky",
        weight: 1,
        delay: Duration::ZERO,
        fails_every: 2,
    };

    async fn ask(toy: &Toy, requests: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(toy.address).await?;
        stream.write_all(requests.as_bytes()).await?;
        stream.shutdown().await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn a_toy_names_itself_and_fails_now_and_then() {
        let toy = Toy::start(FLAKY).await.unwrap();
        let answers = ask(
            &toy,
            "GET /app HTTP/1.1\r\nHost: x\r\n\r\nHEAD /app HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        .await
        .unwrap();
        assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
        assert!(answers.contains("X-Node: flaky\r\n\r\nflaky, request 1\nHTTP/1.1 500 "));
        assert!(answers.ends_with("\r\n\r\n"), "HEAD has no body: {answers}");
        assert_eq!(toy.failed(), 1);
    }

    #[tokio::test]
    async fn a_toy_dies_when_asked_and_comes_back_on_the_same_port() {
        let toy = Toy::start(FLAKY).await.unwrap();
        let answer = ask(&toy, "GET /stop HTTP/1.1\r\n\r\n").await.unwrap();
        assert!(answer.contains("flaky dies now"), "{answer}");
        // Refused while it is away; the clock then runs on by itself.
        while TcpStream::connect(toy.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        let mut back = ask(&toy, "GET / HTTP/1.1\r\n\r\n").await;
        while back.is_err() {
            tokio::time::sleep(Duration::from_secs(1)).await;
            back = ask(&toy, "GET / HTTP/1.1\r\n\r\n").await;
        }
        assert!(back.unwrap().contains("X-Node: flaky"));
    }
}
