//! What one data worker has for itself: nothing here is shared with another.

use std::cell::{Cell, RefCell, RefMut};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{Instant, sleep};

use super::Spool;
use super::clock::Clock;
use super::connection::LAST_CHANCE;
use super::held::Room;
use super::links::Links;
use super::turn::Turn;
use crate::acme::Outstanding;
use crate::files::OpenFiles;
use crate::http::{HttpDate, RequestHead, ResponseHead, Scratch};
use crate::logs::{Batch, LineWriter, Logging, Record};
use crate::metrics::Metrics;
use crate::model::Logs;
use crate::snapshot::{Current, Held, Published};

/// What one data worker has for itself.
#[derive(Debug)]
pub struct Worker {
    current: Current,
    pub(super) scratch: Scratch,
    pub(super) links: Links,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    /// What bodies may hold.
    pub(super) room: Rc<Room>,
    spare: RefCell<Vec<Heads>>,
    date: RefCell<HttpDate>,
    lines: RefCell<Lines>,
    batch: RefCell<Batch>,
    logs: Logging,
    files: RefCell<OpenFiles>,
    pub(super) turn: Turn,
    ending: Cell<Ending>,
    /// Wakes idle connections so that they look whether they are still wanted.
    look: Notify,
}

/// How far a worker is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    NotYet,
    /// Every answer says that its connection closes behind it.
    Announced,
    /// Idle connections are closed too.
    Begun,
}

#[derive(Debug)]
struct Lines {
    writer: LineWriter,
    waiting: Vec<u8>,
    /// From when on a line does not wait for others.
    leisure: Instant,
}

impl Worker {
    /// Head buffers kept for the next request. More are in use only in a burst.
    const SPARE: usize = 64;
    /// Log lines are handed over at this size, or at the next tick. Each hand-over wakes a thread,
    /// which costs as much as fifty lines: at 60,000 requests a second as many come in `LEISURE`.
    const LINES: usize = 64 * 1024;
    /// Time since the last hand-over after which a line is not batched.
    const LEISURE: Duration = Duration::from_millis(5);

    /// A worker that serves what is published, leaves what it logs with `logs`, holds in
    /// `spool` what of bodies is too much for memory, and `open_files` files open at most
    /// that nobody is being sent.
    pub fn new(
        published: Arc<Published>,
        metrics: Arc<Metrics>,
        logs: Logging,
        spool: Spool,
        open_files: usize,
    ) -> Self {
        let room = Rc::new(Room::new(Arc::clone(&metrics), spool));
        Self {
            room,
            current: Current::new(published),
            scratch: Scratch::new(),
            links: Links::default(),
            clock: Clock::default(),
            metrics,
            spare: RefCell::default(),
            date: RefCell::default(),
            lines: RefCell::new(Lines {
                writer: LineWriter::new(),
                waiting: Vec::new(),
                leisure: Instant::now(),
            }),
            batch: RefCell::default(),
            logs,
            files: RefCell::new(OpenFiles::new(open_files)),
            turn: Turn::new(),
            ending: Cell::new(Ending::NotYet),
            look: Notify::new(),
        }
    }

