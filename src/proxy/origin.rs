//! Who really asks: the peer, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use crate::http::{Fields, Known, list_items};
use crate::snapshot::Snapshot;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub ip: IpAddr,
    /// Its port; 0 where a proxy did not say.
    pub port: u16,
    /// Whether the peer is a trusted proxy, whose `X-Forwarded-*` stand.
    pub trusted: bool,
}

impl Origin {
    /// The peer itself, whatever it forwards.
    pub fn peer(peer: SocketAddr) -> Self {
        Self {
            ip: peer.ip().to_canonical(),
            port: peer.port(),
            trusted: false,
        }
    }
}

/// The client behind `peer`: in `X-Forwarded-For`, read as one list from right to left,
/// the first address that is no trusted proxy (nginx's realip, recursive).
pub fn origin(snapshot: &Snapshot, peer: SocketAddr, fields: &Fields) -> Origin {
    let mut origin = Origin {
        trusted: snapshot.trusts(peer.ip()),
        ..Origin::peer(peer)
    };
    if !origin.trusted {
        return origin;
    }
    let forwarded: Vec<&[u8]> = fields
        .all(Known::XForwardedFor)
        .flat_map(list_items)
        .collect();
    for item in forwarded.into_iter().rev() {
        // What cannot be read ends what can be believed.
        let Some((ip, port)) = address(item) else {
            break;
        };
        origin.ip = ip.to_canonical();
        origin.port = port;
        if !snapshot.trusts(ip) {
            break;
        }
    }
    origin
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]` or `[::1]:5`.
fn address(item: &[u8]) -> Option<(IpAddr, u16)> {
    let text = std::str::from_utf8(item).ok()?;
    if let Ok(ip) = text.parse() {
        return Some((ip, 0));
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some((socket.ip(), socket.port()));
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    Some((inner.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::origin;
    use crate::balance::Registry;
    use crate::http::{Limits, OddNames, RequestHead, parse_request};
    use crate::metrics::Metrics;
    use crate::model::Config;
    use crate::snapshot::Snapshot;

    fn seen(trusted: &[&str], peer: &str, fields: &str) -> String {
        let mut config = Config::default();
        config.settings.trusted_proxies = trusted.iter().map(|n| n.parse().unwrap()).collect();
        let snapshot = Snapshot::build(
            Arc::new(config),
            Arc::default(),
            1,
            &Registry::new(),
            &Metrics::new(),
        );
        let limits = Limits {
            target: 99,
            odd_names: OddNames::Keep,
            ..Limits::NODE
        };
        let mut head = RequestHead::default();
        let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        parse_request(text.as_bytes(), &limits, &mut head).unwrap();
        origin(&snapshot, peer.parse().unwrap(), &head.fields)
            .ip
            .to_string()
    }

    #[test]
    fn what_a_stranger_forwards_is_not_believed() {
        assert_eq!(
            seen(&[], "10.0.0.1:1", "X-Forwarded-For: 1.2.3.4\r\n"),
            "10.0.0.1"
        );
        assert_eq!(
            seen(&["10.0.0.0/8"], "9.0.0.1:1", "X-Forwarded-For: 1.2.3.4\r\n"),
            "9.0.0.1"
        );
    }

    #[test]
    fn a_trusted_list_is_walked_from_its_end() {
        let trusted = ["10.0.0.0/8", "::1/128"];
        for (fields, client) in [
            ("", "10.0.0.1"),
            ("X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4"),
            ("X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.9.9.9\r\n", "1.2.3.4"),
            (
                "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4:99,10.1.1.1\r\n",
                "1.2.3.4",
            ),
            ("X-Forwarded-For: 10.5.5.5, [::1]:80\r\n", "10.5.5.5"),
            (
                "X-Forwarded-For: 1.2.3.4, unknown, 10.5.5.5\r\n",
                "10.5.5.5",
            ),
            ("X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1"),
            ("X-Forwarded-For: ::ffff:1.2.3.4\r\n", "1.2.3.4"),
        ] {
            assert_eq!(seen(&trusted, "10.0.0.1:1", fields), client, "{fields}");
            assert_eq!(
                seen(&trusted, "[::ffff:10.0.0.1]:1", fields),
                client,
                "{fields}"
            );
        }
    }
}
