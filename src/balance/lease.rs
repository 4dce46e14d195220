//! One request's claim on one node.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Balancer, Candidate, NodeState};

/// One request's claim on one node. Dropping it ends the claim.
#[derive(Debug)]
#[must_use = "a lease dropped at once claims nothing"]
pub struct Lease<'a> {
    balancer: &'a Balancer,
    index: usize,
    // False once `keep` has taken the claim over.
    ours: bool,
    /// Whether the node was chosen although it is down or ejected, because no
    /// better one was left.
    pub fail_open: bool,
}

impl<'a> Lease<'a> {
    /// Takes over the claim that was just counted on the candidate.
    pub(super) fn counted(balancer: &'a Balancer, index: usize, fail_open: bool) -> Self {
        Self {
            balancer,
            index,
            ours: true,
            fail_open,
        }
    }

    /// Which of the pool's candidates: what `Tried`, `succeeded` and `failed` take.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The node.
    pub fn candidate(&self) -> &'a Candidate {
        &self.balancer.nodes()[self.index]
    }

    /// The same claim without the snapshot, for a tunnel.
    pub fn keep(mut self) -> OwnedLease {
        self.ours = false;
        let state = self.candidate().state.clone();
        state.tunnels.fetch_add(1, Ordering::Relaxed);
        OwnedLease { state }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.ours {
            self.candidate().state.end();
        }
    }
}

/// A lease that outlives its snapshot. Dropping it ends the claim.
#[derive(Debug)]
#[must_use = "a lease dropped at once claims nothing"]
pub struct OwnedLease {
    state: Arc<NodeState>,
}

impl OwnedLease {
    /// The node claimed.
    pub fn state(&self) -> &Arc<NodeState> {
        &self.state
    }
}

impl Drop for OwnedLease {
    fn drop(&mut self) {
        self.state.tunnels.fetch_sub(1, Ordering::Relaxed);
        self.state.end();
    }
}
