//! One data worker: a thread, its runtime, its accept loops, its connections.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::sync::mpsc::{Sender, UnboundedReceiver};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{
    Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until, timeout_at,
};

use super::Admission;
use super::greet::{Caller, Places, greet};
use crate::logs::Logging;
use crate::metrics::{Handshake, Metrics};
use crate::model::Name;
use crate::proxy::{self, Spool, Worker};
use crate::snapshot::Published;

/// What all workers share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) published: Arc<Published>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) logs: Logging,
    pub(super) admission: Arc<Admission>,
    pub(super) spool: Spool,
    /// Goes up with every tick of this worker.
    pub(super) beat: Arc<AtomicU64>,
}

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Another set of listeners is in force.
    Listen {
        open: Vec<Gate>,
        close: Vec<SocketAddr>,
        /// Dropped once the closed ones are.
        closed: Sender<()>,
    },
    /// Finish what is under way, and end.
    Stop {
        grace: Duration,
        /// Whether the sockets outlive us: nobody is refused when we close them, but waits until
        /// somebody accepts again.
        sockets_kept: bool,
    },
}

/// A worker's own descriptor of a listening socket.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) name: Name,
    pub(super) address: SocketAddr,
    pub(super) socket: TcpListener,
}

/// How often log lines are handed over and old node connections closed.
const TICK: Duration = Duration::from_millis(100);
/// Pause after an accept that failed for want of descriptors or memory.
const BREATHER: Duration = Duration::from_millis(50);
/// How long a stop goes on letting clients in and answering on kept connections, closing each
/// behind its answer: who asks again and again has gone by then, without one request that failed.
const LAME_DUCK: Duration = Duration::from_secs(1);
/// What is left of the grace for those who were let in last.
const LAST_ONES: Duration = Duration::from_secs(5);
/// Threads that read files for a worker.
const FILE_THREADS: usize = 8;

/// The worker's thread.
pub(super) fn run(shared: Shared, commands: UnboundedReceiver<Command>) {
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(FILE_THREADS)
        .build_local(tokio::runtime::LocalOptions::default());
    match built {
        Ok(runtime) => runtime.block_on(work(shared, commands)),
        Err(error) => tracing::error!("a data worker cannot start: {error}"),
    }
}

async fn work(shared: Shared, mut commands: UnboundedReceiver<Command>) {
    let (published, metrics, logs) = (shared.published, shared.metrics, shared.logs);
    let open_files = shared.admission.open_files();
    let hall = Rc::new(Hall {
        worker: Rc::new(Worker::new(
            published,
            metrics,
            logs,
            shared.spool,
            open_files,
        )),
        admission: shared.admission,
        inside: Cell::new(0),
        late: Cell::new(0),
        is_ending: Cell::new(false),
        left: Notify::new(),
        greeting: Places::default(),
    });
    let mut doors: Vec<Door> = Vec::new();
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let beat = || {
        shared.beat.fetch_add(1, Ordering::Relaxed);
        hall.worker.tick();
    };
    let (grace, sockets_kept) = loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Listen { open, close, closed }) => {
                    let gone: Vec<Door> = doors
                        .extract_if(.., |door| close.contains(&door.address))
                        .collect();
                    spawn_local(shut(gone, open.iter().map(|gate| gate.address).collect(), closed));
                    doors.extend(open.into_iter().filter_map(|gate| hall.open(gate)));
                    hall.worker.look();
                }
                Some(Command::Stop { grace, sockets_kept }) => break (grace, sockets_kept),
                None => return,
            },
            _ = tick.tick() => beat(),
        }
    };
    let begin = Instant::now();
    let end = begin + grace;
    hall.worker.announce_stop();
    hall.is_ending.set(true);
    hall.until(&mut tick, end.min(begin + LAME_DUCK), Hall::is_empty)
        .await;
    hall.worker.stop();
    if sockets_kept {
        // A download or a tunnel may take all of the grace. Until then nobody else has to wait.
        let end = begin + grace.saturating_sub(LAST_ONES);
        hall.until(&mut tick, end, Hall::has_only_late).await;
    }
    for door in doors {
        door.closing.notify_one();
        // It takes in who has connected already, and ends.
        drop(timeout_at(end, door.accepting).await);
    }
    hall.until(&mut tick, end, Hall::is_empty).await;
    hall.worker.tick();
}

/// An accept loop.
struct Door {
    address: SocketAddr,
    closing: Rc<Notify>,
    accepting: JoinHandle<()>,
}

/// Closes `doors`. Who waits at one that only gets another name goes in by that name.
async fn shut(doors: Vec<Door>, renamed: Vec<SocketAddr>, closed: Sender<()>) {
    for door in &doors {
        match renamed.contains(&door.address) {
            true => door.accepting.abort(),
            false => door.closing.notify_one(),
        }
    }
    for door in doors {
        drop(door.accepting.await);
    }
    drop(closed);
}

/// The connections of one worker.
struct Hall {
    worker: Rc<Worker>,
    admission: Arc<Admission>,
    inside: Cell<usize>,
    /// How many of these have come since the end began.
    late: Cell<usize>,
    is_ending: Cell<bool>,
    left: Notify,
    /// Places for handshakes.
    greeting: Places,
}

