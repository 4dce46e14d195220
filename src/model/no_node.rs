//! Addresses where no node can be, or where a cloud tells its machines' secrets: whoever chose
//! one of them could read those through a site.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why no node is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoNode {
    /// Addresses of one link, and those where clouds hand out their machines' secrets.
    LinkLocal,
    /// No address of one machine.
    NoMachine,
}

impl NoNode {
    /// What is told of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::LinkLocal => {
                "link-local and cloud metadata addresses are not connected to: no node is there"
            }
            Self::NoMachine => "this is no address of one machine",
        }
    }
}

/// What clouds serve their machines' secrets at, beside the link-local addresses: AWS by IPv6,
/// Alibaba Cloud.
const METADATA: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

/// Why no node is at `ip`; none where one may be.
pub fn no_node(ip: IpAddr) -> Option<NoNode> {
    let ip = reached(ip);
    if is_link_local(ip) || METADATA.contains(&ip) {
        Some(NoNode::LinkLocal)
    } else if ip.is_unspecified() || ip.is_multicast() || is_this_machine(ip) {
        Some(NoNode::NoMachine)
    } else {
        None
    }
}

/// The address that is reached: IPv4 within IPv6 as it is, mapped or by NAT64.
pub fn reached(ip: IpAddr) -> IpAddr {
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

/// All of 0.0.0.0/8 is «this machine» to Linux or to nobody. The broadcast address needs no rule:
/// the kernel makes no connection to it, and says so.
fn is_this_machine(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 0)
}
