//! How many client connections may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, getrlimit};

/// Counts client connections over all workers.
#[derive(Debug)]
pub(super) struct Admission {
    open: AtomicUsize,
    /// What the process's file descriptors allow.
    allowed: usize,
}

/// One client connection's place. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place(Arc<Admission>);

/// Descriptors kept for all that is not a client: nodes' idle connections, files, the
/// database, the panel.
const RESERVED: usize = 256;

impl Admission {
    /// A count that allows what the descriptors do: each client may need one more towards
    /// a node, and one for a body or an answer that is held for it in a file.
    pub(super) fn new() -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            open: AtomicUsize::new(0),
            allowed: (limit.saturating_sub(RESERVED) / 3).max(16),
        }
    }

    /// A place, if fewer than `limit` are taken; 0 is what the descriptors allow.
    pub(super) fn enter(self: &Arc<Self>, limit: u32) -> Option<Place> {
        let limit = match usize::try_from(limit) {
            Ok(0) | Err(_) => self.allowed,
            Ok(limit) => limit.min(self.allowed),
        };
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        let place = Place(Arc::clone(self));
        (before < limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Admission;

    #[test]
    fn a_place_is_free_again_when_its_connection_is_gone() {
        let admission = Arc::new(Admission::new());
        let first = admission.enter(2);
        let second = admission.enter(2);
        assert!(first.is_some() && second.is_some());
        assert!(admission.enter(2).is_none());
        drop(first);
        assert!(admission.enter(2).is_some());
    }
}