/// One connection inside; counted out even when its task panics.
struct Inside {
    hall: Rc<Hall>,
    is_late: bool,
}

impl Inside {
    fn of(hall: &Rc<Hall>) -> Self {
        let is_late = hall.is_ending.get();
        hall.inside.set(hall.inside.get() + 1);
        hall.late.set(hall.late.get() + usize::from(is_late));
        let hall = Rc::clone(hall);
        Self { hall, is_late }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let hall = &self.hall;
        hall.inside.set(hall.inside.get() - 1);
        hall.late.set(hall.late.get() - usize::from(self.is_late));
        hall.left.notify_one();
    }
}

impl Hall {
    fn is_empty(&self) -> bool {
        self.inside.get() == 0
    }

    /// Whether all have gone who were here when the end began.
    fn has_only_late(&self) -> bool {
        self.inside.get() == self.late.get()
    }

    /// Waits until `enough`, or until `end`.
    async fn until(&self, tick: &mut Interval, end: Instant, enough: fn(&Self) -> bool) {
        while !enough(self) && Instant::now() < end {
            tokio::select! {
                () = self.left.notified() => {}
                () = sleep_until(end) => {}
                _ = tick.tick() => self.worker.tick(),
            }
        }
    }

    fn open(self: &Rc<Self>, gate: Gate) -> Option<Door> {
        #[allow(
            deprecated,
            reason = "what follows it is unsafe code: for types that lie about their descriptor, which the \
                      standard library's do not"
        )]
        let listener = match AsyncFd::with_interest(gate.socket, Interest::READABLE) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!("a worker cannot serve listener {}: {error}", gate.name);
                return None;
            }
        };
        let closing = Rc::new(Notify::new());
        let (hall, name) = (Rc::clone(self), Rc::new(gate.name));
        Some(Door {
            address: gate.address,
            accepting: spawn_local(accept(hall, listener, name, Rc::clone(&closing))),
            closing,
        })
    }

    /// Lets a client in, or has it told that there is no place. Gives it back where so many are
    /// being told already that those inside might want for descriptors.
    fn let_in(self: &Rc<Self>, came: Came, name: &Rc<Name>) -> Result<(), Came> {
        let snapshot = self.worker.snapshot();
        let limit = snapshot.as_ref().map(|s| s.config.settings.max_connections);
        let listener = snapshot.as_ref().and_then(|s| s.listener(name));
        let greeted = listener.is_some_and(|l| l.tls.is_some() || l.config.proxy_protocol);
        let place = self.admission.enter(limit.unwrap_or(0));
        let told = match place {
            None if !greeted => Some(self.admission.tell().ok_or(())),
            _ => None,
        };
        let Ok(told) = told.transpose() else {
            return Err(came);
        };
        let counted = listener.map(|listener| listener.connections.opened());
        let (stream, address) = came;
        let listener = Rc::clone(name);
        let inside = Inside::of(self);
        let worker = Rc::clone(&self.worker);
        let caller = Caller {
            socket: stream,
            address,
            listener,
        };
        match (place, greeted) {
            (Some(place), false) => {
                let kept = (place, counted, inside);
                spawn_local(proxy::serve(worker, caller.plainly(), kept));
            }
            (None, false) => {
                spawn_local(async move {
                    proxy::turn_away(worker, caller.plainly()).await;
                    drop((told, counted, inside));
                });
            }
            (Some(place), true) => {
                spawn_local(async move {
                    let greeted = Box::pin(greet(&worker, caller, &inside.hall.greeting));
                    if let Some(visitor) = greeted.await {
                        proxy::serve(worker, visitor, (place, counted, inside)).await;
                    }
                });
            }
            // A handshake to tell it why would cost more than what it asks for.
            (None, true) => {
                let handshakes = &worker.metrics().handshakes;
                handshakes.count(Handshake::TurnedAway, "");
            }
        }
        Ok(())
    }
}

/// A client that has connected.
type Came = (TcpStream, SocketAddr);

async fn accept(hall: Rc<Hall>, socket: AsyncFd<TcpListener>, name: Rc<Name>, closing: Rc<Notify>) {
    loop {
        tokio::select! {
            biased;
            accepted = socket.async_io(Interest::READABLE, next) => match accepted {
                Ok(mut came) => while let Err(back) = hall.let_in(came, &name) {
                    // It waits to be told, and those behind it in the kernel.
                    came = back;
                    tokio::select! {
                        () = sleep(BREATHER) => {}
                        () = closing.notified() => return,
                    }
                },
                // The client was quicker than we: nothing is short.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                // Descriptors ran out: those inside go on, and some of them will leave.
                // Not to be waited for at a close, which is what makes them leave.
                Err(_) => tokio::select! {
                    () = sleep(BREATHER) => {}
                    () = closing.notified() => return,
                },
            },
            // Only once nobody waits at the door: a connection the kernel has completed
            // is not reset by our leaving.
            () = closing.notified() => return,
        }
    }
}

/// The next connection that waits at the door. Not tokio's: that would have the event loop told of
/// it before anybody knows whether there is something to wait for.
fn next(socket: &TcpListener) -> io::Result<Came> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (client, address) = acceptfrom_with(socket, flags)?;
    let address = address.ok_or(ErrorKind::AddrNotAvailable)?.try_into()?;
    Ok((client.into(), address))
}
