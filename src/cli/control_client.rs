//! A small blocking HTTP client for a running instance's `control.sock`.
//!
//! One request per connection. Plain threads and sockets: a command that asks
//! one question needs no runtime.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::output::Failure;
use crate::control::CONTROL_SOCKET as SOCKET;

/// Longest wait for an answer. A change waits for the disk and for sockets, never for nodes.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Longest answer taken; a document of thousands of nodes has a few hundred KiB.
const MAX_ANSWER: u64 = 64 * 1024 * 1024;
/// Longest path that fits into a socket address, its closing zero counted.
const MAX_SOCKET_PATH: usize = 108;

/// A question to the API.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    /// `GET`, `PUT`, `POST` or `PATCH`.
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) path: &'a str,
    /// The revision the change was made from.
    pub(super) if_match: Option<u64>,
    /// The body and its type.
    pub(super) body: Option<(&'a str, &'a [u8])>,
    /// One more field of the head: nothing in it ends a line.
    pub(super) field: Option<(&'a str, &'a str)>,
}

/// The API's answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body, transfer coding taken off.
    pub(super) body: Vec<u8>,
}

/// The way to a running instance.
#[derive(Debug)]
pub(super) struct Client {
    dir: PathBuf,
}

impl Client {
    /// The instance on this data directory.
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Whether somebody listens there, be it that we may not connect.
    pub(super) fn is_there(&self) -> bool {
        match connect(&self.dir) {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        }
    }

    /// Asks, and waits for the whole answer.
    ///
    /// # Errors
    /// When the instance cannot be reached, answers no HTTP or breaks off.
    pub(super) fn ask(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let mut stream = connect(&self.dir).map_err(|error| self.cannot_connect(&error))?;
        exchange(&mut stream, request).map_err(|error| {
            let socket = self.dir.join(SOCKET);
            let message = match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!(
                    "{} gave no answer within {} s; look at the log of the running steelyard",
                    socket.display(),
                    TIMEOUT.as_secs()
                ),
                _ => format!("{}: {error}", socket.display()),
            };
            Failure::run_time(message)
        })
    }

    fn cannot_connect(&self, error: &io::Error) -> Failure {
        let socket = self.dir.join(SOCKET);
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                "; run the command as the user steelyard runs as, or as root"
            }
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                "; steelyard is starting or stopping: try again in a moment"
            }
            _ => "",
        };
        Failure::run_time(format!(
            "cannot connect to {}: {error}{hint}",
            socket.display()
        ))
    }
}

