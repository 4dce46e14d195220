//! The thread that keeps the records: blocks, files, retention, recovery, minutes and events.
//!
//! Nothing here stops for a disk that is full, away or damaged: what could not be kept is counted,
//! the operator is told once, and the next records try again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::beside::Beside;
use super::block::Blocks;
use super::catalog::{Catalog, make_folder};
use super::charts;
use super::decode::each;
use super::encode::{Packet, since_1970};
use super::events::Event;
use super::recent::Recent;
use super::segment::{About, Segment, SegmentError};
use super::tally::{Part, Tally};
use super::trouble::Trouble;
use crate::model::LogStore;

/// Records wait no longer for others to be written with.
const PIECE: Duration = Duration::from_secs(1);

/// Limit: bytes of records held until then. More are written at once, a few blocks together.
const HELD: usize = 512 << 10;

/// Minutes are written this often, and files looked over.
const LOOK: Duration = Duration::from_secs(10);

/// After a failure nothing is tried for so long.
const RETRY: Duration = Duration::from_secs(1);

/// Parts that all records are in at least, so that few are lost with the oldest.
const PARTS: u64 = 16;

/// A segment is no longer than this, which a start looks through if it has to.
const MAX_SEGMENT: u64 = 64 << 20;

/// What is kept, and where.
#[derive(Debug)]
pub(super) struct Keeper {
    wanted: LogStore,
    catalog: Catalog,
    file: Option<OpenFile>,
    /// The number of the segment that is open, or is to be opened next.
    next: u64,
    /// What there is from before is known.
    is_recovered: bool,
    blocks: Blocks,
    /// When the oldest record came that is not written.
    waiting_since: Option<Instant>,
    beside: Beside,
    looked: Instant,
    pub(super) not_before: Option<Instant>,
    trouble: Trouble,
    recent: Recent,
}

/// The segment that grows.
#[derive(Debug)]
struct OpenFile {
    segment: Segment,
    number: u64,
    about: About,
    /// Bytes of all but its records, when it was opened.
    rest: u64,
    opened: Instant,
}

impl Keeper {
    pub(super) fn new(
        catalog: Catalog,
        wanted: LogStore,
        trouble: Trouble,
        recent: Recent,
    ) -> Self {
        let mut keeper = Self {
            wanted,
            catalog,
            file: None,
            next: 1,
            is_recovered: false,
            blocks: Blocks::default(),
            waiting_since: None,
            beside: Beside::default(),
            looked: Instant::now(),
            not_before: None,
            trouble,
            recent,
        };
        let folder = keeper.catalog.folder().to_owned();
        if let Err(error) = keeper.recover() {
            keeper.trouble.tell(&folder, 0, &error);
        }
        keeper.recent.begin(&folder, SystemTime::now());
        keeper
    }

    pub(super) fn follow(&mut self, wanted: LogStore) {
        self.wanted = wanted;
    }

