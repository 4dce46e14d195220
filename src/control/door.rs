//! The admin address: its socket is opened as part of the change that names it, so that
//! an address in use is a Problem and the old one stays.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Handle;
use crate::model::{Admin, Code, Problems};
use crate::systemd::Systemd;

/// Limit: connections that wait to be accepted. One operator and one scraper.
const BACKLOG: i32 = 128;

/// The admin server's socket; shut until the server asks for it.
#[derive(Debug, Default)]
pub(super) struct Door {
    hung: Mutex<Option<Hung>>,
    /// Who keeps its socket over a restart.
    systemd: Systemd,
}

/// What this machine says of the admin address, beside the Config.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AdminAddress {
    /// Given on the command line: then the Config's address is not used.
    pub rescue: Option<SocketAddr>,
    /// Of the boot file: used as long as the Config has the default.
    pub home: Option<SocketAddr>,
}

impl AdminAddress {
    /// Where to listen as `configured`.
    fn of(self, configured: &Admin) -> SocketAddr {
        let is_default = configured.address == Admin::default().address;
        let home = self.home.filter(|_| is_default);
        self.rescue.or(home).unwrap_or(configured.address)
    }
}

#[derive(Debug)]
struct Hung {
    systemd: Systemd,
    /// What is used instead of the Config's address.
    instead: AdminAddress,
    /// What is open.
    open: Option<Open>,
    /// The way to the admin server.
    give: UnboundedSender<AdminSocket>,
}

#[derive(Debug)]
struct Open {
    /// The address that was asked for.
    wanted: SocketAddr,
    socket: TcpListener,
    secure: bool,
}

/// What the admin server is to serve.
#[derive(Debug)]
pub struct AdminSocket {
    /// Where.
    pub socket: TcpListener,
    /// Whether by TLS.
    pub secure: bool,
}

impl Handle {
    /// Opens the admin address, what is to be used `instead` or else the Config's, and answers
    /// where its sockets arrive: one now, or as soon as it can be opened, and one more whenever
    /// the address changes. The newest counts.
    pub fn open_admin(&self, instead: AdminAddress) -> UnboundedReceiver<AdminSocket> {
        let configured = self.admin();
        self.control.door.hang(instead, &configured)
    }

    /// Closes the admin address: its server has stopped.
    pub fn shut_admin(&self) {
        self.control.door.shut();
    }

    /// Where the admin server really listens, once it does.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.control.door.local_address()
    }
}

impl Door {
    /// One whose socket `systemd` keeps over a restart.
    pub(super) fn of(systemd: Systemd) -> Self {
        let hung = Mutex::default();
        Self { hung, systemd }
    }

    /// Opens the address for the admin server, now if that is possible.
    pub(super) fn hang(
        &self,
        instead: AdminAddress,
        configured: &Admin,
    ) -> UnboundedReceiver<AdminSocket> {
        let (give, take) = unbounded_channel();
        *self.lock() = Some(Hung {
            systemd: self.systemd.clone(),
            instead,
            open: None,
            give,
        });
        if let Err(error) = self.try_open(configured) {
            let address = instead.of(configured);
            tracing::error!(%address, "the admin address cannot be opened: {error}");
        }
        take
    }

    /// Opens what `wanted` says beside what is open. Nothing where nothing has to be opened.
    ///
    /// # Errors
    /// The Problem, when the address cannot be had.
    pub(super) fn prepare(&self, wanted: &Admin) -> Result<Option<TcpListener>, Problems> {
        let door = self.lock();
        let Some(hung) = door.as_ref() else {
            return Ok(None);
        };
        if hung.instead.rescue.is_some() && hung.open.is_none() {
            return Ok(None);
        }
        let (address, _) = hung.wanted(wanted);
        hung.opened(wanted).map_err(|error| {
            let mut problems = Problems::default();
            let message = format!("{address} cannot be opened: {error}");
            problems.add("admin.address", Code::Conflict, message);
            problems
        })
    }

    /// Hands a socket that was prepared to the admin server.
    pub(super) fn publish(&self, admin: &Admin, socket: TcpListener) {
        if let Some(hung) = self.lock().as_mut() {
            let (wanted, secure) = hung.wanted(admin);
            hung.hand_over(wanted, socket, secure);
        }
    }

