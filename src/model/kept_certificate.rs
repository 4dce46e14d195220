//! Certificates that this program keeps itself: uploaded, or made here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Name, SecretBytes};

/// How a certificate that is kept came here. One name may have one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptAs {
    /// It was given.
    Uploaded,
    /// It was made here.
    SelfSigned,
    /// An authority issued it.
    Acme,
}

impl KeptAs {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Uploaded, Self::SelfSigned, Self::Acme];

    /// The key in a document that asks for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::SelfSigned => "self_signed",
            Self::Acme => "acme",
        }
    }
}

/// One that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCertificate {
    /// PEM: the certificate, then those that lead to its authority, in order.
    pub chain: Arc<str>,
    /// PEM: its private key. None where it is kept and cannot be opened.
    pub key: Option<SecretBytes>,
    /// When it was kept, in seconds since 1970.
    pub since: i64,
}

/// All that are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptCertificates(BTreeMap<(Name, KeptAs), KeptCertificate>);

impl KeptCertificates {
    /// Limit: how many there may be. Ten times what anyone serves on one machine; all are in
    /// memory, a few kilobytes each.
    pub const MOST: usize = 1000;

    /// The one of this name that is kept so.
    pub fn get(&self, name: &Name, kept_as: KeptAs) -> Option<&KeptCertificate> {
        self.0.get(&(name.clone(), kept_as))
    }

    /// Keeps this one, in place of one before.
    pub fn put(&mut self, name: Name, kept_as: KeptAs, certificate: KeptCertificate) {
        self.0.insert((name, kept_as), certificate);
    }

    /// Keeps it no longer.
    pub fn remove(&mut self, name: &Name, kept_as: KeptAs) {
        self.0.remove(&(name.clone(), kept_as));
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, KeptAs, &KeptCertificate)> {
        self.0.iter().map(|((name, as_), kept)| (name, *as_, kept))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
