//! Clients and nodes in one thread on one epoll, so that they cost as little as they can and the
//! same for every subject. Each connection is a small machine; nothing here waits.

mod steady;
mod wire;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustls::ClientConfig;

use steady::Schedule;
use wire::Wire;
pub(crate) use wire::client as tls_client;

/// What a client sends and a node answers in one workload.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// The whole request.
    pub(crate) request: Vec<u8>,
    /// The whole answer of a node.
    pub(crate) answer: Vec<u8>,
    /// Length of the body that a client must get.
    pub(crate) body: usize,
    /// A new client connection for each request.
    pub(crate) reconnects: bool,
    /// Nothing is asked: a handshake and the tickets behind it are all.
    pub(crate) greets: bool,
}

/// The nodes' listeners and every connection of clients and nodes.
pub(crate) struct Load {
    epoll: OwnedFd,
    events: Vec<Event>,
    scratch: Vec<u8>,
    nodes: Vec<TcpListener>,
    parties: Vec<Option<Party>>,
    free: Vec<usize>,
    exchange: Exchange,
    target: SocketAddr,
    // Requests that may still begin, and answers that came whole.
    left: usize,
    done: usize,
    // Which of several is asked now, and how many answers came of each.
    asked: usize,
    answered: Vec<usize>,
    // Clients stay when they have nothing more to ask.
    stay: bool,
    schedule: Option<Schedule>,
    tls: Option<Arc<ClientConfig>>,
    // Handshakes that went on from an earlier one.
    resumed: usize,
}

// The data of an event: listeners first, then parties.
const PARTIES: usize = 16;

struct Party {
    stream: Wire,
    client: bool,
    // Which of several it asks.
    asks: usize,
    // Bytes of the request or the answer that have been written.
    sent: usize,
    sending: bool,
    // Bytes of a head that came in part.
    head: Vec<u8>,
    // Bytes of a body that are to come; none: a head is expected.
    body: Option<usize>,
    // Waits for room to write.
    blocked: bool,
    // When its request was due.
    due: Option<Instant>,
}

