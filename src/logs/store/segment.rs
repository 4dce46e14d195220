//! One segment of the log store: blocks of records, the summaries in a file of SQLite, the records in
//! one beside it (`data`).
//!
//! A block grows until it is full: records are written once and never again, so that a quiet log does
//! not write its last block anew every second, and not by way of SQLite's journal, which is twice.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::block::Block;
use super::data::{Data, Extent};
use super::decode::{Damaged, each};
use super::summary::Summary;

/// What the file says it is: `SyLg`.
const APPLICATION_ID: i32 = 0x5379_4c67;

/// Changed with the form of the bytes: a file of another is not read.
const VERSION: i32 = 3;

/// Pages of one size with what a quiet second adds.
const PAGE: u32 = 8192;

/// Pages in the journal before they go to the file, and what of it stays.
const CHECKPOINT: u32 = 256;

/// A search never waits long for the writer, nor it for a search.
const BUSY: Duration = Duration::from_millis(500);

/// How the name of the records' file goes on behind that of the summaries'.
pub(super) const DATA: &str = "-data";

/// Why a segment cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SegmentError {
    /// SQLite's word.
    #[error("{0}")]
    Sql(#[from] rusqlite::Error),
    /// The file's bytes are not what was written.
    #[error("its bytes are not what was written")]
    Damaged,
    /// It is of another program or version.
    #[error("it is no log store of this version")]
    Foreign,
    /// The system's word.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<Damaged> for SegmentError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

impl SegmentError {
    /// Whether the file itself is bad, and so for ever.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged | Self::Foreign => true,
            Self::Sql(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            ),
            Self::Io(_) => false,
        }
    }
}

/// What all of its blocks come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct About {
    pub(super) records: u64,
    /// Microseconds since 1970.
    pub(super) first: u64,
    pub(super) last: u64,
    /// The number of its last block; they count from 1.
    pub(super) blocks: i64,
}

/// One file, open.
#[derive(Debug)]
pub(super) struct Segment {
    db: Connection,
    data: Data,
}

