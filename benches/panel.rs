//! `./dev bench panel`: what a request costs with the log store on and somebody looking at the
//! panel, of what it costs without both. Of the same program in the same run, round for round.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::aims::{self, Reached};
use crate::figures::{median, spread};
use crate::load::Load;
use crate::peers::ADMIN;
use crate::subject::{Crowd, Kind, Subject};
use crate::workload::Workload;

const WORKLOAD: Workload = Workload::W1;

/// A stream says something every second: a round has several of them.
const LONGER: usize = 5;

/// The most that it may cost, of what it costs without.
const AIM: f64 = 1.03;

/// Who looks at what.
const LOOKS: [(&str, Kind, Option<&str>); 4] = [
    ("store off, nobody looks", Kind::Steelyard, None),
    ("store on, nobody looks", Kind::SteelyardStore, None),
    ("store on, Nodes open", Kind::SteelyardStore, Some("/nodes")),
    (
        "store on, Logs followed",
        Kind::SteelyardStore,
        Some("/logs"),
    ),
];

/// Measures, prints, and tells what was reached.
pub(crate) fn run(scratch: &Path, rounds: usize) -> io::Result<()> {
    let mut load = Load::new(3, WORKLOAD.exchange())?;
    let ports = load.ports();
    let mut subjects = Vec::new();
    for (place, (name, kind, page)) in LOOKS.into_iter().enumerate() {
        let dir = scratch.join(format!("panel-{place}"));
        fs::create_dir_all(&dir)?;
        crate::files(&dir)?;
        let subject = Subject::start(kind, &dir, &ports, Crowd::default())?;
        let seat = page.map(|page| Seat::at(&subject, page)).transpose()?;
        match seat {
            Some(None) => println!("{name}: left out, its page does not move"),
            seat => subjects.push((name, subject, seat.flatten())),
        }
    }
    let (connections, requests) = (WORKLOAD.connections(), WORKLOAD.requests() * LONGER);
    for (_, subject, _) in &subjects {
        load.run(subject.port, connections, requests / LONGER)?;
    }
    let mut costs = vec![Vec::new(); subjects.len()];
    for round in 0..rounds {
        for step in 0..subjects.len() {
            let index = (round + step) % subjects.len();
            let (_, subject, seat) = &subjects[index];
            let looking = seat.as_ref().map(Seat::look).transpose()?;
            let before = subject.cpu();
            load.run(subject.port, connections, requests)?;
            #[allow(clippy::cast_precision_loss, reason = "figures for people")]
            let cost = (subject.cpu() - before) as f64 / requests as f64 / 1000.0;
            costs[index].push(cost);
            if let Some(looking) = looking {
                let events = looking.end();
                if events == 0 {
                    return Err(io::Error::other("the stream said nothing"));
                }
            }
        }
    }
    let names: Vec<&str> = subjects.iter().map(|(name, ..)| *name).collect();
    print(&names, &costs, (rounds, requests));
    Ok(())
}

fn print(names: &[&str], costs: &[Vec<f64>], (rounds, requests): (usize, usize)) {
    println!(
        "\npanel: {}; {rounds} rounds of {requests} requests",
        WORKLOAD.words()
    );
    println!("                           µs/request   of the first (quartiles)");
    let mut reached = Vec::new();
    for (name, own) in names.iter().zip(costs) {
        let ratios: Vec<f64> = own
            .iter()
            .zip(&costs[0])
            .map(|(own, first)| own / first)
            .collect();
        let (low, middle, high) = spread(ratios);
        let cost = median(own.clone());
        println!("  {name:<24} {cost:9.2}   {middle:.3}  ({low:.3} to {high:.3})");
        reached.push(Reached {
            what: format!("panel, {name}, CPU of that without"),
            aim: AIM,
            reached: middle,
        });
    }
    aims::print(&reached[1..]);
}

/// Instructions a request with the store on and off, as callgrind counts them: the same whatever
/// else the machine does.
pub(crate) fn count(scratch: &Path) -> io::Result<()> {
    let without = crate::count::once(WORKLOAD, Kind::Counted, &scratch.join("off"))?;
    let with = crate::count::once(WORKLOAD, Kind::CountedStore, &scratch.join("on"))?;
    let more = with.instructions.saturating_sub(without.instructions);
    println!("store off: {}", without.line().trim_end());
    println!("store on:  {}", with.line().trim_end());
    println!("{more} instructions a record");
    Ok(())
}

/// A browser's place before the panel: signed in, with its page open.
struct Seat {
    admin: SocketAddr,
    cookie: String,
    stream: String,
}

impl Seat {
    /// Makes the first user by the link, as somebody does who has just installed it; none where the
    /// page has no stream.
    fn at(subject: &Subject, page: &str) -> io::Result<Option<Self>> {
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
    fn look(&self) -> io::Result<Looking> {
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
struct Looking {
    stream: TcpStream,
    reader: JoinHandle<usize>,
}

impl Looking {
    /// Closes it, and tells how many events came.
    fn end(self) -> usize {
        // Closed already is as good.
        let _closed = self.stream.shutdown(Shutdown::Both);
        self.reader.join().unwrap_or(0)
    }
}