/// Connects to the socket in `dir`, however long the way to `dir` is.
fn connect(dir: &Path) -> io::Result<UnixStream> {
    let direct = dir.join(SOCKET);
    let stream = if direct.as_os_str().len() < MAX_SOCKET_PATH {
        UnixStream::connect(direct)?
    } else {
        let dir = File::open(dir)?;
        UnixStream::connect(format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd()))?
    };
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn exchange(stream: &mut UnixStream, request: &Request<'_>) -> io::Result<Answer> {
    let (content_type, body) = request.body.unwrap_or_default();
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: steelyard\r\nConnection: close\r\nUser-Agent: steelyard/{}\r\n",
        request.method,
        request.path,
        env!("CARGO_PKG_VERSION")
    );
    if let Some(revision) = request.if_match {
        head.push_str(&format!("If-Match: \"{revision}\"\r\n"));
    }
    if let Some((name, value)) = request.field {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if request.body.is_some() {
        head.push_str(&format!(
            "Content-Type: {content_type}\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    head.push_str("\r\n");
    // An instance may answer and close before it has read a body it refuses:
    // then the answer counts, not the failed write.
    let written = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
    let mut answer = Vec::new();
    let read = stream.take(MAX_ANSWER).read_to_end(&mut answer);
    if answer.is_empty() {
        written?;
        read?;
        return Err(broken("it closed the connection without an answer"));
    }
    read?;
    parse(&answer)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Takes one whole answer apart.
fn parse(answer: &[u8]) -> io::Result<Answer> {
    let end = memchr::memmem::find(answer, b"\r\n\r\n")
        .ok_or_else(|| broken("its answer broke off within the head"))?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| broken("its answer is not HTTP"))?;
    let body = &answer[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| broken("its answer is not HTTP"))?;
    let field = |name: &str| {
        lines.clone().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let body = if field("transfer-encoding").is_some_and(|te| te.eq_ignore_ascii_case("chunked")) {
        unchunk(body)?
    } else if let Some(length) = field("content-length") {
        let length: usize = length
            .parse()
            .map_err(|_| broken("its answer has no sound Content-Length"))?;
        body.get(..length)
            .ok_or_else(|| broken("its answer broke off within the body"))?
            .to_vec()
    } else {
        body.to_vec()
    };
    Ok(Answer { status, body })
}

/// Joins the chunks; extensions and trailers are of no interest here.
fn unchunk(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let cut = || broken("its answer broke off within the body");
    let mut body = Vec::new();
    loop {
        let end = memchr::memmem::find(rest, b"\r\n").ok_or_else(cut)?;
        let size = std::str::from_utf8(&rest[..end])
            .ok()
            .and_then(|line| line.split(';').next())
            .and_then(|size| usize::from_str_radix(size.trim(), 16).ok())
            .ok_or_else(|| broken("its answer is not soundly chunked"))?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(rest.get(..size).ok_or_else(cut)?);
        rest = rest[size..].strip_prefix(b"\r\n").ok_or_else(cut)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::thread::JoinHandle;

    use super::{Answer, Client, Request, SOCKET, parse};

    /// Takes one request of known length, sends `answer`, gives back what came.
    fn scripted(dir: &Path, answer: &'static str, request_length: usize) -> JoinHandle<String> {
        // Bound through the working directory of /proc as well: `dir` may be long.
        let held = std::fs::File::open(dir).unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&held);
        let listener = UnixListener::bind(format!("/proc/self/fd/{fd}/{SOCKET}")).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = vec![0; request_length];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        })
    }

    fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    #[test]
    fn a_question_carries_its_body_and_the_revision_it_was_made_from() {
        let dir = tempfile::tempdir().unwrap();
        let expected = format!(
            "PUT /api/v1/config?dry_run=true HTTP/1.1\r\nHost: steelyard\r\nConnection: close\r\n\
             User-Agent: steelyard/{}\r\nIf-Match: \"7\"\r\nContent-Type: application/toml\r\n\
             Content-Length: 11\r\n\r\nversion = 1",
            version()
        );
        let server = scripted(
            dir.path(),
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nETag: \"8\"\r\n\r\n{}",
            expected.len(),
        );
        let answer = Client::new(dir.path())
            .ask(&Request {
                method: "PUT",
                path: "/api/v1/config?dry_run=true",
                if_match: Some(7),
                body: Some(("application/toml", b"version = 1")),
                ..Request::default()
            })
            .unwrap();
        assert_eq!(server.join().unwrap(), expected);
        assert_eq!(
            answer,
            Answer {
                status: 200,
                body: b"{}".to_vec()
            }
        );
    }

    #[test]
    fn a_long_data_directory_is_reached_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("d".repeat(200));
        std::fs::create_dir(&long).unwrap();
        let request = format!(
            "GET /api/v1/status HTTP/1.1\r\nHost: steelyard\r\nConnection: close\r\n\
             User-Agent: steelyard/{}\r\n\r\n",
            version()
        );
        let answer = "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n\
                      3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        let server = scripted(&long, answer, request.len());
        let answer = Client::new(&long)
            .ask(&Request {
                method: "GET",
                path: "/api/v1/status",
                ..Request::default()
            })
            .unwrap();
        assert_eq!(server.join().unwrap(), request);
        assert_eq!(answer.status, 503);
        assert_eq!(answer.body, b"abc0123456789");
    }

    #[test]
    fn no_socket_says_to_try_again() {
        let dir = tempfile::tempdir().unwrap();
        let failure = Client::new(dir.path())
            .ask(&Request::default())
            .unwrap_err();
        assert_eq!(failure.code, 1);
        assert!(failure.message.contains("control.sock"), "{failure}");
        assert!(failure.message.contains("try again"), "{failure}");
    }

    #[test]
    fn a_torn_answer_is_never_taken_for_a_whole_one() {
        for torn in [
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nab",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffff0\r\nab",
            "SSH-2.0-x\r\n\r\n",
        ] {
            assert!(parse(torn.as_bytes()).is_err(), "{torn:?} passed");
        }
    }
}
