//! `[[listeners]]`.

use std::net::{Ipv4Addr, SocketAddr};

use super::later::{Later, Off};
use super::listener_tls;
use super::reader::Reader;
use super::time::UP_TO_A_DAY;
use super::value::{flag, number, size, socket, time, word};
use super::writer::Writer;
use crate::model::{Listener, Underscores};

/// A number that never comes near an end in practice, and fits every counter.
const MANY: u32 = 1_000_000_000;

/// Below this no browser gets in, above it one client holds too much memory.
const HEAD: std::ops::RangeInclusive<u32> = 256..=1024 * 1024;

/// A rate beyond this is no minimum for anyone.
const MAX_RATE: u32 = 1024 * 1024 * 1024;

/// Fields are looked through one by one.
const MAX_FIELDS: u16 = 1000;

const LATER: &[Later] = &[("h2c", Off::False)];

const UNDERSCORES: [Underscores; 3] = [Underscores::Drop, Underscores::Reject, Underscores::Keep];

fn underscores_word(underscores: Underscores) -> &'static str {
    match underscores {
        Underscores::Drop => "drop",
        Underscores::Reject => "reject",
        Underscores::Keep => "keep",
    }
}

pub(super) fn read(r: &mut Reader<'_, '_>) -> Listener {
    r.later(LATER);
    // Port 0 collides with nothing.
    let unread = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let name = r.name("name");
    let d = Listener::new(name, r.required("address", socket).unwrap_or(unread));
    // 0 is off, for both rates.
    let rate = || size(0..=MAX_RATE);
    Listener {
        tls: listener_tls::read(r),
        proxy_protocol: r.get("proxy_protocol", d.proxy_protocol, flag),
        head_timeout: r.get("head_timeout", d.head_timeout, time(UP_TO_A_DAY)),
        idle_timeout: r.get("idle_timeout", d.idle_timeout, time(UP_TO_A_DAY)),
        max_requests: r.get("max_requests", d.max_requests, number(1..=MANY)),
        body_min_rate: r.get("body_min_rate", d.body_min_rate, rate()),
        response_min_rate: r.get("response_min_rate", d.response_min_rate, rate()),
        max_head: r.get("max_head", d.max_head, size(HEAD)),
        max_target: r.get("max_target", d.max_target, size(HEAD)),
        max_fields: r.get("max_fields", d.max_fields, number(1..=MAX_FIELDS)),
        underscores: r.get(
            "underscores",
            d.underscores,
            word(&UNDERSCORES, underscores_word, &[]),
        ),
        refuse_get_body: r.get("refuse_get_body", d.refuse_get_body, flag),
        ..d
    }
}

pub(super) fn write(w: &mut Writer, listener: &Listener) {
    let d = Listener::new(listener.name.clone(), listener.address);
    w.always("name", listener.name.as_str());
    w.always("address", listener.address.to_string());
    listener_tls::write(w, listener.tls.as_ref());
    w.field("proxy_protocol", listener.proxy_protocol, d.proxy_protocol);
    w.time("head_timeout", listener.head_timeout, d.head_timeout);
    w.time("idle_timeout", listener.idle_timeout, d.idle_timeout);
    w.field("max_requests", listener.max_requests, d.max_requests);
    w.size("body_min_rate", listener.body_min_rate, d.body_min_rate);
    w.size(
        "response_min_rate",
        listener.response_min_rate,
        d.response_min_rate,
    );
    w.size("max_head", listener.max_head, d.max_head);
    w.size("max_target", listener.max_target, d.max_target);
    w.field("max_fields", listener.max_fields, d.max_fields);
    w.field(
        "underscores",
        underscores_word(listener.underscores),
        underscores_word(d.underscores),
    );
    w.field(
        "refuse_get_body",
        listener.refuse_get_body,
        d.refuse_get_body,
    );
}
