//! One worker of the session store: a thread, its runtime, its connections.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::entrance::{self, Judged};
use crate::session::redis::tend;
use crate::session::{Worker, sweep};

/// Pause after an accept that failed for want of descriptors or memory.
const BREATHER: Duration = Duration::from_millis(50);

/// How many connections a worker has.
pub(super) type Load = Arc<AtomicUsize>;

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Accept, and hand over to these.
    Listen {
        socket: TcpListener,
        to: Vec<(UnboundedSender<Command>, Load)>,
    },
    /// Accept no more.
    Close,
    /// Serve a client that was let in.
    Take(Client),
    /// Say that you come round.
    Beat,
    /// End.
    Stop { grace: Duration },
}

/// A client that was let in.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) socket: TcpStream,
    pub(super) address: SocketAddr,
    place: Place,
}

/// A connection's place, of all and of its worker. Dropping it frees both.
#[derive(Debug)]
struct Place {
    shared: Arc<Shared>,
    load: Load,
}

impl Place {
    fn take(shared: &Arc<Shared>, load: &Load) -> Option<Self> {
        let open = &shared.counts.open;
        if open.fetch_add(1, Ordering::Relaxed) >= shared.most {
            open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        load.fetch_add(1, Ordering::Relaxed);
        Some(Self {
            shared: Arc::clone(shared),
            load: Arc::clone(load),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.counts.open.fetch_sub(1, Ordering::Relaxed);
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The worker's thread.
pub(super) fn run(
    shared: &Arc<Shared>,
    (load, beat): (&Load, &AtomicU64),
    commands: UnboundedReceiver<Command>,
) {
    // The store is opened before its threads begin.
    let journal = shared.store.get().and_then(|store| store.keeping.journal());
    let hand = journal.map(|journal| Arc::new(journal.hand()));
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if let Some(hand) = &hand {
        let (rests, works) = (Arc::clone(hand), Arc::clone(hand));
        builder.on_thread_park(move || rests.end());
        builder.on_thread_unpark(move || works.begin());
    }
    match builder.build_local(tokio::runtime::LocalOptions::default()) {
        Ok(runtime) => runtime.block_on(work(shared, (load, beat), commands)),
        Err(error) => tracing::error!("a worker of the session store cannot start: {error}"),
    }
}

async fn work(
    shared: &Arc<Shared>,
    (load, beat): (&Load, &AtomicU64),
    mut commands: UnboundedReceiver<Command>,
) {
    let left = Rc::new(Notify::new());
    let mut accepting: Option<JoinHandle<()>> = None;
    let mut worker = None;
    let grace = loop {
        match commands.recv().await {
            Some(Command::Listen { socket, to }) => {
                let shared = Arc::clone(shared);
                accepting = Some(spawn_local(accept(shared, socket, to)));
            }
            Some(Command::Close) => {
                if let Some(accepting) = accepting.take() {
                    accepting.abort();
                    // The socket is closed when it has ended.
                    drop(accepting.await);
                }
            }
            Some(Command::Take(client)) => {
                let Some(worker) = worker_of(&mut worker, shared) else {
                    continue;
                };
                let (shared, left) = (Arc::clone(shared), Rc::clone(&left));
                spawn_local(async move {
                    attend(&shared, &worker, client).await;
                    left.notify_one();
                });
            }
            Some(Command::Beat) => {
                beat.fetch_add(1, Ordering::Relaxed);
            }
            Some(Command::Stop { grace }) => break grace,
            None => return,
        }
    };
    if let Some(accepting) = accepting {
        accepting.abort();
    }
    let end = Instant::now() + grace;
    while load.load(Ordering::Relaxed) > 0 && Instant::now() < end {
        tokio::select! {
            () = left.notified() => {}
            () = sleep_until(end) => {}
        }
    }
}

/// What the connections of this thread share. The store is there before anybody comes in.
fn worker_of(worker: &mut Option<Rc<Worker>>, shared: &Shared) -> Option<Rc<Worker>> {
    if worker.is_none() {
        *worker = Some(Worker::new(Arc::clone(shared.store.get()?)));
    }
    worker.clone()
}

async fn attend(shared: &Shared, worker: &Rc<Worker>, client: Client) {
    let Client {
        socket,
        address,
        place,
    } = client;
    // Not what was raised before it came.
    let mut ending = shared.ending.subscribe();
    tokio::select! {
        () = entrance::welcome(worker, shared, socket, address.ip()) => {}
        // Or the port is gone.
        _ = ending.changed() => {}
    }
    drop(place);
}

async fn accept(
    shared: Arc<Shared>,
    socket: TcpListener,
    to: Vec<(UnboundedSender<Command>, Load)>,
) {
    // Here, since of all workers one accepts.
    let _tending = shared.store.get().map(|store| {
        let sweep = sweep(Arc::clone(&store.memory), store.clock.clone());
        let tend = tend(Arc::clone(store));
        [
            AbortOnDrop(spawn_local(sweep)),
            AbortOnDrop(spawn_local(tend)),
        ]
    });
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!("the session store cannot listen: {error}");
            return;
        }
    };
    loop {
        match socket.accept().await {
            Ok((client, address)) => {
                if let Ok(client) = client.into_std() {
                    let_in(&shared, client, address, &to);
                }
            }
            // The client was quicker than we: nothing is short.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(_) => sleep(BREATHER).await,
        }
    }
}

/// A task that ends with who holds it.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn let_in(
    shared: &Arc<Shared>,
    socket: TcpStream,
    address: SocketAddr,
    to: &[(UnboundedSender<Command>, Load)],
) {
    let counts = &shared.counts;
    if let Judged::Denied(words) = entrance::judge(shared, address.ip()) {
        counts.denied.fetch_add(1, Ordering::Relaxed);
        return turn_away(socket, &words);
    }
    let least = to.iter();
    let least = least.min_by_key(|(_, load)| load.load(Ordering::Relaxed));
    let Some((worker, load)) = least else {
        return;
    };
    let Some(place) = Place::take(shared, load) else {
        counts.full.fetch_add(1, Ordering::Relaxed);
        return turn_away(socket, "-ERR max number of clients reached\r\n");
    };
    counts.accepted.fetch_add(1, Ordering::Relaxed);
    let client = Client {
        socket,
        address,
        place,
    };
    // A worker that is gone drops it, which closes it.
    drop(worker.send(Command::Take(client)));
}

/// Tells why, as Redis does. A new socket has room for it; who speaks TLS makes nothing of it.
fn turn_away(mut socket: TcpStream, words: &str) {
    let _ = socket.write(words.as_bytes());
}
