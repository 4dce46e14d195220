//! Where a trial may connect to: wherever a node may be, and that is not this program, nor what
//! a cloud tells its machines alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use tokio::task::spawn_blocking;

use super::TrialFault;
use crate::control::own_socket::{CONTROL_SOCKET, is_own, is_same};

/// Why no node may be at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// The admin address of this program.
    OwnPanel,
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
            Self::OwnSocket => "this is the control socket of this program, which is no node",
            Self::LinkLocal => {
                "link-local and cloud metadata addresses are not connected to: no node is there"
            }
            Self::NoMachine => "this is no address of one machine",
        })
    }
}

/// What clouds serve their machines' secrets at, beside the link-local addresses: AWS by IPv6,
/// Alibaba Cloud.
const METADATA: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

/// Whether `address` may be connected to, while the admin server listens at `open`.
pub(super) fn address(address: SocketAddr, open: Option<SocketAddr>) -> Result<(), TrialFault> {
    let ip = meant(address.ip());
    let address = SocketAddr::new(ip, address.port());
    let barred = if open.is_some_and(|open| is_own(address, open)) {
        Barred::OwnPanel
    } else if is_link_local(ip) || METADATA.contains(&ip) {
        Barred::LinkLocal
    } else if ip.is_unspecified() || ip.is_multicast() || is_broadcast(ip) {
        Barred::NoMachine
    } else {
        return Ok(());
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

/// The address that is reached: IPv4 within IPv6 as it is, mapped or by NAT64.
fn meant(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = v6.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        ip => ip,
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_broadcast(ip: IpAddr) -> bool {
    match ip {
        // All of 0.0.0.0/8 is «this machine» to Linux or to nobody.
        IpAddr::V4(ip) => ip.is_broadcast() || ip.octets()[0] == 0,
        IpAddr::V6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Barred, TrialFault, address};

    #[test]
    fn a_trial_goes_where_a_node_may_be_and_nowhere_else() {
        let open = Some("127.0.0.1:9443".parse().unwrap());
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
            ("255.255.255.255:80", Barred::NoMachine),
        ] {
            assert_eq!(judged(bad), Some(barred), "{bad}");
        }
    }
}