    /// Closes what is open, for good.
    pub(super) fn shut(&self) {
        *self.lock() = None;
    }

    /// Opens the address if it should be open and is not.
    pub(super) fn mend(&self, configured: &Admin) {
        // Said once, when it was hung; every five seconds would drown the log.
        if let Ok(Some(address)) = self.try_open(configured) {
            tracing::info!(%address, "the admin address is open");
        }
    }

    /// Where the socket really listens: another port than asked for where that was 0.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        let door = self.lock();
        door.as_ref()?.open.as_ref()?.socket.local_addr().ok()
    }

    /// Whether TLS is spoken there, or would be as `configured`.
    pub(super) fn is_secure(&self, configured: &Admin) -> bool {
        configured.is_secure_at(self.wanted(configured))
    }

    /// Where it is to listen as `configured`.
    pub(super) fn wanted(&self, configured: &Admin) -> SocketAddr {
        let door = self.lock();
        let instead = door.as_ref().map(|hung| hung.instead);
        instead.unwrap_or_default().of(configured)
    }

    fn try_open(&self, configured: &Admin) -> io::Result<Option<SocketAddr>> {
        let mut door = self.lock();
        let Some(hung) = door.as_mut() else {
            return Ok(None);
        };
        let (wanted, secure) = hung.wanted(configured);
        let Some(socket) = hung.opened(configured)? else {
            return Ok(None);
        };
        hung.hand_over(wanted, socket, secure);
        Ok(Some(wanted))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Hung>> {
        self.hung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hung {
    /// Where it is to listen as `configured`, and whether by TLS.
    fn wanted(&self, configured: &Admin) -> (SocketAddr, bool) {
        let wanted = self.instead.of(configured);
        (wanted, configured.is_secure_at(wanted))
    }

    /// The socket for `configured`; none where it is open already.
    fn opened(&self, configured: &Admin) -> io::Result<Option<TcpListener>> {
        let (wanted, secure) = self.wanted(configured);
        match &self.open {
            Some(open) if open.wanted == wanted && open.secure == secure => Ok(None),
            // The same queue of connections, taken from in the other way.
            Some(open) if open.wanted == wanted => open.socket.try_clone().map(Some),
            open => {
                let beside = open.as_ref().map(|open| &open.socket);
                open_or_take(wanted, beside, &self.systemd).map(Some)
            }
        }
    }

    fn hand_over(&mut self, address: SocketAddr, socket: TcpListener, secure: bool) {
        // A second descriptor of the same socket stays here, see `bind`.
        match socket.try_clone() {
            Ok(clone) => {
                if let Some(old) = self.open.as_ref().filter(|old| old.wanted != address) {
                    self.systemd.forget(old.wanted);
                }
                self.systemd.keep(address, &clone);
                self.open = Some(Open {
                    wanted: address,
                    socket: clone,
                    secure,
                });
            }
            Err(error) => {
                tracing::error!(%address, "the admin address cannot be opened: {error}");
                return;
            }
        }
        // Nobody takes it once the admin server has stopped: then nothing is served.
        let _ = self.give.send(AdminSocket { socket, secure });
    }
}

/// The socket for `address` that the service manager has kept from an earlier life, or a new one.
fn open_or_take(
    address: SocketAddr,
    old: Option<&TcpListener>,
    systemd: &Systemd,
) -> io::Result<TcpListener> {
    if let Some(kept) = systemd.kept(address) {
        return Ok(kept);
    }
    match bind(address, old) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && systemd.make_way(address) => {
            bind(address, old)
        }
        bound => bound,
    }
}

/// Binds `address`, if need be beside our own `old` socket: `0.0.0.0` and `127.0.0.1` of
/// one port exclude each other unless both say that they share it.
fn bind(address: SocketAddr, old: Option<&TcpListener>) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    let shared = old
        .map(socket2::SockRef::from)
        .filter(|old| old.set_reuse_port(true).is_ok());
    let bound = socket
        .set_reuse_port(shared.is_some())
        .and_then(|()| socket.bind(&address.into()))
        .and_then(|()| socket.listen(BACKLOG));
    // Nobody else shares it with us.
    for side in shared.into_iter() {
        side.set_reuse_port(false)?;
    }
    bound?;
    socket.set_reuse_port(false)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use super::{AdminAddress, Door};
    use crate::model::{Admin, AdminTls};

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    fn at(address: SocketAddr) -> Admin {
        Admin {
            address,
            ..Admin::default()
        }
    }

    fn rescued(rescue: Option<SocketAddr>) -> AdminAddress {
        AdminAddress { rescue, home: None }
    }

    #[test]
    fn the_home_of_the_boot_file_stands_in_for_the_default_alone() {
        let [home, other, rescue]: [SocketAddr; 3] =
            ["[::]:9443", "10.0.0.5:9443", "127.0.0.1:1"].map(|text| text.parse().unwrap());
        let of = |instead: AdminAddress, configured| instead.of(&at(configured));
        let default = Admin::default().address;
        let packaged = AdminAddress {
            home: Some(home),
            rescue: None,
        };
        assert_eq!(of(packaged, default), home);
        assert_eq!(of(packaged, other), other);
        assert_eq!(of(AdminAddress::default(), default), default);
        let rescue = Some(rescue);
        let both = AdminAddress { rescue, ..packaged };
        assert_eq!(of(both, other), "127.0.0.1:1".parse().unwrap());
    }

    #[test]
    fn an_address_in_use_is_a_problem_and_the_old_one_stays() {
        let door = Door::default();
        let mut given = door.hang(AdminAddress::default(), &at(any()));
        let taken = TcpListener::bind(any()).unwrap();
        let problems = door.prepare(&at(taken.local_addr().unwrap())).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.field, "admin.address");
        assert!(problem.message.contains("cannot be opened"), "{problem:?}");
        let old = given.try_recv().unwrap().socket;
        assert_eq!(door.local_address(), old.local_addr().ok());
        TcpStream::connect(old.local_addr().unwrap()).unwrap();
    }

    #[test]
    fn a_wider_address_of_the_same_port_can_be_opened() {
        let door = Door::default();
        let mut given = door.hang(AdminAddress::default(), &at(any()));
        let _old = given.try_recv().unwrap();
        let narrow = door.local_address().unwrap();
        let wide = SocketAddr::new("0.0.0.0".parse().unwrap(), narrow.port());
        let socket = door.prepare(&at(wide)).unwrap().unwrap();
        door.publish(&at(wide), socket);
        assert_eq!(door.local_address(), Some(wide));
        let given = given.try_recv().unwrap();
        assert!(given.secure, "beyond loopback always");
        assert!(TcpListener::bind(wide).is_err(), "the port is ours alone");
    }

    #[test]
    fn the_rescue_address_overrides_the_configured_one() {
        let door = Door::default();
        let rescue: SocketAddr = "127.0.0.2:0".parse().unwrap();
        let _given = door.hang(rescued(Some(rescue)), &at(any()));
        let local = door.local_address().unwrap();
        assert_eq!(local.ip(), rescue.ip());
        assert!(door.prepare(&at(any())).unwrap().is_none());
        door.mend(&at(any()));
        assert_eq!(door.local_address(), Some(local));
    }

    #[test]
    fn what_was_in_use_at_the_start_is_opened_once_it_is_free() {
        let taken = TcpListener::bind("127.0.0.5:0").unwrap();
        let address = taken.local_addr().unwrap();
        let door = Door::default();
        let mut given = door.hang(AdminAddress::default(), &at(address));
        assert_eq!(door.local_address(), None);
        door.mend(&at(address));
        assert!(given.try_recv().is_err());
        drop(taken);
        door.mend(&at(address));
        assert!(given.try_recv().is_ok());
    }

    #[test]
    fn the_same_address_is_handed_over_anew_where_it_is_to_speak_tls() {
        for rescue in [None, Some(any())] {
            let door = Door::default();
            let mut given = door.hang(rescued(rescue), &at(any()));
            assert!(!given.try_recv().unwrap().secure);
            let secure = Admin {
                tls: AdminTls::SelfSigned,
                ..at(any())
            };
            let socket = door.prepare(&secure).unwrap().unwrap();
            door.publish(&secure, socket);
            let second = given.try_recv().unwrap();
            assert!(second.secure);
            assert_eq!(second.socket.local_addr().ok(), door.local_address());
            assert!(door.prepare(&secure).unwrap().is_none());
        }
    }
}
