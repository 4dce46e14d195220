//! What of a file is sent: one range of its bytes, or several in one body.

use std::fmt::Write;
use std::ops::Range;

/// What of a file is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Range(Range<u64>),
    /// These, each behind a head of its own.
    Parts(Parts),
}

/// A `multipart/byteranges` (RFC 9110 section 14.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Head and bytes of each.
    pub list: Vec<(String, Range<u64>)>,
    /// What follows the last.
    pub end: String,
    boundary: String,
}

impl Body {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Range(range) => range.end - range.start,
            Self::Parts(parts) => {
                let part = |(head, range): &(String, Range<u64>)| {
                    head.len() as u64 + range.end - range.start
                };
                parts.list.iter().map(part).sum::<u64>() + parts.end.len() as u64
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Parts {
    /// `ranges` of a file of `size` bytes and of this type.
    pub(super) fn new(ranges: Vec<Range<u64>>, size: u64, content_type: &str) -> Self {
        // Drawn anew each time: nobody can lay a file down that has it inside.
        let boundary = format!("{:032x}", rand::random::<u128>());
        let mut list = Vec::with_capacity(ranges.len());
        for range in ranges {
            let mut head = match list.is_empty() {
                true => String::new(),
                false => "\r\n".to_owned(),
            };
            let (first, last) = (range.start, range.end.saturating_sub(1));
            let _always = write!(
                head,
                "--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n"
            );
            list.push((head, range));
        }
        Self {
            list,
            end: format!("\r\n--{boundary}--\r\n"),
            boundary,
        }
    }

    /// What `Content-Type` says of the whole.
    pub(super) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }
}