    /// Takes records in.
    pub(super) fn take(&mut self, mut packet: Packet) {
        let summary = self.blocks.summary();
        let minutes = &mut self.beside.minutes;
        let mut recent = self.recent.lock();
        let mut tally = Tally::new(|part: &Part<'_>| {
            minutes.add(part);
            recent.add(part);
        });
        let read = each(&packet.bytes, |raw| {
            summary.add(raw);
            tally.add(raw);
        });
        tally.finish();
        drop(recent);
        debug_assert_eq!(read, Ok(()), "a worker's bytes are whole");
        packet.seal();
        self.blocks.push(packet);
        if let Some(file) = &mut self.file {
            self.blocks.write_ahead(file.segment.data());
        }
        self.waiting_since.get_or_insert_with(Instant::now);
        if self.blocks.waiting().0 >= HELD {
            self.write();
        }
    }

    /// What comes next begins another block.
    #[cfg(test)]
    pub(super) fn restart_block(&mut self) {
        self.blocks.restart();
    }

    /// Takes an event in.
    pub(super) fn note(&mut self, event: Event) {
        self.recent.noted(&event);
        self.beside.note(event);
        self.write_charts();
    }

    /// How long until there is something to do though nothing comes.
    pub(super) fn look_in(&self) -> Duration {
        let due = self.waiting_since.map(|since| since + PIECE);
        let look = self.looked + LOOK;
        let next = due.map_or(look, |due| due.min(look));
        next.saturating_duration_since(Instant::now())
    }

    /// Does what is due.
    pub(super) fn look(&mut self) {
        if self
            .waiting_since
            .is_some_and(|since| since.elapsed() >= PIECE)
        {
            self.write();
        }
        if self.looked.elapsed() >= LOOK {
            self.looked = Instant::now();
            self.flush();
            self.roll();
            self.tidy();
        }
    }

    /// Writes all there is, for who is about to search.
    pub(super) fn flush(&mut self) {
        self.write();
        self.write_charts();
    }

    /// Writes all there is and closes the file in order.
    pub(super) fn close(mut self) {
        self.flush();
        self.seal();
    }

    /// A segment could not be read: whoever searched it found out.
    pub(super) fn examine(&mut self, number: u64) {
        let path = self.catalog.path(number);
        if let Err(error) = Segment::read(&path).and_then(|segment| segment.check_all())
            && error.is_damage()
        {
            if self.file.as_ref().is_some_and(|file| file.number == number) {
                self.file = None;
                self.next = number + 1;
                self.blocks.restart();
            }
            self.catalog.forget(number);
            self.set_aside(&path, &error);
        }
    }

    /// Writes what waits.
    fn write(&mut self) {
        self.waiting_since = None;
        let (_, records) = self.blocks.waiting();
        if records == 0 {
            return;
        }
        let resting = self.not_before.is_some_and(|t| Instant::now() < t);
        let written = match resting {
            true => Err(None),
            false => self.write_blocks().map_err(Some),
        };
        match written {
            Ok(()) => {
                self.not_before = None;
                self.trouble.is_over();
                if self.blocks.are_written() {
                    self.roll();
                }
            }
            Err(error) => {
                // What is on disk of the block is whole; what comes next begins another.
                self.blocks.restart();
                match error {
                    Some(error) => self.fail(records, &error),
                    None => self.trouble.count(records),
                }
            }
        }
    }

    fn write_blocks(&mut self) -> Result<(), SegmentError> {
        if self.file.is_none() && !self.is_recovered {
            self.recover()?;
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => self.open_file(self.next)?,
        };
        let file = self.file.insert(file);
        let mut about = file.about;
        file.segment.write(self.blocks.unwritten(&mut about))?;
        file.about = about;
        self.catalog.set(file.number, about);
        Ok(())
    }

    /// Opens the segment of this number, which may be there from before.
    fn open_file(&self, number: u64) -> Result<OpenFile, SegmentError> {
        let path = self.catalog.path(number);
        let segment = Segment::open(&path)?;
        let about = segment.about()?;
        Ok(OpenFile {
            segment,
            number,
            about,
            rest: fs::metadata(&path)?.len(),
            opened: Instant::now(),
        })
    }

    /// Finds out what there is from before; goes on in the last segment.
    fn recover(&mut self) -> Result<(), SegmentError> {
        let folder = self.catalog.folder().to_owned();
        make_folder(&folder)?;
        let numbers = self.catalog.numbers()?;
        self.next = numbers.last().copied().unwrap_or(1);
        for number in &numbers {
            let path = self.catalog.path(*number);
            let is_last = *number == self.next;
            let found = match is_last {
                // It was being written, if the process was killed.
                true => self.reopen(*number),
                false => Segment::read(&path).and_then(|segment| segment.about()),
            };
            match found {
                Ok(about) => self.catalog.set(*number, about),
                Err(error) if error.is_damage() => {
                    self.next += u64::from(is_last);
                    self.set_aside(&path, &error);
                }
                Err(error) => {
                    tracing::warn!("{} of the log store is left alone: {error}", path.display());
                }
            }
        }
        self.is_recovered = true;
        Ok(())
    }

    /// Opens the segment that was written last; where that is not allowed it is read at least.
    fn reopen(&mut self, number: u64) -> Result<About, SegmentError> {
        let opened = self.open_file(number).and_then(|mut file| {
            file.segment.check()?;
            let torn = file.segment.drop_torn()?;
            if torn > 0 {
                tracing::warn!("{torn} records of the log store were not whole and are dropped");
                file.about = file.segment.about()?;
            }
            Ok(file)
        });
        match opened {
            Ok(file) => Ok(self.file.insert(file).about),
            Err(error) if error.is_damage() => Err(error),
            Err(_) => Segment::read(&self.catalog.path(number))?.about(),
        }
    }

    fn set_aside(&self, path: &Path, error: &SegmentError) {
        match self.catalog.set_aside(path) {
            Ok(to) => tracing::warn!(
                "{} of the log store is damaged ({error}); it was set aside as {}",
                path.display(),
                to.display()
            ),
            Err(moving) => tracing::warn!(
                "{} of the log store is damaged ({error}), and cannot be set aside: {moving}",
                path.display()
            ),
        }
    }

    /// Goes on in a new file where this one is large or old enough.
    pub(super) fn roll(&mut self) {
        let largest = (self.wanted.max_size / PARTS).min(MAX_SEGMENT);
        let longest = self.wanted.max_age / 24;
        let is_over = |file: &OpenFile| {
            file.rest + file.segment.length() >= largest || file.opened.elapsed() >= longest
        };
        // A block ends with its file, full or not: else a quiet log would never grow old.
        if self.blocks.waiting().1 == 0 && self.file.as_ref().is_some_and(is_over) {
            self.seal();
            self.tidy();
        }
    }

    /// Removes the oldest files where there is too much, or they are too old.
    pub(super) fn tidy(&mut self) {
        let now = since_1970(SystemTime::now());
        let age = u64::try_from(self.wanted.max_age.as_micros()).unwrap_or(u64::MAX);
        // One at a time by age: a clock that is far ahead for a moment must not cost all.
        if let Some((_, about)) = self.catalog.oldest()
            && about.last < now.saturating_sub(age)
        {
            self.remove_oldest();
        }
        while self.catalog.size() > self.wanted.max_size && self.remove_oldest() {}
        self.beside.forget(now);
    }

    /// Whether one was removed: the last one is being written.
    fn remove_oldest(&mut self) -> bool {
        let Some((number, _)) = self.catalog.oldest() else {
            return false;
        };
        if self.file.as_ref().is_some_and(|file| file.number == number) {
            return false;
        }
        match self.catalog.remove(number) {
            Ok(()) => true,
            Err(error) => {
                self.trouble.tell(self.catalog.folder(), 0, &error.into());
                false
            }
        }
    }

    pub(super) fn seal(&mut self) {
        if let Some(file) = self.file.take() {
            self.next = file.number + 1;
            self.blocks.restart();
            // One that somebody searches right now stays as it is: the next start reads it too.
            if let Err(error) = file.segment.seal() {
                tracing::debug!("a segment of the log store keeps its journal: {error}");
            }
        }
    }

    /// Writes minutes and events.
    fn write_charts(&mut self) {
        let folder = self.catalog.folder();
        let Err(error) = self.beside.write(folder) else {
            return;
        };
        if error.is_damage() {
            self.set_aside(&folder.join(charts::FILE), &error);
        } else {
            self.trouble.tell(self.catalog.folder(), 0, &error);
        }
    }

    fn fail(&mut self, records: u64, error: &SegmentError) {
        self.not_before = Some(Instant::now() + RETRY);
        // The next attempt is on a new connection.
        self.file = None;
        if error.is_damage() {
            let path = self.catalog.path(self.next);
            self.catalog.forget(self.next);
            self.next += 1;
            self.set_aside(&path, error);
        }
        self.trouble.tell(self.catalog.folder(), records, error);
    }
}
