//! Root at work on somebody else's data directory: as its owner, so that nothing is left there
//! that the service, which is no root, could not write afterwards.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Where root runs this on a directory of another user, goes on as that user, for good.
/// Threads started from now on are that user's as well; there must be no other yet.
///
/// What root alone may read has to be open by now.
///
/// # Errors
/// What the system answered.
pub(super) fn become_owner_of(dir: &Path) -> io::Result<()> {
    let owner = fs::metadata(dir)?;
    if !geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    Ok(())
}
