//! Connections that should have spoken the PROXY protocol and were closed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::read;
use super::text::{Kind, Text};

/// How many seconds after a line in the log none is written of another.
const QUIET: u64 = 60;

/// Why one was closed unheard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyRefused {
    /// It may not speak it.
    Untrusted,
    /// What it says is no header.
    Malformed,
    /// It says nothing in time.
    Silent,
}

impl ProxyRefused {
    const ALL: [Self; 3] = [Self::Untrusted, Self::Malformed, Self::Silent];

    /// The word in the metric's label.
    fn as_str(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::Malformed => "malformed",
            Self::Silent => "timeout",
        }
    }

    /// For the operator, after «as».
    pub fn words(self) -> &'static str {
        match self {
            Self::Untrusted => {
                "this listener takes the PROXY protocol alone, and settings.trusted_proxies does not hold that address"
            }
            Self::Malformed => {
                "this listener takes the PROXY protocol alone, and what came is no header of it"
            }
            Self::Silent => {
                "this listener takes the PROXY protocol alone, and no header came within head_timeout"
            }
        }
    }
}

/// Those of the process.
#[derive(Debug, Default)]
pub struct Proxies {
    refused: [AtomicU64; ProxyRefused::ALL.len()],
    /// When one was told last, in seconds since 1970.
    told: AtomicU64,
}

impl Proxies {
    /// Counts one, and answers whether it is to be told in the log: none was for a minute.
    pub fn refused(&self, why: ProxyRefused) -> bool {
        let place = ProxyRefused::ALL.iter().position(|one| *one == why);
        if let Some(counter) = place.and_then(|place| self.refused.get(place)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.unwrap_or_default().as_secs();
        let told = self.told.load(Ordering::Relaxed);
        // Of two workers one tells it. The clock may have been set back.
        let relaxed = Ordering::Relaxed;
        let swap = || self.told.compare_exchange(told, now, relaxed, relaxed);
        now.abs_diff(told) >= QUIET && swap().is_ok()
    }
}

pub(super) fn write(text: &mut Text, proxies: &Proxies) {
    let name = "steelyard_proxy_protocol_refused_total";
    let help = "Connections closed at listeners of the PROXY protocol, by why.";
    text.family(name, Kind::Counter, help);
    for (why, counter) in ProxyRefused::ALL.iter().zip(&proxies.refused) {
        text.sample(name, &[("reason", why.as_str())], read(counter));
    }
}
