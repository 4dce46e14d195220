//! Arbitrary Configs that hold every rule.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::{select, subsequence};

use crate::model::{
    Admin, AdminState, Affinity, CheckKind, CheckMethod, Condition, Config, CookieDomain,
    CookieName, CookiePath, Expect, Expires, Files, HashKey, HeaderChanges, HeaderName,
    HeaderValue, HealthCheck, HostPattern, HttpCheck, Keepalive, Listener, LogFormat, LogLevel,
    Logs, MetricsAccess, Name, Node, NodeAddress, PathMatch, Policy, Pool, Queue, Redirect,
    RedirectTo, Respond, Retry, Route, RoutePath, SameSite, Secret, Secure, Settings, Site, Target,
    Underscores, Webhook, WebhookEvent, WebhookUrl,
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
    (networks(), numbers, times, secret()).prop_map(
        |(trusted_proxies, (workers, max_connections), times, affinity_secret)| Settings {
            trusted_proxies,
            workers,
            max_connections,
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
    (address, networks(), metrics).prop_map(|(address, allow, metrics)| Admin {
        address: address.parse().unwrap(),
        allow,
        metrics,
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
    let rest = (underscores, any::<bool>());
    ((name(i), host), timeout(), timeout(), limits, rates, rest).prop_map(
        move |((name, host), head, idle, limits, rates, rest)| {
            // Each its own port, none the admin's.
            let address = format!("{host}:{}", 20_000 + i).parse().unwrap();
            let mut listener = Listener::new(name, address);
            (listener.head_timeout, listener.idle_timeout) = (head, idle);
            (listener.max_head, listener.max_target, listener.max_fields) = limits;
            (
                listener.body_min_rate,
                listener.response_min_rate,
                listener.max_requests,
            ) = rates;
            (listener.underscores, listener.refuse_get_body) = rest;
            listener
        },
    )
}

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

fn pool(i: usize) -> impl Strategy<Value = Pool> {
    let nodes = (0_usize..4).prop_flat_map(|count| (0..count).map(node).collect::<Vec<_>>());
    let policy = (select(&Policy::ALL), hash_key());
    let head = (name(i), policy, option::of("[a-z0-9.-]{1,9}"));
    let policies = (retry(), option::of(affinity()));
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
            (retry, affinity),
            mut health_check,
            mut nodes,
        )| {
            if let Some(check) = &mut health_check
                && nodes.iter().any(|node| node.address.is_unix())
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

fn files(pools: Vec<Name>) -> impl Strategy<Value = Files> {
    let span = -100_000_000_i64..100_000_000;
    let expires = prop_oneof![
        Just(Expires::Off),
        Just(Expires::Epoch),
        Just(Expires::Max),
        span.clone().prop_map(Expires::In),
        span.prop_map(Expires::Modified),
        (0_u32..86_400).prop_map(Expires::Daily),
    ];
    let index = vec("[a-z \"é]{1,5}\\.html", 0..3);
    let cache_control = option::of("[a-z=]{1,9}");
    let fallback = match pools.is_empty() {
        true => Just(None).boxed(),
        false => option::of(select(pools)).boxed(),
    };
    let rest = (cache_control, fallback);
    ("(/[a-z\"' é]{1,9}){0,3}", index, expires, rest).prop_map(
        |(root, index, expires, (cache_control, fallback))| Files {
            root: format!("/{}", root.trim_start_matches('/')).into(),
            index,
            expires,
            cache_control: cache_control.map(|text| HeaderValue::parse(&text).unwrap()),
            fallback,
        },
    )
}

fn redirect() -> impl Strategy<Value = Redirect> {
    let to = prop_oneof![
        Just("https://{host}{uri}".to_owned()),
        "\\{scheme\\}://[a-z]{1,5}\\{path\\}\\?\\{query\\}[!-z]{0,5}",
        "/[a-z\"'%&#]{0,9}",
    ];
    (to, select(&Redirect::STATUSES)).prop_map(|(to, status)| Redirect {
        to: RedirectTo::parse(&to).unwrap(),
        status,
    })
}

fn respond() -> impl Strategy<Value = Respond> {
    let status = prop_oneof![Just(200), 200_u16..=599, select(&Respond::BODILESS)];
    let text = prop_oneof![Just(String::new()), any::<String>()];
    let content_type = prop_oneof![Just("text/plain; charset=utf-8"), Just("text/html")];
    (status, text, content_type).prop_map(|(status, text, content_type)| Respond {
        status,
        body: text.replace(|_| Respond::BODILESS.contains(&status), ""),
        content_type: HeaderValue::parse(content_type).unwrap(),
    })
}

fn route(i: usize, pools: Vec<Name>) -> impl Strategy<Value = Route> {
    let files = files(pools.clone()).prop_map(Target::Files).boxed();
    let own = prop_oneof![
        files,
        redirect().prop_map(Target::Redirect),
        respond().prop_map(Target::Respond)
    ];
    let target = if pools.is_empty() {
        own.boxed()
    } else {
        prop_oneof![select(pools).prop_map(Target::Pool), own].boxed()
    };
    let path_match = select(vec![PathMatch::Prefix, PathMatch::Exact]);
    let body_limit = prop_oneof![Just(0), Just(Route::BODY_LIMIT), 0_u64..=1 << 50];
    let tunnel = (any::<bool>(), prop_oneof![Just(Duration::ZERO), timeout()]);
    let limits = (any::<bool>(), body_limit, option::of(timeout()), tunnel);
    let changes = (header_changes(), header_changes(), networks());
    ("/[a-z]{0,5}", path_match, target, limits, changes).prop_map(
        move |(path, path_match, target, limits, changes)| {
            let (headers, request_headers, allow) = changes;
            let path = RoutePath::parse(&format!("{path}{i}")).unwrap();
            let (strip_prefix, body_limit, read_timeout, tunnel) = limits;
            let (upgrade, tunnel_idle_timeout) = tunnel;
            Route {
                path,
                path_match,
                target,
                strip_prefix,
                body_limit,
                read_timeout,
                upgrade,
                tunnel_idle_timeout,
                headers,
                request_headers,
                allow,
            }
        },
    )
}

fn site(i: usize, listeners: Vec<Name>, pools: Vec<Name>) -> impl Strategy<Value = Site> {
    // Only the first may be for any host.
    let hosts = vec("(\\*\\.)?[a-z]{1,6}", usize::from(i > 0)..3).prop_map(move |texts| {
        let numbered = texts.iter().enumerate();
        let host = |(j, text)| HostPattern::parse(&format!("{text}.s{i}.h{j}")).unwrap();
        numbered.map(host).collect::<Vec<_>>()
    });
    let count = listeners.len();
    let listeners = subsequence(listeners, 0..=count);
    let methods = subsequence(vec!["GET".to_owned(), "POST".into(), "X-A".into()], 0..=3);
    let routes = (0_usize..4).prop_flat_map(move |count| {
        let routes = (0..count).map(|i| route(i, pools.clone()));
        routes.collect::<Vec<_>>()
    });
    let headers = (header_set(), header_set());
    let access = (networks(), networks());
    let pages = btree_map(400_u16..600, "/[a-z\"' é]{1,9}\\.html", 0..3);
    let rest = (headers, access, pages, routes);
    (name(i), hosts, listeners, methods, rest).prop_map(
        |(name, hosts, listeners, methods, rest)| {
            let ((headers, request_headers), (allow, deny), pages, routes) = rest;
            let path = |path: &String| PathBuf::from(path).components().collect();
            let error_pages = pages.iter().map(|(s, p)| (*s, path(p))).collect();
            Site {
                name,
                hosts,
                listeners,
                methods,
                allow,
                deny,
                headers,
                request_headers,
                error_pages,
                routes,
            }
        },
    )
}

fn logs() -> impl Strategy<Value = Logs> {
    let file = prop_oneof![Just(String::new()), "[a-z]{1,4}/[a-z \"\\\\é]{1,4}\\.log"];
    (file, select(&LogFormat::ALL), select(&LogLevel::ALL)).prop_map(|(file, format, level)| Logs {
        file,
        format,
        level,
    })
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

/// Any Config that holds every rule.
pub(super) fn any_config() -> impl Strategy<Value = Config> {
    let listeners = (0_usize..3).prop_flat_map(|n| (0..n).map(listener).collect::<Vec<_>>());
    let pools = (0_usize..3).prop_flat_map(|n| (0..n).map(pool).collect::<Vec<_>>());
    let webhooks = (0_usize..3).prop_flat_map(|n| (0..n).map(webhook).collect::<Vec<_>>());
    let parts = (settings(), admin(), listeners, pools, (logs(), webhooks));
    parts.prop_flat_map(|(settings, admin, listeners, pools, (logs, webhooks))| {
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
            pools: pools.clone(),
            sites,
            logs: logs.clone(),
            webhooks: webhooks.clone(),
        })
    })
}
