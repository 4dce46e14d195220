//! What is handed over and not yet written, and what its writers wait for.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::busy::Busy;
use super::encode::encode;
use super::{Fsync, Refused, Standing, Ticket, record};
use crate::session::change::Change;

/// Limit: with so much handed over and not written, commands that write wait.
const MOST_PENDING: usize = 64 << 20;

/// Limit: a buffer larger than this is given back once it is empty.
const KEPT_BUFFER: usize = 4 << 20;

/// Without `always`, changes are gathered so long, to be written by one call of the kernel.
const GATHERED: Duration = Duration::from_millis(10);

/// With `always` a group of writers is waited for so long at most,
const LONGEST_GROUPING: Duration = Duration::from_millis(5);

/// and given up once nobody has anything to hand over for so long.
const LULL: Duration = Duration::from_micros(100);

/// So much is written at once.
const MUCH: usize = 1 << 20;

/// With `everysec` the oldest change is brought to disk after this time, which leaves some of the second for the fsync.
pub(super) const SYNCED_AFTER: Duration = Duration::from_millis(700);

/// With `everysec` nothing more is taken while the oldest change that is not safe is older: a crash then costs the
/// writes of one second at most, however slow the disk is.
const AT_STAKE: Duration = Duration::from_secs(1);

/// In `stake`: all is safe.
const NOTHING: u64 = u64::MAX;

/// Between those who hand over changes and the thread that writes them.
#[derive(Debug)]
pub(super) struct Queue {
    inside: Mutex<Inside>,
    wake: Condvar,
    /// Up to this ticket all is as safe as was asked for.
    safe: AtomicU64,
    /// Up to this ticket nothing is promised any more: the disk failed.
    given_up: AtomicU64,
    has_failed: AtomicBool,
    is_full: AtomicBool,
    /// Since when a change is at stake, in ms from `began`. Told only with `everysec`.
    stake: AtomicU64,
    began: Instant,
    why: Mutex<String>,
    moved: Notify,
    /// Those who hand changes over.
    pub(super) busy: Arc<Busy>,
}

#[derive(Debug)]
struct Inside {
    records: Vec<u8>,
    count: u64,
    /// The ticket of the last change handed over.
    last: u64,
    /// When the oldest of `records` came.
    since: Option<Instant>,
    fsync: Fsync,
    /// The thread sleeps until there are so many records, or [`MUCH`] of them.
    wanted: Option<u64>,
    is_stopping: bool,
}

/// What the thread takes.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Records, each to be sealed.
    pub(super) records: Vec<u8>,
    /// How many.
    pub(super) count: u64,
    /// The ticket of the last one handed over.
    pub(super) last: u64,
    /// When the oldest came.
    pub(super) since: Option<Instant>,
}

/// What the thread waits for when it asks for more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Until {
    /// For nothing: there is other work.
    pub(super) is_at_once: bool,
    /// When the oldest change came that is written but not on disk.
    pub(super) unsynced: Option<Instant>,
    /// With `always`: so many writers are likely to come together, see [`Queue::gather`].
    pub(super) group: u64,
}

/// What the thread is to mind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orders {
    pub(super) fsync: Fsync,
    pub(super) is_stopping: bool,
}

impl Queue {
    pub(super) fn new(fsync: Fsync) -> Self {
        let queue = Self {
            inside: Mutex::new(Inside {
                records: Vec::new(),
                count: 0,
                last: 0,
                since: None,
                fsync,
                wanted: None,
                is_stopping: false,
            }),
            wake: Condvar::new(),
            safe: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            stake: AtomicU64::new(NOTHING),
            began: Instant::now(),
            why: Mutex::default(),
            moved: Notify::new(),
            busy: Arc::default(),
        };
        queue.busy.ask(fsync == Fsync::Always);
        queue
    }

