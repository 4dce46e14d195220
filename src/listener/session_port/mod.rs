//! The session store's port: its socket, its workers, and who gets in.
//!
//! Workers of its own: a crowd at the site takes nothing from the sessions, nor they from it. One
//! of them accepts and hands each connection to the worker that has fewest, since applications
//! keep theirs: left to chance, one core would have them all.

mod entrance;
mod worker;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustix::process::{Resource, getrlimit};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::{lock, socket};
use crate::model::{Code, Fsync, Problem};
use crate::session::{self, Throttle};
use crate::snapshot::Snapshot;
use crate::systemd::Systemd;

use worker::{Command, Load};

/// Limit: connections at once, as Redis has it. Fewer where the process may not open so many
/// files: a quarter of those at most.
const MOST_CONNECTIONS: usize = 10_000;

/// The session store's port.
#[derive(Debug, Clone)]
pub struct SessionPort(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    workers: usize,
    plane: Mutex<Plane>,
}

/// What all workers share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Where its journal is.
    folder: PathBuf,
    /// Read from there when somebody first wants a session store.
    store: OnceLock<Arc<session::Shared>>,
    /// Who may come, and what they are shown.
    snapshot: ArcSwapOption<Snapshot>,
    throttle: Throttle,
    most: usize,
    counts: Counts,
    /// Raised when connections are to end: at a stop, and when the store is turned off.
    ending: watch::Sender<u64>,
}

/// What came of those who knocked.
#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    accepted: AtomicU64,
    full: AtomicU64,
    denied: AtomicU64,
    not_shaken: AtomicU64,
}

/// The same, read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PortFigures {
    /// Connections that are open.
    pub open: usize,
    /// Connections ever let in.
    pub accepted: u64,
    /// Those refused because so many were open.
    pub full: u64,
    /// Those refused by their address.
    pub denied: u64,
    /// Those with whom no TLS came about.
    pub not_shaken: u64,
}

#[derive(Debug, Default)]
struct Plane {
    wanted: Option<SocketAddr>,
    open: Option<Open>,
    threads: Vec<Thread>,
    /// Who keeps the socket over a restart.
    systemd: Systemd,
}

#[derive(Debug)]
struct Open {
    address: SocketAddr,
    socket: TcpListener,
}

#[derive(Debug)]
struct Thread {
    commands: UnboundedSender<Command>,
    load: Load,
    /// How often it has come round when it was asked to.
    beat: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

/// A socket opened for a change that is not yet in force. Dropping it closes it.
#[derive(Debug)]
pub struct SessionSocket {
    wanted: Option<SocketAddr>,
    /// The socket, and another descriptor of it for who accepts.
    new: Option<(Open, TcpListener)>,
}

impl SessionPort {
    /// The port of the store that is kept in `folder`, which `workers` threads will serve. Nothing
    /// is open yet. `systemd` keeps its socket over a restart.
    pub fn new(folder: PathBuf, workers: usize, systemd: Systemd) -> Self {
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        Self(Arc::new(Inner {
            shared: Arc::new(Shared {
                folder,
                store: OnceLock::new(),
                snapshot: ArcSwapOption::empty(),
                throttle: Throttle::default(),
                most: MOST_CONNECTIONS.min(files / 4),
                counts: Counts::default(),
                ending: watch::Sender::new(0),
            }),
            workers: workers.max(1),
            plane: Mutex::new(Plane {
                systemd,
                ..Plane::default()
            }),
        }))
    }

    /// Brings back what was kept, unless that is done. Waits for the disk.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn open_store(&self, fsync: Fsync) -> io::Result<()> {
        let shared = &self.0.shared;
        // Held, so that nobody opens it a second time.
        let _plane = self.plane();
        if shared.store.get().is_some() {
            return Ok(());
        }
        let opened = session::Shared::open(&shared.folder, fsync)?;
        for told in opened.recovered.told {
            tracing::warn!("sessions: {told}");
        }
        if opened.recovered.changes > 0 {
            let changes = opened.recovered.changes;
            tracing::info!(changes, "sessions were read from disk");
        }
        // Nobody else fills it.
        let _ = shared.store.set(opened.shared);
        Ok(())
    }

