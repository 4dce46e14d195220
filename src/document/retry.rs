//! `retry` of a pool.

use super::reader::Reader;
use super::time::ZERO_OR_UP_TO_A_DAY;
use super::value::{flag, number, time, word};
use super::writer::Writer;
use crate::model::{Condition, Retry};

/// No request should wander further.
const MAX_TRIES: u16 = 1000;

pub(super) fn read(r: &mut Reader<'_, '_>) -> Retry {
    let d = Retry::default();
    let condition = word(&Condition::ALL, Condition::as_str, &[]);
    Retry {
        on: r.list("on", condition, |_| None).unwrap_or(d.on),
        // 0 is every node once.
        tries: r.get("tries", d.tries, number(0..=MAX_TRIES)),
        // 0 is no limit.
        timeout: r.get("timeout", d.timeout, time(ZERO_OR_UP_TO_A_DAY)),
        non_idempotent: r.get("non_idempotent", d.non_idempotent, flag),
    }
}

pub(super) fn write(w: &mut Writer, retry: &Retry) {
    let d = Retry::default();
    let words = |on: &[Condition]| on.iter().map(|c| c.as_str()).collect::<Vec<_>>();
    w.list("on", &words(&retry.on), &words(&d.on));
    w.field("tries", retry.tries, d.tries);
    w.time("timeout", retry.timeout, d.timeout);
    w.field("non_idempotent", retry.non_idempotent, d.non_idempotent);
}
