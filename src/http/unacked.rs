//! How much of what was written the other side's kernel has not acknowledged.
//!
//! «Writable» is told only once a third of the kernel's send buffer is free, which is megabytes:
//! a client that takes 100 KiB a second seems to stand still for ten. The kernel knows better
//! and tells it to those who ask as `ss` does (`sock_diag(7)`).

use std::net::{IpAddr, SocketAddr};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
/// Of a netlink message's header.
const HEADER: usize = 16;
/// Of `inet_diag_req_v2`.
const QUESTION: u32 = 56;
/// Where `idiag_wqueue` stands in `inet_diag_msg`.
const WRITE_QUEUE: usize = 60;

/// Bytes in the kernel between `local` and `peer`, sent or not. None where the kernel does not
/// tell, or has no such connection.
pub(super) fn unacked(local: SocketAddr, peer: SocketAddr) -> Option<u64> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let kind = SocketType::DGRAM;
    let kernel = socket_with(
        AddressFamily::NETLINK,
        kind,
        flags,
        Some(netlink::SOCK_DIAG),
    )
    .ok()?;
    send(&kernel, &question(local, peer), SendFlags::NOSIGNAL).ok()?;
    // It has answered before `send` returns.
    let mut answer = [0; 512];
    let (count, _) = recv(&kernel, &mut answer[..], RecvFlags::DONTWAIT).ok()?;
    read(answer.get(..count)?)
}

fn read(answer: &[u8]) -> Option<u64> {
    let kind = answer.get(4..6)?.try_into().ok()?;
    if u16::from_ne_bytes(kind) != BY_FAMILY {
        return None;
    }
    let queue = answer.get(HEADER + WRITE_QUEUE..)?.get(..4)?;
    Some(u32::from_ne_bytes(queue.try_into().ok()?).into())
}

fn question(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    const TCP: u8 = 6;
    let mut out = Vec::new();
    let length = u32::try_from(HEADER).unwrap_or(0) + QUESTION;
    out.extend_from_slice(&length.to_ne_bytes());
    out.extend_from_slice(&BY_FAMILY.to_ne_bytes());
    out.extend_from_slice(&REQUEST.to_ne_bytes());
    // Neither a number nor a sender: there is one question, and one answer.
    out.extend_from_slice(&[0; 8]);
    let family = match local {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let family = u8::try_from(family.as_raw()).unwrap_or(0);
    out.extend_from_slice(&[family, TCP, 0, 0]);
    // In every state.
    out.extend_from_slice(&[0xff; 4]);
    out.extend_from_slice(&local.port().to_be_bytes());
    out.extend_from_slice(&peer.port().to_be_bytes());
    for address in [local.ip(), peer.ip()] {
        let mut bytes = [0; 16];
        match address {
            IpAddr::V4(ip) => bytes[..4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => bytes = ip.octets(),
        }
        out.extend_from_slice(&bytes);
    }
    // One on a link's own address is bound to its interface.
    let interface = match local {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    };
    out.extend_from_slice(&interface.to_ne_bytes());
    // No cookie.
    out.extend_from_slice(&[0xff; 8]);
    out
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::{read, unacked};

    #[test]
    fn what_the_other_side_has_not_taken_is_told_to_the_byte() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let door = TcpListener::bind(address).unwrap();
            let mut theirs = TcpStream::connect(door.local_addr().unwrap()).unwrap();
            let (mut ours, _) = door.accept().unwrap();
            ours.set_nonblocking(true).unwrap();
            let (local, peer) = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
            assert_eq!(unacked(local, peer), Some(0));
            let mut sent = 0;
            while let Ok(count) = ours.write(&[7; 64 * 1024]) {
                sent += count as u64;
            }
            let full = unacked(local, peer).unwrap();
            assert!(full > 0 && full <= sent, "{full} of {sent}");
            let mut left = sent;
            let mut piece = vec![0; 64 * 1024];
            while left > 0 {
                left -= theirs.read(&mut piece).unwrap() as u64;
            }
            // All was read, so all had come.
            assert_eq!(unacked(local, peer), Some(0));
            drop((ours, theirs));
        }
    }

    #[test]
    fn an_answer_that_is_none_tells_nothing() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[0; 200]), None);
        let nobody = "127.0.0.1:1".parse().unwrap();
        assert_eq!(unacked(nobody, nobody), None);
    }
}
