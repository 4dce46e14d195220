//! Where the operator's own server listens, and to whom it answers.

use std::net::{Ipv4Addr, SocketAddr};

use ipnet::IpNet;

use super::{Language, Name};

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

/// How the admin server speaks TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AdminTls {
    /// It does not: on loopback alone.
    #[default]
    Off,
    /// By a certificate of its own.
    SelfSigned,
    /// By this one of the Config's.
    Certificate(Name),
}

/// The admin server: the panel, the API, `/metrics`, `/check_status`, `/healthz`, `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// Where it listens.
    pub address: SocketAddr,
    /// How it speaks TLS.
    pub tls: AdminTls,
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
            tls: AdminTls::Off,
            metrics: MetricsAccess::Token,
            language: None,
        }
    }
}

impl Admin {
    /// Whether it speaks TLS at `address`. Beyond loopback it always does: passwords and tokens
    /// would cross the network in the clear.
    pub fn is_secure_at(&self, address: SocketAddr) -> bool {
        self.tls != AdminTls::Off || !address.ip().to_canonical().is_loopback()
    }
}
