//! The log store: the records of requests, kept to be searched.
//!
//! Workers leave batches of records (`encode`) in a bounded queue and never wait. One thread
//! (`keeper`) puts them into blocks, each with a summary of what is in it (`summary`), and these
//! into files (`segment`), the oldest of which are removed whole. A search (`search`) goes from the
//! newest block back, passes over those whose summary has not what is searched for (`filter`), and
//! stops after a bounded look, to be gone on with. Beside the records are the minutes they add up
//! to and the events (`charts`).

mod asked;
mod beside;
mod block;
mod catalog;
mod charts;
mod data;
mod decode;
mod encode;
mod events;
mod filter;
mod gather;
mod histogram;
mod json;
mod keeper;
mod latency;
mod lent;
mod minutes;
mod named;
mod nodes;
mod numbers;
mod put;
mod read;
mod recent;
mod search;
mod segment;
mod summary;
mod tally;
#[cfg(test)]
mod tests;
mod trouble;
mod way;

use std::io;
use std::iter;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, SystemTime};

use crate::model::{LogFormat, LogStore};
use catalog::Catalog;
use gather::Gather;
use keeper::Keeper;
use recent::Recent;
use segment::Segment;
use trouble::{Ailing, Trouble};

pub use asked::{Asked, read_chart};
pub use charts::{Chart, Point, Range, Subject};
pub use encode::{Batch, Packet};
pub use events::{Event, MAX_EVENTS_PAGE, Noted};
pub use filter::Filter;
pub use histogram::{Bucket, Histogram, MAX_BUCKETS};
pub use recent::{Flow, LastMinute, Way};
pub use search::{Found, MAX_PAGE, MAX_VISITED, Page, RecordId, date};
pub use trouble::Ailment;

/// The folder of the log store, below that of the logs.
pub const FOLDER: &str = "store";

/// Limit: bytes of records that wait for the disk. Some seconds of ten thousand requests each; a
/// disk that is away longer loses records, not memory.
const MAX_WAITING: usize = 16 << 20;

/// Limit: a search waits no longer for the newest records to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to the log store. Cheap to clone; every worker has one.
#[derive(Debug, Clone)]
pub struct Records {
    // Unbounded, so that no send ever waits; `waiting` bounds the records, and the other messages
    // are as rare as the operator.
    queue: Sender<Message>,
    waiting: Arc<AtomicUsize>,
    gather: Arc<Gather>,
    lost: Arc<AtomicU64>,
    ailing: Ailing,
    catalog: Catalog,
    /// Whoever holds it searches: two at once would only be slower.
    turn: Arc<Mutex<()>>,
    recent: Recent,
}

#[derive(Debug)]
enum Message {
    Packet(Packet),
    Event(Event),
    Follow(LogStore),
    Flush(SyncSender<()>),
    Examine(u64),
    Stop,
}

/// Starts the thread that keeps records in `folder`; those that could not be kept are added to
/// `lost`.
///
/// # Errors
/// No thread could be started.
pub fn start_store(
    folder: &Path,
    wanted: LogStore,
    lost: Arc<AtomicU64>,
) -> io::Result<(Records, JoinHandle<()>)> {
    let (queue, messages) = mpsc::channel();
    let records = Records {
        queue,
        waiting: Arc::default(),
        gather: Arc::default(),
        lost: Arc::clone(&lost),
        ailing: Arc::default(),
        catalog: Catalog::of(folder),
        turn: Arc::default(),
        recent: Recent::default(),
    };
    let (waiting, gather) = (Arc::clone(&records.waiting), Arc::clone(&records.gather));
    let catalog = records.catalog.clone();
    let trouble = Trouble::new(lost, Arc::clone(&records.ailing));
    let recent = records.recent.clone();
    let keeper = move || Keeper::new(catalog, wanted, trouble, recent);
    let thread = Builder::new()
        .name("log-store".into())
        .spawn(move || run(&messages, (&waiting, &gather), keeper()))?;
    Ok((records, thread))
}

