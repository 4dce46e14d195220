//! Reading secrets: from the files and variables that a Config names, when a change is made and
//! at a start. What a start cannot read is tried again every few seconds.
//!
//! A snapshot holds what was read (`Snapshot::secrets`): whoever signs takes it there when the
//! snapshot is built, or asks [`super::Handle::secret`].

use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::change::troubles;
use super::{Applied, ChangeError, Control, Now, Writer};
use crate::disk::read_at_most;
use crate::model::{Code, Config, Generated, Problems, Secret, SecretBytes, SecretPlace, Secrets};
use crate::snapshot::Snapshot;

impl Control {
    /// The secrets of `config`, which is about to follow `before`. One that is said as it was
    /// and cannot be read now stays as it was read: a file that is gone does not stand in the way
    /// of other changes.
    pub(super) async fn read_secrets_after(
        &self,
        config: &Arc<Config>,
        before: &Snapshot,
    ) -> Result<Arc<Secrets>, Problems> {
        let mut read = read(config).await;
        let mut problems = Problems::default();
        let said_before = before.config.secrets();
        for place in config.secrets() {
            let as_it_was = said_before
                .iter()
                .any(|old| old.owner == place.owner && old.secret == place.secret);
            // A text that was lost with the database is missed until it is given again.
            if *place.secret == Secret::Absent
                && as_it_was
                && let Some(why) = before.secrets.why_missing(&place.owner)
            {
                read.miss(place.owner, why.to_owned());
                continue;
            }
            let Some(why) = read.why_missing(&place.owner) else {
                continue;
            };
            match before.secrets.get(&place.owner) {
                _ if !as_it_was => problems.add(place.field, Code::Value, why),
                Some(secret) => read.put(place.owner, secret.clone()),
                None => {}
            }
        }
        match problems.is_empty() {
            true => Ok(Arc::new(read)),
            false => Err(problems),
        }
    }

    /// Reads again what the Config in force names and files or variables hold: secrets,
    /// certificates, pages for errors. Serves with it where it is another, unless it is a `dry_run`. A phrase for
    /// each that is.
    pub(super) async fn read_again(&self, writer: &mut Writer, dry_run: bool) -> Vec<String> {
        let now = self.now.load_full();
        let before = &now.snapshot;
        // Nothing that was said differs, so that nothing is a Problem.
        let kept = self.kept.load_full();
        let Ok(material) = self.read_after(&before.config, before, &kept).await else {
            return Vec::new();
        };
        let (config, revision) = (before.config.clone(), before.revision);
        let snapshot = self.build(config, material, revision).await;
        let news = snapshot.read_anew(before);
        let as_read = snapshot.certificates.as_read(&before.certificates);
        let as_read = as_read && snapshot.authorities.as_read(&before.authorities);
        let differs = !news.is_empty() || !as_read || snapshot.secrets != before.secrets;
        if differs && !dry_run {
            for what in &news {
                tracing::info!("{what}");
            }
            self.serve(writer, snapshot, now.started.clone()).await;
        }
        news
    }

    /// What a document without a difference does: what it names is read again.
    pub(super) async fn look_again(
        &self,
        writer: &mut Writer,
        now: &Now,
        mut applied: Applied,
    ) -> Result<Applied, ChangeError> {
        if !applied.dry_run && !self.running {
            // Applying what is served anyway mends a database that lost it.
            self.writable(writer, now).await?;
        }
        if !applied.dry_run {
            self.open_closed_listeners(&now.snapshot);
        }
        if self.running {
            applied.read_again = self.read_again(writer, applied.dry_run).await;
            applied.changed = !applied.read_again.is_empty();
        }
        let in_force = self.now.load_full();
        let mut troubles = troubles(&in_force.snapshot).await;
        applied.warnings.append(&mut troubles);
        Ok(applied)
    }
}

