//! Where a request goes: which site, route and target. Pure, so that whoever wants to
//! know where a request would go asks the function that sends it there.

use std::net::IpAddr;

use super::Reason;
use crate::http::Fields;
use crate::model::one_spelling;
use crate::snapshot::{Found, Listener, Route, Site, Snapshot};

/// What can be known of a request before it goes anywhere.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'r> {
    /// The listener it came through.
    pub listener: &'r Listener,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The method, as sent.
    pub method: &'r [u8],
    /// The host it asks for, with its port; empty if it named none.
    pub authority: &'r [u8],
    /// The same without the port.
    pub host: &'r [u8],
    /// The path, still percent-encoded.
    pub path: &'r [u8],
    /// What followed the `?`.
    pub query: Option<&'r [u8]>,
    /// Who asks, after trusted proxies were believed.
    pub client: IpAddr,
    /// Its fields.
    pub fields: &'r Fields,
}

/// Where a request goes, and by which site and route.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'s> {
    /// The site that answers for the host, if one does.
    pub site: Option<&'s Site>,
    /// The route that takes the path, if one does.
    pub route: Option<&'s Route>,
    /// What comes of it.
    pub outcome: Outcome,
}

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes to its route's target.
    Target,
    /// It is sent to its own path with a slash behind.
    AddSlash,
    /// It is answered here.
    Refuse(Reason),
}

/// Decides where `request` goes.
pub fn decide<'s>(snapshot: &'s Snapshot, request: &RequestView<'_>) -> Decision<'s> {
    let refuse = |site, reason| Decision {
        site,
        route: None,
        outcome: Outcome::Refuse(reason),
    };
    let Some(site) = snapshot.site(request.listener, request.host) else {
        return refuse(None, Reason::NoSite);
    };
    let takes = |method: &String| method.as_bytes() == request.method;
    if !site.methods.is_empty() && !site.methods.iter().any(takes) {
        return refuse(Some(site), Reason::MethodNotAllowed);
    }
    // `OPTIONS *` asks about the whole site: its root's route answers.
    let path = if request.path == b"*" {
        b"/"
    } else {
        request.path
    };
    let (route, outcome) = match site.routes.find(&one_spelling(path)) {
        None => return refuse(Some(site), Reason::NoRoute),
        Some(Found::Route(route)) => (route, Outcome::Target),
        Some(Found::WithSlash(route)) => (route, Outcome::AddSlash),
    };
    Decision {
        site: Some(site),
        route: Some(route),
        outcome,
    }
}
