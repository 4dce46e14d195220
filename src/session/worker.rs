//! What the connections of one thread share.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use super::keeping::Ticket;
use super::redis::Lines;
use super::shared::Shared;

/// What is read at once. As much as pipelines of a thousand short commands have.
const READ: usize = 64 * 1024;

/// What the connections of one thread share.
#[derive(Debug)]
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) scratch: RefCell<Box<[u8]>>,
    pub(super) work: RefCell<Vec<u8>>,
    /// A buffer for answers, while nobody has it.
    pub(super) spare: RefCell<Vec<u8>>,
    /// Connections to a Redis behind.
    pub(super) lines: Lines,
    kept: Kept,
}

/// Those who wait for the journal. One of them waits for its thread and tells the others: to wake another thread costs
/// a call of the kernel each time, and one group may have fifty writers.
#[derive(Debug, Default)]
struct Kept {
    told: Notify,
    is_led: Cell<bool>,
}

/// Who waits for the journal's thread; another takes the lead when it has come back, or is gone.
struct Lead<'k>(&'k Kept);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        self.0.is_led.set(false);
        self.0.told.notify_waiters();
    }
}

impl Worker {
    /// For one thread.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            scratch: RefCell::new(vec![0; READ].into_boxed_slice()),
            work: RefCell::default(),
            spare: RefCell::default(),
            lines: Lines::default(),
            kept: Kept::default(),
        })
    }

    /// Ends when what the ticket stands for may be acknowledged.
    ///
    /// # Errors
    /// Nobody knows whether it was kept, and why.
    pub(super) async fn kept(&self, ticket: Ticket) -> Result<(), String> {
        let Some(journal) = self.shared.keeping.journal() else {
            return Ok(());
        };
        loop {
            let mut told = pin!(self.kept.told.notified());
            told.as_mut().enable();
            if let Some(done) = journal.settled(ticket) {
                return done.map_err(|why| why.to_string());
            }
            if self.kept.is_led.replace(true) {
                told.await;
                continue;
            }
            let _lead = Lead(&self.kept);
            let mut moved = pin!(journal.moved());
            moved.as_mut().enable();
            // It may have moved before that.
            if journal.settled(ticket).is_none() {
                moved.await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::task::{JoinHandle, spawn_local, yield_now};

    use super::*;
    use crate::model::Fsync;
    use crate::session::change::{Change, Value};

    fn append(shared: &Shared, count: usize) -> Vec<Ticket> {
        let change = || Change::Put {
            database: 0,
            key: b"key",
            value: Value::text(b"value"),
            expires_at: None,
        };
        (0..count)
            .map(|_| shared.keeping.append([change()]))
            .collect()
    }

    /// A worker of an empty store, and tickets that it will give out.
    fn worker(dir: &Path, tickets: usize) -> (Rc<Worker>, Vec<Ticket>) {
        let open = |name| Shared::open(&dir.join(name), Fsync::Always).unwrap();
        // Every store counts from one.
        let tickets = append(&open("other").shared, tickets);
        (Worker::new(open("own").shared), tickets)
    }

    fn waiting(worker: &Rc<Worker>, tickets: &[Ticket]) -> Vec<JoinHandle<Result<(), String>>> {
        let wait = |ticket: &Ticket| {
            let (worker, ticket) = (Rc::clone(worker), *ticket);
            spawn_local(async move { worker.kept(ticket).await })
        };
        tickets.iter().map(wait).collect()
    }

    #[tokio::test(flavor = "local")]
    async fn each_goes_on_once_its_own_is_kept_whoever_waits_for_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (worker, tickets) = worker(dir.path(), 50);
        // The last first, so that who leads is not who is served.
        let backwards: Vec<Ticket> = tickets.iter().rev().copied().collect();
        let waiting = waiting(&worker, &backwards);
        yield_now().await;
        append(&worker.shared, 20);
        let mut waiting: Vec<_> = waiting.into_iter().rev().collect();
        let others = waiting.split_off(20);
        for served in waiting {
            assert_eq!(served.await.unwrap(), Ok(()));
        }
        assert!(others.iter().all(|other| !other.is_finished()));
        append(&worker.shared, 30);
        for served in others {
            assert_eq!(served.await.unwrap(), Ok(()));
        }
    }

    #[tokio::test(flavor = "local")]
    async fn another_leads_when_the_one_who_did_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let (worker, tickets) = worker(dir.path(), 3);
        let waiting = waiting(&worker, &tickets);
        yield_now().await;
        let mut waiting = waiting.into_iter();
        let leader = waiting.next().unwrap();
        leader.abort();
        assert!(leader.await.unwrap_err().is_cancelled());
        yield_now().await;
        append(&worker.shared, 3);
        for served in waiting {
            assert_eq!(served.await.unwrap(), Ok(()));
        }
    }
}
