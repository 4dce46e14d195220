//! `Host` and the authority of a target: a name or an IP address, maybe a port.

use std::net::Ipv6Addr;

use super::token::is_host_name;

/// Whether `text` may stand as `Host` (rule 15; RFC 9110 section 7.2, narrowed to what
/// names a machine: no user, no path, no list, no percent-encoding).
pub(super) fn is_host(text: &[u8]) -> bool {
    let Some((name, port)) = split(text) else {
        return false;
    };
    let port_ok = port.is_none_or(|p| p.len() <= 5 && p.iter().all(u8::is_ascii_digit));
    let name_ok = if let Some(inner) = name.strip_prefix(b"[") {
        inner
            .strip_suffix(b"]")
            .and_then(|ip| std::str::from_utf8(ip).ok())
            .is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok())
    } else {
        !name.is_empty() && is_host_name(name)
    };
    port_ok && name_ok
}

/// The name of an authority without its port; brackets stay.
pub(super) fn host_name(authority: &[u8]) -> &[u8] {
    split(authority).map_or(authority, |(name, _)| name)
}

fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let after_name = match text.first() {
        Some(b'[') => memchr::memchr(b']', text)? + 1,
        _ => memchr::memchr(b':', text).unwrap_or(text.len()),
    };
    let (name, rest) = text.split_at(after_name);
    match rest.split_first() {
        None => Some((name, None)),
        Some((b':', port)) => Some((name, Some(port))),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{host_name, is_host};

    #[test]
    fn a_host_names_one_machine() {
        for good in [
            "a",
            "shop.example.com:8080",
            "127.0.0.1",
            "[::1]:80",
            "[::1]",
            "a_b",
            "a.",
            "a:",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a b", "a,b", "u@a", "a/b", "a:b", "a:80:80", "[::1", "::1", "[::1]x",
            "[a]", "a:123456", "é", "a\tb", "%61",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn the_port_is_no_part_of_the_name() {
        assert_eq!(host_name(b"a.com:80"), b"a.com");
        assert_eq!(host_name(b"[::1]:80"), b"[::1]");
        assert_eq!(host_name(b"a.com"), b"a.com");
    }
}
