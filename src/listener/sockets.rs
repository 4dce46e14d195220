//! The listening sockets that are open, and those a change needs.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::socket;
use crate::model::{Listener, Name};
use crate::systemd::Systemd;

/// The listening sockets of the process.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) open: Vec<Open>,
    /// What the document asks for, open or not.
    pub(super) wanted: Vec<(Name, SocketAddr)>,
    /// Who keeps them over a restart.
    pub(super) systemd: Systemd,
}

/// A listener that clients can connect to.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) name: Name,
    pub(super) address: SocketAddr,
    pub(super) socket: TcpListener,
}

/// A listener not yet in use.
#[derive(Debug)]
pub(super) struct New {
    pub(super) open: Open,
    /// One for each worker, made beforehand: taking it into use cannot fail.
    pub(super) dups: Vec<TcpListener>,
}

impl Open {
    fn is(&self, name: &Name, address: SocketAddr) -> bool {
        self.name == *name && self.address == address
    }
}

impl Sockets {
    /// Opens what `listener` needs; nothing when it is open under its name already.
    pub(super) fn find_or_open(
        &self,
        listener: &Listener,
        wanted: &[Listener],
        workers: usize,
    ) -> io::Result<Option<New>> {
        let here = self
            .open
            .iter()
            .find(|open| open.address == listener.address);
        let socket = match here {
            Some(open) if open.name == listener.name => return Ok(None),
            Some(open) => open.socket.try_clone()?,
            None => self.open_beside(listener.address, wanted)?,
        };
        let dups: io::Result<Vec<_>> = (0..workers).map(|_| socket.try_clone()).collect();
        Ok(Some(New {
            dups: dups?,
            open: Open {
                name: listener.name.clone(),
                address: listener.address,
                socket,
            },
        }))
    }

    /// Opens `address`, also where one of our own sockets that is about to go stands in its
    /// way (`0.0.0.0:80` before `127.0.0.1:80`): that one is told late to share its port.
    fn open_beside(&self, address: SocketAddr, wanted: &[Listener]) -> io::Result<TcpListener> {
        let error = match socket::open_or_take(address, &self.systemd) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => error,
            done => return done,
        };
        let leaving = |open: &&Open| {
            open.address.port() == address.port()
                && !wanted.iter().any(|l| l.address == open.address)
        };
        let mut shared = false;
        for open in self.open.iter().filter(leaving) {
            socket::share(&open.socket)?;
            shared = true;
        }
        if shared {
            return socket::open(address, true);
        }
        Err(error)
    }

    /// Closes what is not wanted, or is replaced; answers where it was. Whose address nobody wants
    /// is not kept over a restart either.
    pub(super) fn close_gone(
        &mut self,
        wanted: &[(Name, SocketAddr)],
        new: &[New],
    ) -> Vec<SocketAddr> {
        let goes = |open: &mut Open| {
            let replaced = new.iter().any(|new| new.open.address == open.address);
            replaced || !wanted.iter().any(|(name, address)| open.is(name, *address))
        };
        let gone: Vec<SocketAddr> = self
            .open
            .extract_if(.., goes)
            .map(|open| open.address)
            .collect();
        let is_left = |address: &&SocketAddr| !new.iter().any(|new| new.open.address == **address);
        for address in gone.iter().filter(is_left) {
            self.systemd.forget(*address);
        }
        gone
    }

    /// Every listener of the document, where it is, and whether it is open.
    pub(super) fn listeners(&self) -> Vec<(Name, SocketAddr, bool)> {
        let state = |(name, address): &(Name, SocketAddr)| {
            let open = self.open.iter().find(|open| open.is(name, *address));
            // Port 0 has become a real one.
            let actual = open.and_then(|open| open.socket.local_addr().ok());
            (name.clone(), actual.unwrap_or(*address), open.is_some())
        };
        self.wanted.iter().map(state).collect()
    }
}