/// Reads every secret of `config` at a start. Of these owners it says nothing because only
/// the lost database knew.
pub(super) async fn read_at_start(config: &Arc<Config>, lost: &[String]) -> Arc<Secrets> {
    let mut secrets = read(config).await;
    for place in config.secrets() {
        if *place.secret == Secret::Absent && lost.contains(&place.owner) {
            let why = "its text was only in config.db, or sealed by a seal.key that is gone: apply it again";
            secrets.miss(place.owner, why.to_owned());
        }
    }
    Arc::new(secrets)
}

/// Reads every secret of `config`.
async fn read(config: &Arc<Config>) -> Secrets {
    let config = Arc::clone(config);
    let read = spawn_blocking(move || read_all(&config)).await;
    // The pool is gone only when the program is going.
    read.unwrap_or_default()
}

fn read_all(config: &Config) -> Secrets {
    let mut secrets = Secrets::default();
    for place in config.secrets() {
        let read = match place.secret {
            Secret::Absent => continue,
            Secret::Text(text) => Ok(text.clone()),
            Secret::File(path) => in_file(path),
            Secret::Env(name) => in_environment(name),
        };
        match read {
            Ok(secret) => secrets.put(place.owner, secret),
            Err(why) => secrets.miss(place.owner, why),
        }
    }
    secrets
}

/// The words of a Problem never hold what was read.
fn in_file(path: &Path) -> Result<SecretBytes, String> {
    let shown = path.display();
    // The end of its line, and one byte more than may be.
    let most = u64::try_from(Secret::MAX_BYTES + 3).unwrap_or(u64::MAX);
    let bytes =
        read_at_most(path, most).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let text = match bytes.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => &bytes,
    };
    match text.len() {
        0 => Err(format!("{shown} is empty")),
        length if length > Secret::MAX_BYTES => {
            let most = Secret::MAX_BYTES;
            Err(format!("{shown} is longer than {most} bytes"))
        }
        _ => Ok(SecretBytes::new(text)),
    }
}

fn in_environment(name: &str) -> Result<SecretBytes, String> {
    let value = std::env::var_os(name)
        .ok_or_else(|| format!("the variable {name} is not set for this program"))?;
    match value.into_vec() {
        value if value.is_empty() => Err(format!("the variable {name} is empty")),
        value if value.len() > Secret::MAX_BYTES => {
            let most = Secret::MAX_BYTES;
            Err(format!("the variable {name} is longer than {most} bytes"))
        }
        value => Ok(SecretBytes::new(&value)),
    }
}

/// Generates each secret that `config` needs and nobody gave (`SecretPlace::generated`). It is
/// kept from then on as if it had been given as text, without being told as a change: called
/// behind the comparison of every change, and for what a start found. The owners.
pub(super) fn generate(config: &mut Config) -> Vec<String> {
    let places = config.secrets_mut().into_iter();
    places.filter_map(generate_at).collect()
}

/// The same where a Config was found that had them all: what is generated now was lost.
pub(super) fn generate_lost(config: &mut Config) {
    for owner in generate(config) {
        let so = match owner.as_str() {
            Config::AFFINITY_SECRET => "clients lose their nodes once",
            _ => {
                "applications are refused until they have the new one (steelyard sessions password)"
            }
        };
        tracing::warn!("{owner} was lost with the database, and another is generated: {so}");
    }
}

pub(super) fn generate_at(place: SecretPlace<&mut Secret>) -> Option<String> {
    let generated = place
        .generated
        .filter(|_| *place.secret == Secret::Absent)?;
    // As long as the digest it signs with; from the system's own source of randomness.
    let random: [u8; 32] = rand::random();
    let secret = match generated {
        Generated::Key => SecretBytes::new(&random),
        // Nothing in it has to be escaped in a URL or a file of settings.
        Generated::Password => {
            let hex: String = random[..24].iter().map(|b| format!("{b:02x}")).collect();
            SecretBytes::new(hex.as_bytes())
        }
    };
    *place.secret = Secret::Text(secret);
    Some(place.owner)
}
