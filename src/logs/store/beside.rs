//! What is kept beside the records: their minutes, and events.

use std::path::Path;

use rusqlite::Connection;

use super::catalog::make_folder;
use super::charts;
use super::events::{self, Event};
use super::minutes::Minutes;
use super::segment::SegmentError;

/// Limit: events that wait for the disk.
const WAITING: usize = 200;

/// The charts' database, and what is to go into it.
#[derive(Debug, Default)]
pub(super) struct Beside {
    db: Option<Connection>,
    pub(super) minutes: Minutes,
    events: Vec<Event>,
}

impl Beside {
    /// Takes an event in; where they cannot be written the newest are worth more.
    pub(super) fn note(&mut self, event: Event) {
        if self.events.len() >= WAITING {
            self.events.remove(0);
        }
        self.events.push(event);
    }

    /// Writes all there is; what could not be written waits for the next time.
    pub(super) fn write(&mut self, folder: &Path) -> Result<(), SegmentError> {
        if self.minutes.is_empty() && self.events.is_empty() {
            return Ok(());
        }
        let written = self.try_write(folder);
        if written.is_err() {
            // The next attempt is on a new connection.
            self.db = None;
            self.minutes.bound();
        }
        written
    }

    fn try_write(&mut self, folder: &Path) -> Result<(), SegmentError> {
        let db = match &mut self.db {
            Some(db) => db,
            None => {
                make_folder(folder)?;
                self.db.insert(charts::open(&folder.join(charts::FILE))?)
            }
        };
        self.minutes.write(db)?;
        while let Some(event) = self.events.first() {
            events::note(db, event)?;
            self.events.remove(0);
        }
        Ok(())
    }

    /// Removes what no chart reaches.
    pub(super) fn forget(&self, now: u64) {
        if let Some(db) = &self.db
            && let Err(error) = charts::forget(db, now)
        {
            tracing::debug!("old minutes of the charts are not removed: {error}");
        }
    }
}
