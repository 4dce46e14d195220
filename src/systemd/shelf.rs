//! The listening sockets that the service manager keeps for us.

use std::net::{SocketAddr, TcpListener};

use listenfd::ListenFd;

/// What lies in the service manager's store, as far as we know.
///
/// A descriptor of each stays here as well: a socket that a change opened and then did not want
/// would otherwise still be kept over there, where its address is taken and nobody accepts.
#[derive(Debug, Default)]
pub(super) struct Shelf(Vec<Kept>);

#[derive(Debug)]
struct Kept {
    address: SocketAddr,
    socket: TcpListener,
    /// Whether somebody has asked for it since the start.
    is_claimed: bool,
}

impl Shelf {
    /// What an earlier life has left.
    pub(super) fn inherited() -> Self {
        let mut given = ListenFd::from_env();
        let mut shelf = Self::default();
        for index in 0..given.len() {
            match given.take_tcp_listener(index) {
                Ok(Some(socket)) => shelf.inherit(socket),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!("a descriptor of the service manager is not used: {error}");
                }
            }
        }
        shelf
    }

    pub(super) fn inherit(&mut self, socket: TcpListener) {
        let usable = socket.set_nonblocking(true);
        if let (Ok(()), Ok(address)) = (usable, socket.local_addr()) {
            self.0.push(Kept {
                address,
                socket,
                is_claimed: false,
            });
        }
    }

    /// Whether there is anything.
    pub(super) fn is_kept(&self) -> bool {
        !self.0.is_empty()
    }

    /// A descriptor of what is kept for `address`.
    pub(super) fn take(&mut self, address: SocketAddr) -> Option<TcpListener> {
        let kept = self.0.iter_mut().find(|kept| kept.address == address)?;
        kept.is_claimed = true;
        kept.socket.try_clone().ok()
    }

    /// The name for `socket` where it is to be kept from now on.
    pub(super) fn add(&mut self, address: SocketAddr, socket: &TcpListener) -> Option<String> {
        if self.0.iter().any(|kept| kept.address == address) {
            return None;
        }
        self.0.push(Kept {
            address,
            socket: socket.try_clone().ok()?,
            is_claimed: true,
        });
        Some(name(address))
    }

    /// The name of what was kept for `address`, and is no longer.
    pub(super) fn remove(&mut self, address: SocketAddr) -> Option<String> {
        let index = self.0.iter().position(|kept| kept.address == address)?;
        self.0.remove(index);
        Some(name(address))
    }

    /// The names of what nobody has asked for, of these addresses; they are no longer kept.
    pub(super) fn remove_unclaimed(&mut self, of: impl Fn(SocketAddr) -> bool) -> Vec<String> {
        let gone = |kept: &mut Kept| !kept.is_claimed && of(kept.address);
        let gone = self.0.extract_if(.., gone);
        gone.map(|kept| name(kept.address)).collect()
    }
}

/// What a socket is called over there. A name may hold no colon, which stands between names in
/// `LISTEN_FDNAMES` (sd_notify(3)); the address itself is read from the socket.
fn name(address: SocketAddr) -> String {
    format!("tcp-{address}").replace(':', "_")
}
