//! Unix sockets: what tokio leaves to us.

use std::io;
use std::path::Path;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::time::sleep;

/// First wait for room in a full queue, doubled up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(1);

/// A queue that is full this long is not about to empty.
const LONGEST: Duration = Duration::from_millis(50);

/// Connects to the Unix socket at `path`. While its queue is full this waits, for ever if need
/// be: the kernel does so for TCP, and here only for those that block.
///
/// # Errors
/// When nothing listens there, or we may not connect to it.
pub async fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let mut pause = SHORTEST;
    loop {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                sleep(pause).await;
                pause = LONGEST.min(pause * 2);
            }
            done => return done,
        }
    }
}

/// Looks at the next byte without taking it: `Ok(0)` is the other side's end.
pub(super) fn poll_peek(stream: &UnixStream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    let look = || Ok(recv(stream, &mut [0; 1], RecvFlags::PEEK)?.0);
    loop {
        ready!(stream.poll_read_ready(cx))?;
        match stream.try_io(Interest::READABLE, look) {
            // What made it ready was taken since; this has cleared it.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream as Blocking};
    use std::path::Path;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use socket2::{Domain, SockAddr, Socket, Type};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::time::Instant;

    use super::connect_unix;
    use crate::http::{Conn, Io, Reusable, Scratch};

    fn until() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn pair() -> (Conn, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Conn::new(Io::Unix(ours)), theirs)
    }

    fn reusable(conn: &mut Conn) -> Reusable {
        conn.poll_reusable(&mut Context::from_waker(Waker::noop()))
    }

    // What has happened is known once the runtime has asked the kernel.
    async fn comes_to(conn: &mut Conn, wanted: Reusable) {
        let began = Instant::now();
        while reusable(conn) != wanted {
            assert!(began.elapsed() < Duration::from_secs(20), "not {wanted:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_an_end_is_an_end() {
        let (mut conn, mut theirs) = pair();
        let scratch = Scratch::new();
        assert_eq!(reusable(&mut conn), Reusable::Yes);
        let body = vec![b'a'; 1024 * 1024];
        conn.output().extend_from_slice(&body);
        let reading = tokio::spawn(async move {
            let mut all = vec![0; 1024 * 1024];
            theirs.read_exact(&mut all).await.unwrap();
            theirs.write_all(b"answer").await.unwrap();
            (all, theirs)
        });
        conn.flush(until()).await.unwrap();
        let (all, theirs) = reading.await.unwrap();
        assert_eq!(all, body);
        while conn.input() != b"answer" {
            assert_ne!(conn.fill(&scratch, until()).await.unwrap(), 0);
        }
        conn.consume(usize::MAX);
        comes_to(&mut conn, Reusable::Yes).await;
        drop(theirs);
        comes_to(&mut conn, Reusable::Ended).await;
        assert_eq!(conn.fill(&scratch, until()).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_look_takes_no_byte() {
        let (mut conn, mut theirs) = pair();
        theirs.write_all(b"late").await.unwrap();
        comes_to(&mut conn, Reusable::Excess).await;
        comes_to(&mut conn, Reusable::Excess).await;
        assert_eq!(conn.fill(&Scratch::new(), until()).await.unwrap(), 4);
        assert_eq!(conn.input(), b"late");
    }

    #[tokio::test]
    async fn a_full_queue_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let _first = Blocking::connect(&path).unwrap();
        let connecting = connect_unix(&path);
        tokio::pin!(connecting);
        let waiting = Duration::from_millis(100);
        let early = tokio::time::timeout(waiting, &mut connecting).await;
        assert!(early.is_err(), "{early:?}");
        socket.accept().unwrap();
        connecting.await.unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_connected_to_is_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let told = async |path: &Path| connect_unix(path).await.unwrap_err().kind();
        let gone = dir.path().join("gone");
        assert_eq!(told(&gone).await, std::io::ErrorKind::NotFound);
        let dead = dir.path().join("dead");
        drop(UnixListener::bind(&dead).unwrap());
        assert_eq!(told(&dead).await, std::io::ErrorKind::ConnectionRefused);
    }
}
