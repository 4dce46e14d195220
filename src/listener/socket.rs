//! Listening sockets: opening them, and words for why one cannot be.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::holder::holder;

/// Connections the kernel keeps until a worker accepts them. The kernel cuts it to its
/// own limit (`net.core.somaxconn`, 4096 unless set).
const BACKLOG: i32 = 4096;

/// Opens a listening socket. `shared` allows a second one on the same port: both sides
/// must have asked for it.
pub(super) fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Without it a restart waits for the last connections to be forgotten.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // What is accepted inherits it: an answer's last segment never waits.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Lets a second socket bind the port of one that is already open.
pub(super) fn share(socket: &TcpListener) -> io::Result<()> {
    SockRef::from(socket).set_reuse_port(true)
}

/// Why `address` could not be opened, and what to do, in words.
pub(super) fn explain(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let who = holder(address).unwrap_or_else(|| "another program".into());
            format!("{address} is in use by {who}: stop it, or choose another port")
        }
        io::ErrorKind::PermissionDenied => format!(
            "{address} may not be opened: ports below 1024 need CAP_NET_BIND_SERVICE, or choose a higher one"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is no address of this machine", address.ip())
        }
        _ => format!("{address} cannot be opened: {error}"),
    }
}
