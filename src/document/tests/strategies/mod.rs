//! Arbitrary Configs that hold every rule.

mod pool;
mod site;

use std::time::Duration;

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::{select, subsequence};

use pool::pool;
use site::site;

use crate::model::{
    Acme, AcmeChallenge, AcmeDirectory, Admin, AdminTls, Backup, Certificate, CertificateFiles,
    CertificateSource, Config, ExternalAccount, Fsync, HeaderChanges, HeaderName, HeaderValue,
    HostPattern, Language, Listener, ListenerTls, LogFormat, LogLevel, LogStore, Logs,
    MetricsAccess, Name, RedisAddress, Rotate, Secret, SessionDatabase, SessionStore, Sessions,
    Settings, TimeOfDay, TlsVersion, Underscores, Webhook, WebhookEvent, WebhookUrl, email,
};

const DAY: u64 = 86_400_000;

fn time(from: u64, to: u64) -> impl Strategy<Value = Duration> {
    let typical = select(vec![1, 250, 1000, 1500, 60_000, 90_001, 3_600_000])
        .prop_map(move |ms: u64| ms.clamp(from, to));
    prop_oneof![typical, from..=to].prop_map(Duration::from_millis)
}

fn timeout() -> impl Strategy<Value = Duration> {
    time(1, DAY)
}

/// A name that ends with `i`, so that no two in a table are the same.
fn name(i: usize) -> impl Strategy<Value = Name> {
    "[A-Za-z0-9._-]{0,60}".prop_map(move |text| Name::parse(&format!("{text}{i}")).unwrap())
}

/// Anything a header value may hold, quotes and other scripts and control characters beyond
/// ASCII too.
fn header_value() -> impl Strategy<Value = HeaderValue> {
    let text = prop_oneof![
        "[ -~]{0,20}",
        "\\PC{0,10}",
        "[\u{80}-\u{a0}\t\"\\\\'é中]{0,8}"
    ];
    text.prop_map(|text| HeaderValue::parse(text.trim_matches([' ', '\t'])).unwrap())
}

fn header_name() -> impl Strategy<Value = HeaderName> {
    "X-[A-Za-z0-9!#$%&'*+.^_`|~-]{0,10}".prop_map(|text| HeaderName::parse(&text).unwrap())
}

fn header_set() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    vec((header_name(), header_value()), 0..4).prop_map(|mut set| {
        set.sort_by_key(|(name, _)| name.as_str().to_ascii_lowercase());
        set.dedup_by(|(a, _), (b, _)| a.is(b.as_str()));
        set
    })
}

fn header_changes() -> impl Strategy<Value = HeaderChanges> {
    (header_set(), vec(header_name(), 0..3)).prop_map(|(set, remove)| HeaderChanges { set, remove })
}

fn networks() -> impl Strategy<Value = Vec<IpNet>> {
    let v4 = (any::<[u8; 4]>(), 0_u8..=32).prop_map(|(ip, len)| IpNet::new(ip.into(), len));
    let v6 = (any::<[u8; 16]>(), 0_u8..=128).prop_map(|(ip, len)| IpNet::new(ip.into(), len));
    // ::ffff:0:0/96 is written as IPv4.
    let v6 = v6.prop_filter("is IPv4", |net| {
        let net: &Result<IpNet, _> = net;
        !matches!(net, Ok(IpNet::V6(v6)) if v6.addr().to_ipv4_mapped().is_some())
    });
    vec(prop_oneof![v4, v6].prop_map(Result::unwrap), 0..4)
}

fn settings() -> impl Strategy<Value = Settings> {
    let numbers = (0..=Settings::MAX_WORKERS, 0_u32..=10_000_000);
    let times = (time(1000, DAY), time(0, DAY));
    let room = (64 * 1024_u64..=1 << 50, 0_u64..=1 << 50);
    (networks(), numbers, room, times, secret()).prop_map(
        |(trusted_proxies, (workers, max_connections), room, times, affinity_secret)| Settings {
            trusted_proxies,
            workers,
            max_connections,
            memory_budget: room.0,
            spool_limit: room.1,
            dns_refresh: times.0,
            shutdown_grace: times.1,
            affinity_secret,
        },
    )
}

