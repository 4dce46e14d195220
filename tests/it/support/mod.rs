//! What the tests stand on: the real program, nodes of every kind, clients, and nginx as the oracle.

pub(crate) mod appliance;
pub(crate) mod broken;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod disk;
pub(crate) mod django;
pub(crate) mod document;
pub(crate) mod front;
pub(crate) mod https;
pub(crate) mod liar;
pub(crate) mod load;
pub(crate) mod nginx;
pub(crate) mod node;
pub(crate) mod panel;
pub(crate) mod pattern;
pub(crate) mod pebble;
pub(crate) mod ports;
pub(crate) mod program;
pub(crate) mod redis;
pub(crate) mod resp;
pub(crate) mod slowhttptest;
pub(crate) mod socket;
pub(crate) mod systemd;
pub(crate) mod tls;
pub(crate) mod visitor;
pub(crate) mod websocket;

use std::time::{Duration, Instant};

/// How long another process may take for what it was asked. Generous on purpose: a test that
/// needs all of it is about to fail anyway.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often a loop goes round: `short` in `./dev test`, `long` in `./dev assurance`.
pub(crate) fn counted(short: usize, long: usize) -> usize {
    match std::env::var_os("STEELYARD_ASSURANCE") {
        Some(_) => long,
        None => short,
    }
}

/// Says what was counted, for `docs/ASSURANCE.md`; seen with `--nocapture`, as `./dev assurance` runs.
pub(crate) fn figure(text: &str) {
    eprintln!("figure: {text}");
}

/// Asks again until there is an answer.
///
/// # Panics
/// When there is none for [`PATIENCE`].
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(
            Instant::now() < deadline,
            "waited {PATIENCE:?} in vain: {what}"
        );
        pause();
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "the one place that waits for another process"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}
