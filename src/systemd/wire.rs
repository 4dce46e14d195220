//! Messages to the service manager, with descriptors where they carry some.
//!
//! Written here because the kept libraries for it (sd-notify) do not reach abstract sockets,
//! read the environment at every message and need another crate for descriptors.

use std::ffi::OsStr;
use std::io::{self, IoSlice, PipeReader, Read};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// How long the service manager may take for a message, and to carry one out that is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The socket messages go to.
#[derive(Debug)]
pub(super) struct Wire {
    socket: UnixDatagram,
    /// Said once: a manager that is gone would fill the log.
    has_failed: AtomicBool,
}

impl Wire {
    /// The way to `path`, which with an `@` before it is a name in the kernel and no file.
    pub(super) fn to(path: &OsStr) -> Option<Self> {
        let reached = reach(path);
        if let Err(error) = &reached {
            tracing::warn!("the service manager cannot be told anything: {error}");
        }
        Some(Self {
            socket: reached.ok()?,
            has_failed: AtomicBool::new(false),
        })
    }

    pub(super) fn send(&self, words: &str, descriptors: &[BorrowedFd<'_>]) {
        if let Err(error) = self.try_send(words, descriptors)
            && !self.has_failed.swap(true, Ordering::Relaxed)
        {
            tracing::warn!("the service manager was not told «{words}»: {error}");
        }
    }

    fn try_send(&self, words: &str, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let words = [IoSlice::new(words.as_bytes())];
        sendmsg(&self.socket, &words, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Has `socket` kept under `name`.
    pub(super) fn store(&self, name: &str, socket: &TcpListener) {
        self.send(&format!("FDSTORE=1\nFDNAME={name}"), &[socket.as_fd()]);
    }

    /// Has what is kept under `names` closed, and waits until it is.
    pub(super) fn remove(&self, names: &[String]) {
        for name in names {
            self.send(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), &[]);
        }
        let passed = io::pipe().and_then(|(here, there)| {
            self.try_send("BARRIER=1", &[there.as_fd()])?;
            drop(there);
            passed(here)
        });
        if let Err(error) = passed {
            tracing::warn!("the service manager has not said that it closed {names:?}: {error}");
        }
    }
}

/// Waits for the other end of the pipe to be closed, which is done once all before it is.
fn passed(mut pipe: PipeReader) -> io::Result<()> {
    let patience = Timespec::try_from(PATIENCE).map_err(io::Error::other)?;
    let mut ends = [PollFd::new(&pipe, PollFlags::IN)];
    if poll(&mut ends, Some(&patience))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    pipe.read(&mut [0]).map(|_| ())
}

fn reach(path: &OsStr) -> io::Result<UnixDatagram> {
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}
