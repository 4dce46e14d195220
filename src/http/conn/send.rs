//! Sending what is in a file: through the scratch with the head, or past us altogether.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::task::{Poll, ready};

use super::{Conn, StreamError};
use crate::http::{Pace, Scratch};

/// How far the kernel came with a piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSent {
    /// To its end.
    Whole,
    /// To where it would have to wait for the disk.
    Until(u64),
    /// The file ended before.
    Short,
}

impl Conn {
    /// Most bytes of a file that the kernel is asked to send at once, after a look whether they
    /// are in memory.
    const AT_ONCE: u64 = 512 * 1024;

    /// Puts what `fill` reads behind the queue and writes both, as far as the kernel takes them
    /// at once; the rest is queued. Answers what `fill` did.
    ///
    /// # Errors
    /// When the connection breaks. The inner one is that of `fill`, and nothing was written.
    pub async fn push_read(
        &mut self,
        scratch: &Scratch,
        fill: impl FnOnce(&mut [u8]) -> io::Result<Option<usize>>,
    ) -> Result<io::Result<Option<usize>>, StreamError> {
        let mut fill = Some(fill);
        poll_fn(|cx| {
            let Some(fill) = fill.take() else {
                return Poll::Ready(Ok(Ok(None)));
            };
            let mut bytes = scratch.borrow_mut();
            let read = fill(&mut bytes);
            if let Ok(Some(count)) = read
                && let Err(error) = self.push(cx, &bytes[..count.min(bytes.len())])
            {
                return Poll::Ready(Err(StreamError::Broken(error)));
            }
            Poll::Ready(Ok(read))
        })
        .await
    }

    /// Whether [`Conn::send_file`] can be used.
    pub fn takes_files(&self) -> bool {
        self.io.takes_files()
    }

    /// Has the kernel send `range` of `file` behind an empty queue, as long as the other side
    /// keeps `pace`. Before each piece `is_in_memory` is asked: the kernel would wait for a disk.
    ///
    /// # Errors
    /// When the connection breaks or the other side is too slow. The inner one is the file's.
    pub async fn send_file(
        &mut self,
        file: &impl AsFd,
        range: Range<u64>,
        pace: Pace,
        is_in_memory: impl Fn(Range<u64>) -> io::Result<bool>,
    ) -> Result<io::Result<FileSent>, StreamError> {
        let mut at = range.start;
        self.at_pace(pace, |conn, cx| {
            while at < range.end {
                ready!(conn.io.poll_writable(cx))?;
                let end = range.end.min(at.saturating_add(Self::AT_ONCE));
                match is_in_memory(at..end) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Ready(Ok(Ok(FileSent::Until(at)))),
                    Err(error) => return Poll::Ready(Ok(Err(error))),
                }
                let count = usize::try_from(end - at).unwrap_or(usize::MAX);
                match conn.io.send_file(file.as_fd(), &mut at, count) {
                    Ok(0) => return Poll::Ready(Ok(Ok(FileSent::Short))),
                    Ok(count) => conn.sent += count as u64,
                    Err(error) => match error.kind() {
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                        _ => return Poll::Ready(Err(error)),
                    },
                }
            }
            Poll::Ready(Ok(Ok(FileSent::Whole)))
        })
        .await
    }
}
