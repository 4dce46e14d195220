//! Where requests wait, in their order, while every node of their pool has as many as it may.
//!
//! Whoever frees a place at a node gives it to the first who can use it, under the queue's
//! lock: so the order is exact over all workers, nobody new comes between, and no wake can
//! get lost. The one who waits finds the place already counted for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use super::{Asker, Balancer, Claim, Lease, Leasing, Tried, Wish};

/// The requests that wait for a node of one pool, whatever snapshot each of them sees.
#[derive(Debug, Default)]
pub(super) struct Queue {
    // The length of `waiting`, for those who need not wait for the lock to learn that it is 0.
    length: AtomicUsize,
    waiting: Mutex<VecDeque<Place>>,
}

/// One request's place in the queue.
#[derive(Debug)]
struct Place {
    balancer: Arc<Balancer>,
    ask: Ask,
    ticket: Arc<Ticket>,
}

/// What a request asks for.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) asker: Asker,
    pub(super) tried: Tried,
}

/// What one who waits and the queue both hold. Its lock is taken under the queue's.
#[derive(Debug)]
struct Ticket(Mutex<Standing>);

#[derive(Debug)]
enum Standing {
    Waits(Option<Waker>),
    // The node, or that no node may take it any more.
    Told(Option<Given>),
    Done,
}

/// A node that was chosen, and counted, for one who waits.
#[derive(Debug, Clone, Copy)]
struct Given {
    index: usize,
    fail_open: bool,
}

impl Queue {
    /// How many wait.
    pub(super) fn length(&self) -> usize {
        self.length.load(Ordering::SeqCst)
    }

    /// Gives what has come free to those who wait, first come first. To be called when a
    /// lease ends or a node's eligibility changes, with none of the pool's locks held.
    pub(super) fn settle(&self) {
        // Sequentially consistent, as are the end of a lease and `join`: of one who ends and
        // one who joins, at least one sees the other.
        if self.length() > 0 {
            let mut waiting = self.lock();
            let woken = self.give(&mut waiting);
            drop(waiting);
            woken.into_iter().for_each(Waker::wake);
        }
    }

    /// Takes a place behind all who wait, unless a node has room for this request and for
    /// none of them, or `size` wait already.
    pub(super) fn join<'a>(&self, balancer: &'a Arc<Balancer>, ask: Ask) -> Leasing<'a> {
        let ticket = Arc::new(Ticket(Mutex::new(Standing::Waits(None))));
        let mut waiting = self.lock();
        waiting.push_back(Place {
            balancer: balancer.clone(),
            ask,
            ticket: ticket.clone(),
        });
        self.count(&waiting);
        fence(Ordering::SeqCst);
        let woken = self.give(&mut waiting);
        let told = ticket.take_told();
        let is_full = told.is_none() && waiting.len() > balancer.queue_size;
        // Nobody else joins under this lock, so the last one is this one.
        let unwanted = if is_full { waiting.pop_back() } else { None };
        self.count(&waiting);
        drop(waiting);
        drop(unwanted);
        woken.into_iter().for_each(Waker::wake);
        match told {
            Some(Some(given)) => Leasing::Leased(given.lease(balancer)),
            Some(None) => Leasing::NoNode,
            None if is_full => Leasing::Full,
            None => Leasing::Wait(Waiting { balancer, ticket }),
        }
    }

    // Those who were given a node, or told that there is none, to be woken without the lock.
    fn give(&self, waiting: &mut VecDeque<Place>) -> Vec<Waker> {
        let mut woken = Vec::new();
        let now = Instant::now();
        let mut exhausted = Exhausted::default();
        waiting.retain(|place| {
            if exhausted.concerns(place) {
                return true;
            }
            let wish = Wish {
                asker: place.ask.asker,
                tried: &place.ask.tried,
                waits: true,
            };
            let told = match place.balancer.claim(wish, now) {
                Claim::Counted { index, fail_open } => Some(Given { index, fail_open }),
                Claim::Nobody => None,
                Claim::Full => {
                    exhausted.note(place);
                    return true;
                }
            };
            woken.extend(place.ticket.tell(told));
            false
        });
        self.count(waiting);
        woken
    }

    fn leave(&self, ticket: &Arc<Ticket>) {
        let mut waiting = self.lock();
        let place = waiting.iter().position(|p| Arc::ptr_eq(&p.ticket, ticket));
        let left = place.and_then(|place| waiting.remove(place));
        self.count(&waiting);
        drop(waiting);
        drop(left);
    }

    fn count(&self, waiting: &VecDeque<Place>) {
        self.length.store(waiting.len(), Ordering::SeqCst);
    }

    // A place is there or not: a poisoned lock is as good.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Place>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who found no room while the queue was gone through: no other who asks for the same does.
