//! The database of a backup: made in memory of the rows that belong into one, and read again.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::sqlite::{SqliteConnection, SqliteOwnedBuf};
use sqlx::{Connection, Row};

use super::{BackupError, LeftOut};
use crate::store::people::NO_PASSWORD;
use crate::store::seal::Keys;
use crate::store::{StoreError, certificates, corrupt, open, people};

/// The rows of a backup. Bounded: the newest revisions with 32 MiB of documents, the newest rows of
/// the audit log with 8 MiB of words; without which it would grow to what no form takes.
const ROWS: &[&str] = &[
    "insert into main.revisions select * from live.revisions where number in (
         select number from (
             select number, sum(octet_length(document)) over (order by number desc) as total,
                    row_number() over (order by number desc) as place
             from live.revisions)
         where total <= 33554432 or place = 1)",
    "insert into main.audit select * from live.audit where number in (
         select number from (
             select number, sum(octet_length(detail) + octet_length(subject) + 300)
                            over (order by number desc) as total
             from live.audit)
         where total <= 8388608)",
    "insert into main.tokens select * from live.tokens",
];

/// The same of what only a backup with secrets has.
const SECRET: &[&str] = &[
    "insert into main.users select * from live.users",
    "insert into main.second_factors select * from live.second_factors",
    "insert into main.recovery_codes select * from live.recovery_codes",
    "insert into main.secrets select * from live.secrets",
    "insert into main.certificates select * from live.certificates",
    "insert into main.acme_accounts select * from live.acme_accounts",
    "insert into main.issued select * from live.issued",
];

/// An image and what there is to say of it.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    pub(super) schema: i64,
    pub(super) revision: u64,
    pub(super) left_out: LeftOut,
}

/// Makes the image of the database at `path`: with its secrets where `keys` open them, which are
/// then in it as they are.
pub(super) async fn make(path: &Path, keys: Option<&Keys>) -> Result<Image, BackupError> {
    open::File::at(path)?;
    let mut memory = empty().await?;
    let name = path.to_str();
    let name = name.ok_or_else(|| corrupt("the way to the data directory is not UTF-8"))?;
    let attach = sqlx::query("attach ? as live").bind(name);
    let attached = attach.execute(&mut memory).await;
    attached.map_err(open::classify)?;
    let schema = open::newest_migration();
    if open::number(&mut memory, "pragma live.user_version").await? != schema {
        return Err(corrupt("it is of another version").into());
    }
    // One transaction: all rows are of the same moment.
    open::execute(&mut memory, "begin").await?;
    let left_out = copy(&mut memory, keys).await?;
    open::execute(&mut memory, "commit").await?;
    open::execute(&mut memory, "detach live").await?;
    let newest = "select coalesce(max(number), 0) from revisions";
    let revision = open::number(&mut memory, newest).await?;
    let bytes = memory.serialize(None).await.map_err(open::classify)?;
    let image = Image {
        bytes: bytes.to_vec(),
        schema,
        revision: u64::try_from(revision).unwrap_or_default(),
        left_out,
    };
    let _ = memory.close().await;
    Ok(image)
}

async fn copy(memory: &mut SqliteConnection, keys: Option<&Keys>) -> Result<LeftOut, StoreError> {
    for rows in ROWS {
        open::execute(memory, rows).await?;
    }
    if let Some(keys) = keys {
        for rows in SECRET {
            open::execute(memory, rows).await?;
        }
        return unseal(memory, keys).await;
    }
    let users = "insert into main.users (id, name, role, password, language, created)
                 select id, name, role, ?, language, created from live.users";
    let users = sqlx::query(users).bind(NO_PASSWORD);
    users.execute(&mut *memory).await.map_err(open::classify)?;
    Ok(LeftOut {
        secrets: names(memory, "select owner from live.secrets order by owner").await?,
        certificates: names(
            memory,
            "select name from live.certificates where kept_as = 'uploaded' order by name",
        )
        .await?,
        second_factors: names(
            memory,
            "select name from live.users where id in (select user from live.second_factors) order by name",
        )
        .await?,
    })
}

/// Puts the secrets themselves in the place of what the machine has sealed. What no key of it opens
/// cannot be taken along.
async fn unseal(memory: &mut SqliteConnection, keys: &Keys) -> Result<LeftOut, StoreError> {
    let mut lost = LeftOut::default();
    let rows = rows(memory, "select owner, value from secrets where sealed = 1").await?;
    for (owner, sealed) in rows {
        match keys.open(&owner, &sealed) {
            Some(text) => {
                let put = "update secrets set value = ?, sealed = 0, sha256 = ? where owner = ?";
                let put = sqlx::query(put).bind(&text);
                let put = put
                    .bind(crate::store::digest::sha256_of(&text))
                    .bind(&owner);
                put.execute(&mut *memory).await.map_err(open::classify)?;
            }
            None => {
                run(memory, "delete from secrets where owner = ?", &owner).await?;
                lost.secrets.push(owner);
            }
        }
    }
    unseal_certificates(memory, keys, &mut lost).await?;
    let names = user_names(memory).await?;
    let seeds = "select cast(user as text), seed from second_factors";
    for (user, sealed) in self::rows(memory, seeds).await? {
        let id: i64 = user.parse().map_err(|_| corrupt("a user has no number"))?;
        match keys.open(&people::seed_owner(id), &sealed) {
            Some(seed) => {
                let put = sqlx::query("update second_factors set seed = ? where user = ?");
                let put = put.bind(seed).bind(id);
                put.execute(&mut *memory).await.map_err(open::classify)?;
            }
            None => {
                run(memory, "delete from second_factors where user = ?", &user).await?;
                let name = names.get(&id).cloned();
                lost.second_factors.push(name.unwrap_or(user));
            }
        }
    }
    let accounts = "select key_id || '.' || directory, key from acme_accounts";
    for (owner, sealed) in self::rows(memory, accounts).await? {
        let which = "where key_id || '.' || directory = ?";
        match keys.open(&format!("acme_accounts.{owner}"), &sealed) {
            Some(key) => {
                let put = format!("update acme_accounts set key = ? {which}");
                let put = sqlx::query(sqlx::AssertSqlSafe(put)).bind(key).bind(&owner);
                put.execute(&mut *memory).await.map_err(open::classify)?;
            }
            // Another account is made there when one is needed.
            None => {
                run(
                    memory,
                    "delete from acme_accounts where key_id || '.' || directory = ?",
                    &owner,
                )
                .await?;
            }
        }
    }
    Ok(lost)
}

