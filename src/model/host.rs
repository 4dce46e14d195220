//! Which host names a site answers for.

use std::fmt;
use std::net::IpAddr;

/// One entry of a site's `hosts`: a name, or all names below one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This name.
    Exact(String),
    /// Every name that ends with `.` and this one, at any depth.
    Below(String),
}

impl HostPattern {
    /// Takes `shop.example.com` or `*.example.com`; letters are folded to lower case.
    ///
    /// # Errors
    /// The phrase for the operator when the text is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let folded = text.to_ascii_lowercase();
        let folded = folded.strip_suffix('.').unwrap_or(&folded);
        if let Some(ip) = folded.strip_prefix('[').and_then(|t| t.strip_suffix(']'))
            && matches!(ip.parse(), Ok(IpAddr::V6(_)))
        {
            return Ok(Self::Exact(folded.to_owned()));
        }
        if !folded.is_ascii() {
            return Err(format!("must be written in punycode, xn--… (is {text:?})"));
        }
        if folded.contains(':') {
            return Err(format!("must be a host name without a port (is {text:?})"));
        }
        let (make, name): (fn(String) -> Self, &str) = match folded.strip_prefix("*.") {
            Some(name) => (Self::Below, name),
            None => (Self::Exact, folded),
        };
        let label = |l: &str| {
            !l.is_empty()
                && l.len() <= 63
                && l.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(format!(
                "must be a host name such as shop.example.com or *.example.com (is {text:?})"
            ));
        }
        Ok(make(name.to_owned()))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HostPattern;

    #[test]
    fn a_host_is_a_name_or_everything_below_one() {
        for (text, shown) in [
            ("Shop.Example.com", "shop.example.com"),
            ("*.example.com.", "*.example.com"),
            ("10.0.0.1", "10.0.0.1"),
            ("[::1]", "[::1]"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(HostPattern::parse(text).unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "*",
            "a..b",
            "*.*.b",
            "a b",
            "bücher.de",
            "a:80",
            "http://a",
            "a*.b",
        ] {
            assert!(HostPattern::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
