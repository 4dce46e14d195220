//! Sending what is in a file: through the scratch with the head, or past us altogether.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::task::{Poll, ready};

use super::{Conn, StreamError};
use crate::http::{Scratch, Taker};

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
    const AT_ONCE: u64 = 1024 * 1024;

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
            let mut bytes = scratch.bytes();
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
    pub fn takes_files(&mut self) -> bool {
        // A file is more than fits at once. One that cannot be waited for is found broken soon.
        self.io.register().is_ok() && self.io.takes_files()
    }

    /// Writes the queue and has the kernel send `range` of `file` behind it, as long as `taker`
    /// has patience. Before each piece `is_in_memory` is asked: the kernel would wait for a
    /// disk.
    ///
    /// # Errors
    /// When the connection breaks or the other side is too slow. The inner one is the file's.
    pub async fn send_file(
        &mut self,
        file: &impl AsFd,
        range: Range<u64>,
        taker: &mut Taker,
        is_in_memory: impl Fn(Range<u64>) -> io::Result<bool>,
    ) -> Result<io::Result<FileSent>, StreamError> {
        let mut at = range.start;
        let sent = self.at_pace(taker, |conn, cx| {
            while at < range.end {
                ready!(conn.io.poll_writable(cx))?;
                if conn.has_output() {
                    conn.write_more()?;
                    continue;
                }
                let end = range.end.min(at.saturating_add(Self::AT_ONCE));
                match is_in_memory(at..end) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Ready(Ok(Ok(FileSent::Until(at)))),
                    Err(error) => return Poll::Ready(Ok(Err(error))),
                }
                let count = usize::try_from(end - at).unwrap_or(usize::MAX);
                match later(conn.io.send_file(file.as_fd(), &mut at, count))? {
                    Some(0) => return Poll::Ready(Ok(Ok(FileSent::Short))),
                    count => conn.sent += count.unwrap_or(0) as u64,
                }
            }
            Poll::Ready(Ok(Ok(FileSent::Whole)))
        });
        let sent = sent.await;
        taker.pause();
        sent
    }

    /// Writes what the kernel takes of the queue, which is not empty, to go with what follows it.
    fn write_more(&mut self) -> io::Result<()> {
        let Some(count) = later(self.io.send_more(&self.output[self.written..]))? else {
            return Ok(());
        };
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.count_written(count);
        Ok(())
    }
}

/// None for what is to be tried again once something can be written.
fn later(tried: io::Result<usize>) -> io::Result<Option<usize>> {
    match tried {
        Ok(count) => Ok(Some(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::FileSent;
    use crate::http::{Conn, Io, Pace, Scratch, Taker};
    use std::io::{ErrorKind, Write};
    use std::time::Duration;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    const PACE: Pace = Pace::Between(Duration::from_secs(30));

    async fn pair() -> (Conn, TcpStream) {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(door.local_addr().unwrap()).await;
        let (ours, _) = door.accept().await.unwrap();
        (Conn::new(Io::Tcp(ours)), theirs.unwrap())
    }

    fn file(bytes: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn a_long_file_goes_behind_the_queue_to_a_side_that_takes_it_slowly() {
        let (mut conn, mut reader) = pair().await;
        let bytes: Vec<u8> = (0..20_000_000_u32).flat_map(|n| n.to_le_bytes()).collect();
        let file = file(&bytes);
        conn.output().extend_from_slice(b"head");
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await.unwrap();
            all
        });
        let whole = 0..bytes.len() as u64;
        let sent = conn
            .send_file(&file, whole, &mut Taker::new(PACE), |_| Ok(true))
            .await;
        assert_eq!(sent.unwrap().unwrap(), FileSent::Whole);
        assert_eq!(conn.sent, bytes.len() as u64 + 4);
        drop(conn);
        let all = reading.await.unwrap();
        assert!(all[..4] == *b"head" && all[4..] == bytes);
    }

    #[tokio::test]
    async fn it_stops_where_the_disk_would_be_asked_where_the_file_ends_and_where_it_fails() {
        let (mut conn, mut reader) = pair().await;
        let file = file(&[7; 100]);
        let sent = conn
            .send_file(&file, 10..100, &mut Taker::new(PACE), |_| Ok(false))
            .await;
        assert_eq!(sent.unwrap().unwrap(), FileSent::Until(10));
        let sent = conn
            .send_file(&file, 90..200, &mut Taker::new(PACE), |_| Ok(true))
            .await;
        assert_eq!(sent.unwrap().unwrap(), FileSent::Short);
        let failing = |_| Err(ErrorKind::Other.into());
        let sent = conn
            .send_file(&file, 0..100, &mut Taker::new(PACE), failing)
            .await;
        assert_eq!(sent.unwrap().unwrap_err().kind(), ErrorKind::Other);
        drop(conn);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, [7; 10]);
    }

    #[tokio::test]
    async fn what_is_read_goes_with_the_queue_and_what_is_not_read_leaves_it() {
        let (mut conn, mut reader) = pair().await;
        let scratch = Scratch::new();
        conn.output().extend_from_slice(b"head ");
        let nothing = conn.push_read(&scratch, |_| Ok(None)).await;
        assert!(nothing.unwrap().unwrap().is_none() && conn.has_output());
        let failing = |_: &mut [u8]| Err(ErrorKind::Other.into());
        assert!(conn.push_read(&scratch, failing).await.unwrap().is_err());
        let body = |buffer: &mut [u8]| {
            buffer[..10_000].fill(b'b');
            Ok(Some(10_000))
        };
        let read = conn.push_read(&scratch, body).await;
        assert_eq!(read.unwrap().unwrap(), Some(10_000));
        conn.flush_to(&mut Taker::new(PACE)).await.unwrap();
        drop(conn);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert!(all.len() == 10_005 && all.starts_with(b"head bbb"));
    }
}
