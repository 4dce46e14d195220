//! Where the operator's own server listens, and to whom it answers.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::Language;

/// Who may read `/metrics` and `/check_status`. Loopback always may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Who shows a token.
    Token,
    /// Whoever `allow` admits.
    Allow,
    /// Anyone who can connect.
    Public,
}

/// The admin server: `/metrics`, `/check_status`, `/healthz`, `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens. Plain HTTP, so loopback only until it can speak TLS.
    pub address: SocketAddr,
    /// Networks that may ask; empty is anyone who can connect.
    pub allow: Vec<IpNet>,
    /// Who may read `/metrics` and `/check_status`.
    pub metrics: MetricsAccess,
    /// The panel's language for who has not chosen one; none is as their browser says.
    pub language: Option<Language>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 9443)),
            allow: Vec::new(),
            metrics: MetricsAccess::Token,
            language: None,
        }
    }
}
