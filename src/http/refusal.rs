//! Why a message is refused, before anyone acted on it.

/// A message that is not taken: the status to answer and the rule it broke.
///
/// For a request the status goes to the client and its connection closes. A node's
/// message that breaks a rule is 502 to the client whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{text} (rule {rule})")]
pub struct Refusal {
    /// 400, 405, 414, 417, 431, 501 or 505.
    pub status: u16,
    /// The rule's number in the table of rules.
    pub rule: u8,
    /// What is wrong, for the person who sent it.
    pub text: &'static str,
}

impl Refusal {
    /// A 400 for `rule`.
    pub const fn bad(rule: u8, text: &'static str) -> Self {
        Self::with(400, rule, text)
    }

    /// Any status for `rule`.
    pub const fn with(status: u16, rule: u8, text: &'static str) -> Self {
        Self { status, rule, text }
    }
}
