//! Whether anybody is at work who may hand changes over.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many of the threads that hand changes over have something to do. A group of writers is complete once none has:
/// more come only after those who wait have their answers.
#[derive(Debug, Default)]
pub struct Busy(AtomicUsize);

impl Busy {
    /// A thread begins to work.
    pub fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// It has nothing to do any more, or ends.
    pub fn end(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    // Nothing hangs on it but how long is waited.
    pub(super) fn is_nobody(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}
