//! Tokens for programs. Of each only its digest is here.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{AuditEntry, People, PeopleError, refused, taken};
use crate::model::Scope;
use crate::store::StoreError;

/// Limit: tokens. More programs than one appliance has.
const MOST: i64 = 500;

/// A token, without what a program shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Never given again; no secret.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The name of who made it.
    pub made_by: String,
    /// When, in seconds since 1970.
    pub created: i64,
    /// When it was last shown, to the minute.
    pub used: Option<i64>,
}

/// A token to be added.
#[derive(Debug)]
pub struct NewToken<'a> {
    /// What it is for: 1 to 64 characters.
    pub name: &'a str,
    /// What it may do.
    pub scope: Scope,
    /// Its digest.
    pub sha256: &'a str,
    /// The name of who makes it.
    pub made_by: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
}

impl People {
    /// Every token, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tokens(&mut self) -> Result<Vec<Token>, StoreError> {
        let all = "select id, name, scope, made_by, created, used from tokens order by id desc";
        self.read(async |c| {
            let rows = sqlx::query(all).fetch_all(c).await?;
            rows.iter().map(read).collect()
        })
        .await
    }

    /// The token of this digest.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn token_shown(&mut self, sha256: &str) -> Result<Option<Token>, StoreError> {
        let shown = "select id, name, scope, made_by, created, used from tokens where sha256 = ?";
        self.read(async |c| {
            let row = sqlx::query(shown).bind(sha256).fetch_optional(c).await?;
            row.as_ref().map(read).transpose()
        })
        .await
    }

    /// Adds a token.
    ///
    /// # Errors
    /// `Taken`, also when there are too many, or the database's.
    pub async fn add_token(
        &mut self,
        new: &NewToken<'_>,
        entry: &AuditEntry,
    ) -> Result<i64, PeopleError> {
        self.write(Some(entry), async |t| {
            let done = sqlx::query(
                "insert into tokens (name, scope, sha256, made_by, created)
                 select ?, ?, ?, ?, ? where (select count(*) from tokens) < ?",
            )
            .bind(new.name)
            .bind(new.scope.as_str())
            .bind(new.sha256)
            .bind(new.made_by)
            .bind(new.now)
            .bind(MOST)
            .execute(&mut **t)
            .await
            .map_err(taken)?;
            match done.rows_affected() {
                0 => Err(PeopleError::Taken),
                _ => Ok(done.last_insert_rowid()),
            }
        })
        .await
    }

    /// Notes that a token was shown.
    ///
    /// # Errors
    /// The database's.
    pub async fn token_used(&mut self, id: i64, now: i64) -> Result<(), PeopleError> {
        self.write(None, async |t| {
            let done = sqlx::query("update tokens set used = ? where id = ?")
                .bind(now)
                .bind(id)
                .execute(&mut **t)
                .await;
            done.map(drop).map_err(refused)
        })
        .await
    }

    /// Ends a token.
    ///
    /// # Errors
    /// `Gone`, or the database's.
    pub async fn end_token(&mut self, id: i64, entry: &AuditEntry) -> Result<(), PeopleError> {
        self.write(Some(entry), async |t| {
            let done = sqlx::query("delete from tokens where id = ?")
                .bind(id)
                .execute(&mut **t)
                .await
                .map_err(refused)?;
            match done.rows_affected() {
                0 => Err(PeopleError::Gone),
                _ => Ok(()),
            }
        })
        .await
    }
}

fn read(row: &SqliteRow) -> Result<Token, sqlx::Error> {
    let word: String = row.try_get("scope")?;
    let scope = Scope::of(&word);
    Ok(Token {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        scope: scope.ok_or_else(|| sqlx::Error::Decode(format!("{word} is no scope").into()))?,
        made_by: row.try_get("made_by")?,
        created: row.try_get("created")?,
        used: row.try_get("used")?,
    })
}
