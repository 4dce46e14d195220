//! The types of problems that an authority answers (RFC 8555 section 6.7).

/// The type of a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One of the standard's, without what all begin with: `rateLimited`.
    Known(&'static str),
    /// Another one, or none.
    Other(String),
}

/// What the types of the standard begin with.
const URN: &str = "urn:ietf:params:acme:error:";

/// Limit: of a type that is not the standard's, in characters.
const MOST: usize = 80;

/// Every type of the standard.
pub(super) const KNOWN: [&str; 24] = [
    "accountDoesNotExist",
    "alreadyRevoked",
    "badCSR",
    "badNonce",
    "badPublicKey",
    "badRevocationReason",
    "badSignatureAlgorithm",
    "caa",
    "compound",
    "connection",
    "dns",
    "externalAccountRequired",
    "incorrectResponse",
    "invalidContact",
    "malformed",
    "orderNotReady",
    "rateLimited",
    "rejectedIdentifier",
    "serverInternal",
    "tls",
    "unauthorized",
    "unsupportedContact",
    "unsupportedIdentifier",
    "userActionRequired",
];

impl Kind {
    /// Reads one as it stands in an answer.
    pub fn parse(text: Option<&str>) -> Self {
        let text = text.unwrap_or("about:blank");
        let short = text.strip_prefix(URN).unwrap_or("");
        match KNOWN.iter().find(|known| **known == short) {
            Some(known) => Self::Known(known),
            None => Self::Other(plain(text, MOST)),
        }
    }

    /// Whether it is this one of the standard's.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Known(known) if *known == name)
    }
}

/// Text of an authority's, which may hold anything: at most `most` characters, none of control.
pub(super) fn plain(text: &str, most: usize) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let mut chars = text.trim().chars();
    let mut short: String = chars.by_ref().take(most).map(printable).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, Kind, URN, plain};

    #[test]
    fn the_standards_types_are_known_and_what_else_is_said_is_cut() {
        for known in KNOWN {
            assert!(Kind::parse(Some(&format!("{URN}{known}"))).is(known));
        }
        assert_eq!(Kind::parse(None), Kind::Other("about:blank".to_owned()));
        let odd = Kind::parse(Some(&format!("{URN}ratelimited\u{7}")));
        assert_eq!(odd, Kind::Other(format!("{URN}ratelimited ")));
        assert_eq!(plain(&"x".repeat(9), 4), "xxxx…");
        assert_eq!(plain(" a\r\nb ", 9), "a  b");
    }
}
