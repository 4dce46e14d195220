//! `config.db`: every revision of the Config, whole, in SQLite; the last-known-good
//! file beside it; and the lock of the data directory.
//!
//! A secret given as text is in `config.db` alone, beside the revisions (`secrets`), and so are
//! certificates that were uploaded or made here (`certificates`).
//!
//! The only folder with SQL. It decides nothing: which revision is served, and what
//! happens when the database is gone, is `control/`'s.

mod acme;
mod aside;
pub mod backup;
mod before;
mod certificates;
mod digest;
mod history;
pub mod last_known_good;
mod lock;
mod open;
pub mod people;
mod seal;
mod secrets;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use crate::document::{self, Format};
use crate::model::Config;

pub use acme::{AcmeAccount, FailedRenewal};
pub use aside::{had_database, has_stray_journal, is_emptied, set_aside, was_set_aside};
pub use history::{Entry, Kept, Revisions};
pub use lock::{Lock, LockError};
pub use open::make_directory;

use seal::{Keys, Seal};

/// The database's file name in the data directory.
const FILE: &str = "config.db";

/// Revisions kept. Limit: a program that applies every minute would otherwise fill the
/// disk with documents; the newest thousand is more than anyone reads back.
const KEPT: u64 = 1000;

/// Why the database cannot be used, by what has to be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no database yet, or no longer.
    #[error("config.db is missing")]
    Missing,
    /// Another program holds it; it may let go.
    #[error("config.db is locked by another program")]
    Locked,
    /// Its bytes are not what was written.
    #[error("config.db is corrupt: {why}")]
    Corrupt {
        /// What was found.
        why: String,
    },
    /// A newer Steelyard wrote it. Never written by this one.
    #[error("config.db was written by a newer version: {why}")]
    Newer {
        /// What was found.
        why: String,
    },
    /// The disk or the file system refuses.
    #[error("config.db cannot be used: {why}")]
    Io {
        /// What it answered.
        why: String,
    },
    /// The change was made from an older revision than the newest.
    #[error("revision {current} is the newest: read it and make the change again")]
    Stale {
        /// The newest revision; 0 where there is none.
        current: u64,
    },
}

/// A revision as it was read back, its digest verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub number: u64,
    /// The Config.
    pub config: Config,
    /// Who made it.
    pub author: String,
    /// What changed, in words.
    pub words: String,
    /// When, in UTC.
    pub created: String,
    /// The owners of secrets whose text is kept and cannot be opened: their key is gone.
    pub lost: Vec<String>,
}

/// The open database: the one connection that writes.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: SqliteConnection,
    /// Whether a write failed: SQLite may have rolled back by itself then, which the driver
    /// does not hear of. The next write begins on a new connection.
    failed: bool,
    seal: Seal,
}

impl Store {
    /// Opens the database of the data directory `dir` and brings it to this version.
    ///
    /// # Errors
    /// By what has to be done about it. A newer database has not been written to.
    pub async fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = path(dir);
        let connection = open::existing(&path).await?;
        let mut store = Self {
            path,
            connection,
            failed: false,
            seal: Seal::of(dir),
        };
        if let Err(error) = store.seal_old().await {
            tracing::warn!("secrets kept by an earlier version stay unsealed: {error}");
        }
        Ok(store)
    }

    /// Seals what a version that did not seal has written.
    async fn seal_old(&mut self) -> Result<(), StoreError> {
        if let (true, false) = secrets::look(&mut self.connection).await?
            && let Some(stored) = self.newest().await?
        {
            let keys = self.seal.sealing().await?;
            self.write(async |transaction| {
                secrets::write(transaction, &keys, &stored.config).await
            })
            .await?;
        }
        Ok(())
    }

    /// What seals the secrets of `config`; nothing where there are none.
    async fn keys_for(&mut self, config: &Config) -> Result<Keys, StoreError> {
        match config.secret_texts().is_empty() {
            true => Ok(self.keys_for_opening().await?),
            false => self.seal.sealing().await,
        }
    }

    /// What opens the secrets that are kept; nothing where there are none.
    async fn keys_for_opening(&mut self) -> Result<Keys, StoreError> {
        match secrets::look(&mut self.connection).await? {
            (true, _) => Ok(self.seal.opening().await),
            _ => Ok(Keys::default()),
        }
    }

    /// Opens the database of `dir`, making an empty one where there is none.
    ///
    /// # Errors
    /// As [`Store::open`]; never `Missing`.
    pub async fn open_or_create(dir: &Path) -> Result<Self, StoreError> {
        match Self::open(dir).await {
            Err(StoreError::Missing) => {
                open::create(dir)?;
                Self::open(dir).await
            }
            opened => opened,
        }
    }

    /// The newest revision; none in a database that has not seen one.
    ///
    /// # Errors
    /// `Corrupt` when the document is not what was written, `Newer` when it is and this
    /// version does not understand it.
    pub async fn newest(&mut self) -> Result<Option<Stored>, StoreError> {
        let Some(mut stored) = newest_in(&mut self.connection).await? else {
            return Ok(None);
        };
        let keys = self.keys_for_opening().await?;
        stored.lost = secrets::fill_in(&mut self.connection, &keys, &mut stored.config).await?;
        Ok(Some(stored))
    }

    /// Writes `config` as the next revision and answers its number, once it is on disk.
    ///
    /// # Errors
    /// `Stale` when `base` is given and is not the newest revision; otherwise why the disk
    /// or the database refused. Nothing was written then.
    pub async fn append(
        &mut self,
        base: Option<u64>,
        config: &Config,
        author: &str,
        words: &str,
    ) -> Result<u64, StoreError> {
        let keys = self.keys_for(config).await?;
        let append = async |transaction: &mut Transaction<'_>| {
            let current = newest_number(transaction).await?;
            if base.is_some_and(|base| base != current) {
                return Err(StoreError::Stale { current });
            }
            let number = current + 1;
            insert(transaction, &keys, number, (config, author, words)).await?;
            Ok(number)
        };
        self.write(append).await
    }

    /// Writes the last-known-good `config` under the number it had, into a database that
    /// lost it, so that the numbers go on from there.
    ///
    /// # Errors
    /// `Stale` when the database already has that revision or a newer one, or why it refused.
    pub async fn restore(&mut self, number: u64, config: &Config) -> Result<(), StoreError> {
        let keys = self.keys_for(config).await?;
        let restore = async |transaction: &mut Transaction<'_>| {
            let current = newest_number(transaction).await?;
            if current >= number {
                return Err(StoreError::Stale { current });
            }
            let revision = (config, "steelyard", "restore the last-known-good");
            insert(transaction, &keys, number, revision).await
        };
        self.write(restore).await
    }

    /// Closes the database in order, so that its journal is folded into it.
    pub async fn close(self) {
        // Whatever this answers, what was acknowledged is on disk already.
        let _ = self.connection.close().await;
    }

    async fn write<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.failed {
            self.connection = open::existing(&self.path).await?;
            self.failed = false;
        }
        let done = async {
            let begun = self.connection.begin_with("begin immediate").await;
            let mut transaction = begun.map_err(open::classify)?;
            let answer = work(&mut transaction).await?;
            transaction.commit().await.map_err(open::classify)?;
            Ok(answer)
        }
        .await;
        self.failed = matches!(&done, Err(error) if !matches!(error, StoreError::Stale { .. }));
        done
    }
}

