//! A node: one address in a pool, with a weight.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Name;

/// What the operator wants of a node. What probing found is `Health`, elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminState {
    /// Takes requests.
    Enabled,
    /// Finishes what it has, takes nothing new.
    Draining,
    /// Takes nothing.
    Disabled,
}

impl AdminState {
    /// Every state, in the order the document lists them.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Draining, Self::Disabled];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
        }
    }
}

/// Where a node listens: a name or an IP address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeAddress {
    host: String,
    port: u16,
}

impl NodeAddress {
    /// Takes `text` of the form `HOST:PORT` or `[IPV6]:PORT`.
    ///
    /// # Errors
    /// The phrase for the operator when the text is no such address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("must be HOST:PORT, such as 10.0.0.1:8000 (is {text:?})");
        if text.contains("://") {
            return Err(format!("must be HOST:PORT without a scheme (is {text:?})"));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
        let port: u16 = match port.parse() {
            Ok(port) if port > 0 && !port_has_sign(text) => port,
            _ => {
                return Err(format!("must end with a port of 1 to 65535 (is {text:?})"));
            }
        };
        if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            return match inner.parse() {
                Ok(IpAddr::V6(ip)) => Ok(Self {
                    host: ip.to_string(),
                    port,
                }),
                _ => Err(form()),
            };
        }
        let label = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(label) {
            return Err(form());
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// The address, when no name has to be looked up.
    pub fn as_socket(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }

    /// The name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

// `u16::from_str` takes `+80`.
fn port_has_sign(text: &str) -> bool {
    text.rsplit(':').next().is_some_and(|p| p.starts_with('+'))
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// One address in a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its identity in the pool; the address where none was given.
    pub name: Name,
    /// Where it listens.
    pub address: NodeAddress,
    /// Its share among the pool's nodes, 1 to 1000.
    pub weight: u16,
    /// Whether it is used only while no other node can be: all are down, ejected, full, or
    /// were tried.
    pub backup: bool,
    /// Most requests at it at a time; 0 is no limit.
    pub max_conns: u32,
    /// How long it takes to its whole weight when it comes back up; none is the pool's.
    pub slow_start: Option<Duration>,
    /// What the operator wants of it.
    pub state: AdminState,
}

impl Node {
    /// Heaviest weight.
    pub const MAX_WEIGHT: u16 = 1000;

    /// A node with every default of the document.
    pub fn new(name: Name, address: NodeAddress) -> Self {
        Self {
            name,
            address,
            weight: 1,
            backup: false,
            max_conns: 0,
            slow_start: None,
            state: AdminState::Enabled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NodeAddress;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for good in ["10.0.0.1:8000", "web-1.local:80", "[::1]:8000", "a_b:1"] {
            assert_eq!(NodeAddress::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "10.0.0.1",
            ":80",
            "a:0",
            "a:65536",
            "a:+80",
            "::1:80",
            "http://a:80",
            "a b:80",
            "[10.0.0.1]:80",
            "a:",
        ] {
            assert!(NodeAddress::parse(bad).is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn only_a_literal_address_needs_no_look_up() {
        let socket = |text: &str| NodeAddress::parse(text).unwrap().as_socket();
        assert_eq!(
            socket("127.0.0.1:80"),
            Some("127.0.0.1:80".parse().unwrap())
        );
        assert_eq!(socket("[::1]:80"), Some("[::1]:80".parse().unwrap()));
        assert_eq!(socket("localhost:80"), None);
    }
}
