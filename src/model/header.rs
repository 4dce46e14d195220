//! Header fields that the operator sets or removes.

use std::fmt;

/// A header name, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(String);

impl HeaderName {
    /// Takes `text` as a header name (RFC 9110 section 5.1: a token).
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if text.is_empty() || !text.bytes().all(token) {
            return Err(format!(
                "must be a header name, such as X-Frame-Options (is {text:?})"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as it was typed. Compare with [`HeaderName::is`].
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the field `name`, in any case of letters.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A header value that can stand on one line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderValue(String);

impl HeaderValue {
    /// Takes `text` as a header value: no control characters but TAB
    /// (RFC 9110 section 5.5), no blanks at the ends.
    ///
    /// # Errors
    /// The phrase for the operator when it cannot stand in a header.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(bad) = text.chars().find(|c| c.is_ascii_control() && *c != '\t') {
            return Err(format!(
                "must be one line without control characters (has {bad:?})"
            ));
        }
        if text.trim_matches([' ', '\t']) != text {
            return Err("must not begin or end with a blank".into());
        }
        Ok(Self(text.to_owned()))
    }

    /// The value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a site or a route changes in a head: first removed, then set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Fields set, replacing what was there.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Fields left out.
    pub remove: Vec<HeaderName>,
}

impl HeaderChanges {
    /// Fields that carry the message itself: the engine writes them, nobody else.
    pub const RESERVED: [&'static str; 7] = [
        "connection",
        "content-length",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
}

#[cfg(test)]
mod tests {
    use super::{HeaderName, HeaderValue};

    #[test]
    fn a_value_cannot_leave_its_line() {
        assert!(HeaderValue::parse("max-age=1, public").is_ok());
        assert!(HeaderValue::parse("").is_ok());
        for bad in ["a\r\nb: c", "a\nb", "a\0", " a", "a\t", "\u{7f}"] {
            assert!(HeaderValue::parse(bad).is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn a_name_is_a_token() {
        assert!(HeaderName::parse("X-A_b.1").unwrap().is("x-a_B.1"));
        for bad in ["", "a b", "a:", "é", "a\r"] {
            assert!(HeaderName::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
