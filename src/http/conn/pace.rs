//! Writing to a side that may be slow.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use super::{Conn, StreamError};
use crate::http::Taker;

impl Conn {
    /// Writes the whole queue to a side that may be slow, as long as `taker` has patience.
    ///
    /// # Errors
    /// When the connection breaks or the other side is too slow.
    pub async fn flush_to(&mut self, taker: &mut Taker) -> Result<(), StreamError> {
        let flushed = self.at_pace(taker, Self::poll_flush).await;
        taker.pause();
        flushed
    }

    /// Polls `what`, which writes, as long as `taker` has patience.
    pub(super) async fn at_pace<T>(
        &mut self,
        taker: &mut Taker,
        mut what: impl FnMut(&mut Self, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Result<T, StreamError> {
        taker.begin(self);
        poll_fn(|cx| {
            if let Poll::Ready(done) = what(self, cx) {
                return Poll::Ready(done.map_err(StreamError::Broken));
            }
            let mut timer = std::mem::take(&mut self.deadline);
            let late = taker.wait(cx, self, &mut timer);
            self.deadline = timer;
            late.map(|()| Err(StreamError::Timeout))
        })
        .await
    }

    /// Ready when the other side has something to take and is too slow. Takes the place of
    /// `poll_late`: there is one timer.
    pub fn poll_taking(&mut self, cx: &mut Context<'_>, taker: &mut Taker) -> Poll<()> {
        let mut timer = std::mem::take(&mut self.deadline);
        let late = taker.poll(cx, self, &mut timer);
        self.deadline = timer;
        late
    }

    /// Bytes the other side has taken, ever, as far as anybody knows. Where nobody tells, what
    /// the kernel takes now tells: it takes some long before it says «writable».
    pub(in crate::http) fn taken(&mut self) -> u64 {
        match self.io.unacked() {
            Some(bytes) => self.going_out().saturating_sub(bytes),
            None => {
                let written = self.io.write_past_readiness(&self.output[self.written..]);
                self.count_written(written);
                self.going_out()
            }
        }
    }
}
