//! The thread that writes, and what it does when the disk fails.
//!
//! A write that failed is gone on with where it stopped. An fsync that failed is not repeated: the kernel may have
//! dropped what it could not write and would say «done» the next time. All of memory is then written anew, to new
//! files, before a write is acknowledged again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::disk::{Disk, Growing};
use super::queue::{Orders, Queue, SYNCED_AFTER, Taken, Until};
use super::recover::{Listed, base_name, begin, recover, unfinished};
use super::rewrite::Rewriting;
use super::{Contents, Counters, Fsync, Recovered, record};

/// What tests have otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Files shorter than this are not worth writing anew.
    pub(super) rewritten_over: u64,
    /// A disk that failed is tried again so often.
    pub(super) probed: Duration,
}

impl Pace {
    pub(super) const USUAL: Self = Self {
        rewritten_over: 64 << 20,
        probed: Duration::from_secs(5),
    };
}

/// After a base could not be written, none is begun for so long.
const REWRITTEN_AGAIN: Duration = Duration::from_secs(60);

/// What the thread has.
pub(super) struct Writer {
    disk: Disk,
    contents: Contents,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    /// The log that grows, and its number, or the highest there is.
    log: Option<Growing>,
    number: u64,
    /// How long the base is, and how long the older logs that count.
    base: u64,
    older: u64,
    taken: Taken,
    /// How much of what was taken is in the log.
    written: usize,
    /// When the oldest change came that is written but not brought to disk.
    unsynced: Option<Instant>,
    /// See [`Until::group`].
    group: u64,
    rewriting: Option<Rewriting>,
    pace: Pace,
    not_before: Option<Instant>,
    trouble: Option<Trouble>,
}

/// How the disk failed: what must be done before it can be used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The files could not be read at the start.
    Unread,
    /// The log took no more.
    Unwritten,
    /// Nobody knows what of the files is on disk, or they are damaged.
    Doubtful,
}

struct Failed(Trouble, io::Error);

impl Trouble {
    fn of(self) -> impl FnOnce(io::Error) -> Failed {
        move |error| Failed(self, error)
    }
}

impl Writer {
    pub(super) fn new(
        disk: Disk,
        contents: Contents,
        (queue, counters): (Arc<Queue>, Arc<Counters>),
        pace: Pace,
    ) -> Self {
        Self {
            disk,
            contents,
            queue,
            counters,
            log: None,
            number: 0,
            base: 0,
            older: 0,
            taken: Taken::default(),
            written: 0,
            unsynced: None,
            group: 1,
            rewriting: None,
            pace,
            not_before: None,
            trouble: None,
        }
    }

    /// Reads what there is.
    pub(super) fn start(&mut self) -> Recovered {
        let mut recovered = Recovered::default();
        if let Err(failed) = self.read(&mut recovered) {
            recovered
                .told
                .push(format!("the files cannot be read: {}", failed.1));
            self.fail(failed);
        }
        recovered
    }

    fn read(&mut self, recovered: &mut Recovered) -> Result<(), Failed> {
        let found = recover(&self.disk, &self.contents.apply).map_err(Trouble::Unread.of())?;
        recovered.changes = found.changes;
        recovered.told.extend(found.told);
        self.log = found.log;
        self.number = found.number;
        self.base = found.base;
        self.older = found.older;
        self.count_size();
        match self.log {
            Some(_) => Ok(()),
            None => self.write_all_anew(),
        }
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        loop {
            let orders = match self.trouble {
                Some(trouble) => self.mend(trouble),
                None => self.turn(),
            };
            if orders.is_stopping {
                self.end();
                return;
            }
        }
    }

    fn turn(&mut self) -> Orders {
        let until = Until {
            is_at_once: self.rewriting.is_some(),
            unsynced: self.unsynced,
            group: self.group,
        };
        let orders = self.queue.take(&mut self.taken, until);
        self.written = 0;
        record::seal(&mut self.taken.records);
        if let Err(failed) = self.work(orders) {
            self.fail(failed);
        }
        orders
    }

