//! A header of the PROXY protocol, as far as it is there. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How version 2 begins, which nothing else does.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// How version 1 begins.
const WORD: &[u8] = b"PROXY ";
/// Limit: bytes of a header of version 1, its line end included (section 2.1).
const LINE: usize = 107;
/// Limit: bytes behind the fixed part of version 2. Addresses are 216 at most, a client's
/// certificate among the rest some thousand.
const REST: u16 = 4096;
/// The fixed part of version 2.
const FIXED: usize = 16;

/// What the bytes so far are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a header, to which at least as many bytes more belong.
    Needs(u16),
    /// A whole header that names this client.
    Client(SocketAddr),
    /// A whole header that names none: a check of the proxy's own, or a client without an address.
    Nobody,
    /// No header.
    Malformed,
}

/// What `bytes` are, which must end where a header does.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(a, b)| a == b);
    if begins(SIGNATURE) {
        binary(bytes)
    } else if begins(WORD) {
        line(bytes)
    } else {
        Parsed::Malformed
    }
}

fn binary(bytes: &[u8]) -> Parsed {
    // The shortest header of either version has more than this.
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else {
        let has = bytes.len();
        let wanted = if has < SIGNATURE.len() {
            SIGNATURE.len()
        } else {
            FIXED
        };
        return needs(wanted - has);
    };
    let length = u16::from_be_bytes([high, low]);
    // Without a length that can be believed there is nothing to wait for.
    if command >> 4 != 2 || command & 15 > 1 || length > REST {
        return Parsed::Malformed;
    }
    let rest = &bytes[FIXED..];
    if rest.len() < usize::from(length) {
        return needs(usize::from(length) - rest.len());
    }
    if rest.len() > usize::from(length) {
        return Parsed::Malformed;
    }
    let is_local = command & 15 == 0;
    match family {
        _ if is_local => Parsed::Nobody,
        0 => Parsed::Nobody,
        0x11 => client(rest, 4, 12, |ip| {
            <[u8; 4]>::try_from(ip)
                .ok()
                .map(|ip| Ipv4Addr::from(ip).into())
        }),
        0x21 => client(rest, 16, 36, |ip| {
            <[u8; 16]>::try_from(ip)
                .ok()
                .map(|ip| Ipv6Addr::from(ip).into())
        }),
        0x31 if rest.len() >= 216 => Parsed::Nobody,
        _ => Parsed::Malformed,
    }
}

/// Two addresses of `size` bytes each, two ports, and more that is nothing to us.
fn client(rest: &[u8], size: usize, whole: usize, ip: impl Fn(&[u8]) -> Option<IpAddr>) -> Parsed {
    let port = rest.get(2 * size..2 * size + 2);
    match (rest.get(..size).and_then(ip), port) {
        (Some(ip), Some(&[high, low])) if rest.len() >= whole => {
            Parsed::Client(SocketAddr::new(ip, u16::from_be_bytes([high, low])))
        }
        _ => Parsed::Malformed,
    }
}

fn line(bytes: &[u8]) -> Parsed {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        let left = LINE.saturating_sub(bytes.len());
        return match (left, bytes.last()) {
            (0, _) => Parsed::Malformed,
            (_, Some(b'\r')) => needs(1),
            (1, _) => Parsed::Malformed,
            // At least what ends it.
            _ if bytes.len() < SIGNATURE.len() => needs(SIGNATURE.len() - bytes.len()),
            _ => needs(2),
        };
    };
    let text = bytes[..end].strip_suffix(b"\r");
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    match text {
        Some(text) if end + 1 == bytes.len() && bytes.len() <= LINE => words(text),
        _ => Parsed::Malformed,
    }
}

fn words(text: &str) -> Parsed {
    let words: Vec<&str> = text.split(' ').collect();
    let port = |word: &str| {
        let plain = word == "0" || !word.starts_with(['0', '+']);
        word.parse::<u16>().ok().filter(|_| plain)
    };
    let both = |source: &str, destination: &str, is_v4: bool| {
        let (source, destination): (IpAddr, IpAddr) =
            (source.parse().ok()?, destination.parse().ok()?);
        (source.is_ipv4() == is_v4 && destination.is_ipv4() == is_v4).then_some(source)
    };
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Parsed::Nobody,
        [
            "PROXY",
            family @ ("TCP4" | "TCP6"),
            source,
            destination,
            from,
            to,
        ] => {
            match (
                both(source, destination, family == "TCP4"),
                port(from),
                port(to),
            ) {
                (Some(ip), Some(from), Some(_)) => Parsed::Client(SocketAddr::new(ip, from)),
                _ => Parsed::Malformed,
            }
        }
        _ => Parsed::Malformed,
    }
}

