//! The turns of a worker's event loop.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// Counts the turns of the event loop: from one look for what has arrived to the next. Whatever
/// arrives within one was sent before a look at the disk in the same one ended, so that looking
/// once a turn shows every client what was there when it asked.
#[derive(Debug)]
pub(super) struct Turn {
    over: Arc<Over>,
    number: Cell<u64>,
}

#[derive(Debug)]
struct Over(AtomicBool);

impl Wake for Over {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Turn {
    pub(super) fn new() -> Self {
        Self {
            over: Arc::new(Over(AtomicBool::new(true))),
            number: Cell::new(0),
        }
    }

    /// The number of this turn, from 1.
    pub(super) fn number(&self) -> u64 {
        if self.over.0.swap(false, Ordering::Relaxed) {
            self.number.set(self.number.get() + 1);
            // tokio wakes who yields right after its next look for what has arrived, before any
            // task; elsewhere at once, and then every call is a turn of its own.
            let waker = Waker::from(Arc::clone(&self.over));
            let yielding = pin!(tokio::task::yield_now());
            let _pending = yielding.poll(&mut Context::from_waker(&waker));
        }
        self.number.get()
    }
}

#[cfg(test)]
mod tests {
    use super::Turn;

    #[tokio::test]
    async fn a_turn_ends_when_the_loop_looks_for_what_has_arrived() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};

        let (mut here, mut there) = tokio::net::UnixStream::pair().unwrap();
        let turn = Turn::new();
        for _ in 0..100 {
            let before = turn.number();
            assert_eq!(turn.number(), before);
            // What is sent in a turn is read in a later one.
            there.write_all(b"x").await.unwrap();
            assert_eq!(turn.number(), before);
            let read = here.read(&mut [0; 16]).await.unwrap();
            assert_eq!(read, 1);
            assert_ne!(turn.number(), before);
        }
    }

    #[test]
    fn without_a_loop_every_call_is_a_turn_of_its_own() {
        let turn = Turn::new();
        assert_ne!(turn.number(), turn.number());
    }
}
