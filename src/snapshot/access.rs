//! Who may ask for what, by address.
//!
//! A route is found by the path we read. A node may read another one: WSGI decodes `%2F`,
//! some servers take two slashes for one or go back at `..`. So a client must be admitted to
//! whatever a path may mean, not only to what it means to us.

use std::net::IpAddr;

use super::{Found, Route, Site};

impl Site {
    /// Whether `client` may ask for `path` (in its one spelling), for which `found` was found.
    pub fn admits(&self, client: IpAddr, path: &[u8], found: Option<Found<'_>>) -> bool {
        let admits = |found: Option<Found<'_>>| self.admits_to(client, found.map(Found::route));
        admits(found)
            && (!self.guarded
                || other_readings(path)
                    .iter()
                    .all(|path| admits(self.routes.find(path))))
    }

    /// Deny wins; a route's own list stands in place of the site's; an empty list is anyone.
    fn admits_to(&self, client: IpAddr, route: Option<&Route>) -> bool {
        let own = route.map(|route| &route.config.allow);
        let allow = own.filter(|own| !own.is_empty()).unwrap_or(&self.allow);
        let holds = |list: &[ipnet::IpNet]| list.iter().any(|net| net.contains(&client));
        !holds(&self.deny) && (allow.is_empty() || holds(allow))
    }
}

/// What else a node may take `path` for: with encoded slashes decoded, and then with dot
/// segments resolved, before or after several slashes became one.
fn other_readings(path: &[u8]) -> Vec<Vec<u8>> {
    let holds = |what: &[u8]| memchr::memmem::find(path, what).is_some();
    if !holds(b"%2F") && !holds(b"//") && !holds(b"/.") {
        return Vec::new();
    }
    let decoded = decode_slashes(path);
    let resolved = [false, true].map(|merge| resolve(&decoded, merge));
    [decoded].into_iter().chain(resolved).collect()
}

fn decode_slashes(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut start = 0;
    for at in memchr::memmem::find_iter(path, b"%2F") {
        decoded.extend_from_slice(&path[start..at]);
        decoded.push(b'/');
        start = at + 3;
    }
    decoded.extend_from_slice(&path[start..]);
    decoded
}

/// RFC 3986 section 5.2.4; with `merge`, empty segments are none.
fn resolve(path: &[u8], merge: bool) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|b| *b == b'/').skip(1) {
        match segment {
            b"." => {}
            b".." => drop(segments.pop()),
            b"" if merge => {}
            other => segments.push(other),
        }
    }
    let last = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    let ends_open = matches!(last, b"." | b"..") || merge && last.is_empty();
    let mut resolved = Vec::with_capacity(path.len());
    for segment in &segments {
        resolved.push(b'/');
        resolved.extend_from_slice(segment);
    }
    if ends_open || segments.is_empty() {
        resolved.push(b'/');
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::other_readings;

    fn readings(path: &str) -> Vec<String> {
        let readings = other_readings(path.as_bytes());
        let text = |path| String::from_utf8(path).unwrap();
        readings.into_iter().map(text).collect()
    }

    #[test]
    fn a_plain_path_has_one_reading() {
        for path in ["/", "/a", "/a/b/", "/a.b/c", "/%2E", "*"] {
            assert_eq!(readings(path), Vec::<String>::new(), "{path}");
        }
    }

    #[test]
    fn slashes_and_dots_may_be_read_in_other_ways() {
        for (path, decoded, resolved, merged) in [
            ("/a%2Fb", "/a/b", "/a/b", "/a/b"),
            ("//a/", "//a/", "//a/", "/a/"),
            ("/x/../a/b", "/x/../a/b", "/a/b", "/a/b"),
            ("/a/.", "/a/.", "/a/", "/a/"),
            ("/a/b/..", "/a/b/..", "/a/", "/a/"),
            ("/x//../a", "/x//../a", "/x/a", "/a"),
            ("/x%2F..%2Fa", "/x/../a", "/a", "/a"),
            ("/%2F..", "//..", "/", "/"),
            ("/a%2F..%2F..%2F..", "/a/../../..", "/", "/"),
        ] {
            assert_eq!(readings(path), [decoded, resolved, merged], "{path}");
        }
    }
}
