//! One file of the log store: blocks of records, each with its summary.
//!
//! A block grows by pieces until it is full: a piece is written once and never again, so that a
//! quiet log does not write its last block anew every second.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::decode::{Damaged, each};
use super::summary::{Summary, hash};

/// What the file says it is: `SyLg`.
const APPLICATION_ID: i32 = 0x5379_4c67;

/// Changed with the form of the bytes: a file of another is not read.
const VERSION: i32 = 2;

/// Pages of one size with what a quiet second adds.
const PAGE: u32 = 8192;

/// Pages in the journal before they go to the file, and what of it stays.
const CHECKPOINT: u32 = 256;

/// A search never waits long for the writer, nor it for a search.
const BUSY: Duration = Duration::from_millis(500);

/// A block's number and its piece's in one.
const PIECE_BITS: i64 = 16;

/// Marks a piece's checksum apart from other hashes.
const PIECE: u64 = 3;

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
}

impl Segment {
    /// Opens the file to write, and makes it where it is not.
    pub(super) fn open(path: &Path) -> Result<Self, SegmentError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let segment = Self::with(path, flags)?;
        let is_new = segment.number("SELECT count(*) FROM sqlite_schema")? == 0;
        if is_new {
            segment.db.pragma_update(None, "page_size", PAGE)?;
        } else {
            segment.check_kind()?;
        }
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        segment
            .db
            .query_row("PRAGMA journal_mode = WAL", [], mode)?;
        // Nothing is made sure for a record: what a machine that loses power had not written
        // itself is lost.
        segment.db.pragma_update(None, "synchronous", "NORMAL")?;
        segment
            .db
            .pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
        if is_new {
            segment.db.execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 CREATE TABLE blocks(
                     id INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL,
                     records INTEGER NOT NULL, summary BLOB NOT NULL) STRICT;
                 CREATE TABLE pieces(
                     id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
                 PRAGMA application_id = {APPLICATION_ID};
                 PRAGMA user_version = {VERSION};
                 COMMIT;"
            ))?;
        }
        Ok(segment)
    }

    /// Opens the file to read.
    pub(super) fn read(path: &Path) -> Result<Self, SegmentError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let segment = Self::with(path, flags)?;
        segment.check_kind()?;
        Ok(segment)
    }

    fn with(path: &Path, flags: OpenFlags) -> Result<Self, SegmentError> {
        let db = Connection::open_with_flags(path, flags)?;
        open_settings(&db)?;
        Ok(Self { db })
    }

    fn check_kind(&self) -> Result<(), SegmentError> {
        let is = |name, value: i32| self.number(name).map(|n| n == i64::from(value));
        match is("PRAGMA application_id", APPLICATION_ID)? && is("PRAGMA user_version", VERSION)? {
            true => Ok(()),
            false => Err(SegmentError::Foreign),
        }
    }

    fn number(&self, sql: &str) -> Result<i64, rusqlite::Error> {
        self.db.query_row(sql, [], |row| row.get(0))
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

    /// Adds a piece to a block, whose summary is now `summary`.
    pub(super) fn write(
        &mut self,
        block: i64,
        piece: i64,
        data: &[u8],
        summary: &Summary,
    ) -> Result<(), SegmentError> {
        let change = self
            .db
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        change
            .prepare_cached("INSERT INTO pieces(id, sum, data) VALUES (?1, ?2, ?3)")?
            .execute(params![(block << PIECE_BITS) | piece, sum(data), data])?;
        let sql = "INSERT INTO blocks(id, first, last, records, summary) \
                   VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT(id) DO UPDATE SET \
                   first = ?2, last = ?3, records = ?4, summary = ?5";
        change.prepare_cached(sql)?.execute(params![
            block,
            summary.first.cast_signed(),
            summary.last.cast_signed(),
            summary.records.cast_signed(),
            summary.to_bytes()
        ])?;
        Ok(change.commit()?)
    }

    /// Has its journal written into the file: who reads it then needs no right to write.
    pub(super) fn seal(self) -> Result<(), SegmentError> {
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
        let sql = "SELECT sum, data FROM pieces WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
        let mut statement = self.db.prepare_cached(sql)?;
        let first = block.checked_shl(16).unwrap_or(i64::MAX);
        let mut rows = statement.query([first, first | ((1 << PIECE_BITS) - 1)])?;
        let mut bytes = Vec::new();
        while let Some(row) = rows.next()? {
            let data = row
                .get_ref(1)?
                .as_blob()
                .map_err(|_| SegmentError::Damaged)?;
            if row.get::<_, i64>(0)? != sum(data) {
                return Err(SegmentError::Damaged);
            }
            bytes.extend_from_slice(data);
        }
        Ok(bytes)
    }
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

fn sum(data: &[u8]) -> i64 {
    hash(PIECE, data).cast_signed()
}
