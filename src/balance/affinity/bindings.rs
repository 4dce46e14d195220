//! What is known of the clients bound to one node, without keeping anything of a client.
//!
//! Outlives snapshots, node states and the node itself while a binding to its name lasts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ledger::Ledger;
use super::token::Token;

/// Limit: cookies remembered that were replaced a moment ago. A browser sends several requests
/// at once, each with the old cookie; together they must not be taken for several clients.
const MAX_REPLACED: usize = 1024;

/// Until when a node is bound, and to how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BoundTo {
    /// Clients whose binding is younger than its `max_age`, as far as is known here.
    pub clients: u64,
    /// When the last binding ends that there may be, in seconds since 1970; none when there is
    /// none. Also where no client is known, after a start.
    pub until: Option<u64>,
}

/// What is known of the clients bound to one node. All times are seconds since 1970.
#[derive(Debug)]
pub(in crate::balance) struct Bindings {
    // What marks the cookies that `ledger` counts.
    issuer: AtomicU64,
    // When the last binding ends that somebody else has handed out and that was seen here:
    // another appliance, or this one before a restart.
    others_until: AtomicU64,
    // When the last binding ends that there may be unseen: handed out before the start, or of one
    // of more moved clients than are remembered.
    unseen_until: AtomicU64,
    // When the last cookie of ours ends that was taken from a client for another node.
    moved_until: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    // The key of the cookies counted.
    key: Option<u64>,
    ledger: Ledger,
    replaced: VecDeque<Replaced>,
}

// A cookie of before, and what the client was given for it; none of another node's.
#[derive(Debug, Clone, Copy)]
struct Replaced {
    nonce: u64,
    expires: u64,
    by: Option<Token>,
}

impl Bindings {
    /// Nobody is bound.
    pub(in crate::balance) fn new() -> Self {
        Self {
            issuer: AtomicU64::new(new_issuer()),
            others_until: AtomicU64::new(0),
            unseen_until: AtomicU64::new(0),
            moved_until: AtomicU64::new(0),
            inner: Mutex::default(),
        }
    }

    /// Signed with `key` from now on: with another one than before, no cookie of before binds.
    pub(in crate::balance) fn use_key(&self, key: u64) {
        let mut inner = self.lock();
        let before = inner.key.replace(key);
        if before.is_some_and(|before| before != key) {
            // Should the old key come back, its cookies are somebody else's.
            self.issuer.store(new_issuer(), Ordering::SeqCst);
            self.moved_until.store(0, Ordering::SeqCst);
            inner.ledger = Ledger::default();
            inner.replaced.clear();
        }
    }

    /// Bindings may last until this second though nobody has seen them: handed out before the
    /// start.
    pub(in crate::balance) fn may_last_until(&self, until: u64) {
        self.unseen_until.fetch_max(until, Ordering::SeqCst);
    }

    /// Who is bound at `now`.
    pub(in crate::balance) fn bound_to(&self, now: u64) -> BoundTo {
        let mut inner = self.lock();
        let clients = inner.ledger.count(now);
        let counted_until = inner.ledger.last_end();
        drop(inner);
        let after_now = |until: &AtomicU64| Some(until.load(Ordering::SeqCst)).filter(|u| *u > now);
        let others_until = after_now(&self.others_until);
        BoundTo {
            // Nothing tells how many: at least one.
            clients: clients + u64::from(others_until.is_some()),
            until: counted_until
                .max(others_until)
                .max(after_now(&self.unseen_until)),
        }
    }

    /// A client has come with this cookie, to be served by this node.
    pub(super) fn see(&self, token: &Token, now: u64) {
        if token.expires == 0 {
            return;
        }
        if token.issuer != self.issuer.load(Ordering::SeqCst) {
            // Read first: most have been seen before, and a write is shared by all workers.
            if self.others_until.load(Ordering::SeqCst) < token.expires {
                self.others_until.fetch_max(token.expires, Ordering::SeqCst);
            }
        } else if self.moved_until.load(Ordering::SeqCst) > now {
            self.lock().take_back(token, now);
        }
    }

    /// Binds one more client by a cookie signed with `key`; `max_age` 0 is as long as it keeps
    /// the cookie.
    pub(super) fn bind(&self, key: u64, max_age: u64, now: u64) -> Token {
        let mut inner = self.lock();
        let token = self.token(max_age, now);
        self.count(&mut inner, key, &token, now);
        token
    }

