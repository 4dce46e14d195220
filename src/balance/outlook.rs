//! What would come of a request for a node, found as for a real one but on a copy: nothing
//! is counted, and nobody's turn is taken.

use tokio::time::Instant;

use super::{Asker, Balancer, Claim, Tried};
use crate::model::Policy;

/// What would come of a request for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Per candidate, whether it might be chosen.
    pub eligible: Vec<bool>,
    /// The one that is chosen, where the policy goes by who asks.
    pub bound: Option<usize>,
    /// Whether no good node is left, and others are asked all the same.
    pub fail_open: bool,
    /// Whether a node is to be had at once.
    pub room: Room,
}

/// Whether a node is to be had at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    AtOnce,
    /// No node is enabled.
    Never,
    /// No: every one that may be asked is full, or others wait.
    Later,
    /// The same, and no more may wait.
    Full,
}

impl Balancer {
    /// What would come of a request of `asker` at `now`.
    pub fn outlook(&self, asker: Asker, now: Instant) -> Outlook {
        let mut slots = self.turn.lock().clone();
        let best = self.mark_best(&mut slots, &Tried::new(), now);
        let queued = self.queued();
        let room = match &best {
            Ok(_) if queued == 0 => Room::AtOnce,
            Err(Claim::Nobody) => Room::Never,
            Ok(_) | Err(_) if queued < self.queue_size => Room::Later,
            Ok(_) | Err(_) => Room::Full,
        };
        let eligible: Vec<bool> = match best {
            Ok(_) => slots.iter().map(|slot| slot.eligible).collect(),
            Err(_) => vec![false; slots.len()],
        };
        let by_asker = matches!(self.policy, Policy::IpHash | Policy::Hash);
        let bound = match by_asker && best.is_ok() {
            true => self.choose(&mut slots, asker, now),
            false => None,
        };
        Outlook {
            eligible,
            bound,
            fail_open: best.unwrap_or(false),
            room,
        }
    }
}
