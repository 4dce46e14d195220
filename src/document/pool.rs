//! `[[pools]]`.

use super::later::{Later, Off};
use super::reader::Reader;
use super::time::{UP_TO_A_DAY, ZERO_OR_UP_TO_A_DAY};
use super::value::{number, parsed, parsed_or_empty, time, word};
use super::writer::Writer;
use super::{affinity, health_check, keepalive, node, pool_tls, queue, retry};
use crate::model::{HashKey, HeaderValue, Policy, Pool, ProxyProtocol};

/// More failures than this within one `fail_timeout` is no rule any more.
const MAX_FAILS: u16 = 10_000;

const LATER: &[Later] = &[("protocol", Off::Word("http1"))];

pub(super) fn read(r: &mut Reader<'_, '_>) -> Pool {
    r.later(LATER);
    let d = Pool::new(r.name("name"));
    Pool {
        policy: r.get("policy", d.policy, word(&Policy::ALL, Policy::as_str, &[])),
        hash_key: r.get("hash_key", d.hash_key, parsed(HashKey::parse)),
        tls: r.table("tls", pool_tls::read),
        proxy_protocol: r.get(
            "proxy_protocol",
            d.proxy_protocol,
            word(&ProxyProtocol::ALL, ProxyProtocol::as_str, &[]),
        ),
        host: r.get("host", d.host, parsed_or_empty(host)),
        connect_timeout: r.get("connect_timeout", d.connect_timeout, time(UP_TO_A_DAY)),
        send_timeout: r.get("send_timeout", d.send_timeout, time(UP_TO_A_DAY)),
        read_timeout: r.get("read_timeout", d.read_timeout, time(UP_TO_A_DAY)),
        keepalive: r.table("keepalive", keepalive::read).unwrap_or(d.keepalive),
        // 0 is off.
        max_fails: r.get("max_fails", d.max_fails, number(0..=MAX_FAILS)),
        fail_timeout: r.get("fail_timeout", d.fail_timeout, time(UP_TO_A_DAY)),
        // 0 is at once.
        slow_start: r.get("slow_start", d.slow_start, time(ZERO_OR_UP_TO_A_DAY)),
        queue: r.table("queue", queue::read).unwrap_or(d.queue),
        retry: r.table("retry", retry::read).unwrap_or(d.retry),
        health_check: health_check::read_or_off(r, "health_check"),
        affinity: r.table("affinity", affinity::read),
        nodes: r.tables("nodes", node::read),
        name: d.name,
    }
}

/// Takes `text` as the Host that is sent to nodes.
pub(super) fn host(text: &str) -> Result<HeaderValue, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
    if text.bytes().all(allowed) {
        HeaderValue::parse(text)
    } else {
        Err(format!(
            "must be HOST or HOST:PORT, such as shop.example.com (is {text:?})"
        ))
    }
}

pub(super) fn write(w: &mut Writer, pool: &Pool) {
    let d = Pool::new(pool.name.clone());
    w.always("name", pool.name.as_str());
    w.field("policy", pool.policy.as_str(), d.policy.as_str());
    w.field(
        "hash_key",
        pool.hash_key.to_string(),
        d.hash_key.to_string(),
    );
    if let Some(tls) = &pool.tls {
        // `{}` is on.
        w.table_always("tls", |w| pool_tls::write(w, tls));
    }
    w.field(
        "proxy_protocol",
        pool.proxy_protocol.as_str(),
        d.proxy_protocol.as_str(),
    );
    w.field(
        "host",
        pool.host.as_ref().map_or("", HeaderValue::as_str),
        "",
    );
    w.time("connect_timeout", pool.connect_timeout, d.connect_timeout);
    w.time("send_timeout", pool.send_timeout, d.send_timeout);
    w.time("read_timeout", pool.read_timeout, d.read_timeout);
    w.table("keepalive", |w| keepalive::write(w, &pool.keepalive));
    w.field("max_fails", pool.max_fails, d.max_fails);
    w.time("fail_timeout", pool.fail_timeout, d.fail_timeout);
    w.time("slow_start", pool.slow_start, d.slow_start);
    w.table("queue", |w| queue::write(w, &pool.queue));
    w.table("retry", |w| retry::write(w, &pool.retry));
    health_check::write_or_off(w, "health_check", pool.health_check.as_ref());
    if let Some(affinity) = &pool.affinity {
        // `{}` is on.
        w.table_always("affinity", |w| affinity::write(w, affinity));
    }
    w.tables("nodes", &pool.nodes, node::write);
}
