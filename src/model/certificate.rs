//! A certificate: what listeners with TLS show their clients.

use std::path::PathBuf;

use super::{HostPattern, KeptAs, Name};

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its identity.
    pub name: Name,
    /// Names it is shown for before any other; empty is those that it is made for.
    pub hosts: Vec<HostPattern>,
    /// Where it is from.
    pub source: CertificateSource,
}

/// Where a certificate is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Two files of the operator's, watched.
    Files(CertificateFiles),
    /// Given to this program, which keeps it.
    Uploaded,
    /// Made and kept by this program for its hosts, signed by itself.
    SelfSigned,
    /// Had from the authority of this name for its hosts, and renewed by it.
    Acme(Name),
}

impl CertificateSource {
    /// What it is kept as; none where it is in files.
    pub fn kept_as(&self) -> Option<KeptAs> {
        match self {
            Self::Files(_) => None,
            Self::Uploaded => Some(KeptAs::Uploaded),
            Self::SelfSigned => Some(KeptAs::SelfSigned),
            Self::Acme(_) => Some(KeptAs::Acme),
        }
    }
}

/// The two files of a certificate. Absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the certificate, then those that lead to its authority, in order.
    pub chain: PathBuf,
    /// PEM: its private key, without a passphrase.
    pub key: PathBuf,
}
