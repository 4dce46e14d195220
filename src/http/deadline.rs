//! A point in time after which waiting is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that is set again and again on one timer.
///
/// Moving a timer later costs a store; making one costs a lock of the wheel. So a
/// connection keeps one for life and moves it from phase to phase.
#[derive(Debug, Default)]
pub struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Moves it to `at`.
    pub fn set(&mut self, at: Instant) {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(sleep_until(at))),
        }
    }

    /// Whether it was ever set.
    pub(super) fn is_set(&self) -> bool {
        self.sleep.is_some()
    }

    /// Whether it has passed; wakes the task when it does.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}
