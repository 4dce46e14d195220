//! What goes over a probe's connection, kept as far as somebody wants to see it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

/// Limit: bytes kept of either side.
const KEPT: usize = 8 * 1024;

/// Bytes of a body that are waited for: enough to show, and to tell who answers.
const BODY: usize = 2 * 1024;

/// How long they are waited for behind the head.
const PATIENCE: Duration = Duration::from_millis(300);

/// What went over one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// How long connecting took; none where it was not connected.
    pub connected: Option<Duration>,
    /// What was sent, its first 8 KiB.
    pub sent: Vec<u8>,
    /// What was answered, its first 8 KiB.
    pub answered: Vec<u8>,
}

/// A stream that writes down what passes.
#[derive(Debug)]
pub(super) struct Overheard<'e, S> {
    pub(super) stream: S,
    pub(super) exchange: &'e mut Exchange,
}

impl<S: AsyncRead + Unpin> Overheard<'_, S> {
    /// Reads on behind what was asked for, so that the beginning of the body can be seen.
    pub(super) async fn read_on(&mut self, until: Instant) {
        let until = until.min(Instant::now() + PATIENCE);
        let mut piece = [0; 2048];
        while self.wants_more() {
            let read = timeout_at(until, self.read(&mut piece)).await;
            if !matches!(read, Ok(Ok(1..))) {
                return;
            }
        }
    }

    fn wants_more(&self) -> bool {
        let answered = &self.exchange.answered;
        let head = memchr::memmem::find(answered, b"\r\n\r\n");
        head.is_some_and(|end| answered.len() < (end + 4 + BODY).min(KEPT))
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

impl<S: AsyncRead + Unpin> AsyncRead for Overheard<'_, S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        keep(&mut this.exchange.answered, &buffer.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Overheard<'_, S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = polled {
            keep(&mut this.exchange.sent, &bytes[..count]);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
