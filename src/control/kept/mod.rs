//! Certificates that this program keeps: those it makes for the operator's hosts, and those it is
//! given. One that takes the place of another is in force by a publish, as changed files are: it
//! needs no revision, and cuts no connection.

mod given;
mod view;

pub use given::GivenCertificate;
#[cfg(test)]
pub(super) use view::CertificateFacts;
pub use view::CertificateView;

use std::sync::Arc;

use super::certificates::unix_now;
use super::{ChangeError, Control, Writer};
use crate::model::{CertificateSource, Config, KeptAs, KeptCertificate, KeptCertificates, Name};
use crate::store::{Store, StoreError};
use crate::tls;

impl Control {
    /// Keeps a certificate that was looked at, and serves with it where it is named.
    ///
    /// # Errors
    /// Why it is not on disk. Nothing has happened then.
    pub(super) async fn keep_certificate(
        &self,
        writer: &mut Writer,
        (name, kept_as): (&Name, KeptAs),
        certificate: KeptCertificate,
    ) -> Result<(), ChangeError> {
        let now = self.now.load_full();
        let store = self.writable(writer, &now).await?;
        store.keep_certificate(name, kept_as, &certificate).await?;
        let mut all = KeptCertificates::clone(&self.kept.load_full());
        all.put(name.clone(), kept_as, certificate);
        self.kept.store(Arc::new(all));
        if self.running {
            self.read_again(writer, false).await;
        }
        Ok(())
    }

    /// What is kept, with each self-signed certificate of `config` that is not there or is due,
    /// and the names of these.
    pub(super) fn kept_with_self_signed(
        &self,
        config: &Config,
    ) -> (Arc<KeptCertificates>, Vec<Name>) {
        with_self_signed(self.kept.load_full(), config)
    }

    /// Makes the self-signed certificates of `config` anew that are due.
    pub(super) async fn renew_self_signed(&self, writer: &mut Writer, config: &Config) {
        let (kept, made) = self.kept_with_self_signed(config);
        if !made.is_empty() {
            tell(writer, &kept, &made).await;
            self.kept.store(kept);
        }
    }
}

/// `kept` with each self-signed certificate of `config` that is not there or is due, and the names
/// of these.
pub(super) fn with_self_signed(
    kept: Arc<KeptCertificates>,
    config: &Config,
) -> (Arc<KeptCertificates>, Vec<Name>) {
    let made = made(&kept, config);
    if made.is_empty() {
        return (kept, Vec::new());
    }
    let mut all = KeptCertificates::clone(&kept);
    let names = made.iter().map(|(name, _)| name.clone()).collect();
    for (name, certificate) in made {
        all.put(name, KeptAs::SelfSigned, certificate);
    }
    (Arc::new(all), names)
}

/// The same at a start, of what was found.
pub(super) async fn make_at_start(
    kept: &mut KeptCertificates,
    config: &Config,
    writer: &mut Writer,
) {
    let made = made(kept, config);
    let names: Vec<Name> = made.iter().map(|(name, _)| name.clone()).collect();
    for (name, certificate) in made {
        kept.put(name, KeptAs::SelfSigned, certificate);
    }
    tell(writer, kept, &names).await;
}

/// Writes those `made`, which are served in any case: another is made after the next start.
async fn tell(writer: &mut Writer, kept: &KeptCertificates, made: &[Name]) {
    if let Some(store) = &mut writer.store
        && let Err(error) = write(store, kept, made).await
    {
        tracing::error!("a self-signed certificate could not be kept: {error}");
    }
    for name in made {
        tracing::info!("certificate {name} was made: it is signed by itself");
    }
}

/// Writes the self-signed certificates of these names.
pub(super) async fn write(
    store: &mut Store,
    kept: &KeptCertificates,
    made: &[Name],
) -> Result<(), StoreError> {
    for name in made {
        if let Some(certificate) = kept.get(name, KeptAs::SelfSigned) {
            let keep = store.keep_certificate(name, KeptAs::SelfSigned, certificate);
            keep.await?;
        }
    }
    Ok(())
}

/// The self-signed certificates of `config` that are not `kept` or are due, made.
fn made(kept: &KeptCertificates, config: &Config) -> Vec<(Name, KeptCertificate)> {
    let now = unix_now();
    let mut all = Vec::new();
    for certificate in &config.certificates {
        let (name, hosts) = (&certificate.name, &certificate.hosts);
        let found = kept.get(name, KeptAs::SelfSigned);
        let is_due = found.is_none_or(|found| tls::is_due(found, hosts, now));
        let is_wanted = match &certificate.source {
            CertificateSource::SelfSigned => true,
            // Until an authority has issued one, so that the listener is open.
            CertificateSource::Acme(_) => kept.get(name, KeptAs::Acme).is_none(),
            CertificateSource::Files(_) | CertificateSource::Uploaded => false,
        };
        if !is_wanted || !is_due {
            continue;
        }
        match tls::self_signed(hosts, now) {
            Ok(certificate) => all.push((name.clone(), certificate)),
            Err(why) => tracing::error!("certificate {name}: {why}"),
        }
    }
    all
}
