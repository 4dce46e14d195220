//! Keeping a client on its node by a signed cookie: opening cookies, and handing them out.
//!
//! The cookie holds all there is to know of a client. What is kept here of a node is only how
//! many are bound to it and until when.

mod bindings;
mod ledger;
#[cfg(test)]
mod tests;
mod token;

use std::time::{SystemTime, UNIX_EPOCH};

pub(super) use bindings::Bindings;
pub use bindings::BoundTo;
pub use token::AffinityKey;
use token::{LENGTH, Seal, Token, Value};

use super::{Candidate, is_enabled};
use crate::model::{self, Name};

/// The time, in seconds since 1970: what cookies count in.
pub fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The value of an affinity cookie.
pub type CookieValue = [u8; LENGTH];

/// The affinity of one compiled pool.
#[derive(Debug)]
pub struct Affinity {
    /// What is wanted of it.
    pub config: model::Affinity,
    key: u64,
    // One per candidate.
    seals: Vec<Seal>,
}

/// A client's binding, as its cookie tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The candidate it is bound to.
    pub index: usize,
    token: Token,
}

impl Bound {
    /// Whether it still binds at `now`, seconds since 1970.
    pub fn lasts(&self, now: u64) -> bool {
        self.token.expires == 0 || self.token.expires > now
    }

    /// The client has come with its cookie, and may stay with its node.
    pub(super) fn see(&self, bindings: &Bindings, now: u64) {
        bindings.see(&self.token, now);
    }
}

// What an answer of a candidate makes of a client's binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Becomes {
    AsItWas,
    Renewed(Bound),
    MovedFrom(Bound),
    New,
}

impl Affinity {
    pub(super) fn build(config: &model::Affinity, pool: &model::Pool, key: &AffinityKey) -> Self {
        let seal = |node: &Name| Seal::new(key, &pool.name, node);
        Self {
            config: config.clone(),
            key: key.id(),
            seals: pool.nodes.iter().map(|node| seal(&node.name)).collect(),
        }
    }

    /// A number that another key most probably does not have.
    pub(super) fn key(&self) -> u64 {
        self.key
    }

    /// What `value` binds to at `now`, seconds since 1970; nothing where it was not signed for a
    /// node of this pool with its key, or has expired.
    pub fn open(&self, value: &[u8], now: u64) -> Option<Bound> {
        let value = Value::read(value)?;
        let index = self
            .seals
            .iter()
            .position(|seal| seal.is_named_by(&value))?;
        let token = self.seals[index].open(&value)?;
        Some(Bound { index, token }).filter(|bound| bound.lasts(now))
    }

    /// Whether an answer of the candidate would bring the client a cookie.
    pub fn would_bind(&self, to: (usize, &Candidate), bound: Option<Bound>, now: u64) -> bool {
        self.becomes(to, bound, now) != Becomes::AsItWas
    }

    /// The candidate answers a client that is `bound`: the cookie that the client is given, and
    /// counts it. None where it keeps what it has.
    pub(super) fn bind(
        &self,
        candidates: &[Candidate],
        index: usize,
        bound: Option<Bound>,
        now: u64,
    ) -> Option<CookieValue> {
        let max_age = self.max_age();
        let bindings = &candidates[index].bindings;
        let token = match self.becomes((index, &candidates[index]), bound, now) {
            Becomes::AsItWas => return None,
            Becomes::Renewed(bound) => bindings.renew(&bound.token, self.key, max_age, now),
            Becomes::MovedFrom(bound) => {
                candidates[bound.index].bindings.release(&bound.token, now);
                bindings.bind(self.key, max_age, now)
            }
            Becomes::New => bindings.bind(self.key, max_age, now),
        };
        Some(self.seals[index].sign(&token))
    }

    // Seconds; whole ones, as the document has them.
    pub(super) fn max_age(&self) -> u64 {
        self.config.max_age.as_secs()
    }

    fn becomes(&self, to: (usize, &Candidate), bound: Option<Bound>, now: u64) -> Becomes {
        let (index, candidate) = to;
        // One that is to be rid of its clients gets no new ones, and keeps none longer.
        if !is_enabled(candidate) || candidate.state.is_withdrawn() {
            return Becomes::AsItWas;
        }
        match bound {
            None => Becomes::New,
            Some(bound) if bound.index != index => Becomes::MovedFrom(bound),
            Some(bound) if self.is_due(bound, now) => Becomes::Renewed(bound),
            Some(_) => Becomes::AsItWas,
        }
    }

    // Whether more than half of the time is gone, or the cookie is of the other kind than what
    // the pool now wants.
    fn is_due(&self, bound: Bound, now: u64) -> bool {
        match (bound.token.expires, self.max_age()) {
            (0, 0) => false,
            (0, _) | (_, 0) => true,
            (expires, max_age) => 2 * expires.saturating_sub(now + 1) < max_age,
        }
    }
}
