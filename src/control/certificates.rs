//! Reading certificates and authorities, when a change is made and at a start, and seeing when what
//! they are read from is another.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::task::spawn_blocking;

use super::change::both;
use super::{Control, secrets};
use crate::model::{CertificateSource, Code, Config, KeptAs, KeptCertificates, Problems};
use crate::snapshot::{Material, Snapshot};
use crate::tls::{Authorities, AuthorityFault, Certificates, Engine, Part, ReadFault};

impl Control {
    /// What `config` only names and is about to follow `before`: its secrets, certificates, also
    /// of those `kept`, and authorities.
    pub(super) async fn read_after(
        &self,
        config: &Arc<Config>,
        before: &Snapshot,
        kept: &Arc<KeptCertificates>,
    ) -> Result<Arc<Material>, Problems> {
        let secrets = self.read_secrets_after(config, before).await;
        let certificates = self.read_certificates_after(config, before, kept).await;
        let authorities = self.read_authorities_after(config, before).await;
        let (secrets, (certificates, authorities)) =
            both(secrets, both(certificates, authorities))?;
        Ok(Arc::new(Material {
            secrets,
            certificates,
            authorities,
        }))
    }

    /// What `config`, which a start has found, only names. Of these owners of secrets it says
    /// nothing because only the lost database knew.
    pub(super) async fn read_at_start(
        &self,
        config: &Arc<Config>,
        lost: &[String],
    ) -> Arc<Material> {
        read_at_start(&self.engine, (config, &self.kept.load_full()), lost).await
    }

    /// The certificates of `config`. One that is named as before and cannot be used any more goes
    /// on as it was read: its file does not stand in the way of other changes, nor of clients.
    async fn read_certificates_after(
        &self,
        config: &Arc<Config>,
        before: &Snapshot,
        kept: &Arc<KeptCertificates>,
    ) -> Result<Arc<Certificates>, Problems> {
        let (engine, wanted, kept) = (self.engine.clone(), Arc::clone(config), Arc::clone(kept));
        let (named, read) = (Arc::clone(&before.config), Arc::clone(&before.certificates));
        let job = spawn_blocking(move || {
            let before = (named.certificates.as_slice(), &*read);
            Certificates::read(&engine, (&wanted.certificates, &kept), before, unix_now())
        });
        // The pool is gone only when the program is going.
        let (read, faults) = job.await.unwrap_or_default();
        match faults.is_empty() {
            true => Ok(Arc::new(read)),
            false => Err(problems(config, faults)),
        }
    }

    /// The same of the authorities that nodes are judged by.
    async fn read_authorities_after(
        &self,
        config: &Arc<Config>,
        before: &Snapshot,
    ) -> Result<Arc<Authorities>, Problems> {
        let (engine, wanted) = (self.engine.clone(), Arc::clone(config));
        let (named, read) = (Arc::clone(&before.config), Arc::clone(&before.authorities));
        let job = spawn_blocking(move || {
            let before = (named.pools.as_slice(), &*read);
            Authorities::read(&engine, &wanted.pools, before)
        });
        let (read, faults) = job.await.unwrap_or_default();
        match faults.is_empty() {
            true => Ok(Arc::new(read)),
            false => Err(authority_problems(faults)),
        }
    }

    /// Whether what a certificate or authorities in force are read from is another now than when
    /// they were read.
    pub(super) async fn certificates_changed(&self) -> bool {
        let now = self.now.load_full();
        let config = &now.snapshot.config;
        let speaks_tls = config.pools.iter().any(|pool| pool.tls.is_some());
        if config.certificates.is_empty() && !speaks_tls {
            return false;
        }
        let kept = self.kept.load_full();
        let look = spawn_blocking(move || {
            let snapshot = &now.snapshot;
            let named = &snapshot.config.certificates;
            snapshot.certificates.changed(named, &kept) || snapshot.authorities.files_changed()
        });
        look.await.unwrap_or_default()
    }
}

/// Reads what `config` only names, at a start.
pub(super) async fn read_at_start(
    engine: &Engine,
    (config, kept): (&Arc<Config>, &Arc<KeptCertificates>),
    lost: &[String],
) -> Arc<Material> {
    let secrets = secrets::read_at_start(config, lost).await;
    let (engine, config, kept) = (engine.clone(), Arc::clone(config), Arc::clone(kept));
    let job = spawn_blocking(move || {
        let certificates = Certificates::read_at_start(&engine, &config.certificates, &kept);
        let authorities = Authorities::read_at_start(&engine, &config.pools);
        (Arc::new(certificates), Arc::new(authorities))
    });
    let (certificates, authorities) = job.await.unwrap_or_default();
    Arc::new(Material {
        secrets,
        certificates,
        authorities,
    })
}

fn authority_problems(faults: Vec<AuthorityFault>) -> Problems {
    let mut problems = Problems::default();
    for fault in faults {
        let key = if fault.is_file { "tls.ca" } else { "tls" };
        let field = format!("pools[{}].{key}", fault.pool);
        problems.add(field, Code::Value, fault.words);
    }
    problems
}

fn problems(config: &Config, faults: Vec<ReadFault>) -> Problems {
    let mut problems = Problems::default();
    for fault in faults {
        let certificate = &config.certificates[fault.index];
        let key = match (&certificate.source, fault.part) {
            (CertificateSource::Files(_), Part::Chain) => "files.chain",
            (CertificateSource::Files(_), Part::Key) => "files.key",
            (source, _) => source.kept_as().map_or("", KeptAs::as_str),
        };
        let field = format!("certificates[{}].{key}", fault.index);
        problems.add(field, Code::Value, fault.words);
    }
    problems
}

/// Seconds since 1970.
pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}
