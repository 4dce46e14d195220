//! How often the proxy answered by itself, or had to break off, and why.

use std::sync::atomic::AtomicU64;

use super::text::{Kind, Text};
use super::{add, read};

/// The reason codes of the outside contract. What is not among them is not counted.
const CODES: [&str; 26] = [
    "bad_request",
    "body_too_large",
    "client_gone",
    "client_timeout",
    "draining",
    "forbidden",
    "head_too_large",
    "internal",
    "method_not_allowed",
    "misdirected",
    "no_file",
    "no_node",
    "no_route",
    "no_site",
    "node_bad_response",
    "node_connect_timeout",
    "node_refused",
    "node_reset",
    "node_timeout",
    "node_tls",
    "not_upgraded",
    "queue_full",
    "queue_timeout",
    "target_too_long",
    "too_many_connections",
    "tunnel_idle",
];

/// Requests that ended for a reason of ours, by its code.
#[derive(Debug, Default)]
pub struct Reasons([AtomicU64; CODES.len()]);

impl Reasons {
    /// Counts one. False for a code that nobody knows.
    pub fn count(&self, code: &str) -> bool {
        let place = CODES.iter().position(|known| *known == code);
        add(&self.0, place);
        place.is_some()
    }

    pub(super) fn write(&self, text: &mut Text) {
        let name = "steelyard_reasons_total";
        let help = "Requests that were answered by the proxy itself or broken off, by reason code.";
        text.family(name, Kind::Counter, help);
        for (code, counter) in CODES.iter().zip(&self.0) {
            text.sample(name, &[("reason", code)], read(counter));
        }
    }
}