    /// Opens what `wanted` needs and is not open yet. The store must be there.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn prepare(&self, wanted: Option<SocketAddr>) -> Result<SessionSocket, Problem> {
        let problem = |message| Problem {
            field: "sessions.listen".to_owned(),
            code: Code::Conflict,
            message,
        };
        let Some(address) = wanted else {
            return Ok(SessionSocket { wanted, new: None });
        };
        let mut plane = self.plane();
        let opened = self.open(&mut plane, address);
        let new = opened.map_err(|error| problem(socket::explain(address, &error)))?;
        Ok(SessionSocket { wanted, new })
    }

    /// What stands in place of a socket that cannot be opened: what is open stays, or nothing is.
    pub fn closed(&self, wanted: Option<SocketAddr>) -> Option<SessionSocket> {
        Some(SessionSocket { wanted, new: None })
    }

    fn open(
        &self,
        plane: &mut Plane,
        address: SocketAddr,
    ) -> io::Result<Option<(Open, TcpListener)>> {
        self.start_threads(plane)?;
        let here = plane.open.as_ref();
        if here.is_some_and(|open| open.address == address) {
            return Ok(None);
        }
        let socket = match (socket::open_or_take(address, &plane.systemd), here) {
            // Ours, which closes when this one is in force.
            (Err(error), Some(open))
                if error.kind() == io::ErrorKind::AddrInUse
                    && open.address.port() == address.port() =>
            {
                socket::share(&open.socket)?;
                socket::open(address, true)?
            }
            (opened, _) => opened?,
        };
        let accepting = socket.try_clone()?;
        Ok(Some((Open { address, socket }, accepting)))
    }

    fn start_threads(&self, plane: &mut Plane) -> io::Result<()> {
        while plane.threads.len() < self.0.workers {
            let (commands, told) = unbounded_channel();
            let (shared, load) = (Arc::clone(&self.0.shared), Load::default());
            let (own, beat) = (load.clone(), Arc::new(AtomicU64::new(0)));
            let beats = Arc::clone(&beat);
            let thread = std::thread::Builder::new()
                .name(format!("sessions-{}", plane.threads.len()))
                .spawn(move || worker::run(&shared, (&own, &beats), told))?;
            plane.threads.push(Thread {
                commands,
                load,
                beat,
                thread,
            });
        }
        Ok(())
    }

    /// Serves by `snapshot` from now on, takes a new socket into use and closes what is not
    /// wanted any more. Connections go on, unless there is no session store any more.
    pub fn publish(&self, snapshot: Arc<Snapshot>, prepared: SessionSocket) {
        let shared = &self.0.shared;
        if let Some(store) = shared.store.get() {
            let redis = entrance::behind(&snapshot, store.redis());
            store.serve(entrance::settings(&snapshot), redis);
            if let Some(journal) = store.keeping.journal() {
                journal.set_fsync(snapshot.config.sessions.fsync);
            }
        }
        shared.snapshot.store(Some(snapshot));
        let mut plane = self.plane();
        plane.wanted = prepared.wanted;
        let goes = match (&prepared.new, &plane.open) {
            (Some(_), _) => true,
            (None, Some(open)) => prepared.wanted != Some(open.address),
            (None, None) => false,
        };
        let Some(first) = plane.threads.first() else {
            return;
        };
        if goes {
            if let Some(open) = &plane.open
                && plane.wanted != Some(open.address)
            {
                plane.systemd.forget(open.address);
            }
            // A worker that is gone takes no connections either.
            drop(first.commands.send(Command::Close));
        }
        if let Some((open, socket)) = prepared.new {
            let others = plane.threads.iter();
            let to = others.map(|thread| (thread.commands.clone(), thread.load.clone()));
            let listen = Command::Listen {
                socket,
                to: to.collect(),
            };
            drop(first.commands.send(listen));
            plane.systemd.keep(open.address, &open.socket);
            plane.open = Some(open);
        } else if goes {
            plane.open = None;
            shared.ending.send_modify(|turn| *turn += 1);
        }
    }

    /// Where applications connect, if anywhere, and whether that is open.
    pub fn address(&self) -> Option<(SocketAddr, bool)> {
        let plane = self.plane();
        let wanted = plane.wanted?;
        let open = plane.open.as_ref();
        // Port 0 has become a real one.
        let actual = open.and_then(|open| open.socket.local_addr().ok());
        Some((actual.unwrap_or(wanted), open.is_some()))
    }

    /// What came of those who knocked.
    pub fn figures(&self) -> PortFigures {
        let counts = &self.0.shared.counts;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PortFigures {
            open: counts.open.load(Ordering::Relaxed),
            accepted: read(&counts.accepted),
            full: read(&counts.full),
            denied: read(&counts.denied),
            not_shaken: read(&counts.not_shaken),
        }
    }

    /// The store behind it; none as long as nobody wanted one.
    pub fn store(&self) -> Option<&Arc<session::Shared>> {
        self.0.shared.store.get()
    }

    /// How often each worker has come round when it was asked to, and asks them anew: one that is
    /// stuck does not by the next time.
    pub fn beats(&self) -> Vec<u64> {
        let plane = self.plane();
        let beat = |thread: &Thread| {
            let beat = thread.beat.load(Ordering::Relaxed);
            // Who has ended is replaced, or nobody is served any more.
            let _ = thread.commands.send(Command::Beat);
            beat
        };
        plane.threads.iter().map(beat).collect()
    }

    /// Stops: nobody new, and connections end where they are. A command that is not answered by then
    /// may have been carried out, as with a Redis that stops. Blocks until the workers are gone,
    /// `grace` at most, and what was written is on disk.
    pub fn stop(&self, grace: Duration) {
        let threads = {
            let mut plane = self.plane();
            plane.open = None;
            std::mem::take(&mut plane.threads)
        };
        for thread in &threads {
            drop(thread.commands.send(Command::Stop { grace }));
        }
        self.0.shared.ending.send_modify(|turn| *turn += 1);
        for Thread { thread, .. } in threads {
            if thread.join().is_err() {
                tracing::error!("a worker of the session store had panicked");
            }
        }
        if let Some(journal) = self.store().and_then(|store| store.keeping.journal()) {
            journal.end();
        }
    }

    fn plane(&self) -> MutexGuard<'_, Plane> {
        lock(&self.0.plane)
    }
}
