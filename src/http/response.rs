//! A response's head, read from a node with the same strictness as a client's.

use super::fields::parse_fields;
use super::head::{Fields, Span};
use super::token::is_value;
use super::{Limits, Refusal, Version};

/// A response's head.
#[derive(Debug)]
pub struct ResponseHead {
    /// The fields, and the arena that all else points into.
    pub fields: Fields,
    /// The version the node speaks.
    pub version: Version,
    /// 100 to 599.
    pub status: u16,
    reason: Span,
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            version: Version::Http11,
            status: 0,
            reason: Span::default(),
        }
    }
}

impl ResponseHead {
    /// The words after the status, as sent.
    pub fn reason(&self) -> &[u8] {
        self.reason.of(&self.fields.arena)
    }

    /// Its length on the wire, in bytes.
    pub fn size(&self) -> usize {
        self.fields.arena.len()
    }
}

/// Whether `input` may still become an answer. What is no HTTP often has no line end either,
/// and would be waited for until it is too long or too late.
///
/// # Errors
/// When its first bytes are not those of a status line.
pub fn begins_like_an_answer(input: &[u8]) -> Result<(), Refusal> {
    const START: &[u8] = b"HTTP/1.";
    let seen = input.len().min(START.len());
    match input.first() {
        Some(b'\r' | b'\n') => Err(Refusal::bad(3, "an empty line stands before the answer")),
        _ if input[..seen] == START[..seen] => Ok(()),
        _ => Err(Refusal::bad(14, "the answer does not begin with HTTP/1.")),
    }
}

/// Parses one whole head, `bytes`, from its status line to its empty line.
///
/// # Errors
/// The first rule that it breaks.
pub fn parse_response(
    bytes: &[u8],
    limits: &Limits,
    head: &mut ResponseHead,
) -> Result<(), Refusal> {
    head.fields.clear();
    head.fields.arena.extend_from_slice(bytes);
    let arena = &head.fields.arena;
    let line_end = memchr::memchr(b'\n', arena).map_or(arena.len(), |i| i + 1);
    let line = &arena[..line_end.saturating_sub(2)];
    let shape = Refusal::bad(14, "the status line is not VERSION STATUS REASON");
    let (version, rest) = match line.split_at_checked(9) {
        Some((b"HTTP/1.1 ", rest)) => (Version::Http11, rest),
        Some((b"HTTP/1.0 ", rest)) => (Version::Http10, rest),
        _ => return Err(shape),
    };
    let (digits, reason) = rest.split_at_checked(3).ok_or(shape)?;
    // The blank before an empty reason is often left out; nothing else may follow.
    let reason_ok = match reason.first() {
        None => true,
        Some(b' ') => is_value(reason),
        Some(_) => false,
    };
    if !digits.iter().all(u8::is_ascii_digit) || !reason_ok {
        return Err(shape);
    }
    let status = digits
        .iter()
        .fold(0, |sum, d| sum * 10 + u16::from(d - b'0'));
    if !(100..=599).contains(&status) {
        return Err(Refusal::bad(14, "the status is not 100 to 599"));
    }
    let reason_start = if reason.is_empty() { 12 } else { 13 };
    head.version = version;
    head.status = status;
    head.reason = Span::new(reason_start, line.len());
    parse_fields(&mut head.fields, line_end, limits)
}

#[cfg(test)]
mod tests {
    use super::{Limits, ResponseHead, begins_like_an_answer, parse_response};

    fn parse(text: &str) -> Result<(u16, String), u8> {
        let mut head = ResponseHead::default();
        parse_response(text.as_bytes(), &Limits::NODE, &mut head).map_err(|r| r.rule)?;
        Ok((
            head.status,
            String::from_utf8_lossy(head.reason()).into_owned(),
        ))
    }

    #[test]
    fn what_cannot_become_an_answer_is_known_by_its_first_bytes() {
        for end in 0..=11 {
            assert_eq!(begins_like_an_answer(&b"HTTP/1.1 20"[..end]), Ok(()));
        }
        for (bad, rule) in [
            ("\r", 3),
            ("\n", 3),
            ("h", 14),
            ("HTTP/2", 14),
            ("HTTP 1", 14),
            ("\x15\x03\x01", 14),
            ("ICY 200 OK\r\n", 14),
        ] {
            let told = begins_like_an_answer(bad.as_bytes()).map_err(|r| r.rule);
            assert_eq!(told, Err(rule), "{bad:?}");
        }
    }

    #[test]
    fn a_status_line_is_read() {
        for (text, status, reason) in [
            ("HTTP/1.1 200 OK\r\n\r\n", 200, "OK"),
            ("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n", 404, "Not Found"),
            ("HTTP/1.1 200\r\n\r\n", 200, ""),
            ("HTTP/1.1 200 \r\n\r\n", 200, ""),
        ] {
            assert_eq!(parse(text), Ok((status, reason.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn a_status_line_that_is_none_is_refused() {
        for bad in [
            "HTTP/2 200 OK",
            "HTTP/1.1  200 OK",
            "HTTP/1.1 20 OK",
            "HTTP/1.1 2000 OK",
            "HTTP/1.1 099 x",
            "HTTP/1.1 600 x",
            "HTTP/1.1 200OK",
            "http/1.1 200 OK",
            "",
            "HTTP/1.1 200 O\u{1}K",
            "HTTP/1.1 +20 x",
        ] {
            assert_eq!(parse(&format!("{bad}\r\n\r\n")), Err(14), "{bad:?}");
        }
    }
}
