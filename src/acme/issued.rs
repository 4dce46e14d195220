//! What an authority issued, with the key that it was asked for with.

use std::net::IpAddr;

use rcgen::{CertificateParams, DistinguishedName, KeyPair};

use super::trouble::Trouble;
use crate::model::SecretBytes;

/// What an authority issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// PEM: the certificate, then those that lead to the authority. As it came, and not judged.
    pub chain: String,
    /// PEM: the private key.
    pub key: SecretBytes,
}

/// A new key, ECDSA P-256, and what is asked for with it.
pub(super) struct Wish {
    key: KeyPair,
    /// The request for a certificate, DER.
    pub(super) request: Vec<u8>,
}

impl Wish {
    /// For `hosts`.
    pub(super) fn new(hosts: &[String]) -> Result<Self, Trouble> {
        let made = || -> Result<Self, rcgen::Error> {
            let mut params = CertificateParams::new(hosts.to_vec())?;
            params.distinguished_name = DistinguishedName::new();
            let key = KeyPair::generate()?;
            let request = params.serialize_request(&key)?;
            Ok(Self {
                request: request.der().to_vec(),
                key,
            })
        };
        made().map_err(|error| Trouble::Ours {
            why: error.to_string(),
        })
    }

    /// What `chain` is with the key.
    pub(super) fn fulfilled(self, chain: String) -> Issued {
        Issued {
            chain,
            key: SecretBytes::new(self.key.serialize_pem().as_bytes()),
        }
    }
}

/// A host as an authority is asked for it.
pub(super) fn identifier(host: &str) -> instant_acme::Identifier {
    match host.parse::<IpAddr>() {
        Ok(ip) => instant_acme::Identifier::Ip(ip),
        Err(_) => instant_acme::Identifier::Dns(host.to_owned()),
    }
}