/// No text: what is never written cannot be read back.
fn secret() -> impl Strategy<Value = Secret> {
    prop_oneof![
        Just(Secret::Absent),
        "/[a-z\"é][a-z \"]{0,10}[a-z]".prop_map(|path| Secret::File(path.into())),
        "[A-Z_ é\"]{1,10}".prop_map(Secret::Env),
    ]
}

fn admin() -> impl Strategy<Value = Admin> {
    let address = select(vec!["127.0.0.1:9443", "[::1]:9000", "127.1.2.3:1"]);
    let metrics = select(vec![
        MetricsAccess::Token,
        MetricsAccess::Allow,
        MetricsAccess::Public,
    ]);
    let language = select(vec![None, Some(Language::English), Some(Language::Chinese)]);
    let tls = select(vec![AdminTls::Off, AdminTls::SelfSigned]);
    let all = (address, networks(), metrics, tls, language);
    all.prop_map(|(address, allow, metrics, tls, language)| Admin {
        address: address.parse().unwrap(),
        allow,
        metrics,
        tls,
        language,
    })
}

fn listener(i: usize) -> impl Strategy<Value = Listener> {
    let underscores = select(vec![
        Underscores::Drop,
        Underscores::Reject,
        Underscores::Keep,
    ]);
    let host = select(vec!["0.0.0.0", "127.0.0.1", "[::]", "[2001:db8::1]"]);
    let limits = (256_u32..=1 << 20, 256_u32..=1 << 20, 1_u16..=1000);
    let rates = (0_u32..=1 << 30, 0_u32..=1 << 30, 1_u32..=1_000_000_000);
    let rest = (underscores, any::<bool>(), any::<bool>());
    let tls = option::of((any::<bool>(), select(&TlsVersion::ALL)));
    let names = (name(i), host, tls);
    (names, timeout(), timeout(), limits, rates, rest).prop_map(
        move |((name, host, tls), head, idle, limits, rates, rest)| {
            // Each its own port, none the admin's.
            let address = format!("{host}:{}", 20_000 + i).parse().unwrap();
            let mut listener = Listener::new(name, address);
            listener.tls = tls.map(|(listed, min_version)| ListenerTls {
                certificates: listed.then(certificate_names).unwrap_or_default(),
                min_version,
            });
            (listener.head_timeout, listener.idle_timeout) = (head, idle);
            (listener.max_head, listener.max_target, listener.max_fields) = limits;
            (
                listener.body_min_rate,
                listener.response_min_rate,
                listener.max_requests,
            ) = rates;
            (
                listener.underscores,
                listener.refuse_get_body,
                listener.proxy_protocol,
            ) = rest;
            listener
        },
    )
}

/// Of the certificates that every Config here has.
fn certificate_names() -> Vec<Name> {
    ["shop", "blog"]
        .map(|name| Name::parse(name).unwrap())
        .to_vec()
}

fn certificates() -> impl Strategy<Value = Vec<Certificate>> {
    let hosts = vec(
        select(vec!["shop.example.com", "*.example.com", "10.0.0.1"]),
        0..3,
    );
    let file = || "/[a-z\"é][a-z \"]{0,10}[a-z]";
    let one = move |name: Name| {
        let files = (file(), file()).prop_map(|(chain, key)| {
            CertificateSource::Files(CertificateFiles {
                chain: chain.into(),
                key: key.into(),
            })
        });
        let kept = select(vec![
            CertificateSource::Uploaded,
            CertificateSource::SelfSigned,
        ]);
        (hosts.clone(), prop_oneof![files, kept]).prop_map(move |(hosts, source)| {
            let parse = |host: &&str| HostPattern::parse(host).unwrap();
            let mut hosts: Vec<HostPattern> = hosts.iter().map(parse).collect();
            if source == CertificateSource::SelfSigned && hosts.is_empty() {
                hosts.push(HostPattern::parse("shop.example.com").unwrap());
            }
            Certificate {
                name: name.clone(),
                hosts,
                source,
            }
        })
    };
    certificate_names().into_iter().map(one).collect::<Vec<_>>()
}