fn run(
    messages: &Receiver<Message>,
    (waiting, gather): (&AtomicUsize, &Gather),
    mut keeper: Keeper,
) {
    loop {
        let message = match messages.recv_timeout(keeper.look_in()) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => {
                keeper.look();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for message in iter::once(message).chain(messages.try_iter()) {
            match message {
                Message::Packet(packet) => {
                    waiting.fetch_sub(packet.bytes.len(), Ordering::Relaxed);
                    keeper.take(packet);
                    keeper.look();
                }
                Message::Event(event) => keeper.note(event),
                Message::Follow(wanted) => keeper.follow(wanted),
                Message::Flush(done) => {
                    keeper.flush();
                    // The one who asked may have stopped waiting.
                    let _ = done.send(());
                }
                Message::Examine(number) => keeper.examine(number),
                Message::Stop => return keeper.close(),
            }
        }
        gather.rest();
    }
    keeper.close();
}

impl Records {
    /// The store of an instance that does not run: it can be searched, and keeps nothing. Reads
    /// the disk.
    pub fn at_rest(folder: &Path) -> Self {
        let catalog = Catalog::of(folder);
        for number in catalog.numbers().unwrap_or_default() {
            // What cannot be read now is told when it is searched.
            let about = Segment::read(&catalog.path(number)).and_then(|segment| segment.about());
            catalog.set(number, about.unwrap_or_default());
        }
        Self {
            queue: mpsc::channel().0,
            waiting: Arc::default(),
            gather: Arc::default(),
            lost: Arc::default(),
            ailing: Arc::default(),
            catalog,
            turn: Arc::default(),
            recent: Recent::default(),
        }
    }

    /// Leaves records to be kept. Never waits: what does not fit is dropped and counted.
    pub fn send(&self, packet: Packet) {
        let (cost, records) = (packet.bytes.len(), packet.records);
        let before = self.waiting.fetch_add(cost, Ordering::Relaxed);
        let fits = before + cost <= MAX_WAITING;
        if !fits || self.queue.send(Message::Packet(packet)).is_err() {
            self.waiting.fetch_sub(cost, Ordering::Relaxed);
            self.lost.fetch_add(records.into(), Ordering::Relaxed);
        }
    }

    /// A store without a thread, and its queue.
    #[cfg(test)]
    fn untended() -> (Self, Receiver<Message>) {
        let (queue, messages) = mpsc::channel();
        let records = Self {
            queue,
            waiting: Arc::default(),
            gather: Arc::default(),
            lost: Arc::default(),
            ailing: Arc::default(),
            catalog: Catalog::of(Path::new("nowhere")),
            turn: Arc::default(),
            recent: Recent::default(),
        };
        (records, messages)
    }

    /// A store where all is dropped and counted.
    #[cfg(test)]
    pub(crate) fn nowhere() -> Self {
        Self::untended().0
    }

    /// Leaves an event to be kept.
    pub fn note(&self, event: Event) {
        self.tell(Message::Event(event));
    }

    /// Keeps as much as `wanted` from now on.
    pub fn follow(&self, wanted: LogStore) {
        self.tell(Message::Follow(wanted));
    }

    /// Writes what was sent so far and ends the thread, which can then be joined. What is sent
    /// later is dropped and counted.
    pub fn stop(self) {
        self.tell(Message::Stop);
    }

    /// How many records could not be kept.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Why nothing could be kept when it was last tried; none while all is well.
    pub fn ailment(&self) -> Option<Ailment> {
        let ailing = self.ailing.lock().unwrap_or_else(PoisonError::into_inner);
        ailing.clone()
    }

    /// Bytes of all its files, and the time of the oldest record in microseconds since 1970. Reads
    /// the disk.
    pub fn extent(&self) -> (u64, Option<u64>) {
        let oldest = self.catalog.oldest();
        let first = oldest
            .map(|(_, about)| about.first)
            .filter(|first| *first > 0);
        (self.catalog.size(), first)
    }

    /// The newest records that `filter` takes as lines of `format`, those before `before` only.
    /// Reads the disk.
    pub fn lines(&self, filter: &Filter, format: LogFormat, before: Option<RecordId>) -> Page {
        let _turn = match before {
            // What is older is written.
            Some(_) => self.turn(),
            None => self.flushed(),
        };
        let wanted = (MAX_PAGE, before);
        self.examined(search::search_in(format, &self.catalog, filter, wanted))
    }

    /// The newest records that `filter` takes, at most `limit` of them and of [`MAX_PAGE`], those
    /// before `before` only. Reads the disk.
    pub fn search(&self, filter: &Filter, limit: usize, before: Option<RecordId>) -> Page {
        let _turn = self.flushed();
        self.examined(search::search(&self.catalog, filter, limit, before))
    }

    /// Those behind `after`, the newest first, at most `limit` of them and of [`MAX_PAGE`]. Reads the
    /// disk.
    pub fn newer(&self, filter: &Filter, limit: usize, after: RecordId) -> Page {
        let _turn = self.flushed();
        self.examined(search::newer(&self.catalog, filter, limit, after))
    }

    /// What is asked for. Reads the disk.
    pub fn asked(&self, asked: &Asked) -> Page {
        match asked.after {
            Some(after) => self.newer(&asked.filter, MAX_PAGE, after),
            None => self.search(&asked.filter, asked.limit, asked.before),
        }
    }

    /// The record of this id; none where it is not there any more. Reads the disk.
    pub fn record(&self, id: RecordId) -> Option<Found> {
        let _turn = self.flushed();
        search::record(&self.catalog, id).unwrap_or_else(|error| {
            tracing::warn!("record {id} of the log store cannot be read: {error}");
            None
        })
    }

    /// How many records `filter` takes in each of `parts` equal parts of the time from `from` to
    /// before `to`, in microseconds since 1970. Reads the disk.
    pub fn histogram(&self, filter: &Filter, from: u64, to: u64, parts: u64) -> Histogram {
        let _turn = self.flushed();
        histogram::histogram(&self.catalog, filter, (from, to), parts)
    }

    /// The chart of `subject` over `range` up to now. Reads the disk.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn chart(&self, subject: &Subject, range: Range) -> Result<Chart, String> {
        let _turn = self.flushed();
        let now = encode::since_1970(SystemTime::now());
        charts::chart(self.catalog.folder(), subject, range, now).map_err(|e| e.to_string())
    }

    /// The newest events, at most `limit`, those before the id `before` only. Reads the disk.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn events(&self, limit: usize, before: Option<i64>) -> Result<Vec<Noted>, String> {
        let _turn = self.flushed();
        events::events(self.catalog.folder(), limit, before).map_err(|e| e.to_string())
    }

    /// What the last minute came to, as far as workers have told of it. Reads no disk.
    pub fn last_minute(&self) -> LastMinute {
        self.recent.lock().told(SystemTime::now())
    }

    /// What happened last, the newest first, at most `limit` of the 200 remembered. Reads no disk.
    pub fn latest_events(&self, limit: usize) -> Vec<Noted> {
        self.recent.events(limit)
    }

    /// Waits for its turn, and until what was sent so far is written, or lost, or the disk takes
    /// too long.
    fn flushed(&self) -> std::sync::MutexGuard<'_, ()> {
        let turn = self.turn();
        let (done, written) = mpsc::sync_channel(1);
        self.tell(Message::Flush(done));
        // An error is a slow disk, or a store that has stopped: then what there is is searched.
        let _ = written.recv_timeout(PATIENCE);
        turn
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the keeper look at what could not be read.
    fn examined(&self, page: Page) -> Page {
        for number in &page.unreadable {
            self.tell(Message::Examine(*number));
        }
        page
    }

    fn tell(&self, message: Message) {
        // An error means the store was stopped: there is nobody to tell.
        let _ = self.queue.send(message);
        self.gather.hurry();
    }
}
