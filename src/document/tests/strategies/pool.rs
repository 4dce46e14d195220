//! Pools, their nodes and their checks.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, any};
use proptest::sample::{select, subsequence};
use proptest::{option, prop_oneof};

use super::{DAY, header_name, header_set, name, time, timeout};
use crate::model::{
    AdminState, Affinity, CheckKind, CheckMethod, Condition, CookieDomain, CookieName, CookiePath,
    Expect, HashKey, HeaderValue, HealthCheck, HttpCheck, Keepalive, Name, Node, NodeAddress,
    Policy, Pool, PoolTls, ProxyProtocol, Queue, Retry, SameSite, Secure,
};

fn node(i: usize) -> impl Strategy<Value = Node> {
    let port = 30_000 + i;
    let address = prop_oneof![
        "[a-z]([._-]?[a-z0-9]){0,6}".prop_map(move |host| format!("{host}:{port}")),
        Just(format!("[::1]:{port}")),
        "unix:/run/[ -~é]{0,20}".prop_map(move |path| format!("{path}/{i}.sock")),
    ];
    let weight = 1_u16..=Node::MAX_WEIGHT;
    let (state, backup) = (select(&AdminState::ALL), any::<bool>());
    let backup = (backup, option::of(time(0, DAY)));
    (
        option::of(name(i)),
        address,
        weight,
        backup,
        0_u32..=1_000_000,
        state,
    )
        .prop_map(
            |(name, address, weight, (backup, slow_start), max_conns, state)| {
                let address = NodeAddress::parse(&address).unwrap();
                Node {
                    name: name.unwrap_or_else(|| Name::unchecked(&address.to_string())),
                    address,
                    weight,
                    backup,
                    max_conns,
                    slow_start,
                    state,
                }
            },
        )
}

fn http_check() -> impl Strategy<Value = CheckKind> {
    let method = select(&CheckMethod::ALL);
    let host = option::of("[a-z0-9.:-]{1,10}");
    let codes = (200_u16..=599, 200_u16..=599);
    let asked = ("/[!-\"$-~]{0,10}", host, header_set());
    (method, asked, codes, "\\PC{0,10}").prop_map(|(method, asked, (a, b), body)| {
        let (path, host, headers) = asked;
        CheckKind::Http(HttpCheck {
            method,
            path,
            host: host.map(|host| HeaderValue::parse(&host).unwrap()),
            headers,
            expect: Expect {
                from: a.min(b),
                to: a.max(b),
            },
            body: match method {
                CheckMethod::Get => body,
                CheckMethod::Head => String::new(),
            },
        })
    })
}

fn health_check() -> impl Strategy<Value = HealthCheck> {
    let kind = prop_oneof![Just(CheckKind::Tcp), http_check()];
    let counts = (1_u16..=1000, 1_u16..=1000);
    let more = (option::of(1_u16..), any::<bool>());
    (kind, timeout(), timeout(), counts, more).prop_map(
        |(kind, a, b, (rise, fall), (port, default_down))| HealthCheck {
            kind,
            port: port.and_then(NonZeroU16::new),
            interval: a.max(b),
            timeout: a.min(b),
            rise,
            fall,
            default_down,
        },
    )
}

fn retry() -> impl Strategy<Value = Retry> {
    let on = subsequence(Condition::ALL.to_vec(), 0..=Condition::ALL.len()).prop_shuffle();
    (on, 0_u16..=1000, time(0, DAY), any::<bool>()).prop_map(
        |(on, tries, timeout, non_idempotent)| Retry {
            on,
            tries,
            timeout,
            non_idempotent,
        },
    )
}

fn keepalive() -> impl Strategy<Value = Keepalive> {
    let numbers = (0_u16..=10_000, 1_u32..=1_000_000_000);
    (numbers, timeout(), time(1, 30 * DAY)).prop_map(|((idle, requests), timeout, max_age)| {
        Keepalive {
            idle,
            timeout,
            requests,
            max_age,
        }
    })
}

