//! TLS to a port of our own. Its certificate is taken as it is: we know who listens there, and the name it is for is the
//! applications' business.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::Judge;

/// Makes `stream`, which leads to a port of ours at `ip`, an encrypted one.
pub(super) async fn encrypt(stream: TcpStream, ip: IpAddr) -> io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Judge::trusting_anyone(provider)))
        .with_no_client_auth();
    let name = ServerName::IpAddress(ip.into());
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await
}
