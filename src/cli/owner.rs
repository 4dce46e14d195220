//! Root at work on somebody else's data directory: as its owner, so that nothing is left there
//! that the service, which is no root, could not write afterwards.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_keep_capabilities, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

use super::output::Failure;

/// Where root runs this on a directory of another user, goes on as that user, for good, with no
/// right of root's but those of `kept`. Threads started from now on are that user's as well;
/// there must be no other yet.
///
/// What root alone may read has to be open by now.
///
/// # Errors
/// When the system does not let it.
pub(super) fn become_owner_of(dir: &Path, kept: CapabilitySet) -> Result<(), Failure> {
    let owner = match fs::metadata(dir) {
        Ok(found) if found.uid() != 0 && geteuid().is_root() => found,
        // One that is not there, or cannot be asked, is told of when it is used.
        _ => return Ok(()),
    };
    let (user, group) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    become_user(user, group, kept).map_err(|error| {
        let dir = dir.display();
        Failure::run_time(format!("cannot work as the owner of {dir}: {error}"))
    })
}

fn become_user(user: Uid, group: Gid, kept: CapabilitySet) -> io::Result<()> {
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_keep_capabilities(true)?;
    set_thread_res_uid(user, user, user)?;
    let sets = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, sets)?;
    Ok(())
}
