//! `queue` of a pool.

use super::reader::Reader;
use super::time::UP_TO_A_DAY;
use super::value::{number, time};
use super::writer::Writer;
use crate::model::Queue;

/// Requests that wait hold a connection each: more are a fault of the sizing.
const MAX_SIZE: u32 = 100_000;

pub(super) fn read(r: &mut Reader<'_, '_>) -> Queue {
    let d = Queue::default();
    Queue {
        // 0 is no waiting.
        size: r.get("size", d.size, number(0..=MAX_SIZE)),
        timeout: r.get("timeout", d.timeout, time(UP_TO_A_DAY)),
    }
}

pub(super) fn write(w: &mut Writer, queue: &Queue) {
    let d = Queue::default();
    w.field("size", queue.size, d.size);
    w.time("timeout", queue.timeout, d.timeout);
}
