//! What a site does so that it is asked by HTTPS.

use crate::model::{HeaderName, HeaderValue, Listener, Redirect, RedirectTo, Site};

/// The port that no URL has to name.
const HTTPS: u16 = 443;

/// Where who asks by HTTP is sent: to the site's listener with TLS, of several to that on 443, or
/// the one with the least port. Where none has TLS somebody before us speaks it.
pub(super) fn redirect(site: &Site, listeners: &[Listener]) -> Option<Redirect> {
    if !site.https_redirect {
        return None;
    }
    let reached = |l: &&Listener| site.listeners.is_empty() || site.listeners.contains(&l.name);
    let with_tls = listeners.iter().filter(reached).filter(|l| l.tls.is_some());
    let ports = with_tls.map(|listener| listener.address.port());
    let to = match ports.min_by_key(|port| (*port != HTTPS, *port)) {
        None | Some(HTTPS) => "https://{host}{uri}".to_owned(),
        Some(port) => format!("https://{{host}}:{port}{{uri}}"),
    };
    // A number in the place of a port leaves it a URL.
    RedirectTo::parse(&to).ok().map(Redirect::new)
}

/// The site's header fields by HTTPS, where they are others than by HTTP.
pub(super) fn headers(site: &Site) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let name = HeaderName::parse("Strict-Transport-Security").ok()?;
    let value = HeaderValue::parse(&site.hsts.value()?).ok()?;
    let set_by_hand = site.headers.iter().any(|(set, _)| set.is(name.as_str()));
    if set_by_hand {
        return None;
    }
    Some(
        site.headers
            .iter()
            .cloned()
            .chain([(name, value)])
            .collect(),
    )
}
