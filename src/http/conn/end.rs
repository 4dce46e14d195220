//! How a connection ends: in order, lingering for what the other side still sends, or as a cut.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use tokio::time::{Duration, Instant};

use super::Conn;
use crate::http::{Io, Scratch};

impl Conn {
    /// Makes the close that follows a reset: what was sent is not whole.
    pub fn abort(self) {
        self.io.reset_on_close(true);
    }

    /// Says whether its end would now pass for the end of what is sent, and must not. The
    /// kernel keeps it: however the connection ends, by our death too, it is a reset then.
    pub fn end_is_no_end(&self, yes: bool) {
        self.io.reset_on_close(yes);
    }

    /// Whether the other side would take a mere end for a cut.
    pub fn has_an_end_of_its_own(&self) -> bool {
        matches!(self.io, Io::Tls(_))
    }

    /// Ends it in order: whoever is behind TLS is told. A while is enough for that.
    pub async fn close(&mut self) {
        if !self.has_an_end_of_its_own() {
            return;
        }
        let (until, mut armed) = (Instant::now() + Self::GOODBYE, false);
        poll_fn(|cx| match self.io.poll_shutdown(cx) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => self.poll_late(cx, until, &mut armed),
        })
        .await;
    }

    /// The same without waiting: as far as the kernel takes it at once.
    pub fn close_now(&mut self) {
        if self.has_an_end_of_its_own() {
            let _told = self
                .io
                .poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }

    /// How long an orderly end may wait for room in the kernel.
    const GOODBYE: Duration = Duration::from_secs(1);

    /// Says that nothing more will be written, then reads and drops up to `limit` bytes
    /// until the other side's end or `until` (RFC 9112 section 9.6): without it, unread
    /// bytes make the kernel reset the connection and the answer with it.
    pub async fn linger(&mut self, scratch: &Scratch, limit: usize, until: Instant) {
        let shut = poll_fn(|cx| self.io.poll_shutdown(cx)).await;
        let mut dropped = self.input().len();
        while shut.is_ok() && dropped <= limit {
            self.consume(usize::MAX);
            match self.fill(scratch, until).await {
                Ok(0) | Err(_) => return,
                Ok(count) => dropped += count,
            }
        }
    }
}
