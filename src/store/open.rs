//! Opening `config.db`: whose it is, which version wrote it, whether it is sound; and
//! what SQLite's error codes ask of the caller.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{StatVfsMountFlags, statvfs};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use super::{StoreError, aside, before, corrupt, path};

/// How long another program may hold the database before a change gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The same at opening: a start has the last-known-good to serve meanwhile.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// `STLY`: marks the file as ours.
const APPLICATION_ID: i64 = 0x5354_4c59;

/// Limit: the write-ahead log is cut back to this after a checkpoint, in bytes.
const JOURNAL_SIZE_LIMIT: &str = "4194304";

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Makes the data directory, for its owner and readable by the group.
///
/// # Errors
/// What the system answered.
pub fn make_directory(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(dir)
}

/// Which file is at a path, by device and inode: `config.db` may be moved aside and made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct File(u64, u64);

impl File {
    /// The one at `path`.
    pub(super) fn at(path: &Path) -> Result<Self, StoreError> {
        let found = fs::metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing,
            _ => io_error(&error),
        })?;
        Ok(Self(found.dev(), found.ino()))
    }
}

/// Makes an empty file for the database, readable by nobody else.
pub(super) fn create(dir: &Path) -> Result<(), StoreError> {
    let make = || {
        // What a lost database left would be read as part of the new one.
        aside::set_journal_aside(dir)?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path(dir))?
            .sync_all()?;
        fs::File::open(dir)?.sync_all()
    };
    make().map_err(|error| io_error(&error))
}

/// Opens the database at `path` for writing and brings it to this version.
pub(super) async fn existing(path: &Path) -> Result<SqliteConnection, StoreError> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(StoreError::Missing),
        Err(error) => return Err(io_error(&error)),
    }
    look(path).await?;
    let mut connection = options(path, BUSY_TIMEOUT)
        .connect()
        .await
        .map_err(classify)?;
    execute(&mut connection, "pragma journal_mode = wal").await?;
    let version = user_version(&mut connection).await?;
    // One without tables has nothing to go back to.
    if let Some(dir) = path.parent()
        && (1..newest_migration()).contains(&version)
    {
        before::keep(&mut connection, dir, version).await?;
    }
    migrate(&mut connection).await?;
    Ok(connection)
}

/// Brings a database to this version.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    if user_version(connection).await? < newest_migration() {
        // Not `run`: its future cannot be sent between threads.
        MIGRATOR
            .run_direct(None, connection, false)
            .await
            .map_err(classify_migration)?;
    }
    Ok(())
}

/// Opens an empty database in memory, of no version.
pub(super) async fn in_memory() -> Result<SqliteConnection, StoreError> {
    let memory = options(Path::new(":memory:"), BUSY_TIMEOUT);
    memory.connect().await.map_err(classify)
}

/// Opens the database at `path` for reading alone.
pub(super) async fn to_read(path: &Path) -> Result<SqliteConnection, StoreError> {
    let connect = options(path, LOOK_TIMEOUT).read_only(true).connect().await;
    let mut connection = connect.map_err(classify)?;
    let version = user_version(&mut connection).await?;
    not_newer(version)?;
    Ok(connection)
}

// A look without a pen: a database that is not ours, newer or damaged is not touched.
async fn look(path: &Path) -> Result<(), StoreError> {
    let connect = options(path, LOOK_TIMEOUT).read_only(true).connect().await;
    let mut connection = connect.map_err(classify)?;
    let looked = look_with(&mut connection).await;
    let closed = connection.close().await.map_err(classify);
    looked.and(closed)
}

pub(super) async fn look_with(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let version = user_version(connection).await?;
    not_newer(version)?;
    // Creation may have been broken off after SQLite's first or the migrator's first write.
    let tables = "select count(*) from sqlite_schema where name not like '%sqlx_migrations%'";
    let (id, tables) = (
        number(connection, "pragma application_id").await?,
        number(connection, tables).await?,
    );
    if id != APPLICATION_ID && (id != 0 || version != 0 || tables != 0) {
        return Err(corrupt("it does not carry the mark of Steelyard"));
    }
    let verdict: String = sqlx::query_scalar("pragma quick_check(1)")
        .fetch_one(connection)
        .await
        .map_err(classify)?;
    match verdict.as_str() {
        "ok" => Ok(()),
        why => Err(corrupt(why)),
    }
}

fn not_newer(version: i64) -> Result<(), StoreError> {
    let known = newest_migration();
    if version <= known {
        return Ok(());
    }
    let why = format!("its schema is version {version}, this program knows up to {known}");
    Err(StoreError::Newer { why })
}

fn options(path: &Path, busy: Duration) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .immutable(is_frozen(path))
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(busy)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("trusted_schema", "off")
        .pragma("cell_size_check", "on")
        // A secret that was replaced does not stay behind in a free page.
        .pragma("secure_delete", "on")
        // A stray pointer must not be able to write into the file.
        .pragma("mmap_size", "0")
        .pragma("journal_size_limit", JOURNAL_SIZE_LIMIT)
        .disable_statement_logging()
}

/// Whether nobody can write the database, and all of it is in its one file: SQLite does not read one
/// whose journal it would have to make first, unless it is told that it will not change.
fn is_frozen(path: &Path) -> bool {
    let is_read_only = path.parent().is_some_and(|dir| {
        let found = statvfs(dir);
        found.is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
    });
    is_read_only && fs::metadata(path.with_extension("db-wal")).map_or(0, |found| found.len()) == 0
}

pub(super) fn newest_migration() -> i64 {
    MIGRATOR.iter().map(|m| m.version).max().unwrap_or(0)
}

async fn user_version(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    number(connection, "pragma user_version").await
}

pub(super) async fn number(
    connection: &mut SqliteConnection,
    query: &'static str,
) -> Result<i64, StoreError> {
    sqlx::query_scalar(query)
        .fetch_one(connection)
        .await
        .map_err(classify)
}

pub(super) async fn execute(
    connection: &mut SqliteConnection,
    statement: &'static str,
) -> Result<(), StoreError> {
    let done = sqlx::raw_sql(statement).execute(connection).await;
    done.map(drop).map_err(classify)
}

/// What an error of the driver asks of the caller. Codes: sqlite.org/rescode.html.
pub(super) fn classify(error: sqlx::Error) -> StoreError {
    let why = error.to_string();
    let code = match &error {
        sqlx::Error::Database(inner) => inner.code().and_then(|code| code.parse::<i32>().ok()),
        // The row is not of the shape that was written.
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::RowNotFound => return StoreError::Corrupt { why },
        _ => None,
    };
    // The low byte is the primary code.
    match code.map(|code| code & 0xff) {
        Some(5 | 6) => StoreError::Locked,
        // ERROR is «no such table» and the like: no statement of ours is wrong in itself.
        Some(1 | 11 | 26) => StoreError::Corrupt { why },
        Some(13) => StoreError::Io {
            why: "the disk is full".to_owned(),
        },
        _ => StoreError::Io { why },
    }
}

fn classify_migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) => classify(inner),
        // A database that this build did not make, and must not write to.
        other => StoreError::Newer {
            why: other.to_string(),
        },
    }
}

pub(super) fn io_error(error: &io::Error) -> StoreError {
    StoreError::Io {
        why: error.to_string(),
    }
}