fn logs() -> impl Strategy<Value = Logs> {
    let file = prop_oneof![Just(String::new()), "[a-z]{1,4}/[a-z \"\\\\é]{1,4}\\.log"];
    let rotate = (
        0..=1_u64 << 40,
        0..=366 * 86_400_000_u64,
        0..=10_000_u16,
        any::<bool>(),
    );
    let rotate = rotate.prop_map(|(size, age, keep, compress)| Rotate {
        size,
        age: Duration::from_millis(age),
        keep,
        compress,
    });
    let store = (
        any::<bool>(),
        16 << 20..=1_u64 << 50,
        60_000..=366 * 86_400_000_u64,
    );
    let store = store.prop_map(|(on, max_size, max_age)| LogStore {
        on,
        max_size,
        max_age: Duration::from_millis(max_age),
    });
    let (format, level) = (select(&LogFormat::ALL), select(&LogLevel::ALL));
    (file, format, level, rotate, store).prop_map(|(file, format, level, rotate, store)| Logs {
        file,
        format,
        level,
        rotate,
        store,
    })
}

fn sessions() -> impl Strategy<Value = Sessions> {
    let database = |i: u8| {
        let one = (name(i.into()), secret());
        one.prop_map(move |(name, password)| SessionDatabase {
            index: i,
            name,
            password: its_own(password, i),
        })
    };
    let databases = (0_u8..4).prop_flat_map(move |n| (0..n).map(database).collect::<Vec<_>>());
    let listen = option::of(select(vec!["127.0.0.1:6379", "[::1]:6380", "0.0.0.0:6379"]));
    let tls = option::of(select(&TlsVersion::ALL));
    let room = (1_u64 << 20..=1 << 50, 1_u32 << 10..=1 << 20);
    let store = select(vec!["", "redis://a:6379", "rediss://u@[::1]:1/7"]);
    let store = (store, secret());
    let rest = (
        select(&Fsync::ALL),
        0..=Sessions::MAX_JITTER,
        databases,
        store,
    );
    let all = (listen, secret(), networks(), tls, room, rest);
    all.prop_map(|(listen, password, allow, tls, room, rest)| Sessions {
        store: RedisAddress::parse(rest.3.0).map_or(SessionStore::Memory, SessionStore::Redis),
        store_password: rest.3.1,
        listen: listen.map(|address| address.parse().unwrap()),
        password: its_own(password, 99),
        allow,
        tls: tls.map(|min_version| ListenerTls {
            certificates: certificate_names(),
            min_version,
        }),
        max_memory: room.0,
        max_value: room.1,
        fsync: rest.0,
        ttl_jitter: rest.1,
        databases: rest.2,
    })
}

/// No two passwords are the same.
fn its_own(secret: Secret, i: u8) -> Secret {
    match secret {
        Secret::File(path) => Secret::File(path.with_extension(i.to_string())),
        Secret::Env(name) => Secret::Env(format!("{name}{i}")),
        other => other,
    }
}

fn webhook(i: usize) -> impl Strategy<Value = Webhook> {
    let url = (
        select(vec!["http", "https"]),
        "[a-z]{1,8}(\\.[a-z]{1,4}){0,2}|\\[::1\\]|10\\.0\\.0\\.1",
        option::of(1_u16..),
        "(/[a-z\"'%=&]{0,8}(\\?[a-z=]{0,5})?)?",
    );
    let url = url.prop_map(|(scheme, host, port, target)| {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        WebhookUrl::parse(&format!("{scheme}://{host}{port}{target}")).unwrap()
    });
    let events = subsequence(WebhookEvent::ALL.to_vec(), 1..=5);
    (name(i), url, events, secret()).prop_map(|(name, url, events, secret)| Webhook {
        events,
        secret,
        ..Webhook::new(name, url)
    })
}

