//! Where a node listens.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Where a node listens: a name or an IP address and a port, or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeAddress(Form);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Form {
    Ip(SocketAddr),
    Name { host: String, port: u16 },
    Unix(String),
}

/// How a node's address is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    /// As it is.
    Ip(SocketAddr),
    /// The name has to be looked up.
    Name {
        /// The name.
        host: &'a str,
        /// The port.
        port: u16,
    },
    /// The Unix socket at this path, which is absolute.
    Unix(&'a Path),
}

/// How the address of a Unix socket begins.
const UNIX: &str = "unix:";

impl NodeAddress {
    /// Longest path of a Unix socket, in bytes: the kernel's limit.
    pub const MAX_PATH: usize = 107;

    /// Takes `text` of the form `HOST:PORT`, `[IPV6]:PORT` or `unix:/PATH`.
    ///
    /// # Errors
    /// The phrase for the operator when the text is no such address.
    pub fn parse(text: &str) -> Result<Self, String> {
        // No host is named so: `UNIX:80` would be written back as something else.
        let begins = text.get(..UNIX.len());
        if begins.is_some_and(|begins| begins.eq_ignore_ascii_case(UNIX)) {
            return Ok(Self(Form::Unix(unix_path(text)?.to_owned())));
        }
        let form = || {
            format!(
                "must be HOST:PORT, such as 10.0.0.1:8000, or unix:/PATH, such as unix:/run/gunicorn.sock (is {text:?})"
            )
        };
        if text.contains("://") {
            return Err(format!("must be HOST:PORT without a scheme (is {text:?})"));
        }
        if text.starts_with('/') {
            return Err(format!("must begin with unix: before a path (is {text:?})"));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(form)?;
        // `u16::from_str` takes `+80`.
        let port: u16 = match port.parse() {
            Ok(number) if number > 0 && !port.starts_with('+') => number,
            _ => {
                return Err(format!("must end with a port of 1 to 65535 (is {text:?})"));
            }
        };
        if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            return match inner.parse() {
                Ok(IpAddr::V6(ip)) => Ok(Self(Form::Ip((ip, port).into()))),
                _ => Err(form()),
            };
        }
        let label = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(label) {
            return Err(form());
        }
        Ok(Self(match host.parse::<IpAddr>() {
            Ok(ip) => Form::Ip((ip, port).into()),
            Err(_) => Form::Name {
                host: host_name(host, text)?,
                port,
            },
        }))
    }

    /// How it is reached.
    pub fn way(&self) -> Way<'_> {
        match &self.0 {
            Form::Ip(socket) => Way::Ip(*socket),
            Form::Name { host, port } => Way::Name { host, port: *port },
            Form::Unix(path) => Way::Unix(Path::new(path)),
        }
    }

    /// The IP address and port, when no name has to be looked up.
    pub fn as_socket(&self) -> Option<SocketAddr> {
        match self.0 {
            Form::Ip(socket) => Some(socket),
            Form::Name { .. } | Form::Unix(_) => None,
        }
    }

    /// Whether a name has to be looked up.
    pub fn is_name(&self) -> bool {
        matches!(self.0, Form::Name { .. })
    }

    /// Whether it is a Unix socket.
    pub fn is_unix(&self) -> bool {
        matches!(self.0, Form::Unix(_))
    }

    /// The port; a Unix socket has none.
    pub fn port(&self) -> Option<u16> {
        match &self.0 {
            Form::Ip(socket) => Some(socket.port()),
            Form::Name { port, .. } => Some(*port),
            Form::Unix(_) => None,
        }
    }

    /// The `Host` for a request that brings none: a path cannot be one.
    pub fn authority(&self) -> String {
        match &self.0 {
            Form::Unix(_) => "localhost".to_owned(),
            Form::Ip(_) | Form::Name { .. } => self.to_string(),
        }
    }
}

/// The name in `text`, in small letters. What no name server can know is a typing error.
fn host_name(host: &str, text: &str) -> Result<String, String> {
    if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(format!(
            "must have an IPv4 address of four numbers of 0 to 255, or a name (is {text:?})"
        ));
    }
    let named = host.strip_suffix('.').unwrap_or(host);
    let whole = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    if !named.split('.').all(whole) {
        return Err(format!(
            "must have a name whose parts between dots are not empty and neither begin nor end with - (is {text:?})"
        ));
    }
    Ok(host.to_ascii_lowercase())
}

