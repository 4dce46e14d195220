//! How a node is probed.

use std::time::Duration;

use super::HeaderValue;

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

/// What a probe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// Connects.
    Tcp,
    /// Asks for a path and looks at the status.
    Http {
        /// The path asked for.
        path: String,
        /// The Host sent; none is the node's own address.
        host: Option<HeaderValue>,
        /// The codes that pass.
        expect: Expect,
    },
}

/// How a node is probed, and how many results turn it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What a probe does.
    pub kind: CheckKind,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// Longest time for one probe, at most the interval.
    pub timeout: Duration,
    /// Successes in a row that turn a node Up.
    pub rise: u16,
    /// Failures in a row that turn a node Down.
    pub fall: u16,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self {
            kind: CheckKind::Tcp,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(1),
            rise: 2,
            fall: 3,
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
