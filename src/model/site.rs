//! A site: host names and their routes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::{HeaderName, HeaderValue, HostPattern, Name, Route};

/// What browsers are told to remember of a site: to ask by HTTPS alone (RFC 6797). Said by HTTPS
/// only, as it must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hsts {
    /// For how long, from each answer on; whole seconds, 0 is not said.
    pub max_age: Duration,
    /// Whether it holds for every name below the site's too.
    pub subdomains: bool,
    /// Whether browsers may be shipped with it. There is no quick way back.
    pub preload: bool,
}

impl Hsts {
    /// The least time with which browsers are shipped (hstspreload.org).
    pub const PRELOAD: Duration = Duration::from_secs(365 * 86_400);

    /// The value of `Strict-Transport-Security`; none is not said.
    pub fn value(&self) -> Option<String> {
        let seconds = self.max_age.as_secs();
        let word = |is: bool, word| if is { word } else { "" };
        (seconds > 0).then(|| {
            format!(
                "max-age={seconds}{}{}",
                word(self.subdomains, "; includeSubDomains"),
                word(self.preload, "; preload")
            )
        })
    }
}

/// Host names and their routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its identity.
    pub name: Name,
    /// Names it answers for; empty is any that no other site claims.
    pub hosts: Vec<HostPattern>,
    /// Listeners it is reached through; empty is all.
    pub listeners: Vec<Name>,
    /// Whether who asks by HTTP is sent to the same by HTTPS.
    pub https_redirect: bool,
    /// For how long browsers are to ask by HTTPS alone.
    pub hsts: Hsts,
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
            https_redirect: false,
            hsts: Hsts::default(),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Hsts;

    #[test]
    fn what_browsers_are_told_is_as_the_rfc_writes_it() {
        let mut hsts = Hsts::default();
        assert_eq!(hsts.value(), None);
        hsts.subdomains = true;
        assert_eq!(hsts.value(), None);
        hsts.max_age = Duration::from_secs(300);
        let value = hsts.value();
        assert_eq!(value.as_deref(), Some("max-age=300; includeSubDomains"));
        hsts.preload = true;
        let value = hsts.value();
        assert_eq!(
            value.as_deref(),
            Some("max-age=300; includeSubDomains; preload")
        );
    }
}
