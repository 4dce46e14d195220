//! Which site answers for a host: exact, then the longest `*.suffix`, then any.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::model::HostPattern;

/// The hosts of one listener's sites. Client-chosen keys, so std's keyed hashing.
#[derive(Debug, Default)]
pub(super) struct HostTable {
    exact: HashMap<Vec<u8>, usize>,
    below: HashMap<Vec<u8>, usize>,
    /// No suffix longer than this is known: bounds the work a long host can cause.
    longest: usize,
    any: Option<usize>,
}

impl HostTable {
    /// Adds a site's hosts; none is any.
    pub(super) fn add(&mut self, site: usize, hosts: &[HostPattern]) {
        if hosts.is_empty() {
            self.any = Some(site);
        }
        for host in hosts {
            match host {
                HostPattern::Exact(name) => self.exact.insert(name.clone().into_bytes(), site),
                HostPattern::Below(name) => {
                    self.longest = self.longest.max(name.len());
                    self.below.insert(name.clone().into_bytes(), site)
                }
            };
        }
    }

    /// The site for `host`, which carries no port.
    pub(super) fn find(&self, host: &[u8]) -> Option<usize> {
        let folded = fold(host);
        if let Some(site) = self.exact.get(&*folded) {
            return Some(*site);
        }
        if !self.below.is_empty() {
            let first = folded.len().saturating_sub(self.longest + 1).max(1);
            let dots = (first..folded.len()).filter(|i| folded[*i] == b'.');
            let mut below = dots.filter_map(|dot| self.below.get(&folded[dot + 1..]));
            if let Some(site) = below.next() {
                return Some(*site);
            }
        }
        self.any
    }
}

fn fold(host: &[u8]) -> Cow<'_, [u8]> {
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

#[cfg(test)]
mod tests {
    use super::HostTable;
    use crate::model::HostPattern;

    fn table(sites: &[&[&str]]) -> HostTable {
        let mut table = HostTable::default();
        for (index, hosts) in sites.iter().enumerate() {
            let hosts: Vec<_> = hosts
                .iter()
                .map(|h| HostPattern::parse(h).unwrap())
                .collect();
            table.add(index, &hosts);
        }
        table
    }

    #[test]
    fn exact_beats_the_longest_suffix_beats_any() {
        let table = table(&[&["a.b.com"], &["*.b.com"], &["*.com"], &[]]);
        for (host, site) in [
            ("a.b.com", 0),
            ("A.B.com.", 0),
            ("x.b.com", 1),
            ("y.x.b.com", 1),
            ("b.com", 2),
            ("com", 3),
            (".com", 3),
            ("", 3),
            ("[::1]", 3),
        ] {
            assert_eq!(table.find(host.as_bytes()), Some(site), "{host:?}");
        }
    }

    #[test]
    fn a_long_host_finds_the_suffix_it_ends_with() {
        let table = table(&[&["*.b.com"]]);
        let long = ["a."; 8000].concat();
        assert_eq!(table.find(format!("{long}b.com").as_bytes()), Some(0));
        assert_eq!(table.find(format!("{long}c.com").as_bytes()), None);
    }

    #[test]
    fn without_a_site_for_any_host_others_find_none() {
        assert_eq!(table(&[&["a.com"]]).find(b"b.com"), None);
    }
}
