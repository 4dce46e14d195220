//! What is said ahead of all else on a connection to a node that wants to know who it is for: the
//! PROXY protocol, versions 1 and 2, of HAProxy's `doc/proxy-protocol.txt`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::model::ProxyProtocol;

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The header for a connection of `client`, which has reached us `at` this address; none of a
/// connection of our own, such as a check. Empty where nodes are told nothing.
pub fn proxy_header(version: ProxyProtocol, who: Option<(SocketAddr, SocketAddr)>) -> Vec<u8> {
    let ips = who.map(|(client, at)| of_one_family(client.ip(), at.ip()));
    let ports = who.map_or((0, 0), |(client, at)| (client.port(), at.port()));
    match version {
        ProxyProtocol::Off => Vec::new(),
        ProxyProtocol::V1 => text(ips, ports).into_bytes(),
        ProxyProtocol::V2 => binary(ips, ports),
    }
}

fn text(ips: Option<(IpAddr, IpAddr)>, (from, to): (u16, u16)) -> String {
    let Some((client, at)) = ips else {
        return "PROXY UNKNOWN\r\n".to_owned();
    };
    let family = if client.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {family} {client} {at} {from} {to}\r\n")
}

fn binary(ips: Option<(IpAddr, IpAddr)>, (from, to): (u16, u16)) -> Vec<u8> {
    // Version 2, of a connection of our own, and for somebody.
    const LOCAL: u8 = 0x20;
    const PROXY: u8 = 0x21;
    // TCP over IPv4, over IPv6.
    const FOUR: u8 = 0x11;
    const SIX: u8 = 0x21;
    let mut header = SIGNATURE.to_vec();
    let (family, addresses) = match ips {
        None => {
            header.extend([LOCAL, 0, 0, 0]);
            return header;
        }
        Some((IpAddr::V4(client), IpAddr::V4(at))) => {
            (FOUR, [client.octets(), at.octets()].concat())
        }
        Some((client, at)) => (SIX, [six(client).octets(), six(at).octets()].concat()),
    };
    let length = u16::try_from(addresses.len() + 4).unwrap_or(0);
    header.extend([PROXY, family]);
    header.extend(length.to_be_bytes());
    header.extend(addresses);
    header.extend(from.to_be_bytes());
    header.extend(to.to_be_bytes());
    header
}

/// Both as IPv4 where they are, else both as IPv6: the header has one family.
fn of_one_family(client: IpAddr, at: IpAddr) -> (IpAddr, IpAddr) {
    let (client, at) = (client.to_canonical(), at.to_canonical());
    match client.is_ipv4() == at.is_ipv4() {
        true => (client, at),
        false => (six(client).into(), six(at).into()),
    }
}

fn six(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}