async fn unseal_certificates(
    memory: &mut SqliteConnection,
    keys: &Keys,
    lost: &mut LeftOut,
) -> Result<(), StoreError> {
    let all = "select name || '.' || kept_as, key from certificates";
    for (way, sealed) in rows(memory, all).await? {
        match keys.open(&certificates::owner_of(&way), &sealed) {
            Some(key) => {
                let put =
                    sqlx::query("update certificates set key = ? where name || '.' || kept_as = ?");
                let put = put.bind(key).bind(&way);
                put.execute(&mut *memory).await.map_err(open::classify)?;
            }
            None => {
                let gone = "delete from certificates where name || '.' || kept_as = ?";
                run(memory, gone, &way).await?;
                // The others are made or asked for anew.
                if let Some(name) = way.strip_suffix(".uploaded") {
                    lost.certificates.push(name.to_owned());
                }
            }
        }
    }
    Ok(())
}

/// Opens an image: ours, sound, of this version when this returns, and of no other shape.
pub(super) async fn open(bytes: &[u8]) -> Result<SqliteConnection, BackupError> {
    let mut memory = nothing().await?;
    let buffer = SqliteOwnedBuf::try_from(bytes).map_err(|_| BackupError::Torn)?;
    let put = memory.deserialize(None, buffer, false).await;
    put.map_err(unsound)?;
    let looked = open::look_with(&mut memory).await;
    looked.map_err(|error| match error {
        StoreError::Newer { why } => BackupError::Newer(why),
        StoreError::Corrupt { why } => BackupError::Unsound(why),
        error => error.into(),
    })?;
    open::migrate(&mut memory).await?;
    if shape(&mut memory).await? != shape(&mut empty().await?).await? {
        return Err(BackupError::Unsound("its tables are others".to_owned()));
    }
    let orphans = sqlx::query("pragma foreign_key_check");
    let orphans = orphans.fetch_all(&mut memory).await.map_err(unsound)?;
    match orphans.is_empty() {
        true => Ok(memory),
        false => Err(BackupError::Unsound("its rows do not fit".to_owned())),
    }
}

/// What a statement that fails on an image means: the image is not what we write.
pub(super) fn unsound(error: sqlx::Error) -> BackupError {
    match open::classify(error) {
        StoreError::Corrupt { why } | StoreError::Io { why } => BackupError::Unsound(why),
        other => other.into(),
    }
}

/// Every table, view and trigger in its own words. A trigger of a stranger's must not run.
async fn shape(memory: &mut SqliteConnection) -> Result<Vec<(String, String)>, BackupError> {
    let all = "select type || ' ' || name as name, coalesce(sql, '') as sql
               from sqlite_schema order by type, name";
    let rows = sqlx::query(all).fetch_all(memory).await.map_err(unsound)?;
    let one = |row: &sqlx::sqlite::SqliteRow| Ok((row.try_get("name")?, row.try_get("sql")?));
    let read: Result<_, sqlx::Error> = rows.iter().map(one).collect();
    read.map_err(unsound)
}

/// An empty database in memory, of this version.
async fn empty() -> Result<SqliteConnection, StoreError> {
    let mut memory = nothing().await?;
    open::migrate(&mut memory).await?;
    Ok(memory)
}

async fn nothing() -> Result<SqliteConnection, StoreError> {
    open::in_memory().await
}

async fn user_names(memory: &mut SqliteConnection) -> Result<BTreeMap<i64, String>, StoreError> {
    let all = sqlx::query_as("select id, name from users");
    let rows: Vec<(i64, String)> = all.fetch_all(memory).await.map_err(open::classify)?;
    Ok(rows.into_iter().collect())
}

async fn names(
    memory: &mut SqliteConnection,
    query: &'static str,
) -> Result<Vec<String>, StoreError> {
    let names = sqlx::query_scalar(query).fetch_all(memory).await;
    names.map_err(open::classify)
}

async fn rows(
    memory: &mut SqliteConnection,
    query: &'static str,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let rows = sqlx::query_as(query).fetch_all(memory).await;
    rows.map_err(open::classify)
}

async fn run(
    memory: &mut SqliteConnection,
    statement: &'static str,
    name: &str,
) -> Result<(), StoreError> {
    let done = sqlx::query(statement).bind(name).execute(memory).await;
    done.map(drop).map_err(open::classify)
}
