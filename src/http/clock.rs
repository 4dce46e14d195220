//! The `Date` field, formatted once a second.

use std::time::{SystemTime, UNIX_EPOCH};

/// A date in the form of RFC 9110 section 5.6.7, kept until its second is over.
#[derive(Debug, Default)]
pub struct HttpDate {
    second: u64,
    text: String,
}

impl HttpDate {
    /// The text for `now`.
    pub fn at(&mut self, now: SystemTime) -> &str {
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        if self.text.is_empty() || self.second != second {
            self.second = second;
            self.text = httpdate::fmt_http_date(now);
        }
        &self.text
    }
}
