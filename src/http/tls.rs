//! A connection behind TLS, a client's or to a node, once the handshake is done.
//!
//! Not tokio-rustls's stream: this one looks without taking, tells what the kernel has taken,
//! and reads as many records as are there at once.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::Connection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection behind TLS.
#[derive(Debug)]
pub struct TlsIo {
    pub(super) socket: TcpStream,
    session: Connection,
    /// Whether the other side was told that nothing more comes.
    closing: bool,
    /// Bytes the kernel took from us, ever, as they went over the network.
    pub(super) taken: u64,
}

impl TlsIo {
    /// What a handshake has left.
    pub fn new(socket: TcpStream, session: impl Into<Connection>) -> Self {
        Self {
            socket,
            session: session.into(),
            closing: false,
            taken: 0,
        }
    }

    /// Reads what is there, of as many records as fit.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            match self.session.reader().read(buffer.initialize_unfilled()) {
                // The end, or no room.
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(count) => {
                    buffer.advance(count);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // It comes again, once what is there has been taken.
                Err(_) if buffer.filled().len() > before => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
            match self.poll_receive(cx) {
                Poll::Ready(Ok(_)) => {}
                _ if buffer.filled().len() > before => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes what can be encrypted and held at once, and writes what the kernel takes. Nothing
    /// is taken while encrypted bytes wait: 64 KiB of them are held at most.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        // Head and body become one record where they fit.
        let count = self.session.writer().write_vectored(slices)?;
        match self.poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(count)),
        }
    }

    /// Whether encrypted bytes wait to be written.
    pub(super) fn holds(&self) -> bool {
        self.session.wants_write()
    }

    /// Writes all encrypted bytes that wait.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let mut way = Way {
                socket: &mut self.socket,
                cx,
            };
            match self.session.write_tls(&mut way) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.taken += count as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Says that nothing more will be written: by TLS, so that it cannot be taken for a cut.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.closing, true) {
            self.session.send_close_notify();
        }
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    /// Looks whether there is a next byte, without taking it: `Ok(0)` is the other side's end.
    pub(super) fn poll_peek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            let state = self.session.process_new_packets();
            let state = state.map_err(io::Error::other)?;
            if state.plaintext_bytes_to_read() > 0 {
                return Poll::Ready(Ok(1));
            }
            if state.peer_has_closed() || ready!(self.poll_receive(cx))? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// Reads what the kernel has, and decrypts it; 0 is the end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut way = Way {
            socket: &mut self.socket,
            cx,
        };
        let count = match self.session.read_tls(&mut way) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            read => read?,
        };
        if let Err(error) = self.session.process_new_packets() {
            // The other side is told why, if it still takes that.
            let _told = self.poll_flush(cx);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        }
        Poll::Ready(Ok(count))
    }
}

/// The socket as rustls reads and writes it. What must wait wakes the task.
struct Way<'a, 'c> {
    socket: &'a mut TcpStream,
    cx: &'a mut Context<'c>,
}

fn now<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Way<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        now(Pin::new(&mut *self.socket).poll_read(self.cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl Write for Way<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now(Pin::new(&mut *self.socket).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        now(Pin::new(&mut *self.socket).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