impl Segment {
    /// Opens the files to write, and makes them where they are not.
    pub(super) fn open(path: &Path) -> Result<Self, SegmentError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = connect(path, flags)?;
        let is_new = number(&db, "SELECT count(*) FROM sqlite_schema")? == 0;
        if is_new {
            db.pragma_update(None, "page_size", PAGE)?;
        } else {
            check_kind(&db)?;
        }
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        db.query_row("PRAGMA journal_mode = WAL", [], mode)?;
        // Nothing is made sure for a record: what a machine that loses power had not written
        // itself is lost.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
        if is_new {
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 CREATE TABLE blocks(
                     id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
                     records INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL,
                     summary BLOB NOT NULL) STRICT;
                 PRAGMA application_id = {APPLICATION_ID};
                 PRAGMA user_version = {VERSION};
                 COMMIT;"
            ))?;
        }
        let data = Data::open(&beside(path), end(&db)?)?;
        Ok(Self { db, data })
    }

    /// Opens the files to read.
    pub(super) fn read(path: &Path) -> Result<Self, SegmentError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = connect(path, flags)?;
        check_kind(&db)?;
        let data = Data::read(&beside(path)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SegmentError::Damaged,
            _ => error.into(),
        })?;
        Ok(Self { db, data })
    }

    /// The file of its records.
    pub(super) fn data(&mut self) -> &mut Data {
        &mut self.data
    }

    /// Bytes of its records.
    pub(super) fn length(&self) -> u64 {
        self.data.end()
    }

    /// Looks through the whole file.
    pub(super) fn check(&self) -> Result<(), SegmentError> {
        let word: String = self
            .db
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        match word.as_str() {
            "ok" => Ok(()),
            _ => Err(SegmentError::Damaged),
        }
    }

    /// The same, and every record in it.
    pub(super) fn check_all(&self) -> Result<(), SegmentError> {
        self.check()?;
        self.blocks_from(i64::MAX, |block, _| {
            each(&self.records(block)?, |_| ())?;
            Ok(true)
        })
    }

    /// What is in it.
    pub(super) fn about(&self) -> Result<About, SegmentError> {
        let sql = "SELECT coalesce(sum(records), 0), coalesce(min(first), 0), \
                   coalesce(max(last), 0), coalesce(max(id), 0) FROM blocks";
        Ok(self.db.query_row(sql, [], |row| {
            Ok(About {
                records: row.get::<_, i64>(0)?.cast_unsigned(),
                first: row.get::<_, i64>(1)?.cast_unsigned(),
                last: row.get::<_, i64>(2)?.cast_unsigned(),
                blocks: row.get(3)?,
            })
        })?)
    }

    /// Drops the blocks whose records are not what was written, and tells how many records they had:
    /// a machine that lost power had not written them itself.
    pub(super) fn drop_torn(&mut self) -> Result<u64, SegmentError> {
        let mut torn = Vec::new();
        let mut records = 0;
        self.blocks_from(i64::MAX, |block, summary| {
            match self.records(block) {
                Ok(_) => {}
                Err(SegmentError::Damaged) => {
                    torn.push(block);
                    records += summary.records;
                }
                Err(error) => return Err(error),
            }
            Ok(true)
        })?;
        let change = self.db.transaction()?;
        for block in torn {
            change.execute("DELETE FROM blocks WHERE id = ?1", [block])?;
        }
        change.commit()?;
        self.data.cut(end(&self.db)?)?;
        Ok(records)
    }

    /// Writes what is pending of `blocks`, which have their numbers.
    pub(super) fn write<'b>(
        &mut self,
        blocks: impl IntoIterator<Item = &'b mut Block>,
    ) -> Result<(), SegmentError> {
        let change = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let sql = "INSERT INTO blocks(id, first, last, records, at, length, summary) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(id) DO UPDATE SET \
                   first = ?2, last = ?3, records = ?4, length = ?6, summary = ?7";
        let mut statement = change.prepare_cached(sql)?;
        for block in blocks {
            // First the records: what is named is there.
            block.write(&mut self.data)?;
            let (summary, extent) = (&block.summary, block.extent);
            statement.execute(params![
                block.number,
                summary.first.cast_signed(),
                summary.last.cast_signed(),
                summary.records.cast_signed(),
                extent.at.cast_signed(),
                extent.length.cast_signed(),
                summary.to_bytes()
            ])?;
        }
        drop(statement);
        Ok(change.commit()?)
    }

    /// Has its journal written into the file: who reads it then needs no right to write.
    pub(super) fn seal(self) -> Result<(), SegmentError> {
        // From now on nobody looks whether all of it is there.
        self.data.sync()?;
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        self.db
            .query_row("PRAGMA journal_mode = DELETE", [], mode)?;
        Ok(())
    }

    /// Hands the blocks up to number `up_to`, the newest first, to `take` until it has enough.
    pub(super) fn blocks_from(
        &self,
        up_to: i64,
        mut take: impl FnMut(i64, &Summary) -> Result<bool, SegmentError>,
    ) -> Result<(), SegmentError> {
        let sql = "SELECT id, summary FROM blocks WHERE id <= ?1 ORDER BY id DESC";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query([up_to])?;
        while let Some(row) = rows.next()? {
            let summary = row
                .get_ref(1)?
                .as_blob()
                .map_err(|_| SegmentError::Damaged)?;
            if !take(row.get(0)?, &Summary::from_bytes(summary)?)? {
                break;
            }
        }
        Ok(())
    }

    /// The bytes of a block's records.
    pub(super) fn records(&self, block: i64) -> Result<Vec<u8>, SegmentError> {
        let sql = "SELECT at, length FROM blocks WHERE id = ?1";
        let extent = self.db.prepare_cached(sql)?.query_row([block], extent);
        let extent = extent.optional()?.ok_or(SegmentError::Damaged)?;
        Ok(self.data.batches(extent)??)
    }
}

/// The records' file of the segment of this name.
fn beside(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(DATA);
    name.into()
}

fn extent(row: &rusqlite::Row<'_>) -> Result<Extent, rusqlite::Error> {
    let [at, length] = [row.get::<_, i64>(0)?, row.get(1)?].map(i64::cast_unsigned);
    Ok(Extent { at, length })
}

/// Where the records of the last block end.
fn end(db: &Connection) -> Result<u64, rusqlite::Error> {
    let sql = "SELECT at, length FROM blocks ORDER BY id DESC LIMIT 1";
    let last = db.query_row(sql, [], extent).optional()?;
    Ok(last.unwrap_or_default().end())
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let db = Connection::open_with_flags(path, flags)?;
    open_settings(&db)?;
    Ok(db)
}

fn check_kind(db: &Connection) -> Result<(), SegmentError> {
    let is = |name, value: i32| number(db, name).map(|n| n == i64::from(value));
    match is("PRAGMA application_id", APPLICATION_ID)? && is("PRAGMA user_version", VERSION)? {
        true => Ok(()),
        false => Err(SegmentError::Foreign),
    }
}

fn number(db: &Connection, sql: &str) -> Result<i64, rusqlite::Error> {
    db.query_row(sql, [], |row| row.get(0))
}

/// What every connection is set to.
pub(super) fn open_settings(db: &Connection) -> Result<(), rusqlite::Error> {
    db.busy_timeout(BUSY)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "journal_size_limit", 1 << 20)
}
