//! The journal: what keeps sessions over a restart, a kill and a power cut.
//!
//! Whoever changes the memory hands the change over under the shard's lock and goes on; one thread writes all there is
//! by one call, and with `always` makes a whole group of writers safe by one fsync. Invariant: nothing is acknowledged
//! as safe that is not on disk; and no file is removed before what takes its place is.

mod busy;
mod disk;
mod encode;
mod queue;
mod record;
mod recover;
mod rewrite;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::futures::Notified;

pub use self::busy::Hand;
use self::disk::Disk;
use self::queue::Queue;
use self::writer::{Pace, Writer};
use super::change::Change;
use crate::model::Fsync;

/// Whether commands that write are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They are.
    Working,
    /// The disk does not keep up: they wait.
    Behind,
    /// They are refused (`-MISCONF`); reads go on. It is tried again every 5 s.
    Failed,
}

/// What to wait for before a write is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[must_use = "with `always` nothing is safe before the ticket is"]
pub struct Ticket(u64);

impl Ticket {
    /// There is nothing to wait for.
    pub const NOTHING: Self = Self(0);
}

/// Why writes are refused, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The memory as the journal sees it. Invariant: the memory stays whole as long as the journal is there, or what is
/// left of it would be written as all there is.
pub struct Contents {
    /// Carries a change out, without handing it to a journal. One whose time is over may be left out.
    pub apply: Box<dyn Fn(Change<'_>) + Send>,
    /// Tells some entries, each as a `Put`: those from a position on, the first being 0, and which position to go on
    /// from, where there is one. An entry that is there all the time is told, others may be or not.
    pub walk: Box<Walk>,
}

/// See [`Contents::walk`].
pub type Walk = dyn Fn(u64, &mut dyn FnMut(Change<'_>)) -> Option<u64> + Send;

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Contents")
    }
}

/// What a start found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Changes read.
    pub changes: u64,
    /// What the operator should know, a sentence each: a torn tail, damage and where it is kept.
    pub told: Vec<String>,
}

/// What the journal has done and has, for metrics and pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of all files that count.
    pub size: u64,
    /// fsyncs of the log since the start.
    pub syncs: u64,
    /// Records added since the start.
    pub records: u64,
    /// How often all of memory was written anew since the start.
    pub rewrites: u64,
}

#[derive(Debug, Default)]
struct Counters {
    size: AtomicU64,
    syncs: AtomicU64,
    records: AtomicU64,
    rewrites: AtomicU64,
}

/// A command waits no longer for a disk that does not keep up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The journal of one memory. Dropping it ends it.
#[derive(Debug)]
pub struct Journal {
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Reads the files in `dir`, which is made where it is missing, into the memory and goes on with them. Waits for
    /// the disk. Where it cannot be read, the memory stays empty, the journal has failed, and it is tried again.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn open(dir: &Path, fsync: Fsync, contents: Contents) -> io::Result<(Self, Recovered)> {
        Self::on(Disk::new(dir), fsync, contents, Pace::USUAL)
    }

    fn on(
        disk: Disk,
        fsync: Fsync,
        contents: Contents,
        pace: Pace,
    ) -> io::Result<(Self, Recovered)> {
        let queue = Arc::new(Queue::new(fsync));
        let counters = Arc::<Counters>::default();
        let shared = (Arc::clone(&queue), Arc::clone(&counters));
        let mut writer = Writer::new(disk, contents, shared, pace);
        let recovered = writer.start();
        let thread = thread::Builder::new()
            .name("sessions-journal".to_owned())
            .spawn(move || writer.run())?;
        let journal = Self {
            queue,
            counters,
            thread: Mutex::new(Some(thread)),
        };
        Ok((journal, recovered))
    }

    /// Hands changes over, which are kept together whole or not at all. Never waits for the disk. To be called while
    /// the locks of the keys are held, so that the journal's order is the memory's; and after [`Journal::admit`].
    pub fn append<'c>(&self, changes: impl IntoIterator<Item = Change<'c>>) -> Ticket {
        self.queue.append(changes)
    }

    /// Ends when what the ticket stands for may be acknowledged.
    ///
    /// # Errors
    /// The disk failed: nobody knows whether it was kept.
    pub async fn durable(&self, ticket: Ticket) -> Result<(), Refused> {
        loop {
            let mut moved = pin!(self.moved());
            moved.as_mut().enable();
            match self.settled(ticket) {
                Some(done) => return done,
                None => moved.await,
            }
        }
    }

    /// Whether what the ticket stands for may be acknowledged, once that is decided.
    pub(super) fn settled(&self, ticket: Ticket) -> Option<Result<(), Refused>> {
        match ticket {
            Ticket::NOTHING => Some(Ok(())),
            ticket => self.queue.settled(ticket),
        }
    }

    /// Ends when a ticket is settled. Who waits for one asks again whether it was his.
    pub(super) fn moved(&self) -> Notified<'_> {
        self.queue.moved()
    }

    /// Whether commands that write are taken now. Cheap: to be asked before each of them.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.queue.standing()
    }

    /// Ends when a command that writes may be carried out. Waits while the disk does not keep up, 5 s at most.
    ///
    /// # Errors
    /// It may not: the disk failed, or is too slow.
    pub async fn admit(&self) -> Result<(), Refused> {
        let standing = match self.queue.standing() {
            Standing::Behind => {
                let waited = tokio::time::timeout(PATIENCE, self.queue.not_behind()).await;
                waited.unwrap_or(Standing::Behind)
            }
            standing => standing,
        };
        match standing {
            Standing::Working => Ok(()),
            Standing::Failed => Err(self.queue.refused()),
            Standing::Behind => Err(Refused("the disk has not kept up for 5 s".to_owned())),
        }
    }

    /// Why writes are refused, where they are.
    #[must_use]
    pub fn trouble(&self) -> Option<Refused> {
        (self.standing() == Standing::Failed).then(|| self.queue.refused())
    }

    /// A thread that hands changes over, which says when it begins to work and when it has nothing to do: with `always` a
    /// group of writers is then complete.
    #[must_use]
    pub fn hand(&self) -> Hand {
        Hand::new(&self.queue.busy)
    }

    /// What is handed over from now on is made safe in this way.
    pub fn set_fsync(&self, fsync: Fsync) {
        self.queue.set_fsync(fsync);
    }

    /// What it has done.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            size: read(&self.counters.size),
            syncs: read(&self.counters.syncs),
            records: read(&self.counters.records),
            rewrites: read(&self.counters.rewrites),
        }
    }

    /// Writes what there is, and waits for that. To be called when nobody hands changes over any more: what comes
    /// later is not kept.
    pub fn end(&self) {
        self.queue.stop();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A thread that panicked has told so; there is nothing left to write.
            drop(thread.join());
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}
