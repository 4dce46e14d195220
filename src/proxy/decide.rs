//! Where a request goes: which site, route and target. Pure, so that whoever wants to
//! know where a request would go asks the function that sends it there.

use std::net::IpAddr;

use super::Reason;
use crate::http::Fields;
use crate::model::one_spelling;
use crate::snapshot::{Found, Listener, Route, Site, Snapshot};
use crate::tls::Secured;

/// What can be known of a request before it goes anywhere.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'r> {
    /// The listener it came through.
    pub listener: &'r Listener,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// What is known of its connection where that is behind TLS.
    pub secured: Option<&'r Secured>,
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
    /// It came by HTTP, and is sent to the same by HTTPS.
    ToHttps,
    /// It is answered here.
    Refuse(Reason),
}

/// Decides where `request` goes.
pub fn decide<'s>(snapshot: &'s Snapshot, request: &RequestView<'_>) -> Decision<'s> {
    let site = snapshot.site(request.listener, request.host);
    let chooser = request.listener.tls.as_deref();
    let misdirected = |secured: &Secured| !secured.is_for(request.host, chooser);
    let refused = match (request.secured, site) {
        (Some(secured), _) if misdirected(secured) => Err(Reason::Misdirected),
        (_, None) => Err(Reason::NoSite),
        (_, Some(site)) => Ok(site),
    };
    let site = match refused {
        Ok(site) => site,
        Err(reason) => {
            return Decision {
                site,
                route: None,
                outcome: Outcome::Refuse(reason),
            };
        }
    };
    // `OPTIONS *` asks about the whole site: its root's route answers.
    let path = match request.path {
        b"*" => b"/",
        path => path,
    };
    let path = one_spelling(path);
    let found = site.routes.find(&path);
    let takes = |method: &String| method.as_bytes() == request.method;
    let outcome = if site.to_https.is_some() && request.scheme != "https" {
        Outcome::ToHttps
    } else if !site.admits(request.client, &path, found) {
        Outcome::Refuse(Reason::Forbidden)
    } else if !site.methods.is_empty() && !site.methods.iter().any(takes) {
        Outcome::Refuse(Reason::MethodNotAllowed)
    } else {
        match found {
            None => Outcome::Refuse(Reason::NoRoute),
            Some(Found::Route(_)) => Outcome::Target,
            Some(Found::WithSlash(_)) => Outcome::AddSlash,
        }
    };
    Decision {
        site: Some(site),
        route: found.map(Found::route),
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{Outcome, RequestView, decide};
    use crate::balance::Registry;
    use crate::document::{Format, parse};
    use crate::http::Fields;
    use crate::metrics::Metrics;
    use crate::proxy::Reason;
    use crate::snapshot::Snapshot;

    /// Anyone may ask for all but what is below /admin/.
    const GUARDED: &str = r#"version = 1
listeners = [{ name = "http", address = "127.0.0.1:0" }]
pools = [{ name = "a" }]
[[sites]]
name = "s"
deny = ["10.6.6.6"]
[[sites.routes]]
path = "/"
pool = "a"
[[sites.routes]]
path = "/admin/"
pool = "a"
allow = ["10.0.0.0/8", "2001:db8::1"]
"#;

    fn snapshot() -> Snapshot {
        let config = parse(GUARDED, Format::Toml).unwrap().config;
        Snapshot::build(
            Arc::new(config),
            Arc::default(),
            1,
            &Registry::new(),
            &Metrics::new(),
        )
    }

    fn outcome(snapshot: &Snapshot, path: &str, client: &str) -> Outcome {
        let request = RequestView {
            listener: &snapshot.listeners[0],
            scheme: "http",
            secured: None,
            method: b"GET",
            authority: b"a",
            host: b"a",
            path: path.as_bytes(),
            query: None,
            client: client.parse().unwrap(),
            fields: &Fields::default(),
        };
        decide(snapshot, &request).outcome
    }

    #[test]
    fn deny_wins_and_a_route_s_list_stands_for_its_site_s() {
        let snapshot = snapshot();
        let refused = Outcome::Refuse(Reason::Forbidden);
        for (path, client, wanted) in [
            ("/", "1.2.3.4", Outcome::Target),
            ("/", "10.6.6.6", refused),
            ("/admin/", "10.1.2.3", Outcome::Target),
            ("/admin/", "2001:db8::1", Outcome::Target),
            ("/admin/", "2001:db8::2", refused),
            ("/admin/", "10.6.6.6", refused),
            ("/admin/x", "1.2.3.4", refused),
            ("/admin", "1.2.3.4", refused),
            ("/admin", "10.1.2.3", Outcome::AddSlash),
            ("/administration", "1.2.3.4", Outcome::Target),
            ("*", "1.2.3.4", Outcome::Target),
        ] {
            assert_eq!(
                outcome(&snapshot, path, client),
                wanted,
                "{path} for {client}"
            );
        }
    }

    /// What a node that decodes everything takes `path` for.
    fn unquoted(path: &str) -> String {
        let hex = |s: &str| char::from(u8::from_str_radix(s, 16).unwrap());
        let mut parts = path.split('%');
        let first = parts.next().unwrap().to_owned();
        parts.fold(first, |text, part| {
            text + &hex(&part[..2]).to_string() + &part[2..]
        })
    }

    /// The same for one that also takes several slashes for one, and goes back at `..`.
    fn normal(path: &str) -> String {
        let mut kept = Vec::new();
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(kept.pop()),
                name => kept.push(name),
            }
        }
        format!("/{}/", kept.join("/"))
    }

    proptest! {
        #[test]
        fn no_spelling_of_a_path_gets_by_the_guard(
            path in "(/|%2[fF]|/(%61|a)(%64|d)min|admin|\\.|%2[eE]|x|/\\.\\./){0,6}",
        ) {
            let path = format!("/{path}");
            let snapshot = snapshot();
            let read = unquoted(&path);
            let below = |read: &str| format!("{read}/").starts_with("/admin/");
            if below(&read) || below(&normal(&read)) {
                let got = outcome(&snapshot, &path, "1.2.3.4");
                prop_assert_eq!(got, Outcome::Refuse(Reason::Forbidden), "{}", path);
            }
            prop_assert!(outcome(&snapshot, &path, "10.1.2.3") != Outcome::Refuse(Reason::Forbidden));
        }
    }
}
