//! Somebody who looks at the panel: signed in, with a page open whose stream is read.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::peers::ADMIN;
use crate::subject::Subject;

/// A browser's place before the panel: signed in, with its page open.
pub(crate) struct Seat {
    admin: SocketAddr,
    cookie: String,
    stream: String,
}

impl Seat {
    /// Makes the first user by the link, as somebody does who has just installed it; none where the
    /// page has no stream.
    pub(crate) fn at(subject: &Subject, page: &str) -> io::Result<Option<Self>> {
        let admin = fs::read_to_string(subject.dir().join(ADMIN))?;
        let admin: SocketAddr = admin.trim().parse().map_err(io::Error::other)?;
        let data = subject.dir().join("data");
        let link = Command::new(env!("CARGO_BIN_EXE_steelyard"))
            .args(["setup-url", "--data-dir"])
            .arg(data)
            .output()?;
        let link = String::from_utf8_lossy(&link.stdout).into_owned();
        let token = link.trim().split_once("token=").map(|(_, token)| token);
        let token = token.ok_or_else(|| io::Error::other(format!("no link: {link}")))?;
        const SECRET: &str = "hangs+level+at+noon";
        let form = format!("token={token}&name=admin&password={SECRET}&again={SECRET}&language=en");
        let mut seat = Self {
            admin,
            cookie: String::new(),
            stream: String::new(),
        };
        let head = format!(
            "Origin: http://{admin}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            form.len()
        );
        let answer = seat.ask("POST", "/setup", &head, &form)?;
        let cookie = answer.lines().find_map(|line| {
            let value = line
                .strip_prefix("set-cookie: ")
                .or(line.strip_prefix("Set-Cookie: "))?;
            value
                .split(';')
                .next()
                .filter(|pair| pair.contains("panel="))
        });
        let cookie = cookie.ok_or_else(|| io::Error::other(format!("no cookie: {answer}")))?;
        seat.cookie = cookie.to_owned();
        let html = seat.ask("GET", &format!("{page}?follow=1"), "", "")?;
        let stream = html
            .split_once("hx-sse:connect=\"")
            .and_then(|(_, rest)| rest.split('"').next());
        Ok(stream.map(|stream| Self {
            stream: stream.replace("&amp;", "&").replace("&#38;", "&"),
            ..seat
        }))
    }

    fn connect(&self, method: &str, path: &str, more: &str, body: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.admin)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let (admin, cookie) = (self.admin, &self.cookie);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {admin}\r\nCookie: {cookie}\r\nConnection: close\r\n{more}\r\n{body}"
        );
        stream.write_all(head.as_bytes())?;
        Ok(stream)
    }

    fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> io::Result<String> {
        let mut answer = Vec::new();
        self.connect(method, path, more, body)?
            .read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Opens the stream and reads it as a browser does, from its first event on.
    pub(crate) fn look(&self) -> io::Result<Looking> {
        let stream = self.connect("GET", &self.stream, "", "")?;
        let mut lines = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        let begin = Instant::now();
        while !(line.starts_with("data:") || line.starts_with("event:")) {
            line.clear();
            if lines.read_line(&mut line)? == 0 || begin.elapsed() > Duration::from_secs(30) {
                return Err(io::Error::other(format!("{} says nothing", self.stream)));
            }
        }
        let reader = thread::spawn(move || {
            let mut events = 0;
            // Any end is one: it is shut down.
            for line in lines.lines().map_while(Result::ok) {
                events += usize::from(line.is_empty());
            }
            events
        });
        Ok(Looking { stream, reader })
    }
}

/// A page that is open.
pub(crate) struct Looking {
    stream: TcpStream,
    reader: JoinHandle<usize>,
}

impl Looking {
    /// Closes it, and tells how many events came.
    pub(crate) fn end(self) -> usize {
        // Closed already is as good.
        let _closed = self.stream.shutdown(Shutdown::Both);
        self.reader.join().unwrap_or(0)
    }
}