    fn work(&mut self, orders: Orders) -> Result<(), Failed> {
        self.write()?;
        match orders.fsync {
            Fsync::Always => self.sync()?,
            Fsync::EverySecond => {
                if self
                    .unsynced
                    .is_some_and(|since| since.elapsed() >= SYNCED_AFTER)
                {
                    self.sync()?;
                }
            }
            Fsync::No => {
                self.queue.is_safe_to(self.taken.last);
            }
        }
        self.rewrite()
    }

    /// Adds what was taken to the log.
    fn write(&mut self) -> Result<(), Failed> {
        let rest = self.taken.records.get(self.written..).unwrap_or_default();
        let Some(log) = self.log.as_mut().filter(|_| !rest.is_empty()) else {
            return Ok(());
        };
        let before = log.length;
        let added = log.add(rest);
        self.written += usize::try_from(log.length - before).unwrap_or(usize::MAX);
        self.unsynced = self.unsynced.or(self.taken.since);
        added.map_err(Trouble::Unwritten.of())?;
        self.counters
            .records
            .fetch_add(self.taken.count, Ordering::Relaxed);
        self.count_size();
        Ok(())
    }

    /// Brings the log to disk, where it is not, and lets those go on who wait for it.
    fn sync(&mut self) -> Result<(), Failed> {
        let Some(log) = self.log.as_ref().filter(|_| self.unsynced.is_some()) else {
            return Ok(());
        };
        self.counters.syncs.fetch_add(1, Ordering::Relaxed);
        log.sync().map_err(Trouble::Doubtful.of())?;
        self.unsynced = None;
        let more = self.queue.is_safe_to(self.taken.last);
        // Writers that were answered just now will be back, and with those who came meanwhile they are one group:
        // without waiting a moment for them two groups would take turns for ever, at twice the fsyncs.
        self.group = (self.taken.count + more).max(self.group - self.group.div_ceil(8));
        Ok(())
    }

    fn rewrite(&mut self) -> Result<(), Failed> {
        let Some(rewriting) = &mut self.rewriting else {
            return if self.is_grown() {
                self.begin_rewriting()
            } else {
                Ok(())
            };
        };
        match rewriting.step(&self.contents) {
            Ok(false) => Ok(()),
            Ok(true) => self.finish_rewriting(),
            Err(error) => {
                self.give_up_rewriting(&error);
                Ok(())
            }
        }
    }

    /// Grown to twice what it was when it was written last.
    fn is_grown(&self) -> bool {
        let size = self.size();
        size > self.pace.rewritten_over
            && size / 2 >= self.base
            && self.not_before.is_none_or(|then| Instant::now() >= then)
    }

    fn begin_rewriting(&mut self) -> Result<(), Failed> {
        // A hole between two logs would cost all that is in the second.
        self.sync()?;
        match self.next_log() {
            Ok(rewriting) => self.rewriting = Some(rewriting),
            Err(error) => self.give_up_rewriting(&error),
        }
        Ok(())
    }

    fn next_log(&mut self) -> io::Result<Rewriting> {
        let next = begin(&self.disk, self.number + 1)?;
        self.older += self.log.replace(next).map_or(0, |log| log.length);
        self.number += 1;
        Rewriting::begin(&self.disk, self.number)
    }

    fn finish_rewriting(&mut self) -> Result<(), Failed> {
        // What the base has seen was handed over by now.
        self.write_the_rest()?;
        self.sync()?;
        let Some(done) = self.rewriting.take() else {
            return Ok(());
        };
        let (new, name) = (unfinished(done.number), base_name(done.number));
        let named = self.disk.rename(&new, &name);
        named
            .and_then(|()| self.disk.sync())
            .map_err(Trouble::Doubtful.of())?;
        self.base = done.base.length;
        self.older = 0;
        self.counters.rewrites.fetch_add(1, Ordering::Relaxed);
        self.count_size();
        let listed = Listed::of(&self.disk);
        if let Err(error) = listed.and_then(|all| all.remove_older(&self.disk, done.number)) {
            // The next start removes them.
            tracing::warn!("sessions: older files of the journal cannot be removed: {error}");
        }
        Ok(())
    }