    /// The files that are open. For no longer than a look.
    pub(super) fn files(&self) -> RefMut<'_, OpenFiles> {
        self.files.borrow_mut()
    }

    /// The counters of the process.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The snapshot in force at this moment.
    pub fn snapshot(&self) -> Option<Held> {
        self.current.get()
    }

    /// What is shown to authorities.
    pub fn challenges(&self) -> &Outstanding {
        self.current.challenges()
    }

    /// What has to be done now and then: hands over log lines, closes node connections
    /// and files that idled too long.
    pub fn tick(&self) {
        self.hand_over();
        let now = Instant::now();
        self.links.prune(now);
        self.files().prune(now.into_std());
    }

    /// Has every idle connection look whether its listener is still there.
    pub fn look(&self) {
        self.look.notify_waiters();
    }

    /// From now on every answer says that its connection is closed behind it, and it is. Idle ones
    /// stay: who is about to ask on one is told so by an answer, and not by a reset.
    pub fn announce_stop(&self) {
        self.ending.set(Ending::Announced);
    }

    /// From now on idle connections are closed at once, too.
    pub fn stop(&self) {
        self.ending.set(Ending::Begun);
        self.look();
    }

    /// Whether no connection is kept behind its answer.
    pub(super) fn is_leaving(&self) -> bool {
        self.ending.get() != Ending::NotYet
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.ending.get() == Ending::Begun
    }

    /// Ends a little after the stop has begun: who was let in before and has not asked yet
    /// gets that long to.
    pub async fn last_chance(&self) {
        while !self.is_stopping() {
            self.until_look().await;
        }
        sleep(LAST_CHANCE).await;
    }

    /// Waits until idle connections are to look whether they are wanted.
    pub fn until_look(&self) -> Notified<'_> {
        self.look.notified()
    }

    pub(super) fn append_date(&self, out: &mut Vec<u8>) {
        let mut date = self.date.borrow_mut();
        out.extend_from_slice(date.at(SystemTime::now()).as_bytes());
    }

    /// Leaves the record for the log store, and a line for the log.
    pub(super) fn log(&self, logs: &Logs, record: &Record<'_>) {
        if logs.store.on {
            let mut batch = self.batch.borrow_mut();
            batch.append(record);
            // Nobody waits for one record: at leisure the next tick takes them.
            if batch.len() >= Self::LINES {
                self.logs.records.send(batch.take());
            }
        }
        if logs.file.is_empty() {
            return;
        }
        let mut lines = self.lines.borrow_mut();
        let Lines {
            writer,
            waiting,
            leisure,
        } = &mut *lines;
        writer.append(logs.format, record, waiting);
        // At leisure a line goes at once, so that lines of different workers stand in their
        // order; in a rush they are batched.
        let now = self.clock.now();
        if waiting.len() >= Self::LINES || now >= *leisure {
            *leisure = now + Self::LEISURE;
            self.logs.sink.send(take(waiting));
        }
    }

    fn hand_over(&self) {
        let waiting = &mut self.lines.borrow_mut().waiting;
        if !waiting.is_empty() {
            self.logs.sink.send(take(waiting));
        }
        let mut batch = self.batch.borrow_mut();
        if !batch.is_empty() {
            self.logs.records.send(batch.take());
        }
    }

    /// Buffers for the heads of one request and its answer.
    pub(super) fn heads(&self) -> SpareHeads<'_> {
        let heads = self.spare.borrow_mut().pop().unwrap_or_default();
        SpareHeads {
            heads: Some(heads),
            worker: self,
        }
    }
}

/// The lines; there is room for as many more, since they would grow it one by one.
fn take(lines: &mut Vec<u8>) -> Vec<u8> {
    let next = Vec::with_capacity(lines.len());
    std::mem::replace(lines, next)
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// The heads of one request.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) request: RequestHead,
    pub(super) response: ResponseHead,
}

/// Heads on loan from a worker; they go back with all their memory.
pub(super) struct SpareHeads<'w> {
    heads: Option<Heads>,
    worker: &'w Worker,
}

impl Deref for SpareHeads<'_> {
    type Target = Heads;

    fn deref(&self) -> &Heads {
        self.heads.as_ref().expect("taken in drop only")
    }
}

impl DerefMut for SpareHeads<'_> {
    fn deref_mut(&mut self) -> &mut Heads {
        self.heads.as_mut().expect("taken in drop only")
    }
}

impl Drop for SpareHeads<'_> {
    fn drop(&mut self) {
        let mut spare = self.worker.spare.borrow_mut();
        if let Some(heads) = self.heads.take()
            && spare.len() < Worker::SPARE
        {
            spare.push(heads);
        }
    }
}
