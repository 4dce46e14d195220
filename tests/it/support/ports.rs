//! Free ports that no other test takes, in this process or in another.
//!
//! Asking the kernel for port 0 and closing it again hands the same port to whoever asks next,
//! an outgoing connection included. These lie below the ephemeral range, so no connection
//! takes one by chance, and each is claimed by an abstract Unix socket of its name, which is
//! exclusive on the machine and gone with the process that held it.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on 127.0.0.1 that is ours until it is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _claim: UnixListener,
}

impl Port {
    /// Claims a port on which nothing listens.
    pub(crate) fn free() -> Self {
        // Processes begin at different places, only to spare them each other's claims.
        let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let place = (u32::from(start) * 7 + u32::from(step)) % u32::from(COUNT);
            let number = FIRST + u16::try_from(place).unwrap();
            let name = UnixAddr::from_abstract_name(format!("steelyard-test-port-{number}"));
            let Ok(claim) = UnixListener::bind_addr(&name.unwrap()) else {
                continue;
            };
            // Not by listening there for a moment: a child that another test forks just then
            // would listen on, until its exec.
            if TcpStream::connect(local(number)).is_err() {
                return Self {
                    number,
                    _claim: claim,
                };
            }
        }
        panic!("no free port from {FIRST} on");
    }

    /// The number.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The address to connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        local(self.number)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// 127.0.0.1 and this port.
pub(crate) fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
