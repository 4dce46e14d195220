//! Restoring a backup: the life of a change, with a Config that was not written by hand.

use std::sync::Arc;

use super::super::change::{Applied, Sockets, both, troubles};
use super::super::{ChangeError, Control, Started, Writer, certificates, kept, publish, secrets};
use super::BackupFault;
use super::told::{Came, Lost, Restored};
use crate::document;
use crate::health;
use crate::model::{
    CertificateSource, Config, KeptAs, KeptCertificates, Name, Problems, Secret, SecretBytes,
};
use crate::snapshot::{Material, Snapshot};
use crate::store::backup::{self, Contents, Here, Restore};
use crate::store::people::AuditEntry;
use crate::store::{Store, StoreError};

/// A backup to restore.
#[derive(Debug, Clone)]
pub struct RestoreBackup {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its passphrase, where it has one.
    pub passphrase: Option<SecretBytes>,
    /// The revision in force that this was decided from; none is any.
    pub if_revision: Option<u64>,
    /// Only tell what would change. Sockets are tried, nothing is written.
    pub dry_run: bool,
    /// Who does it.
    pub author: String,
    /// What the audit log is told, in the same transaction.
    pub entry: AuditEntry,
}

/// A backup that was read, and what it means here.
struct Wanted {
    contents: Contents,
    config: Arc<Config>,
    applied: Applied,
    kept: Arc<KeptCertificates>,
    /// The certificates that were made just now.
    made: Vec<Name>,
    lost: Lost,
    restore: RestoreBackup,
}

impl Control {
    pub(super) async fn restore(&self, wanted: RestoreBackup) -> Result<Restored, BackupFault> {
        let contents = backup::read(wanted.bytes.clone(), wanted.passphrase.clone()).await?;
        let mut writer = self.writer.lock().await;
        let dry_run = wanted.dry_run;
        let outcome = self.try_restore(&mut writer, wanted, contents).await;
        if !dry_run {
            let is_done = outcome.is_ok();
            let metrics = &self.parts.metrics;
            metrics.count_reload(is_done, std::time::SystemTime::now());
        }
        outcome
    }

    async fn try_restore(
        &self,
        writer: &mut Writer,
        restore: RestoreBackup,
        contents: Contents,
    ) -> Result<Restored, BackupFault> {
        let now = self.now.load_full();
        let before = &now.snapshot;
        let current = before.revision;
        if restore.if_revision.is_some_and(|from| from != current) {
            return Err(ChangeError::Stale { current }.into());
        }
        let wanted = self.wanted(&before.config, current, contents, restore);
        let here = match &mut writer.store {
            Some(store) => store.here().await?,
            None => Here::default(),
        };
        let (material, mut sockets) = self.material(&wanted, before).await?;
        let number = match (current, wanted.contents.about.revision) {
            (0, taken_over @ 1..) => taken_over,
            _ if wanted.applied.changed => current + 1,
            _ => current,
        };
        let (config, kept) = (wanted.config.clone(), wanted.kept.clone());
        let mut snapshot = self.build(config.clone(), material.clone(), number).await;
        let came = Came::of(&wanted.contents, &here, (&self.kept.load(), &kept));
        let kept_now = &*kept;
        let facts = (&wanted.contents, &wanted.lost, kept_now);
        let mut restored = Restored::of(facts, wanted.applied, came);
        let applied = &mut restored.applied;
        applied.read_again = snapshot.read_anew(before);
        applied.warnings.append(&mut troubles(&snapshot).await);
        applied.warnings.append(&mut sockets.warnings);
        if wanted.restore.dry_run {
            return Ok(restored);
        }
        if self.running {
            health::resolve_new(&publish::targets(&snapshot)).await;
        }
        let store = self.writable(writer, &now).await?;
        let replaced = store.keep_replaced(&self.dir).await?;
        let words = restored.words();
        let author = wanted.restore.author;
        let write = Restore {
            contents: &wanted.contents,
            base: current,
            config: &wanted.config,
            changed: restored.applied.changed,
            author: &author,
            words: &words,
            kept: &kept,
            made: &wanted.made,
            entry: &wanted.restore.entry,
        };
        let number = written(store, write).await?;

        // On disk. Nothing below may fail.
        restored.applied.revision = number;
        restored.replaced = replaced.map(|path| path.display().to_string());
        if number != snapshot.revision {
            snapshot = self.build(config, material, number).await;
        }
        self.kept.store(kept.clone());
        if current > 0 {
            let changes = restored.applied.changes.as_slice().into();
            self.made.remember(number, changes);
        }
        tracing::info!(revision = number, author, "{words}");
        self.publish(writer, snapshot, Started::Serving, sockets)
            .await;
        self.tell_change(&author, &words, &restored.applied);
        Ok(restored)
    }

