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

/// Why a proxy names no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// What it says is no header.
    Malformed,
    /// It went without a word, as one does that only looks whether we are there.
    Gone,
}

/// The client that the proxy on `socket` names, or `peer` where it names none. As long as it
/// takes: limiting that is for the caller.
pub(super) async fn client(
    socket: &mut TcpStream,
    peer: SocketAddr,
) -> Result<SocketAddr, Unnamed> {
    let mut header = Vec::new();
    loop {
        match parse(&header) {
            Parsed::Client(client) => return Ok(client),
            Parsed::Nobody => return Ok(peer),
            Parsed::Malformed => return Err(Unnamed::Malformed),
            Parsed::Needs(more) => {
                let mut next: Take<&mut TcpStream> = socket.take(u64::from(more));
                // Its end would be one within the header.
                let read = next.read_buf(&mut header).await;
                if read.map_or(true, |length| length == 0) {
                    return Err(match header.is_empty() {
                        true => Unnamed::Gone,
                        false => Unnamed::Malformed,
                    });
                }
            }
        }
    }
}
