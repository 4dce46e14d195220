//! Whether anybody is at work who may hand changes over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How many of the threads that hand changes over have something to do. A group of writers is complete once none has:
/// more come only after those who wait have their answers.
#[derive(Debug, Default)]
pub(super) struct Busy {
    count: AtomicUsize,
    /// Whether anybody wants to know: counting costs each worker the other's cache line.
    is_asked: AtomicBool,
}

/// One of the threads.
#[derive(Debug)]
pub struct Hand {
    busy: Arc<Busy>,
    is_counted: AtomicBool,
}

impl Busy {
    // Nothing hangs on it but how long is waited.
    pub(super) fn is_nobody(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// From now on somebody wants to know, or nobody.
    pub(super) fn ask(&self, is_asked: bool) {
        self.is_asked.store(is_asked, Ordering::Relaxed);
    }
}

impl Hand {
    pub(super) fn new(busy: &Arc<Busy>) -> Self {
        Self {
            busy: Arc::clone(busy),
            is_counted: AtomicBool::new(false),
        }
    }

    /// It begins to work.
    pub fn begin(&self) {
        if self.busy.is_asked.load(Ordering::Relaxed)
            && !self.is_counted.swap(true, Ordering::Relaxed)
        {
            self.busy.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It has nothing to do any more.
    pub fn end(&self) {
        if self.is_counted.load(Ordering::Relaxed) && self.is_counted.swap(false, Ordering::Relaxed)
        {
            self.busy.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.end();
    }
}