/// The path in the address of a Unix socket.
fn unix_path(text: &str) -> Result<&str, String> {
    let path = &text[UNIX.len()..];
    let example = "such as unix:/run/gunicorn.sock";
    let behind = path.rsplit_once(':').map(|(_, behind)| behind);
    let has_port = behind.is_some_and(|behind| behind.bytes().all(|b| b.is_ascii_digit()));
    let wrong = if !path.starts_with('/') {
        format!("must be unix: and an absolute path, {example}")
    } else if path.starts_with("//") {
        format!("must be unix: and the path alone, {example}, without //")
    } else if path.chars().any(char::is_control) {
        "must not hold control characters".to_owned()
    } else if path.ends_with('/') {
        "must be the path of a socket, not of a directory".to_owned()
    } else if has_port {
        "must end with the path: a Unix socket has no port".to_owned()
    } else if path.len() > NodeAddress::MAX_PATH {
        let (most, length) = (NodeAddress::MAX_PATH, path.len());
        return Err(format!(
            "must have a path of at most {most} bytes, the limit of the system (has {length})"
        ));
    } else {
        return Ok(path);
    };
    Err(format!("{wrong} (is {text:?})"))
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Ip(socket) => socket.fmt(f),
            Form::Name { host, port } => write!(f, "{host}:{port}"),
            Form::Unix(path) => write!(f, "{UNIX}{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::proptest;
    use proptest::prop_assert_eq;

    use super::{NodeAddress, Way};

    #[test]
    fn an_address_is_a_host_and_a_port_or_a_path() {
        for good in [
            "10.0.0.1:8000",
            "web-1.local:80",
            "[::1]:8000",
            "a_b:1",
            "_http._tcp.a-b.1st:1",
            "web-1.local.:80",
            "unix:/run/gunicorn.sock",
            "unix:/a b/é,\"c\".sock",
            "unix:/run/a:b.sock",
        ] {
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
            "256.1.1.1:80",
            "1.2.3:80",
            "10.0.0.01:80",
            "1:80",
            ".:80",
            "-x:80",
            "x-.y:80",
            "a..b:80",
            ".a:80",
            "a..:80",
        ] {
            assert!(NodeAddress::parse(bad).is_err(), "{bad:?} passed");
        }
    }

    #[test]
    fn a_bad_path_is_told_with_what_to_write() {
        for (bad, words) in [
            (
                "unix:",
                "an absolute path, such as unix:/run/gunicorn.sock (is \"unix:\")",
            ),
            ("unix:run/g.sock", "an absolute path"),
            ("unix:@g", "an absolute path"),
            ("UNIX:80", "an absolute path"),
            ("unix:///run/g.sock", "without //"),
            ("unix:/run/", "not of a directory"),
            ("unix:/", "not of a directory"),
            (
                "unix:/run/g.sock:8000",
                "has no port (is \"unix:/run/g.sock:8000\")",
            ),
            ("unix:/run/g.sock:", "has no port"),
            (
                "unix:/run/g\0.sock",
                "control characters (is \"unix:/run/g\\0.sock\")",
            ),
            ("unix:/run/g\u{9b}.sock", "control characters"),
            ("/run/g.sock", "must begin with unix:"),
        ] {
            let told = NodeAddress::parse(bad).unwrap_err();
            assert!(told.contains(words), "{bad:?}: {told}");
        }
    }

    #[test]
    fn a_path_is_as_long_as_the_system_takes() {
        let path = |length: usize| format!("unix:/{}", "é".repeat((length - 1) / 2));
        assert!(NodeAddress::parse(&path(107)).is_ok());
        let told = NodeAddress::parse(&path(109)).unwrap_err();
        assert!(
            told.contains("at most 107 bytes, the limit of the system (has 109)"),
            "{told}"
        );
    }

    #[test]
    fn only_a_name_needs_a_look_up() {
        let parse = |text: &str| NodeAddress::parse(text).unwrap();
        for ip in ["127.0.0.1:80", "[::1]:80"] {
            let address = parse(ip);
            let socket = ip.parse().unwrap();
            assert_eq!(address.way(), Way::Ip(socket));
            assert_eq!(address.as_socket(), Some(socket));
            assert_eq!(address.authority(), ip);
        }
        let name = parse("LocalHost:80");
        let host = "localhost";
        assert_eq!(name.way(), Way::Name { host, port: 80 });
        assert_eq!((name.as_socket(), name.port()), (None, Some(80)));
        assert!(name.is_name() && !name.is_unix());
        let unix = parse("UNIX:/run/G.sock");
        assert_eq!(unix.way(), Way::Unix(Path::new("/run/G.sock")));
        assert_eq!(unix.to_string(), "unix:/run/G.sock");
        assert_eq!((unix.as_socket(), unix.port()), (None, None));
        assert_eq!(unix.authority(), "localhost");
        assert!(unix.is_unix() && !unix.is_name());
    }

    proptest! {
        #[test]
        fn what_is_taken_is_written_back(text in "((?i:unix):)?[/a-zA-Z0-9:.\\[\\] é\u{7f}-]{0,30}") {
            if let Ok(address) = NodeAddress::parse(&text) {
                let again = NodeAddress::parse(&address.to_string());
                prop_assert_eq!(again, Ok(address));
            }
        }
    }
}
