//! A point in time after which waiting is over.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that is set again and again on one timer.
///
/// A connection keeps one for life and moves it from phase to phase, nearly always to later. The
/// timer is then left where it stands, and moved on once it has gone off: that is once in a while
/// instead of in every phase.
#[derive(Debug, Default)]
pub struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
}

impl Deadline {
    /// Moves it to `at`.
    pub fn set(&mut self, at: Instant) {
        self.at = Some(at);
        match &mut self.sleep {
            Some(sleep) if !sleep.is_elapsed() && sleep.deadline() <= at => {}
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(sleep_until(at))),
        }
    }

    /// Whether it was ever set.
    pub(super) fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Whether it has passed; wakes the task when it does.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (Some(sleep), Some(at)) = (&mut self.sleep, self.at) else {
            return Poll::Pending;
        };
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
        Poll::Pending
    }
}
