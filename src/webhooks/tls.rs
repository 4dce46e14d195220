//! The encrypted way to a webhook: whom this machine trusts, and what went wrong in words.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Makes `stream` an encrypted one to the host of this name or address.
///
/// # Errors
/// Why not, in words.
pub(super) async fn encrypt(stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("no certificate can be for {host}"))?;
    // Read anew each time: messages are few, and the machine's authorities may have changed.
    let config = spawn_blocking(config).await;
    let config = config.map_err(|_| "the program ends".to_owned())??;
    let connector = TlsConnector::from(Arc::new(config));
    let encrypted = connector.connect(name, stream).await;
    encrypted.map_err(|error| words(&error, host))
}

fn config() -> Result<ClientConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map(ToString::to_string);
        return Err(format!(
            "this machine trusts no certificate authority (install ca-certificates, or set SSL_CERT_FILE): {}",
            why.as_deref().unwrap_or("none was found")
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be used: {error}"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn words(error: &io::Error, host: &str) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::InvalidCertificate(why)) => certificate_words(why, host),
        Some(Error::InvalidMessage(_)) => "it does not speak TLS there".to_owned(),
        Some(error) => format!("TLS: {error}"),
        None => format!("TLS: {error}"),
    }
}

fn certificate_words(why: &CertificateError, host: &str) -> String {
    match why {
        // The second: an authority of the same name as a trusted one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is signed by nobody this machine trusts".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is not for {host}")
        }
        other => format!("its certificate is not trusted: {other}"),
    }
}
