//! Sockets and workers: where clients come in, and who serves them.
//!
//! One listening socket per address, dup'd to every worker. Not SO_REUSEPORT shards:
//! closing one shard of four with 40 connections queued resets 7 of them, closing a dup
//! resets none (measured). Workers only receive: they wait for no lock, disk or answer
//! of anybody's.

mod admission;
mod greet;
mod holder;
mod proxied;
mod session_port;
mod socket;
mod sockets;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, UnboundedSender, channel, unbounded_channel};
use tokio::time::timeout;

use crate::acme::Outstanding;
use crate::logs::Logging;
use crate::metrics::Metrics;
use crate::model::{self, Code, Name, Problems};
use crate::proxy::Spool;
use crate::snapshot::{Published, Snapshot};
use crate::systemd::Systemd;

pub use session_port::{PortFigures, SessionPort, SessionSocket};
pub use socket::{Busy, try_address};

use admission::Admission;
use sockets::{New, Sockets};
use worker::{Command, Gate, Shared};

/// The sockets and the workers of the process.
#[derive(Debug, Clone)]
pub struct DataPlane(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    published: Arc<Published>,
    admission: Arc<Admission>,
    workers: Vec<UnboundedSender<Command>>,
    /// How often each worker has ticked.
    beats: Vec<Arc<AtomicU64>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    sockets: Mutex<Sockets>,
}

/// The gone listeners of a change, which the workers are closing.
#[derive(Debug)]
pub struct Closing(Receiver<()>);

impl Closing {
    /// Waits until no worker lets anybody in by them any more, a second at most: who asks
    /// afterwards is refused by the kernel.
    pub async fn closed(mut self) {
        // Nothing is sent: it ends with the last worker's sender.
        let _late = timeout(CLOSING_TIME, self.0.recv()).await;
    }
}

/// Far longer than a worker needs. A change that is in force does not hang on it.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// Sockets opened for a change that is not yet in force. Dropping it closes them.
#[derive(Debug)]
pub struct Prepared {
    wanted: Vec<(Name, SocketAddr)>,
    new: Vec<New>,
}

impl DataPlane {
    /// Starts `workers` data workers that serve what will be published. `systemd` keeps their
    /// sockets over a restart.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(
        workers: usize,
        metrics: Arc<Metrics>,
        logs: Logging,
        spool: Spool,
        systemd: Systemd,
    ) -> io::Result<Self> {
        let shared = Shared {
            published: Arc::default(),
            metrics,
            logs,
            admission: Arc::new(Admission::new(workers)),
            spool,
            beat: Arc::default(),
        };
        let admission = Arc::clone(&shared.admission);
        let (mut senders, mut beats) = (Vec::new(), Vec::new());
        let mut threads = Vec::new();
        for index in 0..workers {
            let (sender, commands) = unbounded_channel();
            let beat = Arc::<AtomicU64>::default();
            beats.push(Arc::clone(&beat));
            let shared = Shared {
                beat,
                ..shared.clone()
            };
            let thread = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || worker::run(shared, commands))?;
            senders.push(sender);
            threads.push(thread);
        }
        Ok(Self(Arc::new(Inner {
            published: shared.published,
            admission,
            workers: senders,
            beats,
            threads: Mutex::new(threads),
            sockets: Mutex::new(Sockets {
                systemd,
                ..Sockets::default()
            }),
        })))
    }

    /// What the workers show to authorities.
    pub fn challenges(&self) -> &Arc<Outstanding> {
        self.0.published.challenges()
    }

    /// Opens the sockets that `wanted` needs and that are not open yet, and answers a Problem
    /// for each that cannot be. Whether that stands in the way is the caller's question: at a
    /// start it does not.
    pub fn prepare(&self, wanted: &[model::Listener]) -> (Prepared, Problems) {
        let sockets = self.sockets();
        let mut problems = Problems::default();
        let mut new = Vec::new();
        for (index, listener) in wanted.iter().enumerate() {
            match sockets.find_or_open(listener, wanted, self.0.workers.len()) {
                Ok(found) => new.extend(found),
                Err(error) => problems.add(
                    format!("listeners[{index}].address"),
                    Code::Conflict,
                    socket::explain(listener.address, &error),
                ),
            }
        }
        let wanted = wanted.iter().map(|l| (l.name.clone(), l.address)).collect();
        (Prepared { wanted, new }, problems)
    }

    /// Puts `snapshot` in force, takes the new sockets into use and closes those that
    /// nobody wants any more. Live connections go on.
    pub fn publish(&self, snapshot: Arc<Snapshot>, prepared: Prepared) -> Closing {
        let mut sockets = self.sockets();
        self.0.published.publish(snapshot);
        let close = sockets.close_gone(&prepared.wanted, &prepared.new);
        let mut gates: Vec<Vec<Gate>> = self.0.workers.iter().map(|_| Vec::new()).collect();
        for New { open, dups } in prepared.new {
            for (gates, socket) in gates.iter_mut().zip(dups) {
                gates.push(Gate {
                    name: open.name.clone(),
                    address: open.address,
                    socket,
                });
            }
            sockets.systemd.keep(open.address, &open.socket);
            sockets.open.push(open);
        }
        sockets.wanted = prepared.wanted;
        let (closed, closing) = channel(1);
        for (worker, open) in self.0.workers.iter().zip(gates) {
            let (close, closed) = (close.clone(), closed.clone());
            // A worker that is gone takes no connections either.
            drop(worker.send(Command::Listen {
                open,
                close,
                closed,
            }));
        }
        Closing(closing)
    }

    /// Every listener of the document, where it is, and whether it is open.
    pub fn listeners(&self) -> Vec<(Name, SocketAddr, bool)> {
        self.sockets().listeners()
    }

    /// How often each worker has come round since it was started, some ten times a second: one
    /// that is stuck does not.
    pub fn beats(&self) -> Vec<u64> {
        let beats = self.0.beats.iter();
        beats.map(|beat| beat.load(Ordering::Relaxed)).collect()
    }

    /// Client connections that are open now, and most that the descriptors allow.
    pub fn clients(&self) -> (usize, usize) {
        let admission = &self.0.admission;
        (admission.open(), admission.allowed())
    }

    /// Stops: for a second answers say that their connection closes, then idle ones are closed and
    /// nobody is let in; requests under way are finished within `grace` and broken off then. Where
    /// the sockets are kept by systemd, clients are let in as long as older requests need. Blocks
    /// until the workers are gone.
    pub fn stop(&self, grace: Duration) {
        let mut sockets = self.sockets();
        let sockets_kept = sockets.systemd.keeps_sockets();
        sockets.open.clear();
        drop(sockets);
        for worker in &self.0.workers {
            drop(worker.send(Command::Stop {
                grace,
                sockets_kept,
            }));
        }
        let threads = std::mem::take(&mut *lock(&self.0.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a data worker had panicked");
            }
        }
    }

    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        lock(&self.0.sockets)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