impl Load {
    /// Opens `nodes` listeners on free ports.
    pub(crate) fn new(nodes: usize, exchange: Exchange) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut listeners = Vec::new();
        for index in 0..nodes {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            epoll::add(&epoll, &listener, data(index), EventFlags::IN)?;
            listeners.push(listener);
        }
        Ok(Self {
            epoll,
            events: Vec::with_capacity(256),
            scratch: vec![0; 256 * 1024],
            nodes: listeners,
            parties: Vec::new(),
            free: Vec::new(),
            exchange,
            target: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            left: 0,
            done: 0,
            asked: 0,
            answered: Vec::new(),
            stay: false,
            schedule: None,
            tls: None,
            resumed: 0,
        })
    }

    /// Has clients speak TLS so.
    pub(crate) fn speak_tls(&mut self, config: Arc<ClientConfig>) {
        self.tls = Some(config);
    }

    /// How many handshakes have gone on from an earlier one.
    pub(crate) fn resumed(&self) -> usize {
        self.resumed
    }

    /// The nodes' ports.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let ports = self.nodes.iter().map(TcpListener::local_addr);
        ports.map(|a| a.expect("it is bound").port()).collect()
    }

    /// Sends `requests` over `connections` at once to `port` and returns when each was answered.
    pub(crate) fn run(&mut self, port: u16, connections: usize, requests: usize) -> io::Result<()> {
        self.target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        (self.stay, self.left, self.done) = (false, requests, 0);
        for _ in 0..connections.min(requests) {
            self.connect()?;
        }
        while self.done < requests {
            self.turn(None)?;
        }
        Ok(())
    }

    /// Sends requests over `connections` at once to each of `ports` for so long, and tells how many each
    /// of them answered.
    pub(crate) fn run_for(
        &mut self,
        ports: &[u16],
        connections: usize,
        time: Duration,
    ) -> io::Result<Vec<usize>> {
        let end = Instant::now() + time;
        (self.stay, self.left, self.done) = (false, usize::MAX, 0);
        self.answered = vec![0; ports.len()];
        for (asked, port) in ports.iter().enumerate() {
            self.target = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            self.asked = asked;
            for _ in 0..connections {
                self.connect()?;
            }
        }
        while Instant::now() < end {
            self.turn(None)?;
        }
        let begun = usize::MAX - self.left;
        self.left = 0;
        while self.done < begun {
            self.turn(None)?;
        }
        Ok(std::mem::take(&mut self.answered))
    }

    /// Opens connections that ask once and stay until they are let go.
    pub(crate) fn keep(&mut self, port: u16, connections: usize) -> io::Result<()> {
        self.target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        (self.stay, self.left, self.done) = (true, connections, 0);
        while self.done < connections {
            // As many at once as in the other workloads.
            if self.left > 0 && connections - self.left < self.done + 64 {
                self.connect()?;
            } else {
                self.turn(None)?;
            }
        }
        Ok(())
    }

    /// Closes what was kept.
    pub(crate) fn let_go(&mut self) {
        for index in 0..self.parties.len() {
            let client = |party: &mut Party| party.client;
            if self.parties[index].take_if(client).is_some() {
                self.free.push(index);
            }
        }
    }

    fn turn(&mut self, patience: Option<&Timespec>) -> io::Result<()> {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        wait(&self.epoll, &mut events, patience)?;
        for event in &events {
            let index = usize::try_from(event.data.u64()).expect("an index");
            if index < PARTIES {
                self.accept(index)?;
                continue;
            }
            let index = index - PARTIES;
            // An event of a connection that has just ended.
            let Some(mut party) = self.parties[index].take() else {
                continue;
            };
            if self.serve(&mut party, index)? {
                self.parties[index] = Some(party);
            } else {
                self.free.push(index);
            }
        }
        self.events = events;
        Ok(())
    }

    fn accept(&mut self, index: usize) -> io::Result<()> {
        loop {
            match self.nodes[index].accept() {
                Ok((stream, _)) => self.add(Wire::Plain(stream), false).map(drop)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn connect(&mut self) -> io::Result<()> {
        self.left -= 1;
        let index = self.open()?;
        let mut party = self.parties[index].take().expect("just added");
        self.write(&mut party, index)?;
        self.parties[index] = Some(party);
        Ok(())
    }

    // A client that has said nothing yet.
    fn open(&mut self) -> io::Result<usize> {
        let socket = TcpStream::connect(self.target)?;
        let wire = match &self.tls {
            Some(config) => Wire::tls(socket, config.clone())?,
            None => Wire::Plain(socket),
        };
        self.add(wire, true)
    }

    fn add(&mut self, stream: Wire, client: bool) -> io::Result<usize> {
        stream.socket().set_nonblocking(true)?;
        stream.socket().set_nodelay(true)?;
        let index = self.free.pop().unwrap_or_else(|| {
            self.parties.push(None);
            self.parties.len() - 1
        });
        epoll::add(
            &self.epoll,
            stream.socket(),
            data(PARTIES + index),
            EventFlags::IN,
        )?;
        self.parties[index] = Some(Party {
            stream,
            client,
            asks: self.asked,
            sent: 0,
            sending: client,
            head: Vec::new(),
            body: None,
            blocked: false,
            due: None,
        });
        Ok(index)
    }

    // Whether the connection goes on.
    fn serve(&mut self, party: &mut Party, index: usize) -> io::Result<bool> {
        if party.sending {
            self.write(party, index)?;
        }
        if self.exchange.greets && party.client {
            return self.greet(party);
        }
        loop {
            let mut scratch = std::mem::take(&mut self.scratch);
            let read = party.stream.read(&mut scratch);
            // TLS may hold more than it handed over.
            let full = read.as_ref().is_ok_and(|n| *n == scratch.len()) || party.stream.is_tls();
            let goes_on = match read {
                Ok(0) if party.client => Err(io::Error::other("the subject closed too early")),
                Ok(0) => Ok(false),
                Ok(n) => self.take(party, index, &scratch[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.scratch = scratch;
                    return Ok(true);
                }
                Err(_) if !party.client => Ok(false),
                Err(error) => Err(error),
            };
            self.scratch = scratch;
            if !matches!(goes_on, Ok(true)) || !full {
                return goes_on;
            }
        }
    }

    // Whether the handshake is to go on.
    fn greet(&mut self, party: &mut Party) -> io::Result<bool> {
        if !party.stream.greet()? {
            return Ok(true);
        }
        self.done += 1;
        self.resumed += usize::from(party.stream.is_resumed());
        if self.left > 0 {
            self.connect()?;
        }
        Ok(false)
    }

    fn take(&mut self, party: &mut Party, index: usize, mut bytes: &[u8]) -> io::Result<bool> {
        if party.body.is_none() {
            party.head.extend_from_slice(bytes);
            let Some(end) = find(&party.head, b"\r\n\r\n") else {
                return Ok(true);
            };
            let head = &party.head[..end + 4];
            if party.client && !head.starts_with(b"HTTP/1.1 200 ") {
                let text = String::from_utf8_lossy(&party.head).into_owned();
                return Err(io::Error::other(format!(
                    "an answer that is no 200: {text}"
                )));
            }
            let length = content_length(head);
            if party.client && length != self.exchange.body {
                let text = String::from_utf8_lossy(head).into_owned();
                return Err(io::Error::other(format!(
                    "an answer of another length: {text}"
                )));
            }
            let rest = party.head.len() - head.len();
            bytes = &bytes[bytes.len() - rest..];
            party.body = Some(length);
            party.head.clear();
        }
        let left = party.body.expect("a body is expected");
        if bytes.len() < left {
            party.body = Some(left - bytes.len());
            return Ok(true);
        }
        if bytes.len() > left {
            return Err(io::Error::other("bytes behind a message"));
        }
        party.body = None;
        if !party.client {
            party.sending = true;
            return self.write(party, index).map(|()| true);
        }
        self.done += 1;
        if let Some(answered) = self.answered.get_mut(party.asks) {
            *answered += 1;
        }
        if let (Some(schedule), Some(due)) = (&mut self.schedule, party.due.take()) {
            schedule.took.push(due.elapsed());
            if !self.exchange.reconnects {
                schedule.resting.push(index);
            }
            return Ok(!self.exchange.reconnects);
        }
        if self.exchange.reconnects {
            if self.left > 0 {
                self.connect()?;
            }
            return Ok(false);
        }
        if self.left == 0 || self.stay {
            return Ok(self.stay);
        }
        self.left -= 1;
        party.sending = true;
        self.write(party, index).map(|()| true)
    }

    fn write(&mut self, party: &mut Party, index: usize) -> io::Result<()> {
        let bytes = match party.client {
            true => &self.exchange.request,
            false => &self.exchange.answer,
        };
        if self.exchange.greets && party.client {
            party.sending = false;
            return party.stream.greet().map(drop);
        }
        let blocked = loop {
            match party.stream.write(&bytes[party.sent..]) {
                Ok(n) => party.sent += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break true,
                // A subject that is stopped; its client says so.
                Err(_) if !party.client => break false,
                Err(error) => return Err(error),
            }
            if party.sent == bytes.len() {
                (party.sent, party.sending) = (0, false);
                break false;
            }
        };
        let blocked = blocked && party.stream.waits_for_room();
        if blocked != party.blocked {
            party.blocked = blocked;
            let wanted = match blocked {
                true => EventFlags::IN | EventFlags::OUT,
                false => EventFlags::IN,
            };
            epoll::modify(
                &self.epoll,
                party.stream.socket(),
                data(PARTIES + index),
                wanted,
            )?;
        }
        Ok(())
    }
}

/// Waits for events; a tracer that comes or goes interrupts it.
pub(crate) fn wait(
    epoll: &OwnedFd,
    events: &mut Vec<Event>,
    patience: Option<&Timespec>,
) -> io::Result<()> {
    loop {
        match epoll::wait(epoll, spare_capacity(events), patience) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

fn data(index: usize) -> EventData {
    EventData::new_u64(index as u64)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

fn content_length(head: &[u8]) -> usize {
    let text = std::str::from_utf8(head).unwrap_or_default();
    let lines = text.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut length = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length
        .next()
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(0)
}
