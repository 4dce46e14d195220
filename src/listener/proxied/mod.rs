//! What a proxy before us says of its client ahead of all else: the PROXY protocol, versions 1
//! and 2, of HAProxy's `doc/proxy-protocol.txt`.
//!
//! The bytes are read one need after another, never past the header: what follows is TLS or a
//! request.

mod parse;

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, Take};
use tokio::net::TcpStream;

use parse::{Parsed, parse};

/// The client that the proxy on `socket` names, or `peer` where it names none. None where what
/// it says is no header, or it goes. As long as it takes: limiting that is for the caller.
pub(super) async fn client(socket: &mut TcpStream, peer: SocketAddr) -> Option<SocketAddr> {
    let mut header = Vec::new();
    loop {
        match parse(&header) {
            Parsed::Client(client) => return Some(client),
            Parsed::Nobody => return Some(peer),
            Parsed::Malformed => return None,
            Parsed::Needs(more) => {
                let mut next: Take<&mut TcpStream> = socket.take(u64::from(more));
                // Its end would be one within the header.
                if next.read_buf(&mut header).await.ok()? == 0 {
                    return None;
                }
            }
        }
    }
}
