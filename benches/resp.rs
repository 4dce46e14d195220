//! Clients of a session store in one thread on one epoll, the same for every subject: each sends a
//! number of commands at once and waits for their answers.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Bytes of a session.
pub(crate) const SESSION: usize = 300;

/// The password of both subjects.
pub(crate) const PASSWORD: &str = "hangs-level-at-noon";

/// What clients ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// A session saved again, as Django does it: with its time to live.
    Set,
    /// A session read.
    Get,
}

/// How they ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Talk {
    pub(crate) command: Command,
    pub(crate) clients: usize,
    /// Commands sent at once.
    pub(crate) pipeline: usize,
    /// The keys in turn: from here,
    pub(crate) first: usize,
    /// and so many of them, drawn where there are more commands than keys.
    pub(crate) keys: usize,
}

struct Client {
    stream: TcpStream,
    /// What of `Load::batch` is still to be written for it.
    out: Vec<u8>,
    /// Bytes of answers to come.
    wanted: usize,
}

/// Sends `commands` of them to the port and reads every answer.
pub(crate) fn run(port: u16, talk: Talk, commands: usize) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut batches = Batches::new(talk, commands);
    let mut clients = Vec::new();
    for index in 0..talk.clients {
        let mut client = Client::connect(port)?;
        client.stream.set_nonblocking(true)?;
        let data = EventData::new_u64(u64::try_from(index).unwrap_or(u64::MAX));
        epoll::add(&epoll, &client.stream, data, EventFlags::IN)?;
        batches.fill(&mut client);
        client.write(&epoll, index)?;
        clients.push(client);
    }
    let mut events = Vec::with_capacity(256);
    let mut scratch = vec![0; 64 * 1024];
    let mut busy = clients.iter().filter(|client| client.wanted > 0).count();
    while busy > 0 {
        events.clear();
        epoll::wait(&epoll, spare_capacity(&mut events), None)?;
        for event in &events {
            let (data, flags) = (event.data, event.flags);
            let index = usize::try_from(data.u64()).unwrap_or(usize::MAX);
            let client = &mut clients[index];
            if flags.contains(EventFlags::IN) && client.read(&mut scratch)? {
                batches.fill(client);
                if client.wanted == 0 {
                    busy -= 1;
                }
            }
            client.write(&epoll, index)?;
        }
    }
    Ok(())
}

impl Client {
    fn connect(port: u16) -> io::Result<Self> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        let hello = format!("*2\r\n$4\r\nAUTH\r\n${}\r\n{PASSWORD}\r\n", PASSWORD.len());
        stream.write_all(hello.as_bytes())?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        if &answer != b"+OK\r\n" {
            return Err(io::Error::other(format!(
                "AUTH was answered {:?}",
                String::from_utf8_lossy(&answer)
            )));
        }
        Ok(Self {
            stream,
            out: Vec::new(),
            wanted: 0,
        })
    }

    /// Whether its last answer is here.
    fn read(&mut self, scratch: &mut [u8]) -> io::Result<bool> {
        match self.stream.read(scratch) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                // An error is shorter or longer than what is wanted; its text says more.
                if scratch[0] == b'-' || read > self.wanted {
                    let text = String::from_utf8_lossy(&scratch[..read.min(200)]).into_owned();
                    return Err(io::Error::other(format!("answered {text}")));
                }
                self.wanted -= read;
                Ok(self.wanted == 0)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, epoll: &OwnedFd, index: usize) -> io::Result<()> {
        let mut blocked = false;
        while !self.out.is_empty() && !blocked {
            match self.stream.write(&self.out) {
                Ok(written) if written == self.out.len() => self.out.clear(),
                Ok(written) => drop(self.out.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => blocked = true,
                Err(error) => return Err(error),
            }
        }
        if blocked {
            let data = EventData::new_u64(u64::try_from(index).unwrap_or(u64::MAX));
            let flags = EventFlags::IN | EventFlags::OUT;
            epoll::modify(epoll, &self.stream, data, flags)?;
        }
        Ok(())
    }
}

/// What is still to be asked.
struct Batches {
    talk: Talk,
    left: usize,
    next: usize,
    is_drawn: bool,
    draw: u64,
    value: String,
}

impl Batches {
    fn new(talk: Talk, commands: usize) -> Self {
        Self {
            talk,
            left: commands,
            next: talk.first,
            is_drawn: commands > talk.keys,
            draw: 0x9e37_79b9_7f4a_7c15,
            value: "s".repeat(SESSION),
        }
    }

    fn key(&mut self) -> usize {
        if !self.is_drawn {
            self.next += 1;
            return self.next - 1;
        }
        self.draw ^= self.draw << 13;
        self.draw ^= self.draw >> 7;
        self.draw ^= self.draw << 17;
        let keys = u64::try_from(self.talk.keys).unwrap_or(u64::MAX);
        self.talk.first + usize::try_from(self.draw % keys).unwrap_or(0)
    }

    /// Gives a client its next commands, as long as there are any.
    fn fill(&mut self, client: &mut Client) {
        let count = self.talk.pipeline.min(self.left);
        self.left -= count;
        for _ in 0..count {
            let key = self.key();
            // As long as Django's, with its prefix and version.
            let key = format!(":1:django.contrib.sessions.cache{key:032}");
            let out = &mut client.out;
            let written = match self.talk.command {
                Command::Set => write!(
                    out,
                    "*5\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${SESSION}\r\n{}\r\n$2\r\nEX\r\n$7\r\n1209600\r\n",
                    key.len(),
                    self.value
                ),
                Command::Get => write!(out, "*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()),
            };
            written.expect("a Vec takes everything");
            client.wanted += match self.talk.command {
                Command::Set => "+OK\r\n".len(),
                Command::Get => SESSION + "$300\r\n\r\n".len(),
            };
        }
    }
}