    /// Binds the client of `old` anew. Asked again with the same cookie the answer is the same.
    pub(super) fn renew(&self, old: &Token, key: u64, max_age: u64, now: u64) -> Token {
        let mut inner = self.lock();
        let lasts = |token: &Token| token.expires == 0 || token.expires > now;
        let known = inner.find(old).and_then(|replaced| replaced.by);
        if let Some(by) = known.filter(lasts) {
            return by;
        }
        let token = self.token(max_age, now);
        match inner.find_mut(old) {
            // Taken out already, when another request of the client was moved.
            Some(replaced) => replaced.by = Some(token),
            None => self.replace(&mut inner, old, Some(token), now),
        }
        self.count(&mut inner, key, &token, now);
        token
    }

    /// The client of `old` was given to another node.
    pub(super) fn release(&self, old: &Token, now: u64) {
        let mut inner = self.lock();
        if self.is_counted(old) && inner.find(old).is_none() {
            self.replace(&mut inner, old, None, now);
            self.moved_until.fetch_max(old.expires, Ordering::SeqCst);
        }
    }

    fn is_counted(&self, token: &Token) -> bool {
        token.expires > 0 && token.issuer == self.issuer.load(Ordering::SeqCst)
    }

    fn replace(&self, inner: &mut Inner, old: &Token, by: Option<Token>, now: u64) {
        if self.is_counted(old) {
            inner.ledger.remove(old.expires, now);
        }
        if inner.replaced.len() >= MAX_REPLACED
            && let Some(forgotten) = inner.replaced.pop_front()
            && forgotten.by.is_none()
        {
            // Should it come again, another would be taken out in its place, or nobody put back.
            self.may_last_until(forgotten.expires);
        }
        let (nonce, expires) = (old.nonce, old.expires);
        inner.replaced.push_back(Replaced { nonce, expires, by });
    }

    fn count(&self, inner: &mut Inner, key: u64, token: &Token, now: u64) {
        // While the key changes, requests of both snapshots are served.
        if inner.key.is_some_and(|known| known != key) {
            self.others_until.fetch_max(token.expires, Ordering::SeqCst);
        } else if token.expires > 0 {
            inner.ledger.add(token.expires, now);
        }
    }

    fn token(&self, max_age: u64, now: u64) -> Token {
        Token {
            issuer: self.issuer.load(Ordering::SeqCst),
            // The second that has begun is not counted: no browser keeps it longer than we do.
            expires: if max_age == 0 { 0 } else { now + 1 + max_age },
            nonce: rand::random(),
        }
    }

    // Numbers and a list of numbers: as good behind a poisoned lock.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_issuer() -> u64 {
    rand::random::<u64>() >> 16
}

impl Inner {
    fn find(&self, token: &Token) -> Option<&Replaced> {
        self.replaced.iter().find(|r| r.nonce == token.nonce)
    }

    fn find_mut(&mut self, token: &Token) -> Option<&mut Replaced> {
        self.replaced.iter_mut().find(|r| r.nonce == token.nonce)
    }

    // The answer that moved the client has not reached it: it is still bound here.
    fn take_back(&mut self, token: &Token, now: u64) {
        let moved = |r: &Replaced| r.nonce == token.nonce && r.by.is_none();
        if let Some(at) = self.replaced.iter().position(moved) {
            let found = self.replaced.remove(at);
            if let Some(Replaced { expires, .. }) = found {
                self.ledger.add(expires, now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bindings, Token};

    const KEY: u64 = 7;

    fn bindings() -> Bindings {
        let bindings = Bindings::new();
        bindings.use_key(KEY);
        bindings
    }

    #[test]
    fn only_a_cookie_that_was_counted_is_taken_out() {
        let bindings = bindings();
        let counted = bindings.bind(KEY, 10, 100);
        let others = Token {
            issuer: counted.issuer + 1,
            nonce: 1,
            ..counted
        };
        bindings.release(&others, 100);
        bindings.renew(&others, KEY, 0, 100);
        assert_eq!(bindings.bound_to(100).clients, 1);
        bindings.release(&counted, 100);
        assert_eq!(bindings.bound_to(100).clients, 0);
        // It comes again: the answer that moved it has not reached the client.
        bindings.see(&counted, 100);
        assert_eq!(bindings.bound_to(100).clients, 1);
    }

    #[test]
    fn a_cookie_given_in_place_of_another_is_given_again_while_it_lasts() {
        let bindings = bindings();
        let old = bindings.bind(KEY, 10, 100);
        let new = bindings.renew(&old, KEY, 10, 105);
        assert_eq!(new.expires, 116);
        for now in [105, 115] {
            assert_eq!(bindings.renew(&old, KEY, 10, now), new);
        }
        let newer = bindings.renew(&old, KEY, 10, 116);
        assert_eq!((newer.expires, newer == new), (127, false));
        // One for as long as the client keeps it does not end.
        let session = bindings.renew(&newer, KEY, 0, 120);
        assert_eq!(bindings.renew(&newer, KEY, 0, 1_000_000), session);
    }
}
