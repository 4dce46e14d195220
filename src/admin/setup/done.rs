//! The last step: a request goes through the balancer, and Django is told of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use actix_web::web::{self, Data};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use tokio::time::{Instant, sleep};

use crate::admin::page::{self, Shell};
use crate::admin::trial::Shown;
use crate::control::{Handle, Trial, Tried, django};
use crate::logs::{Asked, Records};
use crate::model::{
    CheckKind, Config, Expect, HeaderName, HeaderValue, HealthCheck, HttpCheck, NodeAddress,
};

/// How long the log may take to know of the request.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the first request came to.
#[derive(Debug)]
struct First {
    shown: Shown,
    /// The node that answered; empty where it is not known.
    node: String,
    /// Why we answered ourselves; empty where a node did.
    reason: String,
}

#[derive(Template)]
#[template(path = "setup/done.html")]
struct Page {
    shell: Shell,
    first: Option<First>,
    /// Where visitors come in.
    url: String,
    has_nodes: bool,
    settings: String,
    gunicorn: String,
    /// The folder of static files; empty where there is none.
    folder: String,
}

/// `GET /setup/done`.
pub(in crate::admin) async fn page(request: HttpRequest, handle: Data<Handle>) -> HttpResponse {
    let config = handle.config();
    let shell = Shell::of(&request, "");
    let first = first(&shell, &handle, &config).await;
    let site = config.sites.first();
    let folder = site.and_then(django::static_root).unwrap_or_default();
    let url = url(&request, &config);
    let page = Page {
        settings: django::settings(&config, &url, &folder),
        gunicorn: django::gunicorn(&config),
        has_nodes: config.pools.iter().any(|pool| !pool.nodes.is_empty()),
        shell,
        first,
        url,
        folder,
    };
    page::ok(&request, &page)
}

/// How the site is reached: by its name, else as the panel was.
fn url(request: &HttpRequest, config: &Config) -> String {
    let Some(listener) = config.listeners.first() else {
        return String::new();
    };
    let asked = request.connection_info().host().to_owned();
    let panel = match asked.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name.to_owned(),
        _ => asked,
    };
    let name = match (django::site_host(config), listener.address.ip()) {
        (Some(host), _) => host.to_owned(),
        (None, ip) if ip.is_unspecified() => panel,
        (None, IpAddr::V6(ip)) => format!("[{ip}]"),
        (None, ip) => ip.to_string(),
    };
    let (scheme, usual) = match listener.tls {
        Some(_) => ("https", 443),
        None => ("http", 80),
    };
    match listener.address.port() {
        port if port == usual => format!("{scheme}://{name}"),
        port => format!("{scheme}://{name}:{port}"),
    }
}

/// Sends one request to our own listener, as a visitor would.
async fn first(shell: &Shell, handle: &Handle, config: &Config) -> Option<First> {
    let listener = config
        .listeners
        .iter()
        .find(|listener| listener.tls.is_none())?;
    let ip = match listener.address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => match config.admin.address.is_ipv4() {
            // `[::]` takes IPv4 too.
            true => Ipv4Addr::LOCALHOST.into(),
            false => Ipv6Addr::LOCALHOST.into(),
        },
        ip => ip,
    };
    let address = SocketAddr::new(ip, listener.address.port());
    // What the log will know it by.
    let mark = format!("steelyard-setup-{:032x}", rand::random::<u128>());
    let referer = (
        HeaderName::parse("Referer").ok()?,
        HeaderValue::parse(&mark).ok()?,
    );
    let check = HealthCheck {
        kind: CheckKind::Http(HttpCheck {
            host: django::site_host(config).and_then(|host| HeaderValue::parse(host).ok()),
            headers: vec![referer],
            expect: Expect { from: 200, to: 499 },
            ..HttpCheck::default()
        }),
        timeout: Duration::from_secs(5),
        ..HealthCheck::default()
    };
    let trial = Trial::Check {
        address: NodeAddress::parse(&address.to_string()).ok()?,
        check: Box::new(check),
    };
    let tried = handle.trial(trial).await;
    let record = match (&tried, handle.records()) {
        (
            Ok(Tried {
                connected: Some(_), ..
            }),
            Some(records),
        ) => record(records, mark).await,
        _ => None,
    };
    let told = |key: &str| {
        let value = record.as_ref().and_then(|record| record[key].as_str());
        value.unwrap_or_default().to_owned()
    };
    Some(First {
        shown: Shown::of(shell.t, &address.to_string(), &tried),
        node: told("node"),
        reason: told("reason"),
    })
}

/// The record of the request with this referer.
async fn record(records: Records, mark: String) -> Option<serde_json::Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let (records, mark) = (records.clone(), mark.clone());
        // Waits for the newest itself.
        let look = move || {
            let asked = Asked::read([("path", "/"), ("limit", "20")]).ok()?;
            let page = records.asked(&asked).to_value();
            let mut found = page["records"].as_array()?.iter();
            let found = found.find(|record| record["referer"] == mark.as_str());
            found.cloned()
        };
        let found = web::block(look).await.ok().flatten();
        if found.is_some() || Instant::now() > until {
            return found;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
