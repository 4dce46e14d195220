//! Why there is no certificate from an authority.

use std::time::Duration;

use super::problem::Kind;
use crate::model::AcmeChallenge;
use crate::tls::NoTls;

/// Why there is no certificate from an authority. Its words, in both languages, are in `words`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The authority's name has no address.
    NoAddress {
        /// The name.
        host: String,
    },
    /// There is no connection to it.
    NotConnected {
        /// Host or address.
        to: String,
        /// What the system says.
        why: String,
    },
    /// It did not answer in time.
    Silent {
        /// How long it was waited for.
        waited: Duration,
    },
    /// Its answer is longer than any of ACME.
    TooLong,
    /// The connection ended within its answer.
    BrokenOff,
    /// Its answer is no HTTP.
    NotHttp,
    /// There is no TLS to it.
    NoTls(NoTls),
    /// It sends us to a place that is not asked by HTTPS.
    NotHttps {
        /// Where to.
        url: String,
    },
    /// It answered an error and no more.
    Status(u16),
    /// Its answer is not what ACME says it must be.
    NotAcme {
        /// Of what.
        what: String,
    },
    /// It said why not.
    Refused {
        /// The type of its problem.
        kind: Kind,
        /// In its own words.
        said: String,
        /// Of which host.
        host: Option<String>,
    },
    /// It does not offer the challenge that was asked for.
    NoChallenge {
        /// For which host.
        host: String,
        /// Which.
        challenge: AcmeChallenge,
    },
    /// It was not done with the order in time.
    Unfinished {
        /// How long it was waited for.
        waited: Duration,
    },
    /// What it issued cannot be shown.
    Unusable {
        /// Why, of a certificate.
        why: String,
    },
    /// The key of the external account is not there.
    NoAccountKey {
        /// Why.
        why: String,
    },
    /// The key of the external account is no base64url.
    BadAccountKey,
    /// Something of ours failed.
    Ours {
        /// What.
        why: String,
    },
}

/// An order that failed, and what is known of when to try again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub trouble: Trouble,
    /// What the authority asked to wait.
    pub retry_after: Option<Duration>,
    /// By how many seconds its clock is ahead of ours, where it differs by more than
    /// [`Failed::SKEW`].
    pub clock_off: Option<i64>,
}

impl Failed {
    /// Seconds by which two clocks may differ: what certificates are judged by is exact, and what
    /// an authority issues mostly begins an hour ago.
    pub const SKEW: i64 = 300;
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self {
            trouble,
            retry_after: None,
            clock_off: None,
        }
    }
}

// So that instant-acme hands it through.
impl std::error::Error for Trouble {}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words(crate::model::Language::English))
    }
}
