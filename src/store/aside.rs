//! Setting a damaged database aside: moved, never deleted, so that it can be examined.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{FILE, path};

/// What SQLite keeps beside the database.
const JOURNAL: [&str; 2] = ["-wal", "-shm"];

/// What a damaged database is called from then on, before the time.
const CORRUPT: &str = "config.db.corrupt-";

/// What copies of it are called, before what they are of.
const COPIES: &str = "config.db.";

/// The key of its secrets, which is made with the first of them.
const SEAL_KEY: &str = "seal.key";

/// Where the session store keeps its files.
const SESSIONS: &str = "sessions";

/// Moves the damaged database of `dir` aside and answers where it went.
///
/// # Errors
/// What the system answered; the database may then still be in its place.
pub fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let to = free_place(dir)?;
    // The database first: if this is broken off, it is missing, and not one that has
    // silently lost what its journal held.
    fs::rename(path(dir), &to)?;
    move_journal(dir, &to)?;
    File::open(dir)?.sync_all()?;
    Ok(to)
}

/// Moves a journal without its database aside.
pub(super) fn set_journal_aside(dir: &Path) -> io::Result<()> {
    let to = free_place(dir)?;
    move_journal(dir, &to)
}

/// Whether something in `dir` is there only where a database was once in use: one that was set aside,
/// replaced, or kept before its tables changed (`config.db.…`), the key of its secrets, or sessions.
/// A whole database has these beside it too: they tell of a lost one only where there is none.
///
/// # Errors
/// What the system answered.
pub fn had_database(dir: &Path) -> io::Result<bool> {
    Ok(
        has_file(dir, |name| name.starts_with(COPIES) || name == SEAL_KEY)?
            || has_sessions(&dir.join(SESSIONS))?,
    )
}

/// Whether a database was once set aside in `dir`, as it was damaged.
///
/// # Errors
/// What the system answered.
pub fn was_set_aside(dir: &Path) -> io::Result<bool> {
    has_file(dir, |name| name.starts_with(CORRUPT))
}

fn has_file(dir: &Path, is_meant: impl Fn(&str) -> bool) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        if is_meant(&entry?.file_name().to_string_lossy()) {
            return Ok(true);
        }
    }
    Ok(false)
}

// A disk that is mounted there before the first start is empty, but for what it is made with.
fn has_sessions(dir: &Path) -> io::Result<bool> {
    match has_file(dir, |name| name != "lost+found") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        answer => answer,
    }
}

/// Whether the database is a file without a byte, as a loss of power or a full disk may leave it.
pub fn is_emptied(dir: &Path) -> bool {
    fs::metadata(path(dir)).is_ok_and(|found| found.is_file() && found.len() == 0)
}

/// Whether there is a journal without its database, which somebody must have removed.
pub fn has_stray_journal(dir: &Path) -> bool {
    let journal = dir.join(format!("{FILE}-wal"));
    !path(dir).exists() && journal.exists()
}

fn move_journal(dir: &Path, to: &Path) -> io::Result<()> {
    for suffix in JOURNAL {
        match fs::rename(dir.join(format!("{FILE}{suffix}")), with(to, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn free_place(dir: &Path) -> io::Result<PathBuf> {
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let mut to = dir.join(format!("{CORRUPT}{time}"));
    let mut n = 2;
    while to.try_exists()? || with(&to, JOURNAL[0]).try_exists()? {
        to = dir.join(format!("{CORRUPT}{time}.{n}"));
        n += 1;
    }
    Ok(to)
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}