    /// Takes changes over, whole or not at all, for good: see [`super::Journal::append`].
    pub(super) fn append<'c>(&self, changes: impl IntoIterator<Item = Change<'c>>) -> Ticket {
        let mut inside = self.inside();
        let added = record::add(&mut inside.records, |bytes| {
            changes
                .into_iter()
                .for_each(|change| encode(&change, bytes));
        });
        if !added {
            return Ticket::NOTHING;
        }
        inside.count += 1;
        inside.last += 1;
        if inside.count == 1 {
            let now = Instant::now();
            inside.since = Some(now);
            if self.stake.load(Ordering::Relaxed) == NOTHING {
                self.at_stake_since(inside.fsync, Some(now));
            }
        }
        if inside.records.len() > MOST_PENDING {
            self.is_full.store(true, Ordering::Relaxed);
        }
        let is_enough = |wanted| inside.count >= wanted || inside.records.len() >= MUCH;
        if inside.wanted.is_some_and(is_enough) {
            inside.wanted = None;
            self.wake.notify_one();
        }
        match inside.fsync {
            Fsync::Always => Ticket(inside.last),
            Fsync::EverySecond | Fsync::No => Ticket::NOTHING,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        if self.has_failed.load(Ordering::Acquire) {
            Standing::Failed
        } else if self.is_full.load(Ordering::Relaxed) || self.is_too_much_at_stake() {
            Standing::Behind
        } else {
            Standing::Working
        }
    }

    // Asked of the clock, and not of the thread: it may have no turn at all while others write.
    fn is_too_much_at_stake(&self) -> bool {
        match self.stake.load(Ordering::Relaxed) {
            NOTHING => false,
            since => self.began.elapsed() > Duration::from_millis(since) + AT_STAKE,
        }
    }

    /// Why the disk failed, the last time it did.
    pub(super) fn refused(&self) -> Refused {
        Refused(self.why().clone())
    }

    /// Whether a ticket's changes are safe, once that is decided.
    pub(super) fn settled(&self, ticket: Ticket) -> Option<Result<(), Refused>> {
        if self.safe.load(Ordering::Acquire) >= ticket.0 {
            return Some(Ok(()));
        }
        let is_given_up = self.given_up.load(Ordering::Acquire) >= ticket.0;
        is_given_up.then(|| Err(self.refused()))
    }

    /// Ends when something was settled, or the standing is another.
    pub(super) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }

    /// Ends when the journal works or has failed.
    pub(super) async fn not_behind(&self) -> Standing {
        loop {
            let mut moved = pin!(self.moved.notified());
            moved.as_mut().enable();
            match self.standing() {
                Standing::Behind => moved.await,
                standing => return standing,
            }
        }
    }

    /// From now on changes are made safe in this way.
    pub(super) fn set_fsync(&self, fsync: Fsync) {
        let mut inside = self.inside();
        inside.fsync = fsync;
        self.busy.ask(fsync == Fsync::Always);
        self.at_stake_since(fsync, inside.since);
        self.wake.notify_one();
    }

    /// Has the thread write what there is and end.
    pub(super) fn stop(&self) {
        self.inside().is_stopping = true;
        self.wake.notify_one();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing in it can panic half-way but an allocation.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn why(&self) -> MutexGuard<'_, String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at_stake_since(&self, fsync: Fsync, since: Option<Instant>) {
        let since = match (fsync, since) {
            (Fsync::EverySecond, Some(since)) => {
                let after = since.saturating_duration_since(self.began).as_millis();
                u64::try_from(after).unwrap_or(NOTHING)
            }
            _ => NOTHING,
        };
        self.stake.store(since, Ordering::Relaxed);
    }
}

