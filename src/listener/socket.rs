//! Listening sockets: opening them, and words for why one cannot be.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::holder::holder;
use crate::model::{Language, words};
use crate::systemd::Systemd;

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

/// The socket for `address` that the service manager has kept from an earlier life, with who has
/// connected since; a new one otherwise.
pub(super) fn open_or_take(address: SocketAddr, systemd: &Systemd) -> io::Result<TcpListener> {
    if let Some(kept) = systemd.kept(address) {
        // As an earlier version may not have opened it.
        let socket = SockRef::from(&kept);
        socket.set_tcp_nodelay(true)?;
        socket.listen(BACKLOG)?;
        return Ok(kept);
    }
    match open(address, false) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && systemd.make_way(address) => {
            open(address, false)
        }
        opened => opened,
    }
}

/// Lets a second socket bind the port of one that is already open.
pub(super) fn share(socket: &TcpListener) -> io::Result<()> {
    SockRef::from(socket).set_reuse_port(true)
}

/// Why an address cannot be listened at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Busy {
    /// A program has it: `nginx (pid 123)`, where it can be told which.
    InUse(Option<String>),
    /// The system does not let us.
    NotPermitted,
    /// It is no address of this machine.
    NotHere,
    /// Anything else, in the system's words.
    Other(String),
}

impl Busy {
    /// Why, and what to do, of a port of this number.
    pub fn text(&self, port: u16, language: Language) -> String {
        match self {
            Self::InUse(Some(who)) => words!(
                language,
                "{who} has it: stop that, or choose another port",
                "已被 {who} 占用：请停止该程序，或另选端口"
            ),
            Self::InUse(None) => words!(
                language,
                "another program has it: stop that, or choose another port",
                "已被其他程序占用：请停止该程序，或另选端口"
            ),
            Self::NotPermitted => words!(
                language,
                "the system does not let Steelyard open port {port}: choose one above 1023, or install the package, which may",
                "系统不允许 Steelyard 打开端口 {port}：请选 1023 以上的端口，或使用安装包（已获授权）"
            ),
            Self::NotHere => words!(
                language,
                "this is no address of this machine",
                "这不是本机的地址"
            ),
            Self::Other(why) => {
                words!(language, "it cannot be opened: {why}", "无法打开：{why}")
            }
        }
    }
}

/// Whether `address` could be listened at now: it is opened and closed again.
///
/// # Errors
/// Why not.
pub fn try_address(address: SocketAddr) -> Result<(), Busy> {
    let Err(error) = open(address, false) else {
        return Ok(());
    };
    Err(match error.kind() {
        io::ErrorKind::AddrInUse => Busy::InUse(holder(address)),
        io::ErrorKind::PermissionDenied => Busy::NotPermitted,
        io::ErrorKind::AddrNotAvailable => Busy::NotHere,
        _ => Busy::Other(error.to_string()),
    })
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
