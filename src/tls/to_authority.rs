//! TLS to an authority that issues certificates: who it must prove to be, and by whom that is judged.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::ACME_TLS;
use super::authorities::trusted;
use super::certificate::Engine;
use super::refusal::NoTls;

/// TLS to an authority, judged by those that this machine or a file says.
#[derive(Debug)]
pub struct ToAuthority(Arc<ClientConfig>);

impl ToAuthority {
    /// Judged by those in the file `ca`, else by those that this machine trusts, as they are now.
    /// Waits for the disk.
    ///
    /// # Errors
    /// Why nobody can be judged.
    pub fn new(engine: &Engine, ca: Option<&Path>) -> Result<Self, NoTls> {
        let roots = trusted(ca).map_err(NoTls::Unready)?;
        let config = engine.client(Some(roots)).map_err(NoTls::Unready)?;
        Ok(Self(config))
    }

    /// Shakes hands with `host` on `socket`. As long as it takes: limiting that is for the caller.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn shake_hands(
        &self,
        host: &str,
        socket: TcpStream,
    ) -> Result<TlsStream<TcpStream>, NoTls> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| NoTls::Unready(format!("no certificate can be for {host}")))?;
        let connector = TlsConnector::from(self.0.clone());
        let done = connector.connect(name, socket).await;
        done.map_err(|error| NoTls::of(&error))
    }
}

/// Whether who answers on `socket` for `host` shows what tls-alpn-01 shows, as an authority sees it.
pub async fn sees_challenge(engine: &Engine, host: &str, socket: TcpStream) -> bool {
    let (Ok(config), Ok(name)) = (engine.looking(), ServerName::try_from(host.to_owned())) else {
        return false;
    };
    let shaken = TlsConnector::from(config).connect(name, socket).await;
    shaken.is_ok_and(|stream| stream.get_ref().1.alpn_protocol() == Some(ACME_TLS))
}