fn acme(i: usize) -> impl Strategy<Value = Acme> {
    let directory = select(vec![
        "letsencrypt",
        "zerossl",
        "https://ca.example:9000/dir",
    ]);
    let challenge = select(&AcmeChallenge::ALL);
    let eab = option::of(("[!-~]{1,10}", secret()));
    let rest = (
        option::of("[a-z.+]{1,8}@[a-z.]{1,8}"),
        option::of("/[a-z \"]{0,5}[a-z]"),
    );
    (name(i), directory, challenge, eab, rest).prop_map(
        |(name, directory, challenge, eab, rest)| Acme {
            name,
            directory: AcmeDirectory::parse(directory).unwrap(),
            email: rest.0.map(|text| email(&text).unwrap()),
            challenge,
            eab: eab.map(|(key_id, hmac)| ExternalAccount { key_id, hmac }),
            ca: rest.1.map(Into::into),
        },
    )
}

fn backup() -> impl Strategy<Value = Backup> {
    let time = (0_u8..24, 0_u8..60).prop_map(|(hour, minute)| TimeOfDay { hour, minute });
    let dir = option::of("/[a-z \"é]{0,5}[a-z]").prop_map(|dir| dir.map(Into::into));
    (option::of(time), 1_u16..=1000, dir, secret()).prop_map(|(nightly, keep, dir, passphrase)| {
        Backup {
            nightly,
            keep,
            dir,
            passphrase,
        }
    })
}

/// Any Config that holds every rule.
pub(super) fn any_config() -> impl Strategy<Value = Config> {
    let listeners = (0_usize..3).prop_flat_map(|n| (0..n).map(listener).collect::<Vec<_>>());
    let pools = (0_usize..3).prop_flat_map(|n| (0..n).map(pool).collect::<Vec<_>>());
    let webhooks = (0_usize..3).prop_flat_map(|n| (0..n).map(webhook).collect::<Vec<_>>());
    let listeners = (listeners, certificates());
    let acme = (0_usize..3).prop_flat_map(|n| (0..n).map(acme).collect::<Vec<_>>());
    let rest = (sessions(), logs(), webhooks, acme, backup());
    let parts = (settings(), admin(), listeners, pools, rest);
    parts.prop_flat_map(|(settings, admin, listeners, pools, rest)| {
        let (sessions, logs, webhooks, acme, backup) = rest;
        let (mut listeners, mut certificates) = listeners;
        if let (Some(acme), Some(first)) = (acme.first(), certificates.first_mut()) {
            first.source = CertificateSource::Acme(acme.name.clone());
            first.hosts = vec![HostPattern::parse("shop.example.com").unwrap()];
        }
        for listener in &mut listeners {
            listener.proxy_protocol &= !settings.trusted_proxies.is_empty();
        }
        let listener_names: Vec<Name> = listeners.iter().map(|l| l.name.clone()).collect();
        let pool_names: Vec<Name> = pools.iter().map(|p| p.name.clone()).collect();
        // Two pools and no site would not hold the rules.
        let least = usize::from(pools.len() > 1);
        let sites = (least..3).prop_flat_map(move |n| {
            let site = |i| site(i, listener_names.clone(), pool_names.clone());
            (0..n).map(site).collect::<Vec<_>>()
        });
        sites.prop_map(move |sites| Config {
            settings: settings.clone(),
            admin: admin.clone(),
            listeners: listeners.clone(),
            certificates: certificates.clone(),
            acme: acme.clone(),
            pools: pools.clone(),
            sites,
            sessions: sessions.clone(),
            logs: logs.clone(),
            webhooks: webhooks.clone(),
            backup: backup.clone(),
        })
    })
}
