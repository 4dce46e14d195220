//! What a connection runs over.

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::SendFlags;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::{Fresh, TlsIo, unacked, unix};

/// What a connection runs over.
#[derive(Debug)]
pub enum Io {
    /// Plain TCP.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// Plain TCP, just accepted.
    Fresh(Fresh),
    /// TLS over TCP. Apart, so that a plain connection is not as large.
    Tls(Box<TlsIo>),
}

impl Io {
    /// What was just accepted, set not to block.
    pub fn accepted(socket: std::net::TcpStream) -> Self {
        Self::Fresh(Fresh::new(socket))
    }

    /// Whether the event loop does not know it yet, and so tells nothing of it.
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh(_))
    }

    /// Has the event loop tell of it.
    pub(super) fn register(&mut self) -> io::Result<()> {
        if let Self::Fresh(fresh) = self {
            *self = Self::Tcp(fresh.register()?);
        }
        Ok(())
    }

    /// Reads what is there. A short read clears tokio's readiness, which `try_read` after
    /// `readable` does not: that would cost two calls of the kernel a request.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Fresh(fresh) => {
                if let Some(done) = fresh.read(buffer) {
                    return Poll::Ready(done);
                }
                self.register()?;
                self.poll_read(cx, buffer)
            }
            Self::Tls(stream) => stream.poll_read(cx, buffer),
        }
    }

    /// Writes what fits, from several slices in one call. One alone goes by `send`: `writev` is
    /// the way of all files in the kernel, which costs a request some 2 % more.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match (&mut *self, slices) {
            (Self::Tcp(stream), [bytes]) => Pin::new(stream).poll_write(cx, bytes),
            (Self::Tcp(stream), _) => Pin::new(stream).poll_write_vectored(cx, slices),
            (Self::Unix(stream), [bytes]) => Pin::new(stream).poll_write(cx, bytes),
            (Self::Unix(stream), _) => Pin::new(stream).poll_write_vectored(cx, slices),
            (Self::Fresh(fresh), _) => {
                if let Some(done) = fresh.write(slices) {
                    return Poll::Ready(done);
                }
                self.register()?;
                self.poll_write(cx, slices)
            }
            (Self::Tls(stream), _) => stream.poll_write(cx, slices),
        }
    }

    /// Where it has reached us; none of a Unix socket, or of a connection that is gone.
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(stream) => stream.local_addr().ok(),
            Self::Unix(_) => None,
            Self::Fresh(fresh) => fresh.socket()?.local_addr().ok(),
            Self::Tls(stream) => stream.socket.local_addr().ok(),
        }
    }

    /// Whether the kernel can send a file's bytes itself, since nothing is done to them here.
    pub(super) fn takes_files(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// Ready when something can be written, as far as is known.
    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Unix(stream) => stream.poll_write_ready(cx),
            // Only the attempt tells.
            Self::Fresh(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => stream.socket.poll_write_ready(cx),
        }
    }

    /// Writes what fits of `bytes`, which the kernel holds back a moment for what follows them.
    pub(super) fn send_more(&self, bytes: &[u8]) -> io::Result<usize> {
        let Self::Tcp(stream) = self else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        stream.try_io(Interest::WRITABLE, || {
            Ok(rustix::net::send(stream, bytes, flags)?)
        })
    }

    /// Has the kernel send up to `count` bytes of `file` from `at`, which moves on; 0 is the end
    /// of the file. Where nothing can be written after all, waiting for it works again.
    pub(super) fn send_file(
        &self,
        file: BorrowedFd<'_>,
        at: &mut u64,
        count: usize,
    ) -> io::Result<usize> {
        let Self::Tcp(stream) = self else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        stream.try_io(Interest::WRITABLE, || {
            Ok(rustix::fs::sendfile(stream, file, Some(at), count)?)
        })
    }

    /// Whether it holds bytes that it took and has not handed on.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) | Self::Fresh(_) => false,
            Self::Tls(stream) => stream.holds(),
        }
    }

    /// Hands on what it holds.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) | Self::Unix(_) | Self::Fresh(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => stream.poll_flush(cx),
        }
    }

    /// Bytes handed on, ever, where it holds them for a while.
    pub(super) fn handed_on(&self) -> Option<u64> {
        match self {
            Self::Tcp(_) | Self::Unix(_) | Self::Fresh(_) => None,
            Self::Tls(stream) => Some(stream.taken),
        }
    }

    /// Says that nothing more will be written.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Fresh(_) => {
                self.register()?;
                self.poll_shutdown(cx)
            }
            Self::Tls(stream) => stream.poll_shutdown(cx),
        }
    }

    /// Looks at the next byte without taking it: `Ok(0)` is the other side's end.
    pub(super) fn poll_peek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => {
                let mut byte = [0];
                stream.poll_peek(cx, &mut ReadBuf::new(&mut byte))
            }
            Self::Unix(stream) => unix::poll_peek(stream, cx),
            Self::Fresh(_) => {
                self.register()?;
                self.poll_peek(cx)
            }
            Self::Tls(stream) => stream.poll_peek(cx),
        }
    }

    /// Whether the kernel has told of the other side's end, or of a reset, even while there are
    /// bytes to read. Costs no call of it.
    pub(super) fn has_ended(&self) -> bool {
        // What tokio calls «priority» is urgent data, which is never asked for, and the end.
        match self {
            Self::Tcp(stream) => stream.try_io(Interest::PRIORITY, || Ok(())).is_ok(),
            Self::Unix(stream) => stream.try_io(Interest::PRIORITY, || Ok(())).is_ok(),
            Self::Fresh(_) => false,
            Self::Tls(stream) => {
                let ended = stream.socket.try_io(Interest::PRIORITY, || Ok(()));
                ended.is_ok()
            }
        }
    }

    /// How much of what was written the other side has not taken. None where nobody tells.
    pub(super) fn unacked(&self) -> Option<u64> {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => &stream.socket,
            Self::Unix(_) | Self::Fresh(_) => return None,
        };
        unacked::unacked(stream.local_addr().ok()?, stream.peer_addr().ok()?)
    }

    /// Writes what fits, whether «writable» was told or not. Faults are found by who writes next.
    pub(super) fn write_past_readiness(&self, bytes: &[u8]) -> usize {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        let written = match self {
            Self::Tcp(stream) => rustix::net::send(stream, bytes, flags),
            Self::Unix(stream) => rustix::net::send(stream, bytes, flags),
            // Nobody has waited for it yet, and what is here is not what is to be written.
            Self::Fresh(_) | Self::Tls(_) => return 0,
        };
        written.unwrap_or(0)
    }

    /// Whether the close that follows is a reset, so that what was sent cannot pass for whole.
    pub(super) fn reset_on_close(&self, reset: bool) {
        let linger = reset.then_some(Duration::ZERO);
        let set = |socket: SockRef<'_>| drop(socket.set_linger(linger));
        match self {
            // The peer may be gone already, and then there is nothing to reset.
            Self::Tcp(stream) => set(SockRef::from(stream)),
            Self::Fresh(fresh) => {
                if let Some(socket) = fresh.socket() {
                    set(SockRef::from(socket));
                }
            }
            Self::Tls(stream) => set(SockRef::from(&stream.socket)),
            // It has no reset to send, and no client comes by one.
            Self::Unix(_) => {}
        }
    }
}
