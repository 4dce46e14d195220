//! How a pool chooses.

/// How a pool chooses among its eligible nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// In turn by weight, evenly interleaved (nginx's smooth weighted round robin).
    RoundRobin,
    /// The fewest requests in flight for its weight.
    LeastConn,
    /// By the client's address, as nginx's `ip_hash` maps it.
    IpHash,
}

impl Policy {
    /// Every policy, in the order the document lists them.
    pub const ALL: [Self; 3] = [Self::RoundRobin, Self::LeastConn, Self::IpHash];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoundRobin => "round_robin",
            Self::LeastConn => "least_conn",
            Self::IpHash => "ip_hash",
        }
    }
}
