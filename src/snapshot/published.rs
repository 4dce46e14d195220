//! Handing the snapshot now serving to the workers.

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

use super::Snapshot;
use crate::acme::Outstanding;

/// The snapshot now serving, for every worker to take.
#[derive(Debug, Default)]
pub struct Published {
    snapshot: ArcSwapOption<Snapshot>,
    generation: AtomicU64,
    /// What is shown to authorities meanwhile, whatever the snapshot says.
    challenges: Arc<Outstanding>,
}

impl Published {
    /// Puts `snapshot` in force: from now on every head finds it.
    pub fn publish(&self, snapshot: Arc<Snapshot>) {
        self.snapshot.store(Some(snapshot));
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// What is shown to authorities.
    pub fn challenges(&self) -> &Arc<Outstanding> {
        &self.challenges
    }

    /// The snapshot now serving; none before the first.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.load_full()
    }
}

/// A snapshot as one worker holds it: counted by that worker alone.
#[derive(Debug, Clone)]
pub struct Held(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    snapshot: Arc<Snapshot>,
    number: u64,
}

impl Held {
    /// Its number, not 0. Two holds of one worker that have the same are of the same snapshot, which has
    /// been there all the time between them.
    pub fn number(&self) -> u64 {
        self.0.number
    }
}

impl Deref for Held {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0.snapshot
    }
}

/// One worker's hold on the snapshot.
///
/// Its own `Rc`, so that no worker touches a counter of another: a request costs one
/// atomic read here.
#[derive(Debug)]
pub struct Current {
    published: Arc<Published>,
    held: RefCell<(u64, Option<Held>)>,
}

impl Current {
    /// A hold that has taken nothing yet.
    pub fn new(published: Arc<Published>) -> Self {
        Self {
            published,
            held: RefCell::new((0, None)),
        }
    }

    /// What is shown to authorities.
    pub fn challenges(&self) -> &Outstanding {
        &self.published.challenges
    }

    /// The snapshot in force at this moment.
    pub fn get(&self) -> Option<Held> {
        let generation = self.published.generation.load(Ordering::Acquire);
        let mut held = self.held.borrow_mut();
        if held.0 != generation {
            // Should one more be published between the two loads, it is taken now and
            // once again with the next head.
            let number = generation;
            let hold = |snapshot| Held(Rc::new(Shared { snapshot, number }));
            *held = (generation, self.published.load().map(hold));
        }
        held.1.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Current, Published, Snapshot};
    use crate::balance::Registry;
    use crate::metrics::Metrics;

    #[test]
    fn no_two_snapshots_have_the_same_number() {
        let published = Arc::new(Published::default());
        let current = Current::new(Arc::clone(&published));
        assert!(current.get().is_none());
        let (registry, metrics) = (Registry::new(), Metrics::new());
        let mut last = 0;
        for _ in 0..3 {
            // Of one revision, as when a certificate is read anew.
            let again = Snapshot::build(Arc::default(), Arc::default(), 1, &registry, &metrics);
            published.publish(Arc::new(again));
            let holds = [current.get(), current.get()].map(Option::unwrap);
            assert_eq!(holds[0].number(), holds[1].number());
            assert!(holds[0].number() > last);
            last = holds[0].number();
        }
    }
}
