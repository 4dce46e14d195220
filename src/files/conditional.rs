//! Conditions of a request: is what the client has still what we have?

use super::Ask;
use super::coding::Coding;
use super::date;

/// What identifies one state of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validators {
    /// nginx's: modification time and size in hexadecimal, quoted.
    pub(super) etag: String,
    /// Seconds since 1970, as `Last-Modified` can say them.
    pub(super) modified: i64,
}

/// What the conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer as if there were none.
    Send,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client thinks.
    Failed,
}

impl Validators {
    /// Those of a file that changed at `modified`, seconds since 1970.
    /// Each form of a file has a tag of its own, for its bytes are others.
    pub(super) fn new(modified: i64, size: u64, coding: Coding) -> Self {
        let form = coding.suffix().replace('.', "-");
        Self {
            etag: format!("\"{modified:x}-{size:x}{form}\""),
            modified: date::sayable(modified),
        }
    }

    /// Judges in the order of RFC 9110 section 13.2.2: a tag outranks a date.
    pub(super) fn judge(&self, ask: &Ask<'_>) -> Verdict {
        if let Some(tags) = ask.if_match {
            if !self.is_in(tags, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if let Some(time) = ask.if_unmodified_since.and_then(date::parse)
            && self.modified > time
        {
            return Verdict::Failed;
        }
        let has_it = match ask.if_none_match {
            Some(tags) => self.is_in(tags, Comparison::Weak),
            // Exactly equal, as nginx does by default: after a roll-back to an
            // older file, «not since» would keep the newer one for ever.
            None => {
                let time = ask.if_modified_since.and_then(date::parse);
                time == Some(self.modified)
            }
        };
        if has_it {
            Verdict::NotModified
        } else {
            Verdict::Send
        }
    }

    /// Whether a range may be sent to a client that holds the rest by `field`,
    /// its `If-Range`: a tag compared strongly, or the very date.
    pub(super) fn range_holds(&self, field: Option<&[u8]>) -> bool {
        match field.map(<[u8]>::trim_ascii) {
            None => true,
            Some(tag) if tag.ends_with(b"\"") => tag == self.etag.as_bytes(),
            Some(time) => date::parse(time) == Some(self.modified),
        }
    }

    /// Whether our tag is in the list `tags`, or it is `*`. What follows a
    /// mistake in the list is not read.
    fn is_in(&self, tags: &[u8], comparison: Comparison) -> bool {
        let mut rest = tags.trim_ascii();
        if rest == b"*" {
            return true;
        }
        loop {
            rest = skip(rest, b" \t,");
            let weak = rest.starts_with(b"W/");
            let tag = if weak { &rest[2..] } else { rest };
            let Some(inner) = tag.strip_prefix(b"\"") else {
                return false;
            };
            let Some(end) = inner.iter().position(|b| *b == b'"') else {
                return false;
            };
            let same = tag[..end + 2] == *self.etag.as_bytes();
            if same && (!weak || comparison == Comparison::Weak) {
                return true;
            }
            rest = &inner[end + 1..];
        }
    }
}

/// How two tags are compared (RFC 9110 section 8.8.3.2). Ours is never weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn skip<'a>(bytes: &'a [u8], unwanted: &[u8]) -> &'a [u8] {
    let start = bytes.iter().position(|b| !unwanted.contains(b));
    &bytes[start.unwrap_or(bytes.len())..]
}

#[cfg(test)]
mod tests {
    use super::{Validators, Verdict};
    use crate::files::Ask;
    use crate::files::coding::Coding;

    /// Sunday, 6 November 1994, 08:49:37 GMT.
    const NOW: i64 = 784_111_777;
    const SAME: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:37 GMT");
    const BEFORE: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:36 GMT");
    const AFTER: Option<&[u8]> = Some(b"Sun, 06 Nov 1994 08:49:38 GMT");

    fn validators() -> Validators {
        Validators::new(NOW, 255, Coding::Identity)
    }

    #[test]
    fn the_tag_is_that_of_nginx() {
        assert_eq!(validators().etag, "\"2ebc98a1-ff\"");
        let packed = Validators::new(NOW, 255, Coding::Zstd);
        assert_eq!(packed.etag, "\"2ebc98a1-ff-zst\"");
        assert_eq!(
            Validators::new(-1, 0, Coding::Identity).etag,
            "\"ffffffffffffffff-0\""
        );
    }

