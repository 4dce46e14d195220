//! Backups of a data directory, and restoring one: a change like any other, with users and
//! certificates in the same transaction.

mod kept;
mod nightly;
mod restore;
mod told;

use super::{ChangeError, Control, Handle, Started};
use crate::model::SecretBytes;
use crate::store::StoreError;
use crate::store::backup::{self, Backup, BackupError};

pub(super) use nightly::{Nightly, watch};

pub use kept::{KeptBackup, KeptBackups};
pub use restore::RestoreBackup;
pub use told::{Came, Restored};

/// Why no backup was made, or nothing restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupFault {
    /// What is wrong with the backup or its passphrase.
    #[error(transparent)]
    Backup(BackupError),
    /// The change did not happen.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<BackupError> for BackupFault {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Store(error) => Self::Change(error.into()),
            error => Self::Backup(error),
        }
    }
}

impl From<StoreError> for BackupFault {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl Handle {
    /// Makes a backup of what is in the database, with its secrets where there is a passphrase. Waits
    /// for no change.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn back_up(&self, passphrase: Option<SecretBytes>) -> Result<Backup, BackupFault> {
        let control = self.control.clone();
        let made = async move { control.back_up(passphrase).await };
        let done = self.runtime.spawn(made).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string()).into()))
    }

    /// Puts a backup in the place of what is here: configuration, users, tokens, certificates. Or
    /// tells only what that would do.
    ///
    /// # Errors
    /// Why nothing happened.
    pub async fn restore(&self, wanted: RestoreBackup) -> Result<Restored, BackupFault> {
        let control = self.control.clone();
        let change = async move { control.restore(wanted).await };
        let done = self.runtime.spawn(change).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string()).into()))
    }
}

impl Control {
    async fn back_up(&self, passphrase: Option<SecretBytes>) -> Result<Backup, BackupFault> {
        // What is served without its database is not all of it.
        if let Started::LastKnownGood { why } | Started::Nothing { why } = &self.now.load().started
        {
            let why = format!("there is no database to back up: {why}");
            return Err(ChangeError::ReadOnly(why).into());
        }
        Ok(backup::make(&self.dir, passphrase).await?)
    }
}
