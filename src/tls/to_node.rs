//! TLS to one node: what it is asked for, by whom it is judged, and the handshake.

use std::fmt;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{ClientConnection, Resumption};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::refusal::NoTls;
use crate::model::{NodeAddress, PoolTls, Way};

/// Limit: sessions of a node kept to go on from. Of TLS 1.3 each is good for one connection, and
/// each connection brings new ones.
const SESSIONS: usize = 16;

/// TLS to one node. It outlives a snapshot as long as the node is asked for the same name and
/// judged by the same authorities: sessions go on.
pub struct ToNode {
    /// What it is asked for.
    asked: String,
    name: Option<ServerName<'static>>,
    /// How; else why not.
    config: Result<Arc<ClientConfig>, String>,
    /// What `config` was made of.
    pub(super) base: Option<Arc<ClientConfig>>,
}

impl fmt::Debug for ToNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToNode")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl ToNode {
    /// Of a node at `address`, as `base` has it; else it says why not.
    pub(super) fn new(
        tls: &PoolTls,
        address: &NodeAddress,
        base: Result<Arc<ClientConfig>, String>,
    ) -> Self {
        let asked = match (&tls.server_name, address.way()) {
            (Some(name), _) => name.clone(),
            (None, Way::Name { host, .. }) => host.trim_end_matches('.').to_owned(),
            (None, Way::Ip(address)) => address.ip().to_string(),
            // No pool with TLS has one.
            (None, Way::Unix(_)) => "localhost".to_owned(),
        };
        let config = base.clone().map(|base| {
            // A store of its own: another node of the same name takes none of its tickets.
            let mut config = ClientConfig::clone(&base);
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
            Arc::new(config)
        });
        Self {
            name: ServerName::try_from(asked.clone()).ok(),
            asked,
            config,
            base: base.ok(),
        }
    }

    /// The name, or the address, that the node is asked for and must have a certificate for.
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// Shakes hands with the node on `socket`. As long as the node takes: limiting that is for
    /// the caller.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn shake_hands(&self, socket: TcpStream) -> Result<TlsStream<TcpStream>, NoTls> {
        let config = self.config.clone().map_err(NoTls::Unready)?;
        let name = self
            .name
            .clone()
            .ok_or_else(|| NoTls::Unready(format!("no certificate can be for {}", self.asked)))?;
        let connector = TlsConnector::from(config);
        let done = connector.connect(name, socket).await;
        done.map_err(|error| NoTls::of(&error))
    }

    /// The same for who reads and writes by himself.
    ///
    /// # Errors
    /// As of [`Self::shake_hands`].
    pub async fn shake(&self, socket: TcpStream) -> Result<(TcpStream, ClientConnection), NoTls> {
        Ok(self.shake_hands(socket).await?.into_inner())
    }
}
