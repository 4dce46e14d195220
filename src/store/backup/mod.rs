//! Backups: all of `config.db` that another machine needs, in one file.
//!
//! Not a copy of the file, nor of its pages: the rows, read in one transaction into a database in
//! memory (`image`). So it is consistent while changes are made, holds no page that was freed, no
//! sign-in, and never touches the disk unsealed; and it is read by the one SQLite of this program,
//! because another would let go of the locks of this one. `file` is what is written.
//!
//! Secrets are sealed by a key that belongs to the machine, so they are opened here and the whole
//! is encrypted by a passphrase. Without one they are left out, and so are the passwords' hashes:
//! these are guessed from, given time, and «without secrets» must be a file that may lie about.

mod contents;
mod file;
mod image;
mod people;
mod restore;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::seal::Seal;
use super::{StoreError, path};
use crate::model::SecretBytes;

pub use contents::{BackedUser, Contents};
pub use file::MAX_FILE;
pub use restore::{Here, Restore};

/// Least and most characters of a passphrase. Whoever finds the file may try as long as they like.
pub const MIN_PASSPHRASE: usize = crate::model::Backup::MIN_PASSPHRASE;
const MAX_PASSPHRASE: usize = 1024;

/// What a backup says of itself, without its passphrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it was made, in seconds since 1970.
    pub made: i64,
    /// The version of the program that made it.
    pub version: String,
    /// The version of its tables.
    pub schema: i64,
    /// The revision in force then; 0 where there was none.
    pub revision: u64,
    /// The machine's name.
    pub host: String,
    /// Whether it holds secrets, and is encrypted.
    pub secrets: bool,
    /// What it does not hold and has to be given again.
    pub left_out: LeftOut,
}

/// What is not in a backup, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The owners of secrets given as text.
    pub secrets: Vec<String>,
    /// Certificates that were uploaded.
    pub certificates: Vec<String>,
    /// The users whose second factor is off then.
    pub second_factors: Vec<String>,
}

/// A backup, whole.
#[derive(Debug, Clone)]
pub struct Backup {
    /// What it says of itself.
    pub about: About,
    /// The file.
    pub bytes: Vec<u8>,
}

impl About {
    /// What its file is called where nobody says: machine and time.
    pub fn file_name(&self) -> String {
        let host = plain(&self.host);
        let made = jiff::Timestamp::from_second(self.made).unwrap_or_default();
        format!(
            "steelyard-{host}-{}.backup",
            made.strftime("%Y%m%dT%H%M%SZ")
        )
    }

    /// What it is, in a line.
    pub fn shown(&self) -> String {
        let made = jiff::Timestamp::from_second(self.made).unwrap_or_default();
        let secrets = match self.secrets {
            true => "with secrets",
            false => "without secrets",
        };
        let (revision, version) = (self.revision, &self.version);
        let quoted = |text: &str| text.escape_debug().to_string();
        format!(
            "revision {revision} of {}, made {made} by version {}, {secrets}",
            quoted(&self.host),
            quoted(version)
        )
    }
}

/// This machine's name as a file's name has it.
pub fn plain_host() -> String {
    plain(&host())
}

fn plain(host: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_.".contains(*c);
    host.chars().filter(is_plain).take(64).collect()
}

impl LeftOut {
    /// Whether that is nothing.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.certificates.is_empty() && self.second_factors.is_empty()
    }
}

/// Why a backup is not made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The bytes are something else.
    #[error("this is no backup of Steelyard")]
    NotOne,
    /// They are not those that were written.
    #[error("the backup is torn or was altered: use another copy of it")]
    Torn,
    /// It is encrypted.
    #[error("the backup is encrypted: give its passphrase")]
    PassphraseMissing,
    /// Another passphrase, or none that fits.
    #[error("this is not the passphrase of the backup")]
    WrongPassphrase,
    /// One that is no protection.
    #[error("a passphrase must have {MIN_PASSPHRASE} to {MAX_PASSPHRASE} characters")]
    Passphrase,
    /// A newer program made it.
    #[error("the backup was made by a newer version ({0}): restore it with that one")]
    Newer(String),
    /// More than is taken or made.
    #[error("the backup is longer than {} MiB", MAX_FILE / 1024 / 1024)]
    TooLong,
    /// What it holds cannot be right.
    #[error("the backup holds what no Steelyard writes: {0}")]
    Unsound(String),
    /// The database or the disk refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a backup of the data directory `dir`, whose database was opened before: with its secrets
/// and encrypted by `passphrase`, or without them. It was read back when this returns. No change
/// waits for it, nor it for one.
///
/// # Errors
/// Why not.
pub async fn make(dir: &Path, passphrase: Option<SecretBytes>) -> Result<Backup, BackupError> {
    if let Some(passphrase) = &passphrase {
        check_passphrase(passphrase)?;
    }
    let keys = Seal::of(dir).opening().await;
    let image = image::make(&path(dir), passphrase.is_some().then_some(&keys)).await?;
    let about = About {
        made: jiff::Timestamp::now().as_second(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: image.schema,
        revision: image.revision,
        host: host(),
        secrets: passphrase.is_some(),
        left_out: image.left_out,
    };
    let (written, secret) = (about.clone(), passphrase.clone());
    let write = spawn_blocking(move || file::write(&written, &image.bytes, secret.as_ref()));
    let bytes = write.await.map_err(broken_off)??;
    // What cannot be read back is no backup.
    read(bytes.clone(), passphrase).await?;
    Ok(Backup { about, bytes })
}

/// What a backup says of itself. That it is whole was checked, what it holds was not.
///
/// # Errors
/// It is none, torn, or of a newer version.
pub fn about(bytes: &[u8]) -> Result<About, BackupError> {
    file::about(bytes)
}

/// The same of a file of which nothing is checked: for a list, not to be acted on. Reads no more
/// than its head.
///
/// # Errors
/// It is none, cannot be read, or is of a newer version.
pub fn about_unchecked(file: impl std::io::Read) -> Result<About, BackupError> {
    file::about_unchecked(file)
}

/// Whether bytes begin as a backup does.
pub fn is_backup(bytes: &[u8]) -> bool {
    file::is_one(bytes)
}

/// Reads a backup, all of which is checked.
///
/// # Errors
/// Why it cannot be restored.
pub async fn read(
    bytes: Vec<u8>,
    passphrase: Option<SecretBytes>,
) -> Result<Contents, BackupError> {
    let open = spawn_blocking(move || file::read(&bytes, passphrase.as_ref()));
    let (about, image) = open.await.map_err(broken_off)??;
    contents::read(about, &image).await
}

/// Whether a passphrase protects.
///
/// # Errors
/// It is too short, or too long.
pub fn check_passphrase(passphrase: &SecretBytes) -> Result<(), BackupError> {
    let text = std::str::from_utf8(passphrase.bytes()).map_err(|_| BackupError::Passphrase)?;
    let length = text.chars().count();
    match (MIN_PASSPHRASE..=MAX_PASSPHRASE).contains(&length) {
        true => Ok(()),
        false => Err(BackupError::Passphrase),
    }
}

fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

fn broken_off(error: tokio::task::JoinError) -> BackupError {
    StoreError::Io {
        why: error.to_string(),
    }
    .into()
}
