//! A connection that was just accepted and that the worker's event loop does not know yet.
//!
//! Most clients have asked by then, and many go when they are answered: such a connection is read,
//! written and closed without two calls of the kernel to be told of, and to forget, its events.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use tokio::io::ReadBuf;

/// A connection that the event loop does not know. It is made known when something has to be waited
/// for, and at its second read: which is the next request's, or a body's.
#[derive(Debug)]
pub struct Fresh {
    // Gone once the event loop has it.
    socket: Option<TcpStream>,
    was_read: bool,
}

impl Fresh {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket: Some(socket),
            was_read: false,
        }
    }

    /// Reads what is there; none, where the event loop has to tell when that is.
    pub(super) fn read(&mut self, buffer: &mut ReadBuf<'_>) -> Option<io::Result<()>> {
        // Once only: whoever sends faster than we read would have the worker for itself, which the
        // event loop's turns prevent.
        if std::mem::replace(&mut self.was_read, true) {
            return None;
        }
        let socket = self.socket.as_mut()?;
        let read = unless_blocked(|| socket.read(buffer.initialize_unfilled()))?;
        Some(read.map(|count| buffer.advance(count)))
    }

    /// Writes what fits; none, where the event loop has to tell when something does.
    pub(super) fn write(&mut self, slices: &[io::IoSlice<'_>]) -> Option<io::Result<usize>> {
        let socket = self.socket.as_mut()?;
        unless_blocked(|| match slices {
            [bytes] => socket.write(bytes),
            _ => socket.write_vectored(slices),
        })
    }

    /// The socket, as long as the event loop does not have it.
    pub(super) fn socket(&self) -> Option<&TcpStream> {
        self.socket.as_ref()
    }

    /// Makes it known to the event loop.
    ///
    /// # Errors
    /// The kernel watches no more of them. It is closed then.
    pub(super) fn register(&mut self) -> io::Result<tokio::net::TcpStream> {
        match self.socket.take() {
            Some(socket) => tokio::net::TcpStream::from_std(socket),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }
}

fn unless_blocked<T>(mut call: impl FnMut() -> io::Result<T>) -> Option<io::Result<T>> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return Some(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::IoSlice;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadBuf};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Duration, Instant, timeout};

    use crate::http::{Conn, Io, Scratch};

    async fn pair() -> (Io, TcpStream) {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(door.local_addr().unwrap())
            .await
            .unwrap();
        let (ours, _) = door.accept().await.unwrap();
        (Io::accepted(ours.into_std().unwrap()), theirs)
    }

    async fn read(io: &mut Io) -> Vec<u8> {
        let mut bytes = [0; 64];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = poll_fn(|cx| io.poll_read(cx, &mut buffer));
        let read = timeout(Duration::from_secs(20), read);
        read.await.unwrap().unwrap();
        buffer.filled().to_vec()
    }

    #[tokio::test]
    async fn a_client_that_has_asked_is_answered_without_the_event_loop() {
        let (mut io, mut theirs) = pair().await;
        theirs.write_all(b"asked").await.unwrap();
        assert_eq!(read(&mut io).await, b"asked");
        let answer = [IoSlice::new(b"answ"), IoSlice::new(b"ered")];
        let written = poll_fn(|cx| io.poll_write(cx, &answer)).await.unwrap();
        assert_eq!(written, 8);
        assert!(matches!(io, Io::Fresh(_)), "{io:?}");
        drop(io);
        let mut got = Vec::new();
        theirs.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"answered");
    }

    #[tokio::test]
    async fn what_comes_later_is_waited_for() {
        let (mut io, mut theirs) = pair().await;
        for (ahead, bytes) in [(false, b"first"), (false, b"later"), (true, b"third")] {
            let sends = async {
                tokio::task::yield_now().await;
                theirs.write_all(bytes).await.unwrap();
            };
            let got = match ahead {
                true => {
                    sends.await;
                    read(&mut io).await
                }
                false => tokio::join!(read(&mut io), sends).0,
            };
            assert_eq!(got, bytes);
            assert!(matches!(io, Io::Tcp(_)), "{io:?}");
        }
        drop(theirs);
        assert_eq!(read(&mut io).await, b"");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_waited_for() {
        let (io, mut theirs) = pair().await;
        let mut conn = Conn::new(io);
        let length = 32 << 20;
        conn.output().resize(length, b'a');
        let until = Instant::now() + Duration::from_secs(60);
        let takes = tokio::spawn(async move {
            let mut got = Vec::new();
            theirs.read_to_end(&mut got).await.unwrap();
            got.len()
        });
        conn.flush(until).await.unwrap();
        drop(conn);
        assert_eq!(takes.await.unwrap(), length);
    }

    #[tokio::test]
    async fn a_client_that_leaves_while_it_waits_is_found_gone() {
        for asked in [true, false] {
            let (io, mut theirs) = pair().await;
            let mut conn = Conn::new(io);
            let until = Instant::now() + Duration::from_secs(20);
            if asked {
                theirs.write_all(b"asked").await.unwrap();
                conn.fill(&Scratch::new(), until).await.unwrap();
            }
            let leaves = async {
                tokio::task::yield_now().await;
                drop(theirs);
            };
            let gone = async {
                let gone = poll_fn(|cx| conn.poll_gone(cx));
                timeout(Duration::from_secs(20), gone).await.unwrap();
            };
            tokio::join!(gone, leaves);
        }
    }
}
