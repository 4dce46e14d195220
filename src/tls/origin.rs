//! Where the two parts of a certificate are, and what they are called in what is said of them.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::faults::Fault;
use super::pem::{self, Stamp};
use crate::model::{
    Certificate, CertificateSource, KeptAs, KeptCertificate, KeptCertificates, Name,
};

/// Where the two parts of a certificate are. All that is checked is the same for each.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin<'a> {
    /// In files.
    Files(&'a crate::model::CertificateFiles),
    /// Kept by us.
    Kept(KeptAs, &'a KeptCertificate),
}

/// By what a certificate is known to be another than was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// Of its files.
    Files([Stamp; 2]),
    /// What was kept.
    Kept(Option<KeptCertificate>),
}

impl Mark {
    /// That of `certificate` now. Looks at the disk.
    pub(super) fn of(certificate: &Certificate, kept: &KeptCertificates) -> Self {
        match (&certificate.source, certificate.source.kept_as()) {
            (CertificateSource::Files(files), _) => Self::Files(pem::stamps(files)),
            (_, Some(kept_as)) => Self::Kept(in_force(&certificate.name, kept_as, kept).cloned()),
            (_, None) => Self::Kept(None),
        }
    }
}

impl<'a> Origin<'a> {
    /// That of `certificate`.
    pub(super) fn of(
        certificate: &'a Certificate,
        kept: &'a KeptCertificates,
    ) -> Result<Self, Fault> {
        let kept_as = match &certificate.source {
            CertificateSource::Files(files) => return Ok(Self::Files(files)),
            CertificateSource::Uploaded => KeptAs::Uploaded,
            CertificateSource::SelfSigned => KeptAs::SelfSigned,
            CertificateSource::Acme(_) => KeptAs::Acme,
        };
        let name = &certificate.name;
        let found = in_force(name, kept_as, kept);
        let found = found.ok_or_else(|| Fault::chain(not_there(name.as_str(), kept_as)))?;
        Ok(Self::Kept(kept_as, found))
    }

    /// What its chain is called.
    pub(super) fn chain_shown(self) -> String {
        match self {
            Self::Files(files) => files.chain.display().to_string(),
            Self::Kept(KeptAs::Uploaded, _) => "the uploaded chain".to_owned(),
            Self::Kept(KeptAs::SelfSigned, _) => "the self-signed certificate".to_owned(),
            Self::Kept(KeptAs::Acme, _) => "the chain that the authority issued".to_owned(),
        }
    }

    /// What its key is called.
    pub(super) fn key_shown(self) -> String {
        match self {
            Self::Files(files) => files.key.display().to_string(),
            Self::Kept(KeptAs::Uploaded, _) => "the uploaded key".to_owned(),
            Self::Kept(KeptAs::SelfSigned, _) => {
                "the key of the self-signed certificate".to_owned()
            }
            Self::Kept(KeptAs::Acme, _) => "the key of the certificate".to_owned(),
        }
    }

    /// Its certificates, in their order. May wait for the disk.
    pub(super) fn chain(self) -> Result<Vec<CertificateDer<'static>>, Fault> {
        match self {
            Self::Files(files) => pem::chain(&files.chain),
            Self::Kept(_, kept) => pem::chain_in(kept.chain.as_bytes(), &self.chain_shown()),
        }
    }

    /// Its key. May wait for the disk.
    pub(super) fn key(self) -> Result<PrivateKeyDer<'static>, Fault> {
        match self {
            Self::Files(files) => pem::key(&files.key),
            Self::Kept(_, kept) => {
                let shown = self.key_shown();
                let key = kept.key.as_ref();
                let key = key.ok_or_else(|| Fault::key(cannot_be_opened(&shown)))?;
                pem::key_in(key.bytes(), &shown)
            }
        }
    }
}

/// The one that is shown: until an authority has issued one, one that signed itself.
fn in_force<'k>(
    name: &Name,
    kept_as: KeptAs,
    kept: &'k KeptCertificates,
) -> Option<&'k KeptCertificate> {
    let found = kept.get(name, kept_as);
    match kept_as {
        KeptAs::Acme => found.or_else(|| kept.get(name, KeptAs::SelfSigned)),
        KeptAs::Uploaded | KeptAs::SelfSigned => found,
    }
}

fn not_there(name: &str, kept_as: KeptAs) -> String {
    match kept_as {
        KeptAs::Uploaded => format!(
            "was not uploaded yet: give it on the page Certificates, by `steelyard certificate put {name} --chain FILE --key FILE`, or by PUT /api/v1/tls/{name}"
        ),
        KeptAs::SelfSigned | KeptAs::Acme => "could not be made yet".to_owned(),
    }
}

fn cannot_be_opened(shown: &str) -> String {
    format!(
        "{shown} is kept and cannot be opened, as seal.key or the credential that sealed it is gone: bring that back and start again, or give the certificate again"
    )
}
