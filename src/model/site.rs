//! A site: host names and their routes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ipnet::IpNet;

use super::{HeaderName, HeaderValue, HostPattern, Name, Route};

/// Host names and their routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its identity.
    pub name: Name,
    /// Names it answers for; empty is any that no other site claims.
    pub hosts: Vec<HostPattern>,
    /// Listeners it is reached through; empty is all.
    pub listeners: Vec<Name>,
    /// Methods it takes; empty is all.
    pub methods: Vec<String>,
    /// Clients it answers, where a route does not say otherwise; empty is all.
    pub allow: Vec<IpNet>,
    /// Clients that none of its routes answers.
    pub deny: Vec<IpNet>,
    /// Fields set on every response, before the route's own changes.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Fields set on every request, before the route's own changes.
    pub request_headers: Vec<(HeaderName, HeaderValue)>,
    /// Files sent with errors of ours, by status (400 to 599), in place of our own words.
    /// Absolute.
    pub error_pages: BTreeMap<u16, PathBuf>,
    /// Its routes; their order does not matter.
    pub routes: Vec<Route>,
}

impl Site {
    /// A site for any host without routes.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            hosts: Vec::new(),
            listeners: Vec::new(),
            methods: Vec::new(),
            allow: Vec::new(),
            deny: Vec::new(),
            headers: Vec::new(),
            request_headers: Vec::new(),
            error_pages: BTreeMap::new(),
            routes: Vec::new(),
        }
    }
}