/// What only the thread asks for.
impl Queue {
    /// Takes all there is once it is worth it, or the deadline has come, or there are other orders.
    pub(super) fn take(&self, taken: &mut Taken, until: Until) -> Orders {
        let inside = self.inside();
        let deadline = match inside.fsync {
            _ if until.is_at_once => Some(Instant::now()),
            Fsync::EverySecond => until.unsynced.map(|since| since + SYNCED_AFTER),
            Fsync::Always | Fsync::No => None,
        };
        let mut inside = self.wait(inside, 1, deadline);
        if let Some(since) = inside.since {
            inside = match inside.fsync {
                _ if until.is_at_once => inside,
                Fsync::Always => self.gather(inside, until.group, since + LONGEST_GROUPING),
                Fsync::EverySecond | Fsync::No => {
                    let gathered = since + GATHERED;
                    let deadline = deadline.map_or(gathered, |end| end.min(gathered));
                    self.wait(inside, u64::MAX, Some(deadline))
                }
            };
        }
        self.hand_out(&mut inside, taken)
    }

    /// Waits for a group of writers, as long as anybody is at work who may hand more over: those that the last fsync
    /// served are on their way back, and an fsync for the first of them makes the others wait for one more.
    fn gather<'a>(
        &self,
        mut inside: MutexGuard<'a, Inside>,
        group: u64,
        end: Instant,
    ) -> MutexGuard<'a, Inside> {
        loop {
            let before = inside.count;
            inside = self.wait(inside, group, Some(end.min(Instant::now() + LULL)));
            let is_lull = inside.count == before && self.busy.is_nobody();
            if is_lull || inside.count >= group || inside.is_stopping || Instant::now() >= end {
                return inside;
            }
        }
    }

    /// Takes all there is.
    pub(super) fn take_now(&self, taken: &mut Taken) -> Orders {
        self.hand_out(&mut self.inside(), taken)
    }

    fn hand_out(&self, inside: &mut Inside, taken: &mut Taken) -> Orders {
        taken.records.clear();
        if taken.records.capacity() > KEPT_BUFFER {
            taken.records = Vec::new();
        }
        std::mem::swap(&mut inside.records, &mut taken.records);
        taken.count = std::mem::take(&mut inside.count);
        taken.since = inside.since.take();
        taken.last = inside.last;
        if self.is_full.swap(false, Ordering::Relaxed) {
            self.moved.notify_waiters();
        }
        inside.orders()
    }

    fn wait<'a>(
        &self,
        mut inside: MutexGuard<'a, Inside>,
        wanted: u64,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, Inside> {
        let fsync = inside.fsync;
        while inside.count < wanted
            && inside.records.len() < MUCH
            && !inside.is_stopping
            && inside.fsync == fsync
        {
            inside.wanted = Some(wanted);
            inside = match deadline {
                None => self
                    .wake
                    .wait(inside)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    let waited = self.wake.wait_timeout(inside, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        inside.wanted = None;
        inside
    }

    /// Waits so long, or until it is time to stop.
    pub(super) fn rest(&self, time: Duration) -> Orders {
        let end = Instant::now() + time;
        let mut inside = self.inside();
        while !inside.is_stopping {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.wake.wait_timeout(inside, left);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        inside.orders()
    }

    /// All up to this ticket is as safe as was asked for. Answers how many more have come since.
    pub(super) fn is_safe_to(&self, last: u64) -> u64 {
        let inside = self.inside();
        self.at_stake_since(inside.fsync, inside.since);
        self.safe.store(last, Ordering::Release);
        let more = inside.count;
        drop(inside);
        self.moved.notify_waiters();
        more
    }

    /// The disk failed: whoever waits is told, and writes are refused.
    pub(super) fn fail(&self, why: String) {
        *self.why() = why;
        let inside = self.inside();
        self.has_failed.store(true, Ordering::Release);
        self.given_up.store(inside.last, Ordering::Release);
        drop(inside);
        self.moved.notify_waiters();
    }

    /// The disk works again, and all up to this ticket is safe.
    pub(super) fn works_to(&self, last: u64) {
        self.has_failed.store(false, Ordering::Release);
        self.is_safe_to(last);
    }
}

impl Inside {
    fn orders(&self) -> Orders {
        Orders {
            fsync: self.fsync,
            is_stopping: self.is_stopping,
        }
    }
}
