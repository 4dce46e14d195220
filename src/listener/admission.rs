//! How many client connections may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Resource, getrlimit};

use crate::files::OpenFiles;

/// Counts client connections over all workers.
#[derive(Debug)]
pub(super) struct Admission {
    open: AtomicUsize,
    /// Who finds no place, and is being told so.
    told: AtomicUsize,
    most_told: usize,
    /// What the process's file descriptors allow.
    allowed: usize,
    /// Files that each worker may hold open between requests.
    open_files: usize,
}

/// One client connection's place. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place(Arc<Admission>);

/// One connection that is told that there is no place. Dropping it lets another one be told.
#[derive(Debug)]
pub(super) struct Told(Arc<Admission>);

/// The part of the descriptors for clients who are being told that there is no place: each holds one
/// until it has heard it, a second at most.
const FOR_TOLD: usize = 16;
/// As many at once are enough.
const MOST_TOLD: usize = 1024;
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
        let most_told = (limit / FOR_TOLD).min(MOST_TOLD);
        let reserved = RESERVED + most_told + open_files * workers;
        Self {
            open: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
            most_told: most_told.max(1),
            allowed: (limit.saturating_sub(reserved) / 3).max(16),
            open_files,
        }
    }

    /// Files that each worker may hold open between requests.
    pub(super) fn open_files(&self) -> usize {
        self.open_files
    }

    /// Most clients at once that the descriptors allow.
    pub(super) fn allowed(&self) -> usize {
        self.allowed
    }

    /// Client connections that are open now.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
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

    /// Leave to tell somebody that there is no place, unless many are being told already.
    pub(super) fn tell(self: &Arc<Self>) -> Option<Told> {
        let before = self.told.fetch_add(1, Ordering::Relaxed);
        let told = Told(Arc::clone(self));
        (before < self.most_told).then_some(told)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.told.fetch_sub(1, Ordering::Relaxed);
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
            (1024, 1, 128, 192),
            (1024, 2, 64, 192),
            (65_536, 4, 512, 20_736),
            (20, 2, 1, 16),
        ] {
            let admission = Admission::within(limit, workers);
            let found = (admission.open_files(), admission.allowed);
            assert_eq!(found, (files, clients), "{limit} for {workers}");
        }
    }
}
