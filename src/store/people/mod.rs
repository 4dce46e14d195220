//! Who may do what, in `config.db` beside the revisions: users, where they are signed in,
//! tokens, and the audit log.
//!
//! A connection of its own: signing in does not wait for a change under way, nor that for it.
//! Whatever changes something here writes, in the same transaction, what is told of it.

mod audit;
mod second_factors;
mod sign_ins;
#[cfg(test)]
mod tests;
mod tokens;
mod users;

use std::path::{Path, PathBuf};

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::seal::Seal;
use super::{StoreError, Transaction, open};

pub(super) use audit::append as append_audit;
pub(super) use second_factors::owner as seed_owner;

pub use audit::{AuditEntry, AuditRow, Outcome};
pub use second_factors::{NewSecondFactor, SecondFactor};
pub use sign_ins::{NewSignIn, SignIn};
pub use tokens::{NewToken, Token};
pub use users::{NewUser, User};

/// A hash that no password has, of the cost that others have: of a user who has no password, and of
/// whoever does not exist, who is told so as late.
pub const NO_PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3RlZWx5YXJkLW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why something about people was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody or something of this name is there.
    #[error("the name is taken")]
    Taken,
    /// It is not there, or no longer.
    #[error("it is not there any more")]
    Gone,
    /// Nobody could administer the appliance then.
    #[error("the last admin stays one")]
    LastAdmin,
    /// The first user is there already.
    #[error("there is a user already")]
    SetUp,
}

/// The tables about people. Opened when they are first needed, and again where `config.db` is
/// another file since.
#[derive(Debug)]
pub struct People {
    path: PathBuf,
    seal: Seal,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: open::File,
    connection: SqliteConnection,
}

impl People {
    /// Those of the data directory `dir`.
    pub fn of(dir: &Path) -> Self {
        Self {
            path: super::path(dir),
            seal: Seal::of(dir),
            open: None,
        }
    }

    /// Closes the connection in order.
    pub async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            // Whatever this answers, what was acknowledged is on disk already.
            let _ = open.connection.close().await;
        }
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let file = open::File::at(&self.path)?;
        let open = match self.open.take() {
            Some(open) if open.file == file => open,
            _ => Open {
                file,
                connection: open::existing(&self.path).await?,
            },
        };
        Ok(&mut self.open.insert(open).connection)
    }

    /// Reads. After an error the next look is by a new connection.
    async fn read<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = work(self.connection().await?).await;
        if done.is_err() {
            self.open = None;
        }
        done.map_err(open::classify)
    }

    /// Writes all of `work` and `entry`, or nothing.
    async fn write<T>(
        &mut self,
        entry: Option<&AuditEntry>,
        work: impl AsyncFnOnce(&mut Transaction<'_>) -> Result<T, PeopleError>,
    ) -> Result<T, PeopleError> {
        let connection = self.connection().await?;
        let done = async {
            let begun = connection.begin_with("begin immediate").await;
            let mut transaction = begun.map_err(open::classify)?;
            let answer = work(&mut transaction).await?;
            if let Some(entry) = entry {
                audit::append(&mut transaction, entry).await?;
            }
            transaction.commit().await.map_err(open::classify)?;
            Ok(answer)
        }
        .await;
        if matches!(done, Err(PeopleError::Store(_))) {
            self.open = None;
        }
        done
    }
}

/// What an error of a statement that adds a name means.
fn taken(error: sqlx::Error) -> PeopleError {
    let unique = matches!(&error, sqlx::Error::Database(inner) if inner.is_unique_violation());
    match unique {
        true => PeopleError::Taken,
        false => open::classify(error).into(),
    }
}

fn refused(error: sqlx::Error) -> PeopleError {
    open::classify(error).into()
}
