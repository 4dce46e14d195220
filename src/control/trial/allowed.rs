//! Where a trial may connect to: wherever a node may be, and that is not this program, nor what
//! a cloud tells its machines alone.

use std::net::SocketAddr;
use std::path::Path;

use tokio::task::spawn_blocking;

use super::TrialFault;
use crate::control::own_socket::{CONTROL_SOCKET, is_own, is_same};
use crate::model::{NoNode, no_node, reached};

/// Why no node may be at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// The admin address of this program.
    OwnPanel,
    /// The session store of this program.
    OwnSessions,
    /// The control socket of this program.
    OwnSocket,
    /// Addresses of one link, where clouds hand out their machines' secrets.
    LinkLocal,
    /// No address of one machine.
    NoMachine,
}

impl Barred {
    /// Its name, for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnPanel => "own_panel",
            Self::OwnSessions => "own_sessions",
            Self::OwnSocket => "own_socket",
            Self::LinkLocal => "link_local",
            Self::NoMachine => "no_machine",
        }
    }
}

impl std::fmt::Display for Barred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OwnPanel => "this is the admin address of this program, which is no node",
            Self::OwnSessions => "this is the session store of this program, which is no node",
            Self::OwnSocket => "this is the control socket of this program, which is no node",
            Self::LinkLocal => NoNode::LinkLocal.words(),
            Self::NoMachine => NoNode::NoMachine.words(),
        })
    }
}

/// Whether `address` may be connected to, while the admin server and the session store listen at
/// these.
pub(super) fn address(
    address: SocketAddr,
    (panel, store): (Option<SocketAddr>, Option<SocketAddr>),
) -> Result<(), TrialFault> {
    let address = SocketAddr::new(reached(address.ip()), address.port());
    let barred = match no_node(address.ip()) {
        _ if panel.is_some_and(|open| is_own(address, open)) => Barred::OwnPanel,
        _ if store.is_some_and(|open| is_own(address, open)) => Barred::OwnSessions,
        Some(NoNode::LinkLocal) => Barred::LinkLocal,
        Some(NoNode::NoMachine) => Barred::NoMachine,
        None => return Ok(()),
    };
    Err(TrialFault::Barred(barred))
}

/// Whether the Unix socket at `path` may be, with the data directory `dir`.
pub(super) async fn path(path: &Path, dir: &Path) -> Result<(), TrialFault> {
    let (path, own) = (path.to_owned(), dir.join(CONTROL_SOCKET));
    let look = spawn_blocking(move || is_same(&path, &own));
    match look.await {
        Ok(false) => Ok(()),
        Ok(true) => Err(TrialFault::Barred(Barred::OwnSocket)),
        Err(_) => Err(TrialFault::BrokenOff),
    }
}

#[cfg(test)]
mod tests {
    use super::{Barred, TrialFault, address};

    #[test]
    fn a_trial_goes_where_a_node_may_be_and_nowhere_else() {
        let own = |text: &str| Some(text.parse().unwrap());
        let open = (own("127.0.0.1:9443"), own("0.0.0.0:6379"));
        let judged = |text: &str| match address(text.parse().unwrap(), open) {
            Ok(()) => None,
            Err(TrialFault::Barred(barred)) => Some(barred),
            Err(other) => panic!("{text}: {other}"),
        };
        for good in [
            "127.0.0.1:8000",
            "10.0.0.1:9443",
            "192.168.1.1:80",
            "[::1]:8000",
            "[fd00::1]:80",
            "203.0.113.7:80",
        ] {
            assert_eq!(judged(good), None, "{good}");
        }
        for (bad, barred) in [
            ("127.0.0.1:6379", Barred::OwnSessions),
            ("127.0.0.1:9443", Barred::OwnPanel),
            ("[::1]:9443", Barred::OwnPanel),
            ("0.0.0.0:9443", Barred::OwnPanel),
            ("[::ffff:127.0.0.1]:9443", Barred::OwnPanel),
            ("169.254.169.254:80", Barred::LinkLocal),
            ("[::ffff:169.254.169.254]:80", Barred::LinkLocal),
            ("[64:ff9b::a9fe:a9fe]:80", Barred::LinkLocal),
            ("[fe80::1]:80", Barred::LinkLocal),
            ("[fd00:ec2::254]:80", Barred::LinkLocal),
            ("100.100.100.200:80", Barred::LinkLocal),
            ("0.0.0.0:80", Barred::NoMachine),
            ("0.1.2.3:80", Barred::NoMachine),
            ("[::]:80", Barred::NoMachine),
            ("224.0.0.1:80", Barred::NoMachine),
            ("[ff02::1]:80", Barred::NoMachine),
        ] {
            assert_eq!(judged(bad), Some(barred), "{bad}");
        }
    }
}
