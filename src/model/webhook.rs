//! A webhook: a URL that is told of what happens here.

use std::fmt;

use super::{Name, Secret};

/// A URL that is told of what happens here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its identity.
    pub name: Name,
    /// Where to.
    pub url: WebhookUrl,
    /// Of what, each once and in the order of [`WebhookEvent::ALL`].
    pub events: Vec<WebhookEvent>,
    /// What its messages are signed with.
    pub secret: Secret,
}

impl Webhook {
    /// A webhook with every default of the document.
    pub fn new(name: Name, url: WebhookUrl) -> Self {
        Self {
            name,
            url,
            events: WebhookEvent::ALL.to_vec(),
            secret: Secret::Absent,
        }
    }

    /// What its secret belongs to, by name.
    pub fn secret_owner(&self) -> String {
        format!("webhooks.{}.secret", self.name)
    }
}

/// What a webhook may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookEvent {
    /// A node does not answer its checks any more.
    NodeDown,
    /// It answers them again.
    NodeUp,
    /// A pool begins to ask nodes that are not well, since no other is left, or ends to.
    FailOpen,
    /// A revision came in force.
    Change,
    /// A certificate nears its end. None is kept yet, so that this never happens.
    Certificate,
}

impl WebhookEvent {
    /// Every event.
    pub const ALL: [Self; 5] = [
        Self::NodeDown,
        Self::NodeUp,
        Self::FailOpen,
        Self::Change,
        Self::Certificate,
    ];

    /// The word in the document and in a message.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NodeDown => "node_down",
            Self::NodeUp => "node_up",
            Self::FailOpen => "fail_open",
            Self::Change => "change",
            Self::Certificate => "certificate",
        }
    }
}

/// `http://` or `https://`, a host, and the way to the hook there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    /// Whether the connection is encrypted, and the other side must prove its name.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port, the scheme's where none is written.
    pub port: u16,
    /// Path and query, at least `/`.
    pub target: String,
}

impl WebhookUrl {
    /// Limit: the longest URL. Every server takes that much, and no hook has half of it.
    const MAX: usize = 2048;

    /// Reads a URL.
    ///
    /// # Errors
    /// What it must be. A user or password is not repeated.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            _ => return Err("must begin with https:// or http://".to_owned()),
        };
        if text.len() > Self::MAX {
            return Err(format!("must be at most {} bytes long", Self::MAX));
        }
        let (authority, target) = match rest.find(['/', '?', '#']) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err("must hold no user and no password: sign with secret instead".to_owned());
        }
        if target.contains('#') {
            return Err("must hold no fragment (#…): it is never sent".to_owned());
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("must hold no blanks, and letters beyond ASCII as %XX".to_owned());
        }
        let (host, port) = host_and_port(authority)?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            tls,
            host,
            port: port.unwrap_or(default_port(tls)),
            target: [slash, target].concat(),
        })
    }

    /// The URL up to the host and port: whose it is, and not the way to the hook there.
    pub fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Host, and the port where it is not the scheme's: what stands in `Host`.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == default_port(self.tls) {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

fn host_and_port(authority: &str) -> Result<(String, Option<u16>), String> {
    let wrong = || format!("must name a host, such as hooks.example.com (is {authority:?})");
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
            let ip: std::net::Ipv6Addr = host.parse().map_err(|_| wrong())?;
            (ip.to_string(), port)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, port) = authority.split_at(end);
            (name(host).ok_or_else(wrong)?, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, None)),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            let number = digits.parse().ok().filter(|number| *number > 0);
            let number = number.ok_or_else(|| {
                format!("must hold a port of 1 to 65535 behind the host (is {digits:?})")
            })?;
            Ok((host, Some(number)))
        }
        _ => Err(wrong()),
    }
}

// A name, or an IPv4 address, which has the same letters. Only digits is neither.
fn name(host: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let labels = host.strip_suffix('.').unwrap_or(host);
    let numeric = labels.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let good = labels.len() <= 253
        && labels.split('.').all(label)
        && (!numeric || labels.parse::<std::net::Ipv4Addr>().is_ok());
    good.then(|| labels.to_ascii_lowercase())
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::WebhookUrl;

    #[test]
    fn a_url_is_read_and_written_in_one_spelling() {
        for (text, written) in [
            (
                "https://hooks.example.com/lb",
                "https://hooks.example.com/lb",
            ),
            ("HTTPS://Hooks.Example.COM.", "https://hooks.example.com/"),
            (
                "http://10.0.0.1:8080/a?b=c&d=%20",
                "http://10.0.0.1:8080/a?b=c&d=%20",
            ),
            ("http://a_b:80", "http://a_b/"),
            ("https://[::1]:443/x", "https://[::1]/x"),
            ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443/"),
            ("https://h?key=1", "https://h/?key=1"),
        ] {
            let url = WebhookUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), written);
            assert_eq!(WebhookUrl::parse(written), Ok(url));
        }
    }

    #[test]
    fn what_is_no_url_of_a_hook_is_told_why() {
        let long = format!("http://a/{}", "x".repeat(2048));
        for (text, why) in [
            ("", "must begin with https:// or http://"),
            ("ftp://a/", "must begin with https:// or http://"),
            (
                "hooks.example.com/lb",
                "must begin with https:// or http://",
            ),
            ("https://me:4711@a/", "must hold no user and no password"),
            ("https://a/#x", "must hold no fragment"),
            ("https://a#x", "must hold no fragment"),
            ("https:///x", "must name a host"),
            ("https://:80/", "must name a host"),
            ("https://a..b/", "must name a host"),
            ("https://1.2.3/", "must name a host"),
            ("https://[1.2.3.4]/", "must name a host"),
            ("https://[::1/", "must name a host"),
            ("https://a:/", "must hold a port"),
            ("https://a:0/", "must hold a port"),
            ("https://a:65536/", "must hold a port"),
            ("https://a:+1/", "must name a host"),
            ("https://a/ b", "must hold no blanks"),
            ("https://a/é", "must hold no blanks"),
            ("https://a/\r\nX: y", "must hold no blanks"),
            (&long, "must be at most 2048 bytes long"),
        ] {
            let told = WebhookUrl::parse(text).unwrap_err();
            assert!(told.starts_with(why), "{text}: {told}");
            assert!(!told.contains("4711"), "{told}");
        }
    }
}
