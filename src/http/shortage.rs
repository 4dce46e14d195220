//! Telling our own shortages from the other side's faults.

use std::io;

use rustix::io::Errno;

/// Whether a connection failed because this machine had no descriptor, port or memory
/// for it: that says nothing of the other side.
pub fn is_own_shortage(error: &io::Error) -> bool {
    let ours = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOBUFS,
        Errno::NOMEM,
        Errno::ADDRNOTAVAIL,
    ];
    Errno::from_io_error(error).is_some_and(|errno| ours.contains(&errno))
}