    /// What the backup means here. One without secrets leaves those that are here.
    fn wanted(
        &self,
        before: &Config,
        current: u64,
        contents: Contents,
        restore: RestoreBackup,
    ) -> Wanted {
        let mut config = contents.config.clone();
        let is_whole = contents.about.secrets;
        if !is_whole {
            config.keep_secrets_of(before);
        }
        let changes = document::diff(before, &config);
        let warnings = config.warnings();
        let lost = lost(&contents.about.left_out.secrets, &config);
        secrets::generate(&mut config);
        let kept = match is_whole {
            true => Arc::new(contents.kept.clone()),
            false => self.kept.load_full(),
        };
        let (kept, made) = kept::with_self_signed(kept, &config);
        Wanted {
            applied: Applied {
                changed: !changes.is_empty(),
                dry_run: restore.dry_run,
                revision: current,
                changes,
                read_again: Vec::new(),
                warnings,
            },
            config: Arc::new(config),
            contents,
            kept,
            made,
            lost,
            restore,
        }
    }

    /// All that the Config of a backup needs of this machine. What the backup left out is missed,
    /// and stands in the way of nothing.
    async fn material(
        &self,
        wanted: &Wanted,
        before: &Snapshot,
    ) -> Result<(Arc<Material>, Sockets), ChangeError> {
        let invalid = |problems: Problems| ChangeError::Invalid(problems.into());
        let config = &wanted.config;
        let own = self.not_for_sites(config).await;
        if !own.is_empty() {
            return Err(invalid(own));
        }
        let left_out = Arc::new(without_uploads(wanted));
        let read = self.read_after(&left_out, before, &wanted.kept).await;
        let store = self.open_session_store(config).await;
        let opened = store.and_then(|()| self.open_sockets(config, &before.config));
        let (material, sockets) = both(read, opened).map_err(invalid)?;
        if wanted.lost.missing.is_empty()
            && left_out.certificates.len() == config.certificates.len()
        {
            return Ok((material, sockets));
        }
        // Nothing else was a Problem: as a start reads what it cannot have.
        let kept = (config, &wanted.kept);
        let read = certificates::read_at_start(&self.engine, kept, &wanted.lost.missing).await;
        Ok((read, sockets))
    }
}

/// Writes it, also where the database holds a revision that was never in force, which it follows.
async fn written(store: &mut Store, restore: Restore<'_>) -> Result<u64, StoreError> {
    let base = restore.base;
    match store.restore_backup(&restore).await {
        Err(StoreError::Stale { current: found }) if found > base => {
            let base = found;
            store.restore_backup(&Restore { base, ..restore }).await
        }
        outcome => outcome,
    }
}

/// Those of the secrets that were left out that `config` misses.
fn lost(left_out: &[String], config: &Config) -> Lost {
    let mut lost = Lost::default();
    for place in config.secrets() {
        if *place.secret == Secret::Absent && left_out.contains(&place.owner) {
            match place.generated {
                None => lost.missing.push(place.owner),
                Some(_) => lost.anew.push(place.owner),
            }
        }
    }
    lost
}

/// The Config of a backup without the certificates that have to be uploaded again.
fn without_uploads(wanted: &Wanted) -> Config {
    let mut config = Config::clone(&wanted.config);
    if !wanted.contents.about.secrets || !wanted.contents.about.left_out.certificates.is_empty() {
        let is_there = |name: &Name| wanted.kept.get(name, KeptAs::Uploaded).is_some();
        config
            .certificates
            .retain(|one| one.source != CertificateSource::Uploaded || is_there(&one.name));
    }
    config
}
