//! How a node is probed.

use std::num::NonZeroU16;
use std::time::Duration;

use super::{HeaderName, HeaderValue};

/// Status codes that pass: one range, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// The lowest code that passes, 100 to 599.
    pub from: u16,
    /// The highest code that passes.
    pub to: u16,
}

impl Expect {
    /// Takes `200` or `200-399`.
    ///
    /// # Errors
    /// The phrase for the operator when the text is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let code = |part: &str| {
            let known = part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse::<u16>()
                .ok()
                .filter(|code| known && (100..=599).contains(code))
        };
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (code(from.trim()), code(to.trim())) {
            (Some(from), Some(to)) if from <= to => Ok(Self { from, to }),
            _ => Err(format!(
                "must be a status or a range of them, such as 200-399 (is {text:?})"
            )),
        }
    }

    /// Whether `status` passes.
    pub fn passes(self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}-{}", self.from, self.to)
        }
    }
}

/// The method of an HTTP probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckMethod {
    /// The answer as a visitor gets it.
    Get,
    /// Its head alone.
    Head,
}

impl CheckMethod {
    /// Every method.
    pub const ALL: [Self; 2] = [Self::Get, Self::Head];

    /// The word in the document and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

/// What an HTTP probe asks, and which answer passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// The method.
    pub method: CheckMethod,
    /// The path asked for.
    pub path: String,
    /// The Host sent; none is the node's own address.
    pub host: Option<HeaderValue>,
    /// Fields sent beside our own. Never Host, User-Agent, nor what carries the message.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The codes that pass.
    pub expect: Expect,
    /// What must stand within the first [`HttpCheck::BODY_LIMIT`] bytes of the body; empty
    /// is anything.
    pub body: String,
}

impl HttpCheck {
    /// Limit: bytes of an answer's body that are looked at, 256 KiB.
    pub const BODY_LIMIT: usize = 256 * 1024;
}

impl Default for HttpCheck {
    fn default() -> Self {
        Self {
            method: CheckMethod::Get,
            path: "/".to_owned(),
            host: None,
            headers: Vec::new(),
            expect: Expect { from: 200, to: 399 },
            body: String::new(),
        }
    }
}

/// What a probe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// Connects.
    Tcp,
    /// Asks, and looks at the answer.
    Http(HttpCheck),
}

impl CheckKind {
    /// The word in the document.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http(_) => "http",
        }
    }
}

/// How a node is probed, and how many results turn it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What a probe does.
    pub kind: CheckKind,
    /// The port probed, at the node's own address; none is the node's own port.
    pub port: Option<NonZeroU16>,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// Longest time for one probe, at most the interval.
    pub timeout: Duration,
    /// Successes in a row that turn a node Up.
    pub rise: u16,
    /// Failures in a row that turn a node Down.
    pub fall: u16,
    /// Whether a node is Down until its probes pass, and not Unknown, which counts as up.
    pub default_down: bool,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            kind: CheckKind::Tcp,
            port: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
            default_down: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Expect;

    #[test]
    fn an_expectation_is_a_code_or_a_range() {
        assert!(Expect::parse("200-399").unwrap().passes(302));
        assert!(!Expect::parse("204").unwrap().passes(200));
        for good in ["200", "200-399"] {
            assert_eq!(Expect::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "2xx", "399-200", "99", "600", "+200", "200-"] {
            assert!(Expect::parse(bad).is_err(), "{bad:?} passed");
        }
    }
}
