//! TLS at the admin address: by the certificate that the configuration names, as it is read anew,
//! and else by our own.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::control::Handle;
use crate::tls::own_certificate;

/// Which certificate a browser is shown.
#[derive(Debug)]
struct Shown {
    handle: Handle,
    own: Arc<CertifiedKey>,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = self.handle.admin_certificate();
        Some(named.map_or_else(|| self.own.clone(), |named| named.certified()))
    }
}

/// How a handshake goes. Makes our own certificate in the data directory `dir` where there is
/// none: whatever else is wrong, the panel can be reached.
///
/// # Errors
/// When it can neither be read nor made.
pub(super) fn config(dir: &Path, handle: &Handle) -> io::Result<ServerConfig> {
    let shown = Shown {
        handle: handle.clone(),
        own: own_certificate(dir)?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    Ok(config)
}