fn needs(bytes: usize) -> Parsed {
    u16::try_from(bytes).map_or(Parsed::Malformed, Parsed::Needs)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use proptest::prop_oneof;
    use proptest::strategy::{Just, Strategy};

    use super::{FIXED, LINE, Parsed, REST, SIGNATURE, parse};
    use crate::http::proxy_header;
    use crate::model::ProxyProtocol;
    use std::net::SocketAddr;

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn names(bytes: impl AsRef<[u8]>, client: &str) {
        assert_eq!(
            parse(bytes.as_ref()),
            Parsed::Client(client.parse().unwrap())
        );
    }

    #[test]
    fn a_client_is_named_in_either_version() {
        names(
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n",
            "192.0.2.7:56324",
        );
        names("PROXY TCP6 2001:db8::7 ::1 0 65535\r\n", "[2001:db8::7]:0");
        let four = [192, 0, 2, 7, 10, 0, 0, 1, 0xdc, 4, 1, 0xbb];
        names(v2(0x21, 0x11, &four), "192.0.2.7:56324");
        let more = [&four[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
        names(v2(0x21, 0x11, &more), "192.0.2.7:56324");
        let mut six = [0; 36];
        (six[15], six[33]) = (1, 9);
        names(v2(0x21, 0x21, &six), "[::1]:9");
    }

    #[test]
    fn who_is_named_by_nothing_is_the_proxy_itself() {
        for text in ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"] {
            assert_eq!(parse(text.as_bytes()), Parsed::Nobody);
        }
        for bytes in [
            v2(0x20, 0, &[]),
            v2(0x20, 0x11, &[0; 12]),
            v2(0x20, 0xff, &[1, 2, 3]),
            v2(0x21, 0, &[7; 20]),
            v2(0x21, 0x31, &[0; 216]),
        ] {
            assert_eq!(parse(&bytes), Parsed::Nobody, "{bytes:?}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(LINE));
        for text in [
            "GET / HTTP/1.1\r\n",
            "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY\r\n",
            "PROXY \r\n",
            "PROXY TCP4\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
            "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 ::1 ::1 1 2\r\n",
            "PROXY TCP6 1.2.3.4 ::1 1 2\r\n",
            "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
            "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
            &long,
        ] {
            assert_eq!(parse(text.as_bytes()), Parsed::Malformed, "{text}");
        }
        for bytes in [
            v2(0x11, 0x11, &[0; 12]),
            v2(0x22, 0x11, &[0; 12]),
            v2(0x21, 0x11, &[0; 11]),
            v2(0x21, 0x21, &[0; 35]),
            v2(0x21, 0x31, &[0; 215]),
            v2(0x21, 0x12, &[0; 12]),
            v2(0x21, 0x41, &[0; 12]),
            v2(0x21, 0x11, &vec![0; usize::from(REST) + 1]),
        ] {
            assert_eq!(parse(&bytes), Parsed::Malformed, "{bytes:?}");
        }
    }

    /// What is read of `bytes` by whoever takes only what is needed; none where that was not all
    /// of a header.
    fn read(bytes: &[u8]) -> (usize, Option<Parsed>) {
        let mut taken = 0;
        loop {
            match parse(&bytes[..taken]) {
                Parsed::Needs(more) => {
                    assert!(more > 0);
                    taken += usize::from(more);
                    if taken > bytes.len() {
                        return (bytes.len(), None);
                    }
                }
                done => return (taken, Some(done)),
            }
        }
    }

    fn header() -> impl Strategy<Value = Vec<u8>> {
        let line = "PROXY (TCP4 1\\.2\\.3\\.4 5\\.6\\.7\\.8 [1-9]{1,4} [1-9]{1,4}|TCP6 ::1 1::2 [1-9]{1,4} 0|UNKNOWN( [ a-z]{0,80})?)\r\n";
        let family = prop_oneof![Just(0x11_u8), Just(0x21), Just(0x31), Just(0)];
        let binary = (0x20..=0x21_u8, family, vec(any::<u8>(), 216..400));
        prop_oneof![
            line.prop_map(String::into_bytes),
            binary.prop_map(|(command, family, rest)| v2(command, family, &rest)),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_read_past_a_header_whatever_follows(header in header(), more in vec(any::<u8>(), 0..50)) {
            let (taken, done) = read(&[header.clone(), more].concat());
            prop_assert!(matches!(done, Some(Parsed::Client(_) | Parsed::Nobody)));
            prop_assert!(taken == header.len());
        }

        #[test]
        fn what_nodes_are_told_of_a_client_is_who_it_is(client in any::<SocketAddr>(), at in any::<SocketAddr>()) {
            for version in [ProxyProtocol::V1, ProxyProtocol::V2] {
                let header = proxy_header(version, Some((client, at)));
                let (taken, done) = read(&header);
                let Some(Parsed::Client(told)) = done else {
                    panic!("{header:?}: {done:?}");
                };
                prop_assert_eq!(taken, header.len());
                prop_assert_eq!(told.ip().to_canonical(), client.ip().to_canonical());
                prop_assert_eq!(told.port(), client.port());
                let own = proxy_header(version, None);
                prop_assert_eq!(read(&own), (own.len(), Some(Parsed::Nobody)));
            }
        }

        #[test]
        fn any_bytes_are_judged_within_the_limits(begins in prop_oneof![Just(&b""[..]), Just(&b"PROXY "[..]), Just(&SIGNATURE[..])], more in vec(any::<u8>(), 0..6000)) {
            let (taken, _) = read(&[begins, &more].concat());
            prop_assert!(taken <= FIXED + usize::from(REST));
        }
    }
}