#[derive(Default)]
struct Exhausted {
    /// Whose snapshot it was.
    of: Option<Arc<Balancer>>,
    /// Whether one had tried nothing and was bound to nothing.
    for_all: bool,
    /// The nodes that others, who had tried nothing, were bound to.
    bound: Tried,
}

impl Exhausted {
    fn concerns(&self, place: &Place) -> bool {
        let same = |of: &Arc<Balancer>| Arc::ptr_eq(of, &place.balancer);
        let Ask { asker, tried } = &place.ask;
        tried.count() == 0
            && self.of.as_ref().is_some_and(same)
            && asker
                .bound
                .map_or(self.for_all, |node| self.bound.contains(node))
    }

    fn note(&mut self, place: &Place) {
        let Ask { asker, tried } = &place.ask;
        if tried.count() > 0 {
            return;
        }
        if !self
            .of
            .as_ref()
            .is_some_and(|of| Arc::ptr_eq(of, &place.balancer))
        {
            *self = Self {
                of: Some(place.balancer.clone()),
                ..Self::default()
            };
        }
        match asker.bound {
            Some(node) => self.bound.insert(node),
            None => self.for_all = true,
        }
    }
}

impl Ticket {
    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, told: Option<Given>) -> Option<Waker> {
        match std::mem::replace(&mut *self.lock(), Standing::Told(told)) {
            Standing::Waits(waker) => waker,
            Standing::Told(_) | Standing::Done => None,
        }
    }

    fn take_told(&self) -> Option<Option<Given>> {
        let mut standing = self.lock();
        match *standing {
            Standing::Told(told) => {
                *standing = Standing::Done;
                Some(told)
            }
            Standing::Waits(_) | Standing::Done => None,
        }
    }
}

impl Given {
    fn lease(self, balancer: &Balancer) -> Lease<'_> {
        Lease::counted(balancer, self.index, self.fail_open)
    }
}

/// A place in a pool's queue. Dropping it leaves the queue.
#[derive(Debug)]
#[must_use = "who drops its place at once does not wait"]
pub struct Waiting<'a> {
    balancer: &'a Arc<Balancer>,
    ticket: Arc<Ticket>,
}

impl<'a> Waiting<'a> {
    /// Ready with the node once one was given to this request, or with none once no node of
    /// its pool may take it any more.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Lease<'a>>> {
        let mut standing = self.ticket.lock();
        match &mut *standing {
            Standing::Told(told) => {
                let lease = told.map(|given| given.lease(self.balancer));
                *standing = Standing::Done;
                Poll::Ready(lease)
            }
            Standing::Waits(waker) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            Standing::Done => Poll::Pending,
        }
    }

    /// Looks whether a node has become eligible by the mere passing of time, as an ejected
    /// one does: nobody tells of that.
    pub fn look(&self) {
        self.balancer.queue.settle();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.balancer.queue.leave(&self.ticket);
        // Given in the last moment: it goes to the next.
        if let Some(Some(given)) = self.ticket.take_told() {
            drop(given.lease(self.balancer));
        }
    }
}
