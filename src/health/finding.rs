//! What a probe can find, and the words for it.
//!
//! The code is HAProxy's, which people know; the text says what to look at.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::http::Refusal;

/// Longest piece of a node's own answer that is repeated in words.
const QUOTED: usize = 120;

/// What one probe found.
#[derive(Debug)]
pub(super) enum Finding {
    /// It accepts connections.
    Connected,
    /// It answered with a status that is expected.
    Answered(u16),
    /// It answered with a status that is not.
    WrongStatus(WrongStatus),
    /// No address is known for its name.
    NoAddress(String),
    /// It could not be connected to.
    NotConnected(SocketAddr, io::Error),
    /// It did not accept in time.
    ConnectTimeout(SocketAddr, Duration),
    /// It accepted and then did not answer in time.
    AnswerTimeout(Duration),
    /// It broke the connection off.
    Reset,
    /// It ended the connection without an answer.
    Closed,
    /// What it said is not HTTP/1.
    NotHttp(Refusal),
}

/// A status that the check does not expect, and what helps to explain it.
#[derive(Debug)]
pub(super) struct WrongStatus {
    pub(super) status: u16,
    /// The codes that pass, as in the document.
    pub(super) expected: String,
    /// The path asked for.
    pub(super) path: String,
    /// The Host sent.
    pub(super) host: String,
    /// The answer's `Location`.
    pub(super) location: Option<String>,
}

impl Finding {
    /// Whether the probe passed.
    pub(super) fn passed(&self) -> bool {
        matches!(self, Self::Connected | Self::Answered(_))
    }

    /// HAProxy's word for it.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Connected => "L4OK",
            Self::Answered(_) => "L7OK",
            Self::WrongStatus(_) => "L7STS",
            Self::NoAddress(_) => "DNS",
            Self::NotConnected(..) => "L4CON",
            Self::ConnectTimeout(..) => "L4TOUT",
            Self::AnswerTimeout(_) => "L7TOUT",
            Self::Reset | Self::Closed | Self::NotHttp(_) => "L7RSP",
        }
    }

    /// The status read, if one was.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(*status),
            Self::WrongStatus(wrong) => Some(wrong.status),
            Self::Connected
            | Self::NoAddress(_)
            | Self::NotConnected(..)
            | Self::ConnectTimeout(..)
            | Self::AnswerTimeout(_)
            | Self::Reset
            | Self::Closed
            | Self::NotHttp(_) => None,
        }
    }

    /// The words for a person.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Connected => "accepts connections".into(),
            Self::Answered(status) => format!("answered {status}"),
            Self::WrongStatus(wrong) => wrong.text(),
            Self::NoAddress(host) => {
                format!("no address is known for {host}: look at DNS and /etc/hosts")
            }
            Self::NotConnected(address, error) => not_connected(*address, error),
            Self::ConnectTimeout(address, waited) => format!(
                "{address} did not accept a connection within {waited:?}: the machine is off, a firewall drops packets, or the node is stuck with a full queue"
            ),
            Self::AnswerTimeout(waited) => format!(
                "accepted the connection but did not answer within {waited:?}: its workers are all busy or stuck"
            ),
            Self::Reset => "broke the connection off before an answer".into(),
            Self::Closed => {
                "closed the connection without an answer: it may be restarting, or expect TLS"
                    .into()
            }
            Self::NotHttp(refusal) => format!("the answer is not HTTP/1: {}", refusal.text),
        }
    }
}

fn not_connected(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("connection refused: nothing listens on {address}")
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("no route to {address}: look at the address and at this machine's network")
        }
        _ => format!("cannot connect to {address}: {error}"),
    }
}

impl WrongStatus {
    fn text(&self) -> String {
        let Self {
            status,
            expected,
            path,
            host,
            ..
        } = self;
        let hint = match status {
            300..=399 => self.redirect_hint(),
            400 => format!(
                "; in Django this often is DisallowedHost: add {host} to ALLOWED_HOSTS, or set the check's host"
            ),
            401 | 403 => "; the path wants a login: check another one".to_owned(),
            404 => "; nothing is at that path: set the check's path".to_owned(),
            405 => "; the path does not take GET: check another one".to_owned(),
            500..=599 => "; the application itself fails: look at its log".to_owned(),
            _ => String::new(),
        };
        format!("answered {status} to GET {path}, expected {expected}{hint}")
    }

    fn redirect_hint(&self) -> String {
        let Some(location) = &self.location else {
            return String::new();
        };
        let shown: String = location.chars().take(QUOTED).collect();
        if location.starts_with("https://") {
            return format!(
                "; it redirects to {shown}: the application insists on HTTPS (SECURE_SSL_REDIRECT in Django)"
            );
        }
        format!(
            "; it redirects to {shown}, and a probe follows no redirect: check that path instead"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use super::{Finding, WrongStatus};

    fn wrong(status: u16, location: Option<&str>) -> String {
        Finding::WrongStatus(WrongStatus {
            status,
            expected: "200".into(),
            path: "/up".into(),
            host: "shop.example.com".into(),
            location: location.map(str::to_owned),
        })
        .text()
    }

    #[test]
    fn an_unexpected_status_says_what_to_look_at() {
        for (text, words) in [
            (wrong(400, None), "add shop.example.com to ALLOWED_HOSTS"),
            (
                wrong(301, Some("https://shop.example.com/up")),
                "SECURE_SSL_REDIRECT",
            ),
            (wrong(302, Some("/login/")), "redirects to /login/"),
            (wrong(302, None), "answered 302 to GET /up, expected 200"),
            (wrong(404, None), "set the check's path"),
            (wrong(403, None), "wants a login"),
            (wrong(503, None), "look at its log"),
            (wrong(204, None), "answered 204 to GET /up, expected 200"),
        ] {
            assert!(text.contains(words), "{text:?} does not say {words:?}");
        }
        assert!(wrong(302, Some(&"x".repeat(5000))).len() < 400);
    }

    #[test]
    fn a_connection_that_fails_names_its_address() {
        let address = "10.0.0.1:8000".parse().unwrap();
        let failed = |kind: io::ErrorKind| Finding::NotConnected(address, kind.into());
        let refused = failed(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            refused.text(),
            "connection refused: nothing listens on 10.0.0.1:8000"
        );
        assert_eq!(
            (refused.code(), refused.passed(), refused.status()),
            ("L4CON", false, None)
        );
        for finding in [
            failed(io::ErrorKind::HostUnreachable),
            failed(io::ErrorKind::PermissionDenied),
            Finding::ConnectTimeout(address, Duration::from_secs(1)),
        ] {
            assert!(finding.text().contains("10.0.0.1:8000"), "{finding:?}");
        }
    }
}
