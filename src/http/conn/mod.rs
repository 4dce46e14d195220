//! A connection: what it runs over, bytes read and not yet used, bytes not yet written.

mod end;
mod pace;
mod send;

pub use send::FileSent;

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::time::{Duration, Instant};

use super::input::Input;
use super::{Deadline, Io, Scratch};

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The other side took too long.
    #[error("took too long")]
    Timeout,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
}

/// A connection and its two queues.
#[derive(Debug)]
pub struct Conn {
    pub(super) io: Io,
    input: Input,
    output: Vec<u8>,
    written: usize,
    pub(super) deadline: Deadline,
    // When to look again for an end behind bytes nobody takes yet.
    look: Deadline,
    /// Bytes read from the other side, ever.
    pub received: u64,
    /// Bytes the kernel took from us, ever.
    pub sent: u64,
}

impl Conn {
    /// Where it has reached us; none of a connection that is gone.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.io.local_address()
    }

    /// A fresh connection.
    pub fn new(io: Io) -> Self {
        Self {
            io,
            input: Input::default(),
            output: Vec::new(),
            written: 0,
            deadline: Deadline::default(),
            look: Deadline::default(),
            received: 0,
            sent: 0,
        }
    }

    /// What was read and not yet used.
    pub fn input(&self) -> &[u8] {
        self.input.bytes()
    }

    /// Uses up the first `count` bytes of the input, or all there are.
    pub fn consume(&mut self, count: usize) {
        self.input.consume(count);
    }

    /// The queue of bytes to write: append, then flush.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Whether bytes wait to be written.
    pub fn has_output(&self) -> bool {
        self.has_queue() || self.io.holds()
    }

    fn has_queue(&self) -> bool {
        self.written < self.output.len()
    }

    /// Bytes the kernel took from us, ever: behind TLS of what goes over the network, which
    /// grows also while nothing more is `sent`.
    pub fn going_out(&self) -> u64 {
        self.io.handed_on().unwrap_or(self.sent)
    }

    /// Has room to write to, before a head is appended: it would grow field by field.
    pub fn make_room(&mut self, scratch: &Scratch) {
        if self.output.capacity() == 0 {
            self.output = scratch.queue();
        }
    }

    /// How many bytes wait to be written.
    pub fn queued(&self) -> usize {
        self.output.len() - self.written
    }

    /// Gives back the memory of empty queues: an idle connection holds none.
    pub fn shrink(&mut self, scratch: &Scratch) {
        if self.input().is_empty() {
            scratch.keep(self.input.take_queue());
            self.look = Deadline::default();
        }
        if !self.has_queue() {
            scratch.keep(std::mem::take(&mut self.output));
            self.written = 0;
        }
    }

    /// Reads more into the input; 0 is the other side's end.
    pub fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
    ) -> Poll<io::Result<usize>> {
        let mut bytes = scratch.bytes();
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(self.io.poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        drop(bytes);
        self.input.take_in(scratch, count);
        self.received += count as u64;
        Poll::Ready(Ok(count))
    }

    /// Hands what can be read to `take`, past the input, which must be empty. What `take`
    /// leaves of it becomes the input.
    pub fn poll_read_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        take: impl FnOnce(&mut Context<'_>, &[u8]) -> (usize, T),
    ) -> Poll<io::Result<Option<T>>> {
        let mut bytes = scratch.bytes();
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(self.io.poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        self.received += bytes.len() as u64;
        let (used, answer) = take(cx, bytes);
        if used < bytes.len() {
            self.input.append(scratch, &bytes[used..]);
        }
        Poll::Ready(Ok(Some(answer)))
    }

    /// Reads more into the input before `until`; 0 is the other side's end.
    ///
    /// # Errors
    /// When the connection breaks or the time is over.
    pub async fn fill(&mut self, scratch: &Scratch, until: Instant) -> Result<usize, StreamError> {
        let mut armed = false;
        poll_fn(|cx| {
            if let Poll::Ready(done) = self.poll_fill(cx, scratch) {
                return Poll::Ready(done.map_err(StreamError::Broken));
            }
            self.poll_late(cx, until, &mut armed)
                .map(|()| Err(StreamError::Timeout))
        })
        .await
    }

    /// Writes the whole queue before `until`.
    ///
    /// # Errors
    /// When the connection breaks or the time is over.
    pub async fn flush(&mut self, until: Instant) -> Result<(), StreamError> {
        let mut armed = false;
        poll_fn(|cx| {
            if let Poll::Ready(done) = self.poll_flush(cx) {
                return Poll::Ready(done.map_err(StreamError::Broken));
            }
            self.poll_late(cx, until, &mut armed)
                .map(|()| Err(StreamError::Timeout))
        })
        .await
    }

    /// Ready after `until`. `armed` is false at the first call of a wait: the timer is set
    /// only once there is something to wait for, and most calls return without one.
    pub fn poll_late(
        &mut self,
        cx: &mut Context<'_>,
        until: Instant,
        armed: &mut bool,
    ) -> Poll<()> {
        if !std::mem::replace(armed, true) {
            self.deadline.set(until);
        }
        self.deadline.poll(cx)
    }

    /// Writes what the kernel takes of the queue; ready when it is empty.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.has_queue() {
            let Poll::Ready(count) = self.poll_write(cx, &[])? else {
                // It may be long.
                self.input.settle();
                return Poll::Pending;
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        let flushed = self.io.poll_flush(cx);
        if flushed.is_pending() {
            self.input.settle();
        }
        flushed
    }

    /// Queues `data`, after writing as much of queue and data as the kernel takes. A little is
    /// queued only: it goes with what comes next.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn push(&mut self, cx: &mut Context<'_>, data: &[u8]) -> io::Result<()> {
        let mut rest = data;
        if data.len() >= Self::WORTH_A_WRITE
            && let Poll::Ready(count) = self.poll_write(cx, data)
        {
            rest = &data[count?.min(data.len())..];
        }
        self.output.extend_from_slice(rest);
        Ok(())
    }

    /// Below this many bytes a copy costs less than a call of the kernel.
    const WORTH_A_WRITE: usize = 8 * 1024;

    // Answers how many bytes of `data` were written, or of the queue when `data` is empty.
    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let queued = self.output.len() - self.written;
        let slices = [
            IoSlice::new(&self.output[self.written..]),
            IoSlice::new(data),
        ];
        let slices = match (queued, data) {
            (0, _) => &slices[1..],
            (_, []) => &slices[..1],
            _ => &slices[..],
        };
        let count = ready!(self.io.poll_write(cx, slices))?;
        self.count_written(count);
        Poll::Ready(Ok(if data.is_empty() {
            count
        } else {
            count.saturating_sub(queued)
        }))
    }

    fn count_written(&mut self, count: usize) {
        self.sent += count as u64;
        self.written += count.min(self.queued());
        if !self.has_queue() {
            self.output.clear();
            self.written = 0;
        }
    }

    /// Waits for the first byte of a next message, or the end, or `until`; `armed` as for
    /// [`Self::poll_late`]. What is read goes to the input; 0 is the other side's end.
    ///
    /// # Errors
    /// When the connection breaks or the time is over.
    pub fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        until: Instant,
        armed: &mut bool,
    ) -> Poll<Result<usize, StreamError>> {
        if !self.input().is_empty() {
            return Poll::Ready(Ok(self.input().len()));
        }
        if !*armed {
            self.shrink(scratch);
        }
        let filled = match self.poll_fill(cx, scratch) {
            Poll::Ready(filled) => filled.map_err(StreamError::Broken),
            Poll::Pending => {
                ready!(self.poll_late(cx, until, armed));
                Err(StreamError::Timeout)
            }
        };
        self.make_room(scratch);
        Poll::Ready(filled)
    }

    /// Whether the other side has ended or broken the connection, as far as the kernel has heard:
    /// an end behind bytes that nobody takes yet is one. Not heard is an end behind more than
    /// the kernel holds for us.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.io.is_fresh() {
            if !self.look.is_set() {
                self.look.set(Instant::now() + Self::PATIENCE);
            }
            ready!(self.look.poll(cx));
            if self.io.register().is_err() {
                return Poll::Ready(());
            }
        }
        if self.io.has_ended() {
            return Poll::Ready(());
        }
        self.input.settle();
        if self.input().is_empty() {
            match self.io.poll_peek(cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => {}
                // Whatever comes next wakes the task.
                Poll::Pending => return Poll::Pending,
            }
        }
        // Nobody wakes the task for an end while it may read already.
        while self.look.poll(cx).is_ready() || !self.look.is_set() {
            self.look.set(Instant::now() + Self::LOOK);
        }
        Poll::Pending
    }

    /// How often `poll_gone` looks for an end behind bytes that nobody takes yet.
    const LOOK: Duration = Duration::from_millis(200);

    /// How long nobody asks to be told of the end of a fresh connection: most answers are there by
    /// then, and it need never be asked.
    const PATIENCE: Duration = Duration::from_millis(10);

    /// Whether an idle connection can carry a next request: nothing to read, no end.
    pub fn poll_reusable(&mut self, cx: &mut Context<'_>) -> Reusable {
        if !self.input().is_empty() {
            return Reusable::Excess;
        }
        match self.io.poll_peek(cx) {
            Poll::Pending => Reusable::Yes,
            Poll::Ready(Ok(1..)) => Reusable::Excess,
            Poll::Ready(Ok(0) | Err(_)) => Reusable::Ended,
        }
    }
}

/// What an idle connection can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reusable {
    /// A next request.
    Yes,
    /// Nothing: the other side ended it.
    Ended,
    /// Nothing: there are bytes that nobody asked for.
    Excess,
}

#[cfg(test)]
mod tests;
