//! A fixed answer.

use super::HeaderValue;

/// A fixed answer, given without asking anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// 200 to 599.
    pub status: u16,
    /// Its body. Empty where the status has none ([`Respond::BODILESS`]).
    pub body: String,
    /// The `Content-Type` of a body.
    pub content_type: HeaderValue,
}

impl Respond {
    /// Longest body, in bytes: what is longer is a file.
    pub const MAX_BODY: usize = 64 * 1024;

    /// Statuses whose answers have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
    pub const BODILESS: [u16; 3] = [204, 205, 304];
}

impl Default for Respond {
    fn default() -> Self {
        let plain = HeaderValue::parse("text/plain; charset=utf-8");
        Self {
            status: 200,
            body: String::new(),
            content_type: plain.expect("it is one line without control characters"),
        }
    }
}
