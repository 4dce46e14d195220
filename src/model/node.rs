//! A node: one address in a pool, with a weight.

use std::time::Duration;

use super::{Name, NodeAddress};

/// What the operator wants of a node. What probing found is `Health`, elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminState {
    /// Takes requests.
    Enabled,
    /// Finishes what it has, takes nothing new.
    Draining,
    /// Takes nothing.
    Disabled,
}

impl AdminState {
    /// Every state, in the order the document lists them.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Draining, Self::Disabled];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
        }
    }
}

/// One address in a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its identity in the pool; the address where none was given.
    pub name: Name,
    /// Where it listens.
    pub address: NodeAddress,
    /// Its share among the pool's nodes, 1 to 1000.
    pub weight: u16,
    /// Whether it is used only while no other node can be: all are down, ejected, full, or
    /// were tried.
    pub backup: bool,
    /// Most requests at it at a time; 0 is no limit.
    pub max_conns: u32,
    /// How long it takes to its whole weight when it comes back up; none is the pool's.
    pub slow_start: Option<Duration>,
    /// What the operator wants of it.
    pub state: AdminState,
}

impl Node {
    /// Heaviest weight.
    pub const MAX_WEIGHT: u16 = 1000;

    /// A node with every default of the document.
    pub fn new(name: Name, address: NodeAddress) -> Self {
        Self {
            name,
            address,
            weight: 1,
            backup: false,
            max_conns: 0,
            slow_start: None,
            state: AdminState::Enabled,
        }
    }
}
