//! Nodes that are broken, each in its own way, step by step and for as many connections as come.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::node::Gate;
use super::pause;
use super::ports::Port;

/// What a broken node does next with a connection.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Reads to the end of a request's head.
    ReadHead,
    /// Sends these bytes, in one write.
    Send(Vec<u8>),
    /// Sends these bytes again and again, as long as they are taken.
    SendForever(Vec<u8>),
    /// Sends these bytes so many times, a moment apart.
    SendSlowly(&'static [u8], usize),
    /// Says nothing more and reads what comes, until the other side ends.
    Hang,
    /// Neither says nor reads anything until the gate opens.
    Stall(Gate),
    /// Resets the connection.
    Reset,
}

impl Step {
    /// Sends a text.
    pub(crate) fn say(text: impl Into<Vec<u8>>) -> Self {
        Self::Send(text.into())
    }
}

#[derive(Debug, Default)]
struct Counts {
    stopping: AtomicBool,
    all: AtomicUsize,
    open: AtomicUsize,
}

/// A node that does the same steps with every connection and closes it behind the last.
#[derive(Debug)]
pub(crate) struct Broken {
    port: Port,
    counts: Arc<Counts>,
}

impl Broken {
    /// Listens, and does `steps` with whoever comes.
    pub(crate) fn doing(steps: Vec<Step>) -> Self {
        let port = Port::free();
        let listener = TcpListener::bind(port.address()).expect("the port is ours");
        let counts = Arc::<Counts>::default();
        let shared = Arc::clone(&counts);
        let steps: Arc<[Step]> = steps.into();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (steps, shared) = (Arc::clone(&steps), Arc::clone(&shared));
                shared.all.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    // That the other side breaks off is what is expected of it.
                    let _end = play(stream, &steps);
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, counts }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Connections that came.
    pub(crate) fn connections(&self) -> usize {
        self.counts.all.load(Ordering::SeqCst)
    }

    /// Connections that neither side has ended.
    pub(crate) fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.counts.stopping.store(true, Ordering::SeqCst);
        // Wakes the accept that is waiting.
        let _woken = TcpStream::connect(self.port.address());
    }
}

fn play(mut stream: TcpStream, steps: &[Step]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for step in steps {
        match step {
            Step::ReadHead => read_head(&mut stream)?,
            Step::Send(bytes) => stream.write_all(bytes)?,
            Step::SendForever(bytes) => loop {
                stream.write_all(bytes)?;
            },
            Step::SendSlowly(bytes, times) => {
                for _ in 0..*times {
                    stream.write_all(bytes)?;
                    pause();
                }
            }
            Step::Hang => drop(io::copy(&mut stream, &mut io::sink())?),
            Step::Stall(gate) => gate.pass(),
            Step::Reset => {
                return rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))
                    .map_err(io::Error::from);
            }
        }
    }
    stream.shutdown(Shutdown::Both)
}

fn read_head(stream: &mut TcpStream) -> io::Result<()> {
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&piece[..count]),
        }
    }
    Ok(())
}

/// An address that swallows whoever connects: nobody accepts there and its queue is full.
#[derive(Debug)]
pub(crate) struct Deaf {
    address: SocketAddr,
    _listening: Socket,
    _callers: Vec<Socket>,
}

impl Deaf {
    /// A new one.
    pub(crate) fn new() -> Self {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listening = socket();
        listening.bind(&SockAddr::from(anywhere)).unwrap();
        listening.listen(0).unwrap();
        let address = listening.local_addr().unwrap();
        // The first fills the queue, the others go on knocking should it ever have room.
        let callers = (0..8).map(|_| {
            let caller = socket();
            caller.set_nonblocking(true).unwrap();
            let _in_progress = caller.connect(&address);
            caller
        });
        Self {
            _callers: callers.collect(),
            address: address.as_socket().unwrap(),
            _listening: listening,
        }
    }

    /// Where nobody accepts.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
