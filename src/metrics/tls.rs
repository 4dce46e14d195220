//! Handshakes with clients, and when certificates end.

use std::sync::atomic::{AtomicU64, Ordering};

use super::read;
use super::text::{Kind, Text};

/// What became of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handshake {
    /// It was done, with all there is to it.
    Full,
    /// It went on from an earlier connection's.
    Resumed,
    /// The client broke off, or both did not find together.
    Failed,
    /// The client took too long.
    TimedOut,
    /// The client spoke plain HTTP.
    Plain,
    /// There was no place for the client.
    TurnedAway,
}

/// The version that a handshake ended with; empty where it did not.
const VERSIONS: [&str; 3] = ["", "TLSv1.2", "TLSv1.3"];

impl Handshake {
    const ALL: [Self; 6] = [
        Self::Full,
        Self::Resumed,
        Self::Failed,
        Self::TimedOut,
        Self::Plain,
        Self::TurnedAway,
    ];

    /// The word in the metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::Failed => "failed",
            Self::TimedOut => "timeout",
            Self::Plain => "plain_http",
            Self::TurnedAway => "turned_away",
        }
    }
}

/// What became of the handshakes of the process.
#[derive(Debug, Default)]
pub struct Handshakes([[AtomicU64; VERSIONS.len()]; Handshake::ALL.len()]);

impl Handshakes {
    /// Counts one; `version` is empty where there was none.
    pub fn count(&self, handshake: Handshake, version: &str) {
        let row = Handshake::ALL.iter().position(|h| *h == handshake);
        let column = VERSIONS.iter().position(|v| *v == version);
        let rows = row.and_then(|row| self.0.get(row));
        if let Some(counter) = rows.zip(column).and_then(|(row, column)| row.get(column)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// When a certificate ends.
#[derive(Debug, Clone, Copy)]
pub struct CertificateFacts<'a> {
    /// Its name.
    pub name: &'a str,
    /// Seconds since 1970.
    pub not_after: i64,
}

pub(super) fn write(text: &mut Text, handshakes: &Handshakes, shown: &[CertificateFacts<'_>]) {
    let name = "steelyard_tls_handshakes_total";
    let help = "TLS handshakes with clients, by what became of them.";
    text.family(name, Kind::Counter, help);
    for (handshake, row) in Handshake::ALL.iter().zip(&handshakes.0) {
        for (version, counter) in VERSIONS.iter().zip(row) {
            let ends = matches!(handshake, Handshake::Full | Handshake::Resumed);
            if ends != version.is_empty() {
                let labels = [("result", handshake.as_str()), ("version", *version)];
                text.sample(name, &labels, read(counter));
            }
        }
    }
    let name = "steelyard_tls_cert_not_after_timestamp_seconds";
    text.family(name, Kind::Gauge, "When a certificate ends.");
    for certificate in shown {
        text.sample(name, &[("name", certificate.name)], certificate.not_after);
    }
}
