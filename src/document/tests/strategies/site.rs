//! Sites, their routes and where these lead.

use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::{select, subsequence};
use proptest::{option, prop_oneof};

use super::{header_changes, header_set, name, networks, timeout};
use crate::model::{
    Expires, Files, HeaderValue, HostPattern, Hsts, Name, PathMatch, Redirect, RedirectTo, Respond,
    Route, RoutePath, Site, Target,
};

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
    let rest = (cache_control, any::<bool>(), fallback);
    ("(/[a-z\"' é]{1,9}){0,3}", index, expires, rest).prop_map(
        |(root, index, expires, (cache_control, precompressed, fallback))| Files {
            root: format!("/{}", root.trim_start_matches('/')).into(),
            index,
            expires,
            cache_control: cache_control.map(|text| HeaderValue::parse(&text).unwrap()),
            precompressed,
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
    let limits = (
        any::<bool>(),
        body_limit,
        any::<(bool, bool)>(),
        option::of(timeout()),
        tunnel,
    );
    let changes = (header_changes(), header_changes(), networks());
    ("/[a-z]{0,5}", path_match, target, limits, changes).prop_map(
        move |(path, path_match, target, limits, changes)| {
            let (headers, request_headers, allow) = changes;
            let path = RoutePath::parse(&format!("{path}{i}")).unwrap();
            let (strip_prefix, body_limit, buffers, read_timeout, tunnel) = limits;
            let (buffer_request, buffer_response) = buffers;
            let (upgrade, tunnel_idle_timeout) = tunnel;
            Route {
                path,
                path_match,
                target,
                strip_prefix,
                body_limit,
                buffer_request,
                buffer_response,
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

fn hsts() -> impl Strategy<Value = Hsts> {
    let year = Hsts::PRELOAD.as_secs();
    let preloaded = (year..year * 10, Just(true), Just(true));
    let own = (0..year, any::<bool>(), Just(false));
    prop_oneof![preloaded, own].prop_map(|(seconds, subdomains, preload)| Hsts {
        max_age: Duration::from_secs(seconds),
        subdomains,
        preload,
    })
}

pub(super) fn site(
    i: usize,
    listeners: Vec<Name>,
    pools: Vec<Name>,
) -> impl Strategy<Value = Site> {
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
    let secure = (any::<bool>(), hsts());
    let access = (networks(), networks());
    let pages = btree_map(400_u16..600, "/[a-z\"' é]{1,9}\\.html", 0..3);
    let rest = (headers, access, pages, routes, secure);
    (name(i), hosts, listeners, methods, rest).prop_map(
        |(name, hosts, listeners, methods, rest)| {
            let ((headers, request_headers), (allow, deny), pages, routes, secure) = rest;
            let (https_redirect, hsts) = secure;
            let path = |path: &String| PathBuf::from(path).components().collect();
            let error_pages = pages.iter().map(|(s, p)| (*s, path(p))).collect();
            Site {
                name,
                hosts,
                listeners,
                https_redirect,
                hsts,
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
