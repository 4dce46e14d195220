//! Who is chosen, under the pool's lock: the node the request is bound to, else the policy's
//! choice among the best there are.

use rand::RngExt as _;
use tokio::time::Instant;

use super::slot::Slot;
use super::{
    Asker, Balancer, Candidate, Tried, hash, ip_hash, is_enabled, least_conn, least_time,
    random_two, round_robin, slow_start,
};
use crate::model::Policy;

/// What became of one choice.
#[derive(Debug)]
pub(super) enum Claim {
    Counted { index: usize, fail_open: bool },
    Full,
    Nobody,
}

/// What a request wants of a choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'t> {
    pub(super) asker: Asker,
    /// The nodes asked already.
    pub(super) tried: &'t Tried,
    /// Whether it waits in the queue.
    pub(super) waits: bool,
}

// Who may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marked {
    Some,
    // Some might, had they room.
    Full,
    None,
}

impl Balancer {
    /// Choosing and counting, for a request that comes and for one that waits.
    pub(super) fn claim(&self, wish: Wish<'_>, now: Instant) -> Claim {
        let mut slots = self.turn.lock();
        loop {
            let (index, fail_open) = match self.find(&mut slots, wish, now) {
                Ok(found) => found,
                Err(none) => return none,
            };
            let state = &self.nodes[index].state;
            // Another snapshot's choice, under another lock, may have been first.
            if !state.begin() {
                continue;
            }
            if let Some(rules) = self.rules {
                state.passive.chosen(rules, now);
            }
            return Claim::Counted { index, fail_open };
        }
    }

    /// The node that `asker` is bound to, if it takes bound requests and was not tried.
    pub(super) fn bound_node(&self, asker: Asker, tried: &Tried, now: Instant) -> Option<usize> {
        let index = asker.bound?;
        (!tried.contains(index) && self.keeps(&self.nodes[index], now)).then_some(index)
    }

    // The node to ask, and whether it is a last resort.
    fn find(
        &self,
        slots: &mut [Slot],
        wish: Wish<'_>,
        now: Instant,
    ) -> Result<(usize, bool), Claim> {
        let Wish { asker, tried, .. } = wish;
        if let Some(index) = self.bound_node(asker, tried, now) {
            let candidate = &self.nodes[index];
            if !candidate.state.has_room() {
                return Err(Claim::Full);
            }
            if self.policy == Policy::RoundRobin {
                let beside = |c: &Candidate| c.backup == candidate.backup;
                self.mark(slots, tried, now, |c| beside(c) && self.is_eligible(c, now));
                round_robin::count(slots, index);
            }
            return Ok((index, false));
        }
        let fail_open = self.mark_best(slots, wish, now)?;
        // Where the checks are wrong about all nodes, clients need not lose theirs as well.
        let own = asker
            .bound
            .filter(|index| fail_open && slots[*index].eligible);
        let chosen = own.or_else(|| self.choose(slots, asker, now));
        chosen.map(|index| (index, fail_open)).ok_or(Claim::Nobody)
    }

    /// Writes down the best of those who may be chosen this time, and tells whether they are a
    /// last resort. A good node that is full is waited for, rather than a bad one asked. Who waits
    /// is not given what was drained or disabled since, be it the last there is.
    pub(super) fn mark_best(
        &self,
        slots: &mut [Slot],
        wish: Wish<'_>,
        now: Instant,
    ) -> Result<bool, Claim> {
        let Wish { tried, waits, .. } = wish;
        let mut full = false;
        for fail_open in [false, true] {
            for backup in [false, true] {
                if backup && !self.has_backups {
                    continue;
                }
                let may = |candidate: &Candidate| match fail_open {
                    false => self.is_eligible(candidate, now),
                    true => is_enabled(candidate) && !(waits && candidate.state.is_withdrawn()),
                };
                match self.mark(slots, tried, now, |c| c.backup == backup && may(c)) {
                    Marked::Some => return Ok(fail_open),
                    Marked::Full => full = true,
                    Marked::None => {}
                }
            }
            if full {
                return Err(Claim::Full);
            }
        }
        Err(Claim::Nobody)
    }

    // Writes down who may be chosen this time.
    fn mark(
        &self,
        slots: &mut [Slot],
        tried: &Tried,
        now: Instant,
        may: impl Fn(&Candidate) -> bool,
    ) -> Marked {
        let mut marked = Marked::None;
        for (index, (slot, candidate)) in slots.iter_mut().zip(&self.nodes).enumerate() {
            let wanted = !tried.contains(index) && may(candidate);
            slot.eligible = wanted && candidate.state.has_room();
            slot.in_flight = candidate.state.in_flight();
            if !candidate.slow_start.is_zero() {
                slot.set_weight(slow_start::weight(candidate, now));
            }
            if slot.eligible {
                marked = Marked::Some;
            } else if wanted && marked == Marked::None {
                marked = Marked::Full;
            }
        }
        marked
    }

    /// The policy's choice among those written down.
    pub(super) fn choose(&self, slots: &mut [Slot], asker: Asker, now: Instant) -> Option<usize> {
        match self.policy {
            Policy::RoundRobin => round_robin::choose(slots),
            Policy::LeastConn => least_conn::choose(slots),
            Policy::IpHash => ip_hash::choose(slots, asker.client),
            Policy::Hash => hash::choose(slots, &self.turn.ring, asker.key),
            Policy::RandomTwo => {
                let mut random = rand::rng();
                random_two::choose(slots, |below| random.random_range(..below))
            }
            Policy::LeastTime => {
                for (slot, candidate) in slots.iter_mut().zip(&self.nodes) {
                    slot.times = candidate.state.latency.at(now);
                }
                least_time::choose(slots)
            }
        }
    }
}
