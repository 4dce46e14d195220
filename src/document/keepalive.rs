//! `keepalive` of a pool.

use std::time::Duration;

use super::reader::Reader;
use super::time::UP_TO_A_DAY;
use super::value::{number, time};
use super::writer::Writer;
use crate::model::Keepalive;

/// Idle connections of one worker to one node: more are descriptors wasted.
const MAX_IDLE: u16 = 10_000;

const MAX_REQUESTS: u32 = 1_000_000_000;

/// A connection older than a month has met every change it can miss.
const MAX_AGE: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn read(r: &mut Reader<'_, '_>) -> Keepalive {
    let d = Keepalive::default();
    Keepalive {
        // 0 is no reuse.
        idle: r.get("idle", d.idle, number(0..=MAX_IDLE)),
        timeout: r.get("timeout", d.timeout, time(UP_TO_A_DAY)),
        requests: r.get("requests", d.requests, number(1..=MAX_REQUESTS)),
        max_age: r.get("max_age", d.max_age, time(*UP_TO_A_DAY.start()..=MAX_AGE)),
    }
}

pub(super) fn write(w: &mut Writer, keepalive: &Keepalive) {
    let d = Keepalive::default();
    w.field("idle", keepalive.idle, d.idle);
    w.time("timeout", keepalive.timeout, d.timeout);
    w.field("requests", keepalive.requests, d.requests);
    w.time("max_age", keepalive.max_age, d.max_age);
}
