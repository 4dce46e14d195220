//! A request's body as far as it was taken in: its beginning in a spool file, its end in memory.

use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::mem::{replace, take};
use std::rc::Rc;
use std::sync::Arc;

use super::disk_job::DiskJob;
use super::spool::{Spool, SpoolFile};
use crate::metrics::{Metrics, Place, Side};

/// The room that all bodies of the process share, as one worker knows it.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) metrics: Arc<Metrics>,
    pub(super) spool: Spool,
    /// Answers that may each read a piece over the budget now.
    exceeding: Cell<usize>,
}

/// Most answers of a worker that at one time each take a piece over the budget to the file.
const EXCEEDING: usize = 8;

/// The right to be one of them, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Exceeding(Rc<Room>);

impl Drop for Exceeding {
    fn drop(&mut self) {
        self.0.exceeding.set(self.0.exceeding.get() - 1);
    }
}

/// Memory that a job on the blocking pool has, whoever waits for it.
#[derive(Debug)]
pub(super) struct InJob {
    metrics: Arc<Metrics>,
    bytes: u64,
}

impl Drop for InJob {
    fn drop(&mut self) {
        self.metrics.buffers().give(Place::Memory, self.bytes);
    }
}

impl Room {
    pub(super) fn new(metrics: Arc<Metrics>, spool: Spool) -> Self {
        Self {
            metrics,
            spool,
            exceeding: Cell::new(0),
        }
    }

    /// The right to take a piece over the budget, unless enough have it.
    pub(super) fn exceed(room: &Rc<Self>) -> Option<Exceeding> {
        let now = room.exceeding.get();
        (now < EXCEEDING).then(|| {
            room.exceeding.set(now + 1);
            Exceeding(Rc::clone(room))
        })
    }

    /// Counts `bytes` of memory that go to a job.
    pub(super) fn in_job(&self, bytes: usize) -> InJob {
        let bytes = bytes as u64;
        self.metrics.buffers().add(Place::Memory, bytes);
        InJob {
            metrics: Arc::clone(&self.metrics),
            bytes,
        }
    }

    /// What a job on the blocking pool needs of it.
    pub(super) fn for_job(&self) -> Spool {
        self.spool.clone()
    }

    /// Counts and tells that a file failed.
    pub(super) fn failed(&self, error: &io::Error) {
        self.spool.note(Err(error));
        self.metrics.buffers().count_failure();
    }
}

/// Bytes that one body has of the room, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: Rc<Room>,
    place: Place,
    bytes: u64,
}

impl Share {
    pub(super) fn new(room: &Rc<Room>, place: Place) -> Self {
        Self {
            room: Rc::clone(room),
            place,
            bytes: 0,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes it `more` bytes larger, unless it is then more than is left of `limit` for others.
    pub(super) fn grow(&mut self, more: u64, limit: u64) -> bool {
        let buffers = self.room.metrics.buffers();
        let grown = buffers.take(self.place, (self.bytes, more), limit);
        self.bytes += if grown { more } else { 0 };
        grown
    }

    /// Whether it could be `more` bytes larger.
    pub(super) fn fits(&self, more: u64, limit: u64) -> bool {
        let buffers = self.room.metrics.buffers();
        buffers.fits(self.place, (self.bytes, more), limit)
    }

    /// Makes it `bytes`, which are there already, over a limit or not.
    pub(super) fn force(&mut self, bytes: u64) {
        let buffers = self.room.metrics.buffers();
        match bytes.checked_sub(self.bytes) {
            Some(0) => {}
            Some(more) => buffers.add(self.place, more),
            None => buffers.give(self.place, self.bytes - bytes),
        }
        self.bytes = bytes;
    }

    /// Whether no other body has any of the room there.
    pub(super) fn is_all(&self) -> bool {
        self.room.metrics.buffers().held(self.place) <= self.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.force(0);
    }
}

/// Why what is in memory could not be put into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unspooled {
    /// All files together hold as much as they may.
    Full,
    /// The disk does not take it, or there is none.
    Failed,
}

/// A body, or as much of its beginning as found room. It can be read again and again.
#[derive(Debug)]
pub(super) struct Held {
    room: Rc<Room>,
    file: Option<Arc<SpoolFile>>,
    in_file: Share,
    memory: Vec<u8>,
    in_memory: Share,
    /// Whether it is counted among those that found no room.
    is_counted: bool,
    /// Whether all of the body is here.
    pub(super) is_whole: bool,
}

impl Held {
    pub(super) fn new(room: &Rc<Room>) -> Self {
        Self {
            room: Rc::clone(room),
            file: None,
            in_file: Share::new(room, Place::Spool),
            memory: Vec::new(),
            in_memory: Share::new(room, Place::Memory),
            is_counted: false,
            is_whole: false,
        }
    }

    /// Bytes of it.
    pub(super) fn len(&self) -> u64 {
        self.in_file.bytes() + self.memory.len() as u64
    }

    /// Its end, or all of it, as far as that is in memory.
    pub(super) fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// Whether some of it is in a file.
    pub(super) fn is_spooled(&self) -> bool {
        self.in_file.bytes() > 0
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        self.memory.extend_from_slice(data);
    }

    /// Counts what is in memory. False where all bodies together are then over `budget`.
    pub(super) fn count(&mut self, budget: u64) -> bool {
        self.in_memory.force(self.memory.len() as u64);
        self.room.metrics.buffers().held(Place::Memory) <= budget
    }

    /// Whether nobody but this body has any of the room: nothing can become free then.
    pub(super) fn has_all_room(&self) -> bool {
        self.in_file.is_all() && self.in_memory.is_all()
    }

    /// Counts it, once, among the bodies that found no room.
    pub(super) fn count_wait(&mut self) {
        if !replace(&mut self.is_counted, true) {
            self.room.metrics.buffers().count_wait(Side::Client);
        }
    }

    /// Puts what is in memory behind what is in the file.
    pub(super) async fn spool(&mut self, limit: u64) -> Result<(), Unspooled> {
        let at = self.in_file.bytes();
        let bytes = self.memory.len() as u64;
        if !self.in_file.grow(bytes, limit) {
            return Err(Unspooled::Full);
        }
        let memory = Arc::new(take(&mut self.memory));
        let (file, spool, bytes) = (self.file.clone(), self.room.for_job(), Arc::clone(&memory));
        match DiskJob::new(move || spool.write(file, &bytes, at)).await {
            Ok(file) => {
                self.file = Some(file);
                self.in_memory.force(0);
                Ok(())
            }
            // A job that was given up may still write them: the same bytes that would be written
            // there again.
            Err(error) => {
                self.memory = Arc::unwrap_or_clone(memory);
                self.in_file.force(at);
                self.room.failed(&error);
                Err(Unspooled::Failed)
            }
        }
    }

    /// What it is from byte `at` on, a piece at a time; nothing behind its end.
    pub(super) async fn piece(&self, at: u64) -> io::Result<Cow<'_, [u8]>> {
        let spooled = self.in_file.bytes();
        if let Some(file) = &self.file
            && at < spooled
        {
            let file = Arc::clone(file);
            let read = DiskJob::new(move || file.piece(at, spooled)).await;
            if let Err(error) = &read {
                self.room.failed(error);
            }
            return read.map(Cow::Owned);
        }
        let from = usize::try_from(at.saturating_sub(spooled)).unwrap_or(usize::MAX);
        Ok(Cow::Borrowed(self.memory.get(from..).unwrap_or_default()))
    }
}
