//! What one probe found, and the words for it in each language.

mod cause;
mod facts;
mod past;

use std::time::SystemTime;

pub use cause::Cause;
pub use facts::{Facts, quoted};
pub use past::{MOST_PAST_CHECKS, Past, PastCheck};

use crate::model::Language;

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// What is wrong; none is nothing: the probe passed.
    pub cause: Option<Cause>,
    /// What the words speak of.
    pub facts: Facts,
    /// Probes in a row that ended like this one, passed or failed, itself included.
    pub in_row: u32,
    /// Passes in a row that it needs to be up, where it flaps: more than the check says.
    pub needs_rise: Option<u16>,
    /// How long the probe took, in milliseconds.
    pub ms: u32,
    /// When the probe ended.
    pub at: SystemTime,
}

impl CheckResult {
    /// Whether the probe passed.
    pub fn passed(&self) -> bool {
        self.cause.is_none()
    }

    /// HAProxy's short word: L4OK L4TOUT L4CON L6OK L6TOUT L6RSP L7OK L7TOUT L7RSP L7STS; DNS for
    /// a name without an address.
    pub fn code(&self) -> &'static str {
        match (self.cause, self.facts.status) {
            (Some(cause), _) => cause.code(),
            (None, Some(_)) => "L7OK",
            (None, None) if self.facts.asked.is_some() => "L6OK",
            (None, None) => "L4OK",
        }
    }

    /// The status the node answered with, where one was read.
    pub fn status(&self) -> Option<u16> {
        self.facts.status
    }

    /// The same for a person: «connection refused: nothing listens on 10.0.0.1:8000».
    pub fn text(&self, language: Language) -> String {
        let words = match (self.cause, self.facts.status) {
            (Some(cause), _) => return cause.text(&self.facts, language),
            (None, Some(_)) => pick(language, "answered {status}", "应答 {status}"),
            (None, None) if self.facts.asked.is_some() => {
                pick(language, "accepts TLS connections", "接受 TLS 连接")
            }
            (None, None) => pick(language, "accepts connections", "接受连接"),
        };
        self.facts.fill(words, language)
    }
}

impl Cause {
    /// What is wrong, for a person.
    pub fn text(self, facts: &Facts, language: Language) -> String {
        facts.fill(self.words(language), language)
    }
}

fn pick(language: Language, english: &'static str, chinese: &'static str) -> &'static str {
    match language {
        Language::English => english,
        Language::Chinese => chinese,
    }
}

#[cfg(test)]
impl CheckResult {
    /// A probe that passed, or that failed by this.
    pub(crate) fn of(cause: Option<Cause>) -> Self {
        Self {
            cause,
            facts: Facts::default(),
            in_row: 1,
            needs_rise: None,
            ms: 1,
            at: SystemTime::UNIX_EPOCH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, CheckResult};
    use crate::model::Language;

    #[test]
    fn a_probe_that_passed_says_how() {
        let mut passed = CheckResult::of(None);
        assert_eq!((passed.passed(), passed.code()), (true, "L4OK"));
        assert_eq!(passed.text(Language::English), "accepts connections");
        passed.facts.status = Some(204);
        assert_eq!((passed.code(), passed.status()), ("L7OK", Some(204)));
        assert_eq!(passed.text(Language::English), "answered 204");
        assert_eq!(passed.text(Language::Chinese), "应答 204");
    }

    #[test]
    fn a_probe_that_failed_says_why_in_each_language() {
        let mut failed = CheckResult::of(Some(Cause::Refused));
        failed.facts.address = "10.0.0.1:8000".into();
        assert_eq!((failed.passed(), failed.code()), (false, "L4CON"));
        assert_eq!(
            failed.text(Language::English),
            "connection refused: nothing listens on 10.0.0.1:8000"
        );
        assert_eq!(
            failed.text(Language::Chinese),
            "连接被拒绝：10.0.0.1:8000 上没有程序在监听"
        );
    }
}
