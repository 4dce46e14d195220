//! Connecting a probe to a Unix socket, and what is wrong where that fails: mostly files and
//! their permissions, which no network has.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::probe::not_connected;
use crate::balance::{Cause, Facts};
use crate::http::connect_unix;

/// Connects to the socket at `path` before `until`.
pub(super) async fn connect(
    path: &Path,
    until: Instant,
    facts: &mut Facts,
) -> Result<UnixStream, Cause> {
    match timeout_at(until, connect_unix(path)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(cause(&error, path, facts)),
        Err(_) => Err(Cause::SocketFull),
    }
}

/// The cause of a connection that was not made.
pub(super) fn cause(error: &io::Error, path: &Path, facts: &mut Facts) -> Cause {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Cause::SocketMissing,
        io::ErrorKind::PermissionDenied => {
            facts.said = who();
            Cause::SocketNotPermitted
        }
        // The kernel refuses what is no socket in the same words. To look costs no more than
        // to connect did.
        io::ErrorKind::ConnectionRefused if is_something_else(path) => Cause::NoSocket,
        _ => not_connected(error, facts),
    }
}

// What cannot be looked at is left to the kernel's word.
fn is_something_else(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.file_type().is_socket())
}

/// The user this program runs as, as the system counts users.
fn who() -> String {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    format!("uid {}, gid {}", user.as_raw(), group.as_raw())
}