type Transaction<'c> = sqlx::Transaction<'c, sqlx::Sqlite>;

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// The newest revision, without secrets given as text.
async fn newest_in(connection: &mut SqliteConnection) -> Result<Option<Stored>, StoreError> {
    let newest = "select number, document, sha256, author, words, created
                  from revisions order by number desc limit 1";
    let row = sqlx::query(newest)
        .fetch_optional(connection)
        .await
        .map_err(open::classify)?;
    row.as_ref().map(read).transpose()
}

async fn newest_number(transaction: &mut Transaction<'_>) -> Result<u64, StoreError> {
    let number: i64 = sqlx::query_scalar("select coalesce(max(number), 0) from revisions")
        .fetch_one(&mut **transaction)
        .await
        .map_err(open::classify)?;
    u64::try_from(number).map_err(|_| corrupt("a revision has a negative number"))
}

// Writes one row and reads it back: what is acknowledged has been seen to load.
async fn insert(
    transaction: &mut Transaction<'_>,
    keys: &Keys,
    number: u64,
    (config, author, words): (&Config, &str, &str),
) -> Result<(), StoreError> {
    let key = i64::try_from(number).map_err(|_| corrupt("the revision numbers have run out"))?;
    let document = document::to_json(config).to_string();
    sqlx::query(
        "insert into revisions (number, document, sha256, author, words, created)
         values (?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(&document)
    .bind(digest::sha256(&document))
    .bind(author)
    .bind(words)
    .bind(now())
    .execute(&mut **transaction)
    .await
    .map_err(open::classify)?;

    let written = "select number, document, sha256, author, words, created
                   from revisions where number = ?";
    let row = sqlx::query(written)
        .bind(key)
        .fetch_one(&mut **transaction)
        .await
        .map_err(open::classify)?;
    secrets::write(transaction, keys, config).await?;
    let mut written = read(&row)?.config;
    secrets::fill_in(transaction, keys, &mut written).await?;
    if written != *config {
        let why = format!("revision {number} does not read back as it was written");
        return Err(corrupt(why));
    }

    sqlx::query("delete from revisions where number <= ?")
        .bind(key.saturating_sub_unsigned(KEPT))
        .execute(&mut **transaction)
        .await
        .map_err(open::classify)?;
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Stored, StoreError> {
    let text = |column| row.try_get::<String, _>(column).map_err(open::classify);
    let number: i64 = row.try_get("number").map_err(open::classify)?;
    let number = u64::try_from(number).map_err(|_| corrupt("a revision has a negative number"))?;
    let document = text("document")?;
    if digest::sha256(&document) != text("sha256")? {
        let why = format!("the document of revision {number} is not what was written");
        return Err(corrupt(why));
    }
    // The digest holds, so these are the words that were written: a version that does
    // not understand them is older than the one that wrote them.
    let parsed = document::parse(&document, Format::Json).map_err(|_| StoreError::Newer {
        why: format!("revision {number} holds what this version does not know"),
    })?;
    Ok(Stored {
        number,
        config: parsed.config,
        author: text("author")?,
        words: text("words")?,
        created: text("created")?,
        lost: Vec::new(),
    })
}

fn corrupt(why: impl Into<String>) -> StoreError {
    StoreError::Corrupt { why: why.into() }
}

/// Now in UTC, to the second: `2026-11-22T10:46:39Z`.
fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