    #[test]
    fn if_none_match_compares_weakly_in_lists() {
        for (tags, verdict) in [
            ("\"2ebc98a1-ff\"", Verdict::NotModified),
            ("W/\"2ebc98a1-ff\"", Verdict::NotModified),
            ("\"a\", W/\"b\" ,,\t\"2ebc98a1-ff\"", Verdict::NotModified),
            ("\"a,b\", \"2ebc98a1-ff\"", Verdict::NotModified),
            (" * ", Verdict::NotModified),
            ("\"2ebc98a1-fe\"", Verdict::Send),
            ("2ebc98a1-ff", Verdict::Send),
            ("\"2ebc98a1-ff", Verdict::Send),
            ("nonsense, \"2ebc98a1-ff\"", Verdict::Send),
            ("\"\\\"2ebc98a1-ff\"", Verdict::Send),
            ("", Verdict::Send),
            ("W/", Verdict::Send),
        ] {
            let ask = Ask {
                if_none_match: Some(tags.as_bytes()),
                // Outranked, whatever it says.
                if_modified_since: if verdict == Verdict::Send {
                    SAME
                } else {
                    BEFORE
                },
                ..Ask::get(b"/a")
            };
            assert_eq!(validators().judge(&ask), verdict, "{tags}");
        }
    }

    #[test]
    fn if_modified_since_must_be_the_very_date() {
        for (time, verdict) in [
            (SAME, Verdict::NotModified),
            (BEFORE, Verdict::Send),
            (AFTER, Verdict::Send),
            (Some(b"yesterday".as_slice()), Verdict::Send),
            (None, Verdict::Send),
        ] {
            let ask = Ask {
                if_modified_since: time,
                ..Ask::get(b"/a")
            };
            assert_eq!(validators().judge(&ask), verdict);
        }
    }

    #[test]
    fn if_match_compares_strongly_and_outranks_the_date() {
        for (tags, verdict) in [
            ("\"2ebc98a1-ff\"", Verdict::Send),
            ("\"x\", \"2ebc98a1-ff\"", Verdict::Send),
            ("*", Verdict::Send),
            ("W/\"2ebc98a1-ff\"", Verdict::Failed),
            ("\"x\"", Verdict::Failed),
            ("", Verdict::Failed),
        ] {
            let ask = Ask {
                if_match: Some(tags.as_bytes()),
                if_unmodified_since: BEFORE,
                ..Ask::get(b"/a")
            };
            assert_eq!(validators().judge(&ask), verdict, "{tags}");
        }
    }

    #[test]
    fn if_unmodified_since_fails_only_on_an_earlier_date() {
        for (time, verdict) in [
            (SAME, Verdict::Send),
            (AFTER, Verdict::Send),
            (BEFORE, Verdict::Failed),
            (Some(b"yesterday".as_slice()), Verdict::Send),
        ] {
            let ask = Ask {
                if_unmodified_since: time,
                ..Ask::get(b"/a")
            };
            assert_eq!(validators().judge(&ask), verdict);
        }
        let both = Ask {
            if_unmodified_since: AFTER,
            if_none_match: Some(b"*"),
            ..Ask::get(b"/a")
        };
        assert_eq!(validators().judge(&both), Verdict::NotModified);
    }

    #[test]
    fn a_range_goes_only_to_who_holds_the_same_file() {
        for (field, holds) in [
            (None, true),
            (SAME, true),
            (AFTER, false),
            (BEFORE, false),
            (Some(b"\"2ebc98a1-ff\"".as_slice()), true),
            (Some(b"W/\"2ebc98a1-ff\""), false),
            (Some(b"\"2ebc98a1-fe\""), false),
            (Some(b""), false),
            (Some(b"*"), false),
        ] {
            assert_eq!(validators().range_holds(field), holds);
        }
    }

    #[test]
    fn a_file_older_than_1970_is_known_by_the_date_we_said() {
        let ask = Ask {
            if_modified_since: Some(b"Thu, 01 Jan 1970 00:00:00 GMT"),
            ..Ask::get(b"/a")
        };
        assert_eq!(
            Validators::new(-5, 1, Coding::Identity).judge(&ask),
            Verdict::NotModified
        );
    }
}
