//! A request that nobody has sent: laid out as a client would send it, so that the parser
//! of real requests reads it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::http::{HeadScan, RequestHead, parse_request};
use crate::proxy::Reason;
use crate::proxy::exchange::{Understood, understand};
use crate::snapshot::Listener;

/// A request that nobody has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    head: String,
    /// Who is to ask; no real port.
    pub(super) peer: SocketAddr,
    pub(super) scheme: Scheme,
    /// The URL's host, brackets and all.
    pub(super) host: String,
    /// The same where it is an address.
    pub(super) ip: Option<IpAddr>,
    /// The URL's port, or its scheme's.
    pub(super) port: u16,
}

/// The two schemes of a URL that leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Question {
    /// `method` and `url` asked by `client` (this machine where none is named), with more
    /// lines `Name: value`. A `Host` among them stands in place of the URL's.
    ///
    /// # Errors
    /// What cannot be laid out as a request at all, for the operator. What the proxy would
    /// refuse is no error here: explaining it tells the rule.
    pub fn new(
        method: &str,
        url: &str,
        client: Option<IpAddr>,
        headers: &[String],
    ) -> Result<Self, String> {
        let one_line = |text: &str| !text.contains(['\r', '\n']);
        if !one_line(method) || !one_line(url) || !headers.iter().all(|line| one_line(line)) {
            return Err("method, URL and headers must be one line each".to_owned());
        }
        if let Some(bad) = headers.iter().find(|line| !line.contains(':')) {
            return Err(format!(
                "a header must be written as 'Name: value' (is {bad:?})"
            ));
        }
        let (scheme, rest) = split_scheme(url).ok_or_else(|| {
            format!("must be a URL such as http://shop.example.com/cart (is {url:?})")
        })?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // Browsers and curl keep the user of a URL for themselves.
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let (host, port) = split_port(authority);
        let slash = if target.starts_with('/') { "" } else { "/" };
        let mut head = format!("{method} {slash}{target} HTTP/1.1\r\n");
        if !headers.iter().any(|line| is_host(line)) {
            // The scheme's own port is left out, as every client does.
            let host = if port == Some(scheme.port()) {
                host
            } else {
                authority
            };
            head.push_str(&format!("Host: {host}\r\n"));
        }
        for line in headers {
            head.push_str(&format!("{line}\r\n"));
        }
        head.push_str("\r\n");
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        Ok(Self {
            head,
            peer: SocketAddr::new(client.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0),
            scheme,
            host: host.to_owned(),
            ip: bare.unwrap_or(host).parse().ok(),
            port: port.unwrap_or(scheme.port()),
        })
    }

    /// Reads it within a listener's limits, as if it had come by it.
    pub(super) fn read(
        &self,
        listener: &Listener,
        head: &mut RequestHead,
    ) -> Result<Understood, Reason> {
        let (bytes, limits) = (self.head.as_bytes(), &listener.limits);
        let scanned = HeadScan::default().scan(bytes, limits);
        scanned.map_err(Reason::BadRequest)?;
        parse_request(bytes, limits, head).map_err(Reason::BadRequest)?;
        understand(head, listener.config.refuse_get_body)
    }
}

fn split_scheme(url: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let known = [Scheme::Http, Scheme::Https].into_iter();
    let mut known = known.filter(|known| scheme.eq_ignore_ascii_case(known.as_str()));
    Some((known.next()?, rest))
}

/// The host, brackets and all, and its port where it has a sound one.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    let after = authority.rfind(']').unwrap_or(0);
    match authority[after..].rfind(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(after + colon);
            (host, port[1..].parse().ok())
        }
        None => (authority, None),
    }
}

fn is_host(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    name.eq_ignore_ascii_case("host")
}

#[cfg(test)]
mod tests {
    use super::Question;

    fn head(url: &str, headers: &[&str]) -> String {
        let headers: Vec<String> = headers.iter().map(|line| (*line).to_owned()).collect();
        Question::new("GET", url, None, &headers).unwrap().head
    }

    #[test]
    fn a_url_is_laid_out_as_a_client_sends_it() {
        for (url, first, host) in [
            ("http://a.com", "/", "a.com"),
            ("HTTP://a.com:80/x#y", "/x", "a.com"),
            ("http://a.com:8080?q=1", "/?q=1", "a.com:8080"),
            ("https://a.com:443/a%20b", "/a%20b", "a.com"),
            ("https://a.com:80/", "/", "a.com:80"),
            ("http://me:pw@[::1]:81/", "/", "[::1]:81"),
            ("http://[::1]", "/", "[::1]"),
            ("http://a.com/../b?c:d@e", "/../b?c:d@e", "a.com"),
            ("http:///x", "/x", ""),
        ] {
            let expected = format!("GET {first} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(head(url, &[]), expected, "{url}");
        }
    }

    #[test]
    fn a_host_of_ones_own_stands_in_place_of_the_url_s() {
        let head = head("http://127.0.0.1:81/", &["hOst: a.com", "Accept: */*"]);
        assert_eq!(head, "GET / HTTP/1.1\r\nhOst: a.com\r\nAccept: */*\r\n\r\n");
    }

    #[test]
    fn the_port_is_the_url_s_or_its_scheme_s() {
        for (url, port, ip) in [
            ("http://a.com/", 80, None),
            ("https://a.com/", 443, None),
            ("https://127.0.0.1:8443/", 8443, Some("127.0.0.1")),
            ("http://[::1]:81", 81, Some("::1")),
            ("http://a.com:x/", 80, None),
        ] {
            let question = Question::new("GET", url, None, &[]).unwrap();
            assert_eq!(question.port, port, "{url}");
            assert_eq!(question.ip, ip.map(|ip| ip.parse().unwrap()), "{url}");
        }
    }

    #[test]
    fn what_is_no_request_at_all_is_told() {
        let refused = |method, url, header: &str| {
            Question::new(method, url, None, &[header.to_owned()]).unwrap_err()
        };
        for url in ["shop.example.com/", "/cart", "ftp://a/", ""] {
            assert!(
                refused("GET", url, "A: b").contains("must be a URL"),
                "{url}"
            );
        }
        assert!(refused("GET", "http://a/", "A").contains("'Name: value'"));
        for (method, url, header) in [
            ("GET\r\nA: b", "http://a/", "A: b"),
            ("GET", "http://a/\n", "A: b"),
            ("GET", "http://a/", "A: b\r\n\r\nGET / HTTP/1.1"),
        ] {
            assert!(refused(method, url, header).contains("one line"));
        }
    }
}
