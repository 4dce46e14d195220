//! `[settings]`.

use std::time::Duration;

use super::later::{Later, Off};
use super::reader::Reader;
use super::secret;
use super::time::{UP_TO_A_DAY, ZERO_OR_UP_TO_A_DAY};
use super::value::{network, number, size, time};
use super::writer::Writer;
use crate::model::Settings;

/// More client connections than any one machine holds.
const MAX_CONNECTIONS: u32 = 10_000_000;

/// Names looked up more often than once a second would only load the name server.
const SHORTEST_REFRESH: Duration = Duration::from_secs(1);

/// Bytes of bodies in memory or on disk: from what one body is held with, to a pebibyte.
const LEAST_BUDGET: u64 = 64 * 1024;
const MOST_HELD: u64 = 1 << 50;

const LATER: &[Later] = &[("max_connections_per_client", Off::Zero)];

pub(super) fn read(r: &mut Reader<'_, '_>) -> Settings {
    r.later(LATER);
    let d = Settings::default();
    let refresh = SHORTEST_REFRESH..=*UP_TO_A_DAY.end();
    Settings {
        trusted_proxies: r
            .list("trusted_proxies", network, |_| None)
            .unwrap_or(d.trusted_proxies),
        // 0 is one per core.
        workers: r.get("workers", d.workers, number(0..=Settings::MAX_WORKERS)),
        // 0 is what the descriptors allow.
        max_connections: r.get(
            "max_connections",
            d.max_connections,
            number(0..=MAX_CONNECTIONS),
        ),
        memory_budget: r.get(
            "memory_budget",
            d.memory_budget,
            size(LEAST_BUDGET..=MOST_HELD),
        ),
        // 0 is no file.
        spool_limit: r.get("spool_limit", d.spool_limit, size(0..=MOST_HELD)),
        dns_refresh: r.get("dns_refresh", d.dns_refresh, time(refresh)),
        // 0 stops at once.
        shutdown_grace: r.get(
            "shutdown_grace",
            d.shutdown_grace,
            time(ZERO_OR_UP_TO_A_DAY),
        ),
        affinity_secret: secret::read(r, "affinity_secret"),
    }
}

pub(super) fn write(w: &mut Writer, settings: &Settings) {
    let d = Settings::default();
    write_networks(w, "trusted_proxies", &settings.trusted_proxies);
    w.field("workers", settings.workers, d.workers);
    w.field(
        "max_connections",
        settings.max_connections,
        d.max_connections,
    );
    w.size("memory_budget", settings.memory_budget, d.memory_budget);
    w.size("spool_limit", settings.spool_limit, d.spool_limit);
    w.time("dns_refresh", settings.dns_refresh, d.dns_refresh);
    w.time("shutdown_grace", settings.shutdown_grace, d.shutdown_grace);
    secret::write(w, "affinity_secret", &settings.affinity_secret);
}

/// Puts a list of networks; one address is written without its length.
pub(super) fn write_networks(w: &mut Writer, key: &str, networks: &[ipnet::IpNet]) {
    let written = |network: &ipnet::IpNet| {
        if network.prefix_len() == network.max_prefix_len() {
            network.addr().to_string()
        } else {
            network.to_string()
        }
    };
    let networks: Vec<String> = networks.iter().map(written).collect();
    w.list(key, &networks, &[]);
}
