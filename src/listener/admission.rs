//! How many client connections may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, getrlimit};

use crate::files::OpenFiles;

/// Counts client connections over all workers.
#[derive(Debug)]
pub(super) struct Admission {
    open: AtomicUsize,
    /// What the process's file descriptors allow.
    allowed: usize,
    /// Files that each worker may hold open between requests.
    open_files: usize,
}

/// One client connection's place. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place(Arc<Admission>);

/// Descriptors kept for all that is not a client: nodes' idle connections, the database, the
/// panel.
const RESERVED: usize = 256;
/// The part of the descriptors that files may hold which nobody is being sent.
const FOR_FILES: usize = 8;

impl Admission {
    /// A count for `workers` workers that allows what the descriptors do: each client may need
    /// one more towards a node, and one for the file it is being sent, or in which a body or an
    /// answer is held for it.
    pub(super) fn new(workers: usize) -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self::within(usize::try_from(limit).unwrap_or(usize::MAX), workers)
    }

    fn within(limit: usize, workers: usize) -> Self {
        let workers = workers.max(1);
        let open_files = (limit / FOR_FILES / workers).min(OpenFiles::MOST);
        let reserved = RESERVED + open_files * workers;
        Self {
            open: AtomicUsize::new(0),
            allowed: (limit.saturating_sub(reserved) / 3).max(16),
            open_files,
        }
    }

    /// Files that each worker may hold open between requests.
    pub(super) fn open_files(&self) -> usize {
        self.open_files
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
        let admission = Arc::new(Admission::within(1024, 1));
        let first = admission.enter(2);
        let second = admission.enter(2);
        assert!(first.is_some() && second.is_some());
        assert!(admission.enter(2).is_none());
        drop(first);
        assert!(admission.enter(2).is_some());
    }

    #[test]
    fn clients_and_files_share_the_descriptors() {
        for (limit, workers, files, clients) in [
            (1024, 1, 128, 213),
            (1024, 2, 64, 213),
            (65_536, 4, 512, 21_077),
            (20, 2, 1, 16),
        ] {
            let admission = Admission::within(limit, workers);
            let found = (admission.open_files(), admission.allowed);
            assert_eq!(found, (files, clients), "{limit} for {workers}");
        }
    }
}