    /// Writes what was taken, and all there is by now.
    fn write_the_rest(&mut self) -> Result<(), Failed> {
        self.write()?;
        self.queue.take_now(&mut self.taken);
        self.written = 0;
        record::seal(&mut self.taken.records);
        self.write()
    }

    fn give_up_rewriting(&mut self, error: &io::Error) {
        tracing::warn!("sessions: the journal cannot be written anew, and grows on: {error}");
        if let Some(rewriting) = self.rewriting.take() {
            rewriting.give_up(&self.disk);
        }
        self.not_before = Some(Instant::now() + REWRITTEN_AGAIN);
    }

    fn fail(&mut self, Failed(trouble, error): Failed) {
        let why = format!("the session store cannot write to its disk: {error}");
        if self.trouble.is_none() {
            tracing::error!(
                "{why}; writes are refused, reads go on, and it is tried again every 5 s"
            );
        }
        if trouble == Trouble::Doubtful
            && let Some(rewriting) = self.rewriting.take()
        {
            rewriting.give_up(&self.disk);
        }
        self.trouble = Some(trouble);
        self.queue.fail(why);
    }

    /// Waits, and tries to get over what was wrong.
    fn mend(&mut self, trouble: Trouble) -> Orders {
        let orders = self.queue.rest(self.pace.probed);
        if orders.is_stopping {
            return orders;
        }
        let mended = match trouble {
            Trouble::Unread => {
                let mut recovered = Recovered::default();
                let read = self.read(&mut recovered);
                for told in recovered.told {
                    tracing::warn!("sessions: {told}");
                }
                read
            }
            Trouble::Unwritten => self.write().and_then(|()| self.sync()),
            Trouble::Doubtful => self.write_all_anew(),
        };
        match mended {
            Err(failed) => self.fail(failed),
            Ok(()) => {
                self.trouble = None;
                self.queue.works_to(self.taken.last);
                tracing::info!("sessions: the journal is written again");
            }
        }
        orders
    }

    /// A new log, and all of memory as its base.
    fn write_all_anew(&mut self) -> Result<(), Failed> {
        let doubtful = || Trouble::Doubtful.of();
        // What was taken and not written is in the memory, so it will be in the base.
        self.written = self.taken.records.len();
        self.unsynced = None;
        let number = self.number + 1;
        let log = begin(&self.disk, number).map_err(doubtful())?;
        let mut rewriting = Rewriting::begin(&self.disk, number).map_err(doubtful())?;
        loop {
            match rewriting.step(&self.contents) {
                Ok(false) => {}
                Ok(true) => break,
                Err(error) => {
                    rewriting.give_up(&self.disk);
                    return Err(Failed(Trouble::Doubtful, error));
                }
            }
        }
        self.log = Some(log);
        self.number = number;
        self.rewriting = Some(rewriting);
        let finished = self.finish_rewriting();
        finished.map_err(|Failed(_, error)| Failed(Trouble::Doubtful, error))
    }

    /// What there is is written for the last time.
    fn end(&mut self) {
        if let Some(rewriting) = self.rewriting.take() {
            rewriting.give_up(&self.disk);
        }
        if matches!(self.trouble, Some(Trouble::Unread | Trouble::Doubtful)) {
            return;
        }
        if let Err(failed) = self.write_the_rest().and_then(|()| self.sync()) {
            self.fail(failed);
        }
    }

    fn size(&self) -> u64 {
        self.base + self.older + self.log.as_ref().map_or(0, |log| log.length)
    }

    fn count_size(&self) {
        self.counters.size.store(self.size(), Ordering::Relaxed);
    }
}
