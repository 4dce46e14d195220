//! A certificate that is given to be kept: looked at, and kept where it is sound.

use tokio::task::spawn_blocking;

use super::super::certificates::unix_now;
use super::super::{ChangeError, Control, Handle};
use super::CertificateView;
use crate::model::{
    Certificate, CertificateSource, Code, HostPattern, KeptAs, KeptCertificate, KeptCertificates,
    Name, Problems, SecretBytes,
};
use crate::tls::{self, Part};

/// Limits, in bytes: far more than any chain, and any key.
const MAX_CHAIN: usize = 1024 * 1024;
const MAX_KEY: usize = 64 * 1024;

/// A certificate that is given, with its key.
#[derive(Debug, Clone)]
pub struct GivenCertificate {
    /// What it is to be called.
    pub name: String,
    /// PEM: the certificate, then those that lead to its authority, in order.
    pub chain: String,
    /// PEM: its private key, without a passphrase.
    pub key: SecretBytes,
    /// The hosts that it must be made for; empty: those that the configuration has for it.
    pub hosts: Vec<HostPattern>,
    /// Who gives it.
    pub author: String,
}

impl Handle {
    /// Keeps a certificate as uploaded, in place of one before. It is shown at once where the
    /// configuration says so of its name.
    ///
    /// # Errors
    /// What is wrong with it, in the fields `name`, `chain` and `key`, or why it cannot be kept.
    /// The one before goes on then.
    pub async fn put_certificate(
        &self,
        given: GivenCertificate,
    ) -> Result<CertificateView, ChangeError> {
        let control = self.control.clone();
        let work = async move { control.put_certificate(given).await };
        let done = self.runtime.spawn(work).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string())))
    }

    /// Keeps an uploaded certificate no longer.
    ///
    /// # Errors
    /// There is none, the configuration names it, or the database refuses.
    pub async fn forget_certificate(&self, name: String) -> Result<(), ChangeError> {
        let control = self.control.clone();
        let work = async move { control.forget_certificate(&name).await };
        let done = self.runtime.spawn(work).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string())))
    }
}

impl Control {
    async fn put_certificate(
        &self,
        given: GivenCertificate,
    ) -> Result<CertificateView, ChangeError> {
        let mut writer = self.writer.lock().await;
        let invalid = |problems: Problems| ChangeError::Invalid(problems.into());
        let name = Name::parse(&given.name).map_err(|why| invalid(one("name", why)))?;
        let is_new = self.kept.load().get(&name, KeptAs::Uploaded).is_none();
        if is_new && self.kept.load().len() >= KeptCertificates::MOST {
            let most = KeptCertificates::MOST;
            let why = format!("{most} certificates are kept already: remove one that is not used");
            return Err(invalid(one("name", why)));
        }
        let kept = KeptCertificate {
            chain: given.chain.into(),
            key: Some(given.key),
            since: unix_now(),
        };
        let config = self.now.load().snapshot.config.clone();
        let named = config.certificates.iter().find(|one| one.name == name);
        let is_uploaded = |one: &&Certificate| one.source == CertificateSource::Uploaded;
        let hosts = match given.hosts {
            hosts if hosts.is_empty() => named.filter(is_uploaded).map(|one| one.hosts.clone()),
            hosts => Some(hosts),
        };
        let (engine, looked) = (self.engine.clone(), kept.clone());
        let (looked_name, hosts) = (name.clone(), hosts.unwrap_or_default());
        let look = move || look(&engine, (looked_name, hosts), looked);
        let looked = spawn_blocking(look).await;
        let looked = looked.unwrap_or_else(|error| Err(one("chain", error.to_string())));
        looked.map_err(invalid)?;
        self.keep_certificate(&mut writer, (&name, KeptAs::Uploaded), kept)
            .await?;
        tracing::info!(author = given.author, "certificate {name} was uploaded");
        drop(writer);
        let view = self.certificate_views().into_iter();
        let is_it = |view: &CertificateView| {
            view.name == name.as_str() && view.source == KeptAs::Uploaded.as_str()
        };
        view.into_iter().find(is_it).ok_or_else(|| {
            ChangeError::BrokenOff(format!("certificate {name} was removed meanwhile"))
        })
    }

    async fn forget_certificate(&self, name: &str) -> Result<(), ChangeError> {
        let mut writer = self.writer.lock().await;
        let name = Name::parse(name).ok();
        let kept = self.kept.load_full();
        let is_kept = |name: &Name| kept.get(name, KeptAs::Uploaded).is_some();
        let name = name.filter(is_kept);
        let name =
            name.ok_or_else(|| ChangeError::NotFound("no such certificate is kept".to_owned()))?;
        let now = self.now.load_full();
        let mut named = now.snapshot.config.certificates.iter();
        if named.any(|one| one.name == name && one.source == CertificateSource::Uploaded) {
            let why = "the configuration names it: remove it there first";
            return Err(ChangeError::Invalid(one("name", why.to_owned()).into()));
        }
        let store = self.writable(&mut writer, &now).await?;
        store.forget_certificate(&name, KeptAs::Uploaded).await?;
        let mut all = KeptCertificates::clone(&kept);
        all.remove(&name, KeptAs::Uploaded);
        self.kept.store(all.into());
        Ok(())
    }
}

/// One Problem.
fn one(field: &str, why: String) -> Problems {
    let mut problems = Problems::default();
    problems.add(field, Code::Value, why);
    problems
}

/// Looks at `kept` as if it were named: sound, good now, and for the operator's hosts.
fn look(
    engine: &tls::Engine,
    (name, hosts): (Name, Vec<HostPattern>),
    kept: KeptCertificate,
) -> Result<(), Problems> {
    if kept.chain.len() > MAX_CHAIN {
        let why = format!("must be at most {MAX_CHAIN} bytes long");
        return Err(one("chain", why));
    }
    let key = kept.key.as_ref().map_or(0, |key| key.bytes().len());
    if key > MAX_KEY {
        return Err(one("key", format!("must be at most {MAX_KEY} bytes long")));
    }
    let certificate = Certificate {
        name: name.clone(),
        hosts,
        source: CertificateSource::Uploaded,
    };
    let mut all = KeptCertificates::default();
    all.put(name, KeptAs::Uploaded, kept);
    match tls::look(engine, &certificate, &all, unix_now()) {
        Ok(()) => Ok(()),
        Err((part, words)) => Err(one(
            match part {
                Part::Chain => "chain",
                Part::Key => "key",
            },
            words,
        )),
    }
}
