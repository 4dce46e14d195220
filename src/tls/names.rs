//! Which hosts a certificate is made for.

use std::net::IpAddr;

/// The hosts that a certificate is made for, in small letters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Whole names.
    pub(super) exact: Vec<String>,
    /// `example.com` of `*.example.com`: any one label before it (RFC 9525 section 6.3).
    pub(super) one_below: Vec<String>,
    /// Addresses.
    pub(super) ips: Vec<IpAddr>,
}

impl Names {
    /// Adds a name as it stands in a certificate.
    pub(super) fn add(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("*.") {
            Some(below) => self.one_below.push(below.to_owned()),
            None => self.exact.push(name),
        }
    }

    /// Whether `host`, folded and without its port, is one of them.
    pub(super) fn cover(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(host).parse::<IpAddr>() {
            return self.ips.contains(&ip);
        }
        let below = host.split_once('.').filter(|(label, _)| !label.is_empty());
        self.exact.iter().any(|name| name == host)
            || below.is_some_and(|(_, rest)| self.one_below.iter().any(|name| name == rest))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.one_below.is_empty() && self.ips.is_empty()
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<String> {
        let exact = self.exact.iter().cloned();
        let below = self.one_below.iter().map(|name| format!("*.{name}"));
        let ips = self.ips.iter().map(IpAddr::to_string);
        exact.chain(below).chain(ips).collect()
    }

    /// All of them in one line, for the operator.
    pub(super) fn listed(&self) -> String {
        self.all().join(", ")
    }
}

/// A host in the spelling that names are compared in: small letters, no dot at its end.
pub(super) fn folded(host: &[u8]) -> Option<String> {
    let host = std::str::from_utf8(host.strip_suffix(b".").unwrap_or(host)).ok()?;
    Some(host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{Names, folded};

    #[test]
    fn a_star_stands_for_one_label_and_an_address_for_itself() {
        let mut names = Names::default();
        names.add("Shop.example.com");
        names.add("*.blog.example.com");
        names.ips.push("10.0.0.1".parse().unwrap());
        names.ips.push("2001:db8::1".parse().unwrap());
        for (host, covered) in [
            ("shop.example.com", true),
            ("SHOP.Example.com.", true),
            ("a.blog.example.com", true),
            ("blog.example.com", false),
            (".blog.example.com", false),
            ("a.b.blog.example.com", false),
            ("example.com", false),
            ("10.0.0.1", true),
            ("10.0.0.2", false),
            ("[2001:db8::1]", true),
            ("[2001:DB8:0::1]", true),
            ("", false),
        ] {
            let host = folded(host.as_bytes()).unwrap();
            assert_eq!(names.cover(&host), covered, "{host}");
        }
        assert_eq!(
            names.listed(),
            "shop.example.com, *.blog.example.com, 10.0.0.1, 2001:db8::1"
        );
        assert_eq!(folded(b"\xff"), None);
    }
}
