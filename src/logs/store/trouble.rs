//! What could not be kept: counted each time, told once in a while.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::segment::SegmentError;

/// A trouble that goes on is told no oftener: a disk that is nearly full takes some and refuses
/// some.
const AGAIN: Duration = Duration::from_secs(60);

/// Why nothing can be kept at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ailment {
    /// No room is left.
    Full,
    /// It may only be read.
    ReadOnly,
    /// The system's word for anything else.
    Other(String),
}

impl Ailment {
    fn of(error: &SegmentError) -> Self {
        use rusqlite::ErrorCode;
        use std::io::ErrorKind;
        match error {
            SegmentError::Sql(sql) => match sql.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Self::Full,
                Some(ErrorCode::ReadOnly) => Self::ReadOnly,
                _ => Self::Other(error.to_string()),
            },
            SegmentError::Io(io) => match io.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
                ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
                _ => Self::Other(error.to_string()),
            },
            SegmentError::Damaged | SegmentError::Foreign => Self::Other(error.to_string()),
        }
    }
}

/// What ails the store now, for whoever asks.
pub(super) type Ailing = Arc<Mutex<Option<Ailment>>>;

/// What could not be kept.
#[derive(Debug)]
pub(super) struct Trouble {
    lost: Arc<AtomicU64>,
    ailing: Ailing,
    /// Records lost since it was last well; none while it is.
    now: Option<u64>,
    /// When it was told last.
    told: Option<Instant>,
}

impl Trouble {
    /// None yet; lost records are added to `lost`.
    pub(super) fn new(lost: Arc<AtomicU64>, ailing: Ailing) -> Self {
        Self {
            lost,
            ailing,
            now: None,
            told: None,
        }
    }

    /// So many records are lost for this.
    pub(super) fn tell(&mut self, folder: &Path, records: u64, error: &SegmentError) {
        self.now.get_or_insert(0);
        self.ails(Some(Ailment::of(error)));
        if self.told.is_none_or(|told| told.elapsed() >= AGAIN) {
            self.told = Some(Instant::now());
            tracing::warn!(
                "the log store in {} cannot be written: {error}; tried again with the next records",
                folder.display()
            );
        }
        self.count(records);
    }

    /// So many more for the same.
    pub(super) fn count(&mut self, records: u64) {
        self.lost.fetch_add(records, Ordering::Relaxed);
        self.now = self.now.map(|lost| lost.saturating_add(records));
    }

    /// It is well again.
    pub(super) fn is_over(&mut self) {
        let Some(lost) = self.now.take() else {
            return;
        };
        self.ails(None);
        if lost > 0 {
            tracing::info!("the log store is written again; {lost} records were lost");
        }
    }

    fn ails(&self, ailment: Option<Ailment>) {
        *self.ailing.lock().unwrap_or_else(PoisonError::into_inner) = ailment;
    }
}
