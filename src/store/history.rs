//! Reading revisions back: by a connection that only reads, so that looking never waits for a
//! change under way, nor that for it.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};

use super::{StoreError, corrupt, digest, open};

/// Limit: revisions in one answer.
const MOST: u32 = 100;

/// A revision without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// Who made it.
    pub author: String,
    /// What changed, in words.
    pub words: String,
    /// When, in UTC.
    pub created: String,
}

/// The same with its document, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Number, author, words and time.
    pub entry: Entry,
    /// The document, JSON.
    pub document: String,
}

/// The revisions that are kept: the way to read them.
#[derive(Debug)]
pub struct Revisions {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: open::File,
    connection: SqliteConnection,
}

impl Revisions {
    /// Those of the data directory `dir`. Opened when they are first asked for, and again where
    /// `config.db` is another file since.
    pub fn of(dir: &Path) -> Self {
        Self {
            path: super::path(dir),
            open: None,
        }
    }

    /// At most `most` revisions, a hundred at most, the newest first; where `before` is given, those before it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn list(&mut self, before: Option<u64>, most: u32) -> Result<Vec<Entry>, StoreError> {
        let before = before.map_or(i64::MAX, key);
        let rows = self
            .read(async |c| {
                sqlx::query(
                    "select number, author, words, created from revisions
                     where number < ? order by number desc limit ?",
                )
                .bind(before)
                .bind(i64::from(most.min(MOST)))
                .fetch_all(c)
                .await
            })
            .await?;
        rows.iter().map(entry).collect()
    }

    /// One revision, its digest verified; none where it is not kept, or never was.
    ///
    /// # Errors
    /// `Corrupt` when the document is not what was written; when the database cannot be read.
    pub async fn one(&mut self, number: u64) -> Result<Option<Kept>, StoreError> {
        let row = self
            .read(async |c| {
                sqlx::query(
                    "select number, document, sha256, author, words, created
                     from revisions where number = ?",
                )
                .bind(key(number))
                .fetch_optional(c)
                .await
            })
            .await?;
        row.as_ref().map(kept).transpose()
    }

    /// The oldest that is kept; none where there is no revision.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn oldest(&mut self) -> Result<Option<u64>, StoreError> {
        let number: Option<i64> = self
            .read(async |c| {
                sqlx::query_scalar("select min(number) from revisions")
                    .fetch_one(c)
                    .await
            })
            .await?;
        number.map(positive).transpose()
    }

    /// Closes the connection in order.
    pub async fn close(&mut self) {
        if let Some(open) = self.open.take() {
            // Nothing was written by it.
            let _ = open.connection.close().await;
        }
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let file = open::File::at(&self.path)?;
        let open = match self.open.take() {
            Some(open) if open.file == file => open,
            _ => Open {
                file,
                connection: open::to_read(&self.path).await?,
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
}

/// No revision has a number that does not fit.
fn key(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn positive(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| corrupt("a revision has a negative number"))
}

fn entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let text = |column| row.try_get::<String, _>(column).map_err(open::classify);
    Ok(Entry {
        number: positive(row.try_get("number").map_err(open::classify)?)?,
        author: text("author")?,
        words: text("words")?,
        created: text("created")?,
    })
}

fn kept(row: &SqliteRow) -> Result<Kept, StoreError> {
    let text = |column| row.try_get::<String, _>(column).map_err(open::classify);
    let (entry, document) = (entry(row)?, text("document")?);
    if digest::sha256(&document) != text("sha256")? {
        let number = entry.number;
        let why = format!("the document of revision {number} is not what was written");
        return Err(corrupt(why));
    }
    Ok(Kept { entry, document })
}
