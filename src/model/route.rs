//! A route: a path of a site and what it leads to.

use std::time::Duration;

use ipnet::IpNet;

use super::{Files, HeaderChanges, Name, Redirect, Respond, RoutePath};

/// How a route's path is compared with a request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathMatch {
    /// Whole segments from the left.
    Prefix,
    /// All of it. Beats every prefix.
    Exact,
}

/// What a route leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A node of this pool.
    Pool(Name),
    /// A directory.
    Files(Files),
    /// Another URL.
    Redirect(Redirect),
    /// A fixed answer.
    Respond(Respond),
}

/// A path of a site, what it leads to, and the limits and headers on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The path. A prefix with a trailing slash means what is below only.
    pub path: RoutePath,
    /// How the path is compared.
    pub path_match: PathMatch,
    /// What it leads to.
    pub target: Target,
    /// Whether the node is asked for the path without the matched prefix.
    pub strip_prefix: bool,
    /// Longest request body, in bytes; 0 is no limit.
    pub body_limit: u64,
    /// Whether a request's body is taken in before a node is asked.
    pub buffer_request: bool,
    /// Whether an answer is taken from its node as fast as that sends.
    pub buffer_response: bool,
    /// Longest time between two reads from the node; none is the pool's.
    pub read_timeout: Option<Duration>,
    /// Whether a WebSocket that a client asks for is asked of the node.
    pub upgrade: bool,
    /// Longest time without a byte in either direction of a WebSocket; 0 is no limit.
    pub tunnel_idle_timeout: Duration,
    /// Changes to the response head.
    pub headers: HeaderChanges,
    /// Changes to the request head.
    pub request_headers: HeaderChanges,
    /// Clients it answers, in place of the site's; empty is the site's.
    pub allow: Vec<IpNet>,
}

impl Route {
    /// Longest request body where nothing else is said: 100 MiB.
    pub const BODY_LIMIT: u64 = 100 * 1024 * 1024;
    /// Longest silence of a WebSocket where nothing else is said: an hour.
    pub const TUNNEL_IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

    /// A prefix route with every default of the document.
    pub fn new(path: RoutePath, target: Target) -> Self {
        Self {
            path,
            path_match: PathMatch::Prefix,
            target,
            strip_prefix: false,
            body_limit: Self::BODY_LIMIT,
            buffer_request: true,
            buffer_response: true,
            read_timeout: None,
            upgrade: true,
            tunnel_idle_timeout: Self::TUNNEL_IDLE_TIMEOUT,
            headers: HeaderChanges::default(),
            request_headers: HeaderChanges::default(),
            allow: Vec::new(),
        }
    }
}
