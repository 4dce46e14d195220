//! Restoring a backup: its rows in the place of those here, in one transaction. A kill in the
//! middle leaves what was there, and no other connection has to let go of the file.
//!
//! On a machine that has no revision yet all of it is taken over, its history too, and its audit
//! log where there is none yet. Elsewhere both go on: what is restored is the next revision, and one more row of the log.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::people;
use crate::model::{Config, KeptCertificates, Name, Role};
use crate::store::people::{AuditEntry, PeopleError, append_audit};
use crate::store::seal::Keys;
use crate::store::{
    Store, StoreError, Transaction, certificates, corrupt, insert, newest_in, newest_number, open,
    secrets,
};

/// What the database is called that was replaced, before the time.
const REPLACED: &str = "config.db.replaced-";

/// Limit: of those the newest are kept.
const KEPT_REPLACED: usize = 5;

/// Who is here, and what would be replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    /// Users and their roles.
    pub users: Vec<(String, Role)>,
    /// The names of tokens.
    pub tokens: Vec<String>,
}

/// A backup on its way into the database.
#[derive(Debug)]
pub struct Restore<'a> {
    /// The backup.
    pub contents: &'a Contents,
    /// The revision in force, which it follows.
    pub base: u64,
    /// Its Config as it will be served.
    pub config: &'a Config,
    /// Whether that is another than the one in force.
    pub changed: bool,
    /// Who restores it.
    pub author: &'a str,
    /// What the revision is called.
    pub words: &'a str,
    /// Every certificate that is kept then.
    pub kept: &'a KeptCertificates,
    /// Those of them that were made just now.
    pub made: &'a [Name],
    /// What the audit log is told.
    pub entry: &'a AuditEntry,
}

impl Store {
    /// Who is here.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub async fn here(&mut self) -> Result<Here, StoreError> {
        let users = sqlx::query_as("select name, role from users order by name collate nocase");
        let users: Vec<(String, String)> = users
            .fetch_all(&mut self.connection)
            .await
            .map_err(open::classify)?;
        let tokens = sqlx::query_scalar("select name from tokens order by name");
        let tokens = tokens.fetch_all(&mut self.connection).await;
        let known = |(name, role): (String, String)| Some((name, Role::of(&role)?));
        Ok(Here {
            users: users.into_iter().filter_map(known).collect(),
            tokens: tokens.map_err(open::classify)?,
        })
    }

    /// Keeps a copy of the database as it is beside it, before it is replaced; nothing where it
    /// holds nothing.
    ///
    /// # Errors
    /// The disk refuses.
    pub async fn keep_replaced(&mut self, dir: &Path) -> Result<Option<PathBuf>, StoreError> {
        let full = "select exists (select 1 from revisions) or exists (select 1 from users)";
        if open::number(&mut self.connection, full).await? == 0 {
            return Ok(None);
        }
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let mut to = dir.join(format!("{REPLACED}{time}"));
        let mut n = 2;
        while to.exists() {
            to = dir.join(format!("{REPLACED}{time}.{n}"));
            n += 1;
        }
        let copied = self.copy_to(dir, &to).await;
        if copied.is_err() {
            // A part of it is of no use, and takes the room that is missing.
            let _ = fs::remove_file(&to);
        }
        copied?;
        forget_old(dir);
        Ok(Some(to))
    }

    async fn copy_to(&mut self, dir: &Path, to: &Path) -> Result<(), StoreError> {
        let name = to.to_str();
        let name = name.ok_or_else(|| corrupt("the way to the data directory is not UTF-8"))?;
        // SQLite would make it for all to read; an empty one it takes as it is.
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(to);
        let made = made.map_err(|error| open::io_error(&error))?;
        let copy = sqlx::query("vacuum into ?").bind(name);
        let copied = copy.execute(&mut self.connection).await;
        copied.map_err(open::classify)?;
        let synced = made
            .sync_all()
            .and_then(|()| fs::File::open(dir)?.sync_all());
        synced.map_err(|error| open::io_error(&error))
    }

    /// Puts a backup in the place of what is here and answers the revision in force then, once it
    /// is on disk.
    ///
    /// # Errors
    /// `Stale` when `base` is not the newest revision; otherwise why the disk or the database
    /// refused. Nothing was written then.
    pub async fn restore_backup(&mut self, wanted: &Restore<'_>) -> Result<u64, StoreError> {
        let keys = self.seal.sealing().await?;
        self.write(async |t| restore(t, &keys, wanted).await).await
    }
}

