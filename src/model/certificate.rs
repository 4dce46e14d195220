//! A certificate: what listeners with TLS show their clients.

use std::path::PathBuf;

use super::{HostPattern, Name};

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its identity.
    pub name: Name,
    /// Names it is shown for before any other; empty is those that it is made for.
    pub hosts: Vec<HostPattern>,
    /// Where it is.
    pub files: CertificateFiles,
}

/// The two files of a certificate. Absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the certificate, then those that lead to its authority, in order.
    pub chain: PathBuf,
    /// PEM: its private key, without a passphrase.
    pub key: PathBuf,
}
