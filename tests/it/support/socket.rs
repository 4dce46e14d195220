//! A Unix socket in front of a scripted node: what comes goes to the node's port, byte by byte.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

/// A directory for sockets: their paths have to be short.
pub(crate) fn directory() -> TempDir {
    tempfile::Builder::new().prefix("sy").tempdir().unwrap()
}

/// As it stands in a document.
pub(crate) fn address(path: &Path) -> String {
    format!("unix:{}", path.display())
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    open: Mutex<Vec<UnixStream>>,
    stopping: AtomicBool,
}

/// The socket.
pub(crate) struct Socket {
    path: PathBuf,
    to: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Socket {
    /// Listens at `path` for the node at `to`.
    pub(crate) fn new(path: PathBuf, to: SocketAddr) -> Self {
        let mut socket = Self {
            path,
            to,
            shared: Arc::default(),
            accepting: None,
        };
        socket.start();
        socket
    }

    /// Listens, in place of what is at the path.
    pub(crate) fn start(&mut self) {
        let _stale = std::fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path).expect("the directory is ours");
        let (shared, to) = (Arc::clone(&self.shared), self.to);
        shared.stopping.store(false, Ordering::SeqCst);
        self.accepting = Some(std::thread::spawn(move || accept(&listener, to, &shared)));
    }

    /// Listens no longer and ends every connection. The file stays, as after a `kill -9`.
    pub(crate) fn stop(&mut self) {
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the accept that is waiting.
        let _woken = UnixStream::connect(&self.path);
        accepting.join().expect("the accept loop does not panic");
        self.end_connections();
    }

    /// Ends every connection, as a node does with those that idle too long.
    pub(crate) fn end_connections(&self) {
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
    }

    /// As it stands in a document.
    pub(crate) fn address(&self) -> String {
        address(&self.path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Connections so far, probes included.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: &UnixListener, to: SocketAddr, shared: &Shared) {
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let kept = stream.try_clone().expect("a descriptor is left");
        shared.open.lock().unwrap().push(kept);
        // A broken connection is what many tests make.
        let _passed = pass(&stream, to);
    }
}

/// Carries both directions, each to its end.
fn pass(ours: &UnixStream, to: SocketAddr) -> io::Result<()> {
    let theirs = TcpStream::connect(to)?;
    let (mut from, mut into) = (ours.try_clone()?, theirs.try_clone()?);
    std::thread::spawn(move || {
        let _copied = io::copy(&mut from, &mut into);
        into.shutdown(Shutdown::Write)
    });
    let (mut from, mut into) = (theirs, ours.try_clone()?);
    std::thread::spawn(move || {
        let _copied = io::copy(&mut from, &mut into);
        into.shutdown(Shutdown::Both)
    });
    Ok(())
}
