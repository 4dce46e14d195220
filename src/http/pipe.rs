//! Passing bytes from one connection to another, whatever they mean, with bounded memory.

use std::task::{Context, Poll, ready};

use super::{Conn, Scratch};

/// One way of a tunnel. Nothing is read while bytes wait to be written, and nothing is held
/// while there is nothing to read.
#[derive(Debug, Default)]
pub struct Pipe(State);

/// How one way of a tunnel came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PipeEnd {
    /// The sending side ended it, and the receiving side was told.
    Ended,
    /// The sending side broke; the receiving side got what came before, and its end.
    FromBroke,
    /// The receiving side broke.
    ToBroke,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Open,
    /// Nothing more is read. What was read is written, then the end.
    Ending(PipeEnd),
    Over(PipeEnd),
}

impl Pipe {
    /// Passes on what it can; ready when this way is over, and then whenever asked.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
        from: &mut Conn,
        to: &mut Conn,
    ) -> Poll<PipeEnd> {
        loop {
            self.0 = match self.0 {
                State::Open => ready!(pass(cx, scratch, from, to)),
                State::Ending(end) => match ready!(to.poll_flush(cx)) {
                    Err(_) => State::Over(PipeEnd::ToBroke),
                    Ok(()) => {
                        // It may be gone already: then nobody waits to be told.
                        let _told = ready!(to.io.poll_shutdown(cx));
                        State::Over(end)
                    }
                },
                State::Over(end) => return Poll::Ready(end),
            };
        }
    }
}

/// Ready with what follows when no more can be read, or written.
fn pass(cx: &mut Context<'_>, scratch: &Scratch, from: &mut Conn, to: &mut Conn) -> Poll<State> {
    // What had come before the tunnel was there.
    to.output().extend_from_slice(from.input());
    from.consume(usize::MAX);
    loop {
        if ready!(to.poll_flush(cx)).is_err() {
            return Poll::Ready(State::Over(PipeEnd::ToBroke));
        }
        let read = from.poll_read_with(cx, scratch, |cx, bytes| (bytes.len(), to.push(cx, bytes)));
        match read {
            Poll::Ready(Ok(Some(Ok(())))) => {}
            Poll::Ready(Ok(Some(Err(_)))) => return Poll::Ready(State::Over(PipeEnd::ToBroke)),
            Poll::Ready(Ok(None)) => return Poll::Ready(State::Ending(PipeEnd::Ended)),
            Poll::Ready(Err(_)) => return Poll::Ready(State::Ending(PipeEnd::FromBroke)),
            Poll::Pending => {
                from.shrink(scratch);
                to.shrink(scratch);
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::{Conn, Pipe, PipeEnd, Scratch};
    use crate::http::Io;

    async fn pair() -> (Conn, TcpStream) {
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let theirs = TcpStream::connect(door.local_addr().unwrap()).await;
        let (ours, _) = door.accept().await.unwrap();
        (Conn::new(Io::Tcp(ours)), theirs.unwrap())
    }

    /// Polls until the end, or, where there is none yet, as often as something comes.
    async fn pass(
        pipe: &mut Pipe,
        from: &mut Conn,
        to: &mut Conn,
        enough: impl Fn(&Conn) -> bool,
    ) -> Option<PipeEnd> {
        let scratch = Scratch::new();
        poll_fn(|cx| match pipe.poll(cx, &scratch, from, to) {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending if enough(to) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    #[tokio::test]
    async fn what_came_before_goes_first_and_nothing_is_held_in_silence() {
        let (mut from, mut sender) = pair().await;
        let (mut to, mut receiver) = pair().await;
        let scratch = Scratch::new();
        sender.write_all(b"early ").await.unwrap();
        poll_fn(|cx| from.poll_fill(cx, &scratch)).await.unwrap();
        sender.write_all(b"late").await.unwrap();
        let mut pipe = Pipe::default();
        let end = pass(&mut pipe, &mut from, &mut to, |to| to.sent == 10).await;
        assert_eq!(end, None);
        let mut got = [0; 10];
        receiver.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"early late");
        assert_eq!((from.input(), to.output().capacity()), (&b""[..], 0));
        // The end is told once, and remembered.
        sender.shutdown().await.unwrap();
        for _ in 0..2 {
            let end = pass(&mut pipe, &mut from, &mut to, |_| false).await;
            assert_eq!(end, Some(PipeEnd::Ended));
        }
        assert_eq!(receiver.read(&mut got).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn nothing_is_read_while_the_receiver_takes_nothing() {
        let (mut from, mut sender) = pair().await;
        let (mut to, mut receiver) = pair().await;
        let sending = tokio::spawn(async move {
            sender.write_all(&vec![7; 32 * 1024 * 1024]).await.unwrap();
        });
        let mut pipe = Pipe::default();
        let full = |to: &Conn| to.has_output();
        assert_eq!(pass(&mut pipe, &mut from, &mut to, full).await, None);
        let read = from.received;
        assert_eq!(pass(&mut pipe, &mut from, &mut to, full).await, None);
        assert_eq!(from.received, read);
        let receiving = tokio::spawn(async move {
            let mut all = Vec::new();
            receiver.read_to_end(&mut all).await.unwrap();
            all
        });
        let end = pass(&mut pipe, &mut from, &mut to, |_| false).await;
        assert_eq!(end, Some(PipeEnd::Ended));
        sending.await.unwrap();
        assert!(receiving.await.unwrap() == vec![7; 32 * 1024 * 1024]);
    }

    #[tokio::test]
    async fn each_side_s_break_is_told_apart() {
        let (mut from, sender) = pair().await;
        let (mut to, mut receiver) = pair().await;
        socket2::SockRef::from(&sender)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
        drop(sender);
        let mut pipe = Pipe::default();
        let end = pass(&mut pipe, &mut from, &mut to, |_| false).await;
        assert_eq!(end, Some(PipeEnd::FromBroke));
        assert_eq!(receiver.read(&mut [0]).await.unwrap(), 0);

        let (mut from, mut sender) = pair().await;
        let (mut to, receiver) = pair().await;
        drop(receiver);
        let sending = tokio::spawn(async move { while sender.write_all(b"on").await.is_ok() {} });
        let mut pipe = Pipe::default();
        let end = pass(&mut pipe, &mut from, &mut to, |_| false).await;
        assert_eq!(end, Some(PipeEnd::ToBroke));
        drop(from);
        sending.await.unwrap();
    }
}