async fn restore(
    t: &mut Transaction<'_>,
    keys: &Keys,
    wanted: &Restore<'_>,
) -> Result<u64, StoreError> {
    let contents = wanted.contents;
    let current = newest_number(t).await?;
    if current != wanted.base {
        return Err(StoreError::Stale { current });
    }
    let number = match (current, contents.about.revision) {
        (0, 1..) => take_history(t, keys, wanted).await?,
        _ if wanted.changed => {
            let revision = (wanted.config, wanted.author, wanted.words);
            insert(t, keys, current + 1, revision).await?;
            current + 1
        }
        _ => current,
    };
    people::restore(t, contents, keys).await?;
    certificates(t, keys, wanted).await?;
    let logged = "insert into audit (number, time, who, address, action, subject, detail, result, hash)
                  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
                         value ->> 6, value ->> 7, value ->> 8
                  from json_each(?) where not exists (select 1 from audit)";
    rows(t, logged, &contents.rows.audit).await?;
    append_audit(t, wanted.entry)
        .await
        .map_err(|error| match error {
            PeopleError::Store(error) => error,
            other => corrupt(other.to_string()),
        })?;
    Ok(number)
}

/// All revisions of the backup with their own numbers, and the texts of the newest.
async fn take_history(
    t: &mut Transaction<'_>,
    keys: &Keys,
    wanted: &Restore<'_>,
) -> Result<u64, StoreError> {
    let all = "insert into revisions (number, document, sha256, author, words, created)
               select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
               from json_each(?)";
    rows(t, all, &wanted.contents.rows.revisions).await?;
    secrets::write(t, keys, wanted.config).await?;
    let newest = newest_in(t).await?;
    let mut newest = newest.ok_or_else(|| corrupt("no revision was written"))?;
    secrets::fill_in(t, keys, &mut newest.config).await?;
    match newest.config == *wanted.config && newest.number == wanted.contents.about.revision {
        true => Ok(newest.number),
        false => Err(corrupt(format!(
            "revision {} does not read back as it was written",
            newest.number
        ))),
    }
}

async fn certificates(
    t: &mut Transaction<'_>,
    keys: &Keys,
    wanted: &Restore<'_>,
) -> Result<(), StoreError> {
    let contents = wanted.contents;
    let is_whole = contents.about.secrets;
    if is_whole {
        for table in [
            "delete from certificates",
            "delete from acme_accounts",
            "delete from issued",
            // Of other certificates than these.
            "delete from renewals",
        ] {
            let done = sqlx::query(table).execute(&mut **t).await;
            done.map_err(open::classify)?;
        }
    }
    for (name, kept_as, certificate) in wanted.kept.iter() {
        if is_whole || wanted.made.contains(name) {
            certificates::put(t, keys, (name, kept_as), certificate).await?;
        }
    }
    for (directory, key_id, account) in &contents.accounts {
        crate::store::acme::put_account(t, keys, (directory, key_id), account).await?;
    }
    let issued = "insert or replace into issued (name, directory)
                  select value ->> 0, value ->> 1 from json_each(?)";
    rows(t, issued, &contents.rows.issued).await
}

async fn rows(
    t: &mut Transaction<'_>,
    statement: &'static str,
    rows: &str,
) -> Result<(), StoreError> {
    let done = sqlx::query(statement).bind(rows).execute(&mut **t).await;
    done.map(drop).map_err(open::classify)
}

/// Removes the oldest of what was replaced. One that cannot be removed stays.
fn forget_old(dir: &Path) {
    let names = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut old: Vec<String> = names.filter(|name| name.starts_with(REPLACED)).collect();
    // By their time.
    old.sort();
    for name in old.iter().rev().skip(KEPT_REPLACED) {
        let _ = fs::remove_file(dir.join(name));
    }
}
