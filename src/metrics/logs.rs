//! What the logs could not keep.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::read;
use super::text::{Kind, Text};

/// Counted by those who write the logs.
#[derive(Debug, Default)]
pub struct LogLosses {
    /// Lines of the access log that were not written.
    pub lines: Arc<AtomicU64>,
    /// Rotations of it, and packings of its old files, that failed.
    pub rotations: Arc<AtomicU64>,
    /// Records that the log store did not keep.
    pub records: Arc<AtomicU64>,
}

impl LogLosses {
    pub(super) fn write(&self, text: &mut Text) {
        let families = [
            (
                "steelyard_log_lines_dropped_total",
                "Access log lines thrown away because the disk was too slow, full or away.",
                &self.lines,
            ),
            (
                "steelyard_log_rotation_failures_total",
                "Times that the access log could not be rotated, or an old one compressed.",
                &self.rotations,
            ),
            (
                "steelyard_log_records_dropped_total",
                "Requests that the log store could not keep because the disk was too slow, full or away.",
                &self.records,
            ),
        ];
        for (name, help, counter) in families {
            text.family(name, Kind::Counter, help);
            text.sample(name, &[], read(counter));
        }
    }
}
