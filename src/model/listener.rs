//! A listener: an address where clients connect, and the limits it sets them.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{ListenerTls, Name};

/// What to do with a header name that holds anything but letters, digits and `-`.
///
/// `X_Real_IP` and `X-Real-IP` are one variable to a CGI or WSGI application, so an
/// underscore lets a client speak for the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Underscores {
    /// Leave the field out.
    Drop,
    /// Refuse the request with 400.
    Reject,
    /// Pass it on.
    Keep,
}

/// An address where clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its identity.
    pub name: Name,
    /// Where it listens.
    pub address: SocketAddr,
    /// How it speaks TLS; none is plain HTTP.
    pub tls: Option<ListenerTls>,
    /// Whether a proxy says ahead of all else, by the PROXY protocol, whose connection it is.
    pub proxy_protocol: bool,
    /// Longest time from the first byte of a head to its last, absolute.
    pub head_timeout: Duration,
    /// How long a connection may idle between requests.
    pub idle_timeout: Duration,
    /// Requests on one connection before it is closed.
    pub max_requests: u32,
    /// Bytes a second a request body must bring after 10 s of grace; 0 is off.
    pub body_min_rate: u32,
    /// Bytes a second a client must take of a response after 10 s of grace; 0 is off.
    pub response_min_rate: u32,
    /// Longest head, in bytes.
    pub max_head: u32,
    /// Longest request target, in bytes.
    pub max_target: u32,
    /// Most header fields.
    pub max_fields: u16,
    /// What becomes of odd header names.
    pub underscores: Underscores,
    /// Refuse GET, HEAD, OPTIONS and DELETE with a body.
    pub refuse_get_body: bool,
}

impl Listener {
    /// A listener with every default of the document.
    pub fn new(name: Name, address: SocketAddr) -> Self {
        Self {
            name,
            address,
            tls: None,
            proxy_protocol: false,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_requests: 1000,
            body_min_rate: 500,
            response_min_rate: 500,
            max_head: 64 * 1024,
            max_target: 16 * 1024,
            max_fields: 128,
            underscores: Underscores::Drop,
            refuse_get_body: false,
        }
    }
}

/// Whether two sockets cannot both listen: one port, and one address that covers the other.
///
/// `[::]` takes IPv4 too, as Linux does unless told otherwise. Port 0 is any free port and
/// never collides.
pub(super) fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    fn covers(wide: IpAddr, narrow: IpAddr) -> bool {
        wide == narrow
            || match wide {
                IpAddr::V4(ip) => ip.is_unspecified() && narrow.is_ipv4(),
                IpAddr::V6(ip) => ip.is_unspecified(),
            }
    }
    a.port() == b.port() && a.port() != 0 && (covers(a.ip(), b.ip()) || covers(b.ip(), a.ip()))
}

#[cfg(test)]
mod tests {
    use super::collide;

    #[test]
    fn a_wildcard_covers_every_address_of_its_port() {
        let at = |text: &str| text.parse().unwrap();
        assert!(collide(at("0.0.0.0:80"), at("127.0.0.1:80")));
        assert!(collide(at("127.0.0.1:80"), at("[::]:80")));
        assert!(collide(at("[::1]:80"), at("[::1]:80")));
        assert!(!collide(at("0.0.0.0:80"), at("0.0.0.0:81")));
        assert!(!collide(at("0.0.0.0:80"), at("[::1]:80")));
        assert!(!collide(at("127.0.0.1:80"), at("127.0.0.2:80")));
        assert!(!collide(at("127.0.0.1:0"), at("127.0.0.1:0")));
    }
}
