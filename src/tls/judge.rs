//! Whether a node is believed to be who it should be.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::x509::facts;

/// Whether a node is believed to be who it should be. That it has the key of the certificate it
/// shows is always looked at.
#[derive(Debug)]
pub struct Judge {
    provider: Arc<CryptoProvider>,
    /// None believes everyone.
    trusted: Option<Trusted>,
}

#[derive(Debug)]
struct Trusted {
    chains: Arc<WebPkiServerVerifier>,
    /// A certificate that signed itself is its own authority: who names it means it and no other,
    /// though it says of itself that it is none of a server.
    named: Vec<CertificateDer<'static>>,
}

impl Judge {
    /// Believes whoever shows a certificate that leads to one of `roots`, or one of these itself.
    pub(super) fn trusting(
        provider: Arc<CryptoProvider>,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        let (added, _) = store.add_parsable_certificates(roots.iter().cloned());
        if added == 0 {
            return Err("none of what it holds can be an authority".to_owned());
        }
        let chains =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
        Ok(Self {
            provider,
            trusted: Some(Trusted {
                chains: chains.map_err(|error| error.to_string())?,
                named: roots,
            }),
        })
    }

    /// Believes everyone.
    pub fn trusting_anyone(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            trusted: None,
        }
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(trusted) = &self.trusted else {
            return Ok(ServerCertVerified::assertion());
        };
        if !trusted.named.iter().any(|named| named == shown) {
            let chains = &trusted.chains;
            return chains.verify_server_cert(shown, intermediates, name, ocsp, now);
        }
        let known = facts(shown).ok_or(CertificateError::BadEncoding)?;
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now >= known.not_after {
            return Err(CertificateError::Expired.into());
        }
        if now < known.not_before {
            return Err(CertificateError::NotValidYet.into());
        }
        verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, shown, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, shown, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
