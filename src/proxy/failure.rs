//! Why a try brought no answer, and what that means to retries and counters.

use super::Reason;
use super::links::ConnectError;
use crate::http::Refusal;
use crate::metrics::{NodeErrorKind, RetryReason};
use crate::model::Condition;

/// Why a try brought no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No connection was made.
    #[error("{0}")]
    Connect(ConnectError),
    /// No answer, or no room for the request, in time.
    #[error("did not answer in time")]
    Timeout,
    /// A check turned the node Down while the request waited.
    #[error("was found down while a request waited")]
    WentDown,
    /// The node broke off.
    #[error("broke off the connection")]
    Broken,
    /// The node's answer was not HTTP.
    #[error("sent no valid answer: {0}")]
    BadResponse(Refusal),
    /// The node's 101 was no answer to the WebSocket asked for.
    #[error("did not agree to a WebSocket: {0}")]
    NotUpgraded(Refusal),
    /// The client's doing.
    #[error("was given up by the client")]
    Client(Reason),
}

impl Failure {
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Connect(ConnectError::Timeout) => Reason::NodeConnectTimeout,
            Self::Connect(ConnectError::Refused(_) | ConnectError::Unresolved) => {
                Reason::NodeRefused
            }
            Self::Connect(ConnectError::NoTls(_)) => Reason::NodeTls,
            Self::Connect(ConnectError::Ours(_)) => Reason::Internal,
            Self::Timeout | Self::WentDown => Reason::NodeTimeout,
            Self::Broken | Self::Connect(ConnectError::Reset) => Reason::NodeReset,
            Self::BadResponse(_) => Reason::NodeBadResponse,
            Self::NotUpgraded(_) => Reason::NotUpgraded,
            Self::Client(reason) => *reason,
        }
    }

    /// What this is to the pool's retry settings and to the counters.
    pub(super) fn condition(&self) -> Option<(Condition, NodeErrorKind, RetryReason)> {
        Some(match self {
            Self::Connect(ConnectError::Timeout) => (
                Condition::Timeout,
                NodeErrorKind::ConnectTimeout,
                RetryReason::Timeout,
            ),
            Self::Connect(
                ConnectError::Refused(_) | ConnectError::Unresolved | ConnectError::Ours(_),
            ) => (Condition::Error, NodeErrorKind::Refused, RetryReason::Error),
            Self::Connect(ConnectError::NoTls(_)) => {
                (Condition::Error, NodeErrorKind::NoTls, RetryReason::Error)
            }
            Self::Timeout => (
                Condition::Timeout,
                NodeErrorKind::Timeout,
                RetryReason::Timeout,
            ),
            Self::WentDown => (
                Condition::Timeout,
                NodeErrorKind::Timeout,
                RetryReason::NodeDown,
            ),
            Self::Broken | Self::Connect(ConnectError::Reset) => {
                (Condition::Error, NodeErrorKind::Reset, RetryReason::Error)
            }
            Self::BadResponse(_) | Self::NotUpgraded(_) => (
                Condition::InvalidHeader,
                NodeErrorKind::BadResponse,
                RetryReason::InvalidHeader,
            ),
            Self::Client(_) => return None,
        })
    }

    /// Only a connection that was never made is certain to have carried nothing.
    pub(super) fn was_sent(&self) -> bool {
        !matches!(self, Self::Connect(_))
    }

    /// Whether it is the node's doing: not the client's, and no shortage of our own.
    pub(super) fn is_the_node_s(&self) -> bool {
        !matches!(self, Self::Client(_) | Self::Connect(ConnectError::Ours(_)))
    }

    /// Whether it counts against the node whatever the others answer.
    pub(super) fn speaks_for_itself(&self) -> bool {
        match self {
            Self::Connect(ConnectError::Ours(_)) => false,
            Self::Connect(_) | Self::Broken | Self::BadResponse(_) => true,
            // One path may be wrong while all others are well.
            Self::NotUpgraded(_) | Self::Timeout | Self::WentDown | Self::Client(_) => false,
        }
    }
}
