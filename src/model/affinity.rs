//! Affinity: keeping a client on its node by a signed cookie.

use std::time::Duration;

/// Whether the cookie is for encrypted connections only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Secure {
    /// Where the client has come by https.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether browsers send the cookie with requests that other sites cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// Only where the user follows a link.
    Lax,
    /// No.
    Strict,
    /// Yes. Browsers refuse that of a cookie that is not `Secure`: where it is not, nothing is
    /// said, which they take as [`SameSite::Lax`].
    None,
}

impl SameSite {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Lax, Self::Strict, Self::None];

    /// The word in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lax => "lax",
            Self::Strict => "strict",
            Self::None => "none",
        }
    }

    /// The word in the cookie.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Lax => "Lax",
            Self::Strict => "Strict",
            Self::None => "None",
        }
    }
}

/// How a pool keeps a client on its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affinity {
    /// The cookie's name; letters count as they are.
    pub cookie: CookieName,
    /// How long a binding lasts, in whole seconds; 0 is as long as the browser keeps the cookie.
    pub max_age: Duration,
    /// The paths that the browser sends it with.
    pub path: CookiePath,
    /// The domain whose hosts the browser sends it to; none is this host alone.
    pub domain: Option<CookieDomain>,
    /// Whether it is for encrypted connections only.
    pub secure: Secure,
    /// Whether scripts cannot read it.
    pub http_only: bool,
    /// Whether browsers send it with requests that other sites cause.
    pub same_site: SameSite,
}

impl Affinity {
    /// Longest binding: no browser keeps a cookie longer (RFC 6265bis section 5.5).
    pub const MAX_AGE: Duration = Duration::from_secs(400 * 86_400);
}

impl Default for Affinity {
    fn default() -> Self {
        Self {
            cookie: CookieName("steelyard".to_owned()),
            max_age: Duration::ZERO,
            path: CookiePath("/".to_owned()),
            domain: None,
            secure: Secure::Auto,
            http_only: true,
            same_site: SameSite::Lax,
        }
    }
}

/// The name of a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CookieName(String);

impl CookieName {
    /// Longest name: it comes with every request.
    pub const MAX: usize = 64;

    /// Takes `text` as the name of a cookie (RFC 6265 section 4.1.1: a token).
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(token) {
            return Err(format!(
                "must be the name of a cookie, such as steelyard: 1 to {} letters, digits and - _ . (is {text:?})",
                Self::MAX
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it begins as `prefix`, which browsers read in any case of letters.
    pub fn begins_with(&self, prefix: &str) -> bool {
        let start = self.0.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }
}

/// The path of a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CookiePath(String);

impl CookiePath {
    /// Longest path: browsers ignore an attribute beyond it.
    pub const MAX: usize = 1024;

    /// Takes `text` as the path of a cookie.
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |b: u8| (0x21..=0x7e).contains(&b) && b != b';';
        if !text.starts_with('/') {
            return Err(format!("must start with / (is {text:?})"));
        }
        if text.len() > Self::MAX || !text.bytes().all(allowed) {
            return Err(format!(
                "must be a path as it stands in a URL, of at most {} characters and without ; (is {text:?})",
                Self::MAX
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The domain of a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CookieDomain(String);

impl CookieDomain {
    /// Takes `text` as the domain of a cookie; a dot before it means nothing to browsers and is
    /// kept.
    ///
    /// # Errors
    /// The phrase for the operator when it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix('.').unwrap_or(text);
        let in_label = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(in_label)
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(format!(
                "must be a domain, such as example.com, without a port (is {text:?})"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{CookieDomain, CookieName, CookiePath};

    #[test]
    fn nothing_of_a_cookie_can_leave_its_attribute() {
        for bad in [
            "",
            "a b",
            "a;b",
            "a=b",
            "a,b",
            "\"a\"",
            "é",
            "a\r\n",
            &"x".repeat(65),
        ] {
            assert!(CookieName::parse(bad).is_err(), "{bad:?} passed");
        }
        for bad in [
            "",
            "shop",
            "/a;b",
            "/a b",
            "/é",
            "/\n",
            &format!("/{}", "x".repeat(1024)),
        ] {
            assert!(CookiePath::parse(bad).is_err(), "{bad:?} passed");
        }
        for bad in [
            ".", "a..b", "a b", "a;b", "a:80", "http://a", "é.com", "-a.com", "a-.com", "a.", "a/",
        ] {
            assert!(CookieDomain::parse(bad).is_err(), "{bad:?} passed");
        }
        assert!(
            CookieName::parse("__Host-a.b_c")
                .unwrap()
                .begins_with("__host-")
        );
        assert!(!CookieName::parse("_").unwrap().begins_with("__host-"));
        assert_eq!(
            CookiePath::parse("/shop/%20").unwrap().as_str(),
            "/shop/%20"
        );
        assert_eq!(
            CookieDomain::parse(".a-1.com").unwrap().as_str(),
            ".a-1.com"
        );
    }
}
