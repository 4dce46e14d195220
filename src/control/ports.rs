//! Whether a port can be listened at, and who has it where not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::task::spawn_blocking;

use super::Handle;
use crate::listener::{Busy, try_address};

/// What is with a port of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortState {
    /// A listener of ours has it.
    Ours,
    /// Nobody has it.
    Free,
    /// It cannot be listened at, and why.
    Busy(Busy),
}

impl Handle {
    /// What is with `address` now.
    pub async fn port_state(&self, address: SocketAddr) -> PortState {
        let config = self.config();
        let mut listeners = config.listeners.iter();
        if listeners.any(|listener| listener.address.port() == address.port()) {
            return PortState::Ours;
        }
        let look = spawn_blocking(move || try_address(address));
        match look.await {
            Ok(Ok(())) => PortState::Free,
            Ok(Err(busy)) => PortState::Busy(busy),
            Err(error) => PortState::Busy(Busy::Other(error.to_string())),
        }
    }

    /// Every address of this machine at `port`: of IPv6 too, where it has that.
    pub async fn everywhere(&self, port: u16) -> SocketAddr {
        let both = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let has = spawn_blocking(|| {
            let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
            try_address(any).is_ok()
        });
        match has.await {
            Ok(true) => both,
            _ => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use crate::listener::{Busy, try_address};

    #[test]
    fn a_port_is_free_or_it_is_told_who_has_it() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        match try_address(address) {
            Err(Busy::InUse(Some(who))) => assert!(who.contains("(pid "), "{who}"),
            other => panic!("{other:?}"),
        }
        drop(held);
        assert_eq!(try_address(address), Ok(()));
        let elsewhere = "192.0.2.1:80".parse().unwrap();
        assert_eq!(try_address(elsewhere), Err(Busy::NotHere));
    }
}