fn hash_key() -> impl Strategy<Value = HashKey> {
    prop_oneof![
        select(vec![
            HashKey::Uri,
            HashKey::Path,
            HashKey::Host,
            HashKey::Client,
        ]),
        header_name().prop_map(HashKey::Header),
        "[A-Za-z0-9!#$%'*+.^_|~-]{1,9}".prop_map(HashKey::Cookie),
        "[A-Za-z0-9:/\\[\\]'%-]{1,9}".prop_map(HashKey::Query),
    ]
}

fn queue() -> impl Strategy<Value = Queue> {
    (0_u32..=100_000, timeout()).prop_map(|(size, timeout)| Queue { size, timeout })
}

fn tls() -> impl Strategy<Value = PoolTls> {
    let ca = option::of("/[a-z]{1,9}/[a-z]{1,9}\\.pem");
    let name = option::of("[a-z0-9]{1,9}\\.example");
    (any::<bool>(), ca, name).prop_map(|(verify, ca, server_name)| PoolTls {
        verify,
        ca: ca.map(PathBuf::from),
        server_name,
    })
}

fn affinity() -> impl Strategy<Value = Affinity> {
    let texts = (
        "[A-Za-z0-9._-]{1,9}",
        "/[a-z%/]{0,9}",
        option::of("\\.?[a-z0-9]{1,9}\\.com"),
    );
    let secure = select(vec![Secure::Auto, Secure::Always, Secure::Never]);
    let rest = (secure, any::<bool>(), select(&SameSite::ALL));
    let max_age = prop_oneof![Just(0), 1..=Affinity::MAX_AGE.as_secs()];
    (texts, max_age, rest).prop_map(|(texts, max_age, (secure, http_only, same_site))| {
        let (cookie, path, domain) = texts;
        Affinity {
            // Those that begin with __Host- have rules of their own.
            cookie: CookieName::parse(&cookie.replace("__", "a")).unwrap(),
            max_age: Duration::from_secs(max_age),
            path: CookiePath::parse(&path).unwrap(),
            domain: domain.map(|domain| CookieDomain::parse(&domain).unwrap()),
            secure: match same_site {
                SameSite::None if secure == Secure::Never => Secure::Auto,
                _ => secure,
            },
            http_only,
            same_site,
        }
    })
}

pub(super) fn pool(i: usize) -> impl Strategy<Value = Pool> {
    let nodes = (0_usize..4).prop_flat_map(|count| (0..count).map(node).collect::<Vec<_>>());
    let policy = (select(&Policy::ALL), hash_key());
    let head = (name(i), policy, option::of("[a-z0-9.-]{1,9}"));
    let to_nodes = (option::of(tls()), select(&ProxyProtocol::ALL));
    let policies = (retry(), option::of(affinity()), to_nodes);
    let times = (timeout(), timeout(), timeout(), timeout(), 0_u16..=10_000);
    let check = prop_oneof![
        Just(Some(HealthCheck::default())),
        option::of(health_check()),
    ];
    (head, times, keepalive(), queue(), policies, check, nodes).prop_map(
        |(
            (name, (policy, hash_key), host),
            times,
            keepalive,
            queue,
            (retry, affinity, (tls, proxy_protocol)),
            mut health_check,
            mut nodes,
        )| {
            let any_unix = nodes.iter().any(|node| node.address.is_unix());
            if let Some(check) = &mut health_check
                && any_unix
            {
                check.port = None;
            }
            for node in &mut nodes {
                node.backup &= policy.may_hold_back();
                node.slow_start = node.slow_start.filter(|_| policy.may_hold_back());
            }
            let (connect_timeout, send_timeout, read_timeout, fail_timeout, max_fails) = times;
            let slow_start = match policy.may_hold_back() {
                // Any time that is there: the pool's own keys are enough for one strategy.
                true => fail_timeout,
                false => Duration::ZERO,
            };
            Pool {
                name,
                policy,
                hash_key,
                tls: tls.filter(|_| !any_unix),
                proxy_protocol,
                host: host.map(|host| HeaderValue::parse(&host).unwrap()),
                connect_timeout,
                send_timeout,
                read_timeout,
                keepalive,
                max_fails,
                fail_timeout,
                slow_start,
                queue,
                retry,
                health_check,
                affinity,
                nodes,
            }
        },
    )
}
