//! `control.sock`: the way to a running instance, open to its own user alone.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

pub(super) use crate::control::CONTROL_SOCKET as NAME;

/// Its name until it may be seen.
const UNFINISHED: &str = "control.new";

/// Opens the socket in `dir`, in place of one that an earlier instance left. Whoever
/// calls holds the directory's lock, so nobody else listens there.
///
/// # Errors
/// What the system answered.
pub(super) fn bind(dir: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(dir.join(UNFINISHED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A socket's path holds 108 bytes; the directory's may be longer, its descriptor's is not.
    let held = File::open(dir)?;
    let short = format!("/proc/self/fd/{}/{UNFINISHED}", held.as_raw_fd());
    let socket = UnixListener::bind(short)?;
    // Nobody sees it under its name before its mode is right.
    fs::set_permissions(dir.join(UNFINISHED), Permissions::from_mode(0o600))?;
    fs::rename(dir.join(UNFINISHED), dir.join(NAME))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

    use super::{NAME, bind};

    #[test]
    fn a_socket_left_by_a_killed_instance_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        drop(bind(dir.path()).unwrap());
        assert!(UnixStream::connect(dir.path().join(NAME)).is_err());
        let _socket = bind(dir.path()).unwrap();
        UnixStream::connect(dir.path().join(NAME)).unwrap();
        let mode = std::fs::metadata(dir.path().join(NAME)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_directory_with_a_long_path_has_a_socket_too() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("d".repeat(200));
        std::fs::create_dir(&dir).unwrap();
        let _socket = bind(&dir).unwrap();
        assert!(dir.join(NAME).exists());
    }
}
