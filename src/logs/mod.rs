//! The access log: what one request was, how a line says it, who writes it.
//!
//! A worker turns each [`Record`] into a line with its own [`LineWriter`] and
//! hands whole lines to the one writer thread through a [`Sink`], which never
//! waits: when the disk does not keep up, lines are dropped and counted.

mod combined;
mod dates;
mod folder;
mod json;
mod kept;
mod last_words;
mod line;
mod old_files;
mod own;
mod record;
mod rotation;
mod sink;
mod store;
mod writer;

pub use folder::make_folder;
pub use kept::KeptRecord;
pub use last_words::LastWords;
pub use line::{LineWriter, address};
pub use own::{OwnLog, OwnLogLevel};
pub use record::{Record, Try};
pub use sink::{AccessFile, Losses, Sink, start};
pub use store::{
    Ailment, Asked, Batch, Bucket, Chart, Event, FOLDER as STORE_FOLDER, Filter, Flow, Found,
    Histogram, LastMinute, MAX_BUCKETS, MAX_EVENTS_PAGE, MAX_PAGE, MAX_VISITED, Noted, Packet,
    Page, Point, Range, RecordId, Records, Subject, Way, date, read_chart, start_store,
};

/// Where the logs lie, below the data directory.
pub const LOGS_FOLDER: &str = "logs";

/// Where a worker leaves what it logs.
#[derive(Debug, Clone)]
pub struct Logging {
    /// The lines of the access log.
    pub sink: Sink,
    /// The records of the log store.
    pub records: Records,
}

#[cfg(test)]
impl Logging {
    /// Where all is thrown away.
    pub(crate) fn nowhere() -> Self {
        let (sink, _) = start(AccessFile::default(), Losses::default()).unwrap();
        Self {
            sink,
            records: Records::nowhere(),
        }
    }
}
