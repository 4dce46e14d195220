//! The copy that is kept of a database before this version changes its tables: whoever goes back to
//! the version before puts it in its place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::open::{classify, io_error, to_read};
use super::{StoreError, corrupt};

/// What a copy is called, before the number of the first migration that it lacks.
const COPY: &str = "config.db.pre-";
/// Until it is whole.
const UNFINISHED: &str = "config.db.pre.new";
/// Limit: copies that are kept, the newest. Nobody goes back further than that.
const KEPT: usize = 3;

/// Keeps a copy of the database of `connection`, whose tables are of `version`, in `dir`: whole and
/// sound, or none. Secrets in it are sealed as they are.
///
/// # Errors
/// It cannot be written, or what was written is not sound: then nothing was changed.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    dir: &Path,
    version: i64,
) -> Result<(), StoreError> {
    let unfinished = dir.join(UNFINISHED);
    make_empty(&unfinished).map_err(|error| io_error(&error))?;
    // Not a copy of the file: the journal holds what it does not yet.
    sqlx::query("vacuum into ?")
        .bind(unfinished.to_string_lossy())
        .execute(&mut *connection)
        .await
        .map_err(classify)?;
    let mut copy = to_read(&unfinished).await?;
    let verdict: String = sqlx::query_scalar("pragma integrity_check(1)")
        .fetch_one(&mut copy)
        .await
        .map_err(classify)?;
    copy.close().await.map_err(classify)?;
    if verdict != "ok" {
        return Err(corrupt(&verdict));
    }
    let finish = || {
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, dir.join(format!("{COPY}{}", version + 1)))?;
        File::open(dir)?.sync_all()?;
        remove_old(dir)
    };
    finish().map_err(|error| io_error(&error))
}

/// A file that its owner alone reads: SQLite fills an empty one and would make it for all.
fn make_empty(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(())
}

fn remove_old(dir: &Path) -> io::Result<()> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(COPY)?.parse::<i64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    for number in numbers.iter().rev().skip(KEPT) {
        fs::remove_file(dir.join(format!("{COPY}{number}")))?;
    }
    Ok(())
}
