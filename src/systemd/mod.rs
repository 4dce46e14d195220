//! The service manager this process runs under: systemd, or whoever speaks its protocol
//! (sd_notify(3)). It is told when all is ready, that all is alive, and keeps the listening
//! sockets over a restart or a crash (systemd.io/FILE_DESCRIPTOR_STORE): whoever connects in
//! between waits in the kernel's queue and is refused by nobody.
//!
//! Under no service manager every function here does nothing.

mod shelf;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use shelf::Shelf;
use wire::Wire;

/// The way to the service manager. A default one is none.
#[derive(Debug, Clone, Default)]
pub struct Systemd(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    /// None where sockets were given and nobody wants to hear of anything.
    wire: Option<Wire>,
    watchdog: Option<Duration>,
    shelf: Mutex<Shelf>,
}

impl Systemd {
    /// The one that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `LISTEN_FDS`), with
    /// the sockets it has kept. To be called before any thread is started: what a child must not
    /// inherit is taken out of the environment.
    pub fn of_environment() -> Self {
        let word = |name| std::env::var(name).ok();
        let wire = std::env::var_os("NOTIFY_SOCKET").and_then(|path| Wire::to(&path));
        let shelf = Shelf::inherited();
        if wire.is_none() && !shelf.is_kept() {
            return Self::default();
        }
        let own = |pid: String| pid.parse() == Ok(std::process::id());
        let period = word("WATCHDOG_USEC").and_then(|usec| usec.parse().ok());
        let watchdog = period.filter(|usec| *usec > 0 && word("WATCHDOG_PID").is_none_or(own));
        Self(Some(Arc::new(Inner {
            wire,
            watchdog: watchdog.map(Duration::from_micros),
            shelf: Mutex::new(shelf),
        })))
    }

    /// Says that all is ready, and what is served.
    pub fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={}", line(status)));
    }

    /// Says what is served now.
    pub fn status(&self, status: &str) {
        self.say(&format!("STATUS={}", line(status)));
    }

    /// Says that what was changed outside is being read. [`ready`](Self::ready) ends it.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// Says that the end has begun, and that it may take as long as `most`.
    pub fn stopping(&self, most: Duration) {
        let micros = most.as_micros();
        self.say(&format!(
            "STOPPING=1\nSTATUS=finishing what is under way\nEXTEND_TIMEOUT_USEC={micros}"
        ));
    }

    /// How often it wants to be told that all is alive, at the latest; none where it does not.
    pub fn watchdog(&self) -> Option<Duration> {
        self.0.as_ref()?.watchdog
    }

    /// Says that all is alive.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// Whether there is one that listens.
    pub fn is_there(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.wire.is_some())
    }

    /// Whether sockets outlive this process: then closing them refuses nobody.
    pub fn keeps_sockets(&self) -> bool {
        let shelf = self.0.as_ref().map(|inner| inner.shelf());
        shelf.is_some_and(|shelf| shelf.is_kept())
    }

    /// A descriptor of the socket that is kept for `address`, if there is one.
    pub fn kept(&self, address: SocketAddr) -> Option<TcpListener> {
        self.0.as_ref()?.shelf().take(address)
    }

    /// Has `socket`, which listens at `address`, kept, unless it is already. Any port (0) is
    /// another one the next time, and not kept.
    pub fn keep(&self, address: SocketAddr, socket: &TcpListener) {
        let Some(inner) = &self.0 else { return };
        if address.port() == 0 {
            return;
        }
        let name = inner.shelf().add(address, socket);
        if let Some(name) = name {
            inner.store(&name, socket);
        }
    }

    /// Has the socket of `address` kept no longer. It is closed over there when this returns, so
    /// that the last of ours ends it.
    pub fn forget(&self, address: SocketAddr) {
        let Some(inner) = &self.0 else { return };
        let name = inner.shelf().remove(address);
        if let Some(name) = name {
            inner.remove(&[name]);
        }
    }

    /// Lets go of sockets that an earlier life left, that nobody has asked for, and that stand in
    /// the way of `address`. Whether there were any.
    pub fn make_way(&self, address: SocketAddr) -> bool {
        let is_near = |kept: SocketAddr| kept.port() == address.port();
        self.let_go(is_near)
    }

    /// Lets go of all that an earlier life left and nobody has asked for: the start is over.
    pub fn settled(&self) {
        self.let_go(|_| true);
    }

    fn let_go(&self, of: impl Fn(SocketAddr) -> bool) -> bool {
        let Some(inner) = &self.0 else { return false };
        let names = inner.shelf().remove_unclaimed(of);
        if !names.is_empty() {
            inner.remove(&names);
        }
        !names.is_empty()
    }

    fn say(&self, words: &str) {
        if let Some(wire) = self.0.as_ref().and_then(|inner| inner.wire.as_ref()) {
            wire.send(words, &[]);
        }
    }
}

impl Inner {
    fn store(&self, name: &str, socket: &TcpListener) {
        if let Some(wire) = &self.wire {
            wire.store(name, socket);
        }
    }

    fn remove(&self, names: &[String]) {
        if let Some(wire) = &self.wire {
            wire.remove(names);
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A status is one line: the next one would be another message.
fn line(status: &str) -> String {
    status.replace('\n', " ")
}

#[cfg(test)]
mod tests;
