//! Which core the subject has for itself, and which clients and nodes share.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The first and the second core that this program may use, as it was started. One core only:
/// the same twice.
fn cores() -> (usize, usize) {
    static CORES: OnceLock<(usize, usize)> = OnceLock::new();
    *CORES.get_or_init(|| {
        let allowed = sched_getaffinity(None).unwrap_or_default();
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let first = cores.next().unwrap_or(0);
        (first, cores.next().unwrap_or(first))
    })
}

/// The core of what is measured.
pub(crate) fn subject() -> usize {
    cores().0
}

/// Both, for what is measured on two.
pub(crate) fn both() -> String {
    let (first, second) = cores();
    format!("{first},{second}")
}

/// Moves this program, clients and nodes, to the other core. False: there is but one.
pub(crate) fn leave_to_subject() -> bool {
    let (first, second) = cores();
    let mut own = CpuSet::new();
    own.set(second);
    sched_setaffinity(None, &own).is_ok() && first != second
}
