//! What Django and Gunicorn are to be told to stand behind this appliance: the lines that the
//! setup shows, and that the diagnosis advises.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::model::{Config, HostPattern, Site, Target};

/// Where Django has its static files asked for, unless told otherwise.
pub const STATIC_PATH: &str = "/static/";

/// Has Django believe us that a visitor came by HTTPS.
pub const PROXY_SSL_HEADER: &str =
    "SECURE_PROXY_SSL_HEADER = (\"HTTP_X_FORWARDED_PROTO\", \"https\")";

/// Has Django answer to `host`, beside those it answers to already.
pub fn allow_host(host: &str) -> String {
    format!("ALLOWED_HOSTS += [\"{host}\"]")
}

/// Has Django take forms from the pages of these origins.
pub fn trusted_origins(origins: &[String]) -> String {
    let origins: Vec<String> = origins.iter().map(|one| format!("\"{one}\"")).collect();
    format!("CSRF_TRUSTED_ORIGINS = [{}]", origins.join(", "))
}

/// What stands in settings.py of the site that is reached at `url`, with its static files in
/// `folder`; empty is none.
pub fn settings(config: &Config, url: &str, folder: &str) -> String {
    let mut lines = Vec::new();
    let host = site_host(config);
    if let Some(host) = host {
        lines.push(format!("ALLOWED_HOSTS = [\"{host}\"]"));
    }
    let mut origins = vec![url.to_owned()];
    if let Some(host) = host.filter(|_| !url.starts_with("https")) {
        origins.insert(0, format!("https://{host}"));
    }
    if !url.is_empty() {
        lines.push(trusted_origins(&origins));
    }
    lines.push(PROXY_SSL_HEADER.to_owned());
    if !folder.is_empty() {
        lines.push(format!("STATIC_URL = \"{STATIC_PATH}\""));
        lines.push(format!("STATIC_ROOT = \"{folder}\""));
    }
    lines.join("\n")
}

/// How Gunicorn is started behind a balancer.
pub fn gunicorn(config: &Config) -> String {
    let mut nodes = config.pools.iter().flat_map(|pool| &pool.nodes);
    let remote = nodes.clone().find_map(|node| {
        let address = node.address.as_socket()?;
        (!address.ip().is_loopback()).then_some(address)
    });
    let bind = match (remote, nodes.next()) {
        (Some(address), _) => format!("0.0.0.0:{}", address.port()),
        (None, Some(node)) => node.address.to_string(),
        (None, None) => "0.0.0.0:8000".to_owned(),
    };
    // It believes 127.0.0.1 alone unless told.
    let trusted = remote.and_then(own_address).map(believe_us);
    let trusted = trusted.map_or_else(String::new, |option| format!(" {option}"));
    format!("gunicorn PROJECT.wsgi --bind {bind} --keep-alive 5{trusted}")
}

/// The option by which Gunicorn believes who asks from `ip` about the visitor.
pub fn believe_us(ip: IpAddr) -> String {
    format!("--forwarded-allow-ips {ip}")
}

/// The first host name that visitors ask for.
pub fn site_host(config: &Config) -> Option<&str> {
    let mut hosts = config.sites.iter().flat_map(|site| &site.hosts);
    hosts.find_map(|host| match host {
        HostPattern::Exact(name) => Some(name.as_str()),
        HostPattern::Below(_) => None,
    })
}

/// The folder of a site's static files.
pub fn static_root(site: &Site) -> Option<String> {
    let mut routes = site.routes.iter();
    routes.find_map(|route| match &route.target {
        Target::Files(files) if route.path.as_str() == STATIC_PATH => {
            Some(files.root.to_string_lossy().into_owned())
        }
        _ => None,
    })
}

/// This machine's address as `node` sees it. Nothing is sent for that.
pub fn own_address(node: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match node {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(node).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
