//! How TLS is spoken to the nodes of a pool.

use std::path::PathBuf;

/// How TLS is spoken to the nodes of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PoolTls {
    /// Whether a node must show a certificate that is trusted, for its name, and still good.
    /// Without that whoever stands between can read and change everything.
    pub verify: bool,
    /// The PEM file of the authorities that are trusted; none is those that this machine trusts.
    pub ca: Option<PathBuf>,
    /// The name that nodes are asked for and must have a certificate for; none is that of the
    /// node's address.
    pub server_name: Option<String>,
}

impl Default for PoolTls {
    fn default() -> Self {
        Self {
            verify: true,
            ca: None,
            server_name: None,
        }
    }
}
