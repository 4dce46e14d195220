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
struct Shared(Arc<Snapshot>);

impl Deref for Held {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0.0
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
            *held = (
                generation,
                self.published.load().map(|s| Held(Rc::new(Shared(s)))),
            );
        }
        held.1.clone()
    }
}
