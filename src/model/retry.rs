//! When a request is tried again on another node.

use std::time::Duration;

/// What must have gone wrong for a retry (nginx's `proxy_next_upstream` words).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The node refused, reset or broke off.
    Error,
    /// The node took too long to accept or to answer.
    Timeout,
    /// The node's answer was not HTTP.
    InvalidHeader,
    /// The node answered with this status.
    Status(u16),
}

impl Condition {
    /// Every condition, in the order the document lists them.
    pub const ALL: [Self; 10] = [
        Self::Error,
        Self::Timeout,
        Self::InvalidHeader,
        Self::Status(403),
        Self::Status(404),
        Self::Status(429),
        Self::Status(500),
        Self::Status(502),
        Self::Status(503),
        Self::Status(504),
    ];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::InvalidHeader => "invalid_header",
            Self::Status(403) => "http_403",
            Self::Status(404) => "http_404",
            Self::Status(429) => "http_429",
            Self::Status(500) => "http_500",
            Self::Status(502) => "http_502",
            Self::Status(503) => "http_503",
            // `ALL` holds every status a document can name.
            Self::Status(_) => "http_504",
        }
    }
}

/// When a request is tried again on another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// What must have gone wrong.
    pub on: Vec<Condition>,
    /// Most nodes asked for one request, the first included; 0 is every node once.
    pub tries: u16,
    /// No new try after this long; 0 is no limit.
    pub timeout: Duration,
    /// Whether a request that may not be repeated by HTTP's rules is repeated all the same.
    pub non_idempotent: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            on: vec![Condition::Error, Condition::Timeout],
            tries: 3,
            timeout: Duration::from_secs(10),
            non_idempotent: false,
        }
    }
}
