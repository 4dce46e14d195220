//! The admin address: its socket is opened as part of the change that names it, so that
//! an address in use is a Problem and the old one stays.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::model::{Code, Problems};

/// Limit: connections that wait to be accepted. One operator and one scraper.
const BACKLOG: i32 = 128;

/// The admin server's socket; shut until the server asks for it.
#[derive(Debug, Default)]
pub(super) struct Door(Mutex<Option<Hung>>);

#[derive(Debug)]
struct Hung {
    /// Given on the command line: then the Config's address is not used.
    rescue: Option<SocketAddr>,
    /// What is open, and the address that was asked for.
    open: Option<(SocketAddr, TcpListener)>,
    /// The way to the admin server.
    give: UnboundedSender<TcpListener>,
}

impl Door {
    /// Opens the address for the admin server, now if that is possible.
    pub(super) fn hang(
        &self,
        rescue: Option<SocketAddr>,
        configured: SocketAddr,
    ) -> UnboundedReceiver<TcpListener> {
        let (give, take) = unbounded_channel();
        *self.lock() = Some(Hung {
            rescue,
            open: None,
            give,
        });
        if let Err(error) = self.try_open(configured) {
            let address = rescue.unwrap_or(configured);
            tracing::error!(%address, "the admin address cannot be opened: {error}");
        }
        take
    }

    /// Opens `wanted` beside what is open. Nothing where nothing has to be opened.
    ///
    /// # Errors
    /// The Problem, when the address cannot be had.
    pub(super) fn prepare(&self, wanted: SocketAddr) -> Result<Option<TcpListener>, Problems> {
        let door = self.lock();
        let Some(hung) = door.as_ref() else {
            return Ok(None);
        };
        let same = hung.open.as_ref().is_some_and(|(open, _)| *open == wanted);
        if hung.rescue.is_some() || same {
            return Ok(None);
        }
        let old = hung.open.as_ref().map(|(_, socket)| socket);
        bind(wanted, old).map(Some).map_err(|error| {
            let mut problems = Problems::default();
            let message = format!("{wanted} cannot be opened: {error}");
            problems.add("admin.address", Code::Conflict, message);
            problems
        })
    }

    /// Hands a socket that was prepared to the admin server.
    pub(super) fn publish(&self, address: SocketAddr, socket: TcpListener) {
        if let Some(hung) = self.lock().as_mut() {
            hung.hand_over(address, socket);
        }
    }

    /// Closes what is open, for good.
    pub(super) fn shut(&self) {
        *self.lock() = None;
    }

    /// Opens the address if it should be open and is not.
    pub(super) fn mend(&self, configured: SocketAddr) {
        // Said once, when it was hung; every five seconds would drown the log.
        if let Ok(Some(address)) = self.try_open(configured) {
            tracing::info!(%address, "the admin address is open");
        }
    }

    /// Where the socket really listens: another port than asked for where that was 0.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        let door = self.lock();
        let (_, socket) = door.as_ref()?.open.as_ref()?;
        socket.local_addr().ok()
    }

    fn try_open(&self, configured: SocketAddr) -> io::Result<Option<SocketAddr>> {
        let mut door = self.lock();
        let Some(hung) = door.as_mut() else {
            return Ok(None);
        };
        let wanted = hung.rescue.unwrap_or(configured);
        let old = match &hung.open {
            Some((open, _)) if *open == wanted => return Ok(None),
            Some((_, socket)) => Some(socket),
            None => None,
        };
        let socket = bind(wanted, old)?;
        hung.hand_over(wanted, socket);
        Ok(Some(wanted))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Hung>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hung {
    fn hand_over(&mut self, address: SocketAddr, socket: TcpListener) {
        // A second descriptor of the same socket stays here, see `bind`.
        match socket.try_clone() {
            Ok(clone) => self.open = Some((address, clone)),
            Err(error) => {
                tracing::error!(%address, "the admin address cannot be opened: {error}");
                return;
            }
        }
        // Nobody takes it once the admin server has stopped: then nothing is served.
        let _ = self.give.send(socket);
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

    use super::Door;

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn an_address_in_use_is_a_problem_and_the_old_one_stays() {
        let door = Door::default();
        let mut given = door.hang(None, any());
        let taken = TcpListener::bind(any()).unwrap();
        let problems = door.prepare(taken.local_addr().unwrap()).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.field, "admin.address");
        assert!(problem.message.contains("cannot be opened"), "{problem:?}");
        let old = given.try_recv().unwrap();
        assert_eq!(door.local_address(), old.local_addr().ok());
        TcpStream::connect(old.local_addr().unwrap()).unwrap();
    }

    #[test]
    fn a_wider_address_of_the_same_port_can_be_opened() {
        let door = Door::default();
        let mut given = door.hang(None, any());
        let _old = given.try_recv().unwrap();
        let narrow = door.local_address().unwrap();
        let wide = SocketAddr::new("0.0.0.0".parse().unwrap(), narrow.port());
        let socket = door.prepare(wide).unwrap().unwrap();
        door.publish(wide, socket);
        assert_eq!(door.local_address(), Some(wide));
        assert!(given.try_recv().is_ok());
        assert!(TcpListener::bind(wide).is_err(), "the port is ours alone");
    }

    #[test]
    fn the_rescue_address_overrides_the_configured_one() {
        let door = Door::default();
        let rescue: SocketAddr = "127.0.0.2:0".parse().unwrap();
        let _given = door.hang(Some(rescue), any());
        let local = door.local_address().unwrap();
        assert_eq!(local.ip(), rescue.ip());
        assert!(door.prepare(any()).unwrap().is_none());
        door.mend(any());
        assert_eq!(door.local_address(), Some(local));
    }

    #[test]
    fn what_was_in_use_at_the_start_is_opened_once_it_is_free() {
        let taken = TcpListener::bind("127.0.0.5:0").unwrap();
        let address = taken.local_addr().unwrap();
        let door = Door::default();
        let mut given = door.hang(None, address);
        assert_eq!(door.local_address(), None);
        door.mend(address);
        assert!(given.try_recv().is_err());
        drop(taken);
        door.mend(address);
        assert!(given.try_recv().is_ok());
    }
}
