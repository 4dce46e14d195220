//! What the charts show: minutes added up to the points of a range, and the events beside them.
//! All of it is in one small database.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::events::{self, Noted};
use super::minutes::{Kind, MINUTE, Sums};
use super::segment::{SegmentError, open_settings};

/// The file, in the log store's folder. Its name is no number, so that it is no segment.
pub(super) const FILE: &str = "charts.sqlite";

/// Minutes kept: the longest range and a day.
const KEPT: u64 = 8 * 24 * 60;

const APPLICATION_ID: i32 = 0x5379_4368;
const VERSION: i32 = 2;

/// One whose events had English words alone.
const OLD_VERSION: i32 = 1;

/// How far a chart goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// 15 minutes, a point a minute.
    QuarterHour,
    /// An hour, a point a minute.
    Hour,
    /// A day, a point every ten minutes.
    Day,
    /// Seven days, a point an hour.
    Week,
}

impl Range {
    /// Every range, from the shortest on.
    pub const ALL: [Self; 4] = [Self::QuarterHour, Self::Hour, Self::Day, Self::Week];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QuarterHour => "15m",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// How long it is, in seconds.
    pub fn seconds(self) -> u64 {
        self.minutes().0 * 60
    }

    /// Minutes of the whole, and of a point.
    fn minutes(self) -> (u64, u64) {
        match self {
            Self::QuarterHour => (15, 1),
            Self::Hour => (60, 1),
            Self::Day => (24 * 60, 10),
            Self::Week => (7 * 24 * 60, 60),
        }
    }
}

/// Whose chart it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Everything.
    All,
    /// A site's.
    Site(String),
    /// A node's, as `pool/node`.
    Node(String),
}

impl Subject {
    fn key(&self) -> (Kind, &str) {
        match self {
            Self::All => (Kind::All, ""),
            Self::Site(name) => (Kind::Site, name),
            Self::Node(name) => (Kind::Node, name),
        }
    }
}

/// What a chart shows: points of equal length, and what happened within.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// How far it goes back.
    pub range: Range,
    /// Seconds of a point.
    pub step: u64,
    /// From the oldest on; the time of the last is not over.
    pub points: Vec<Point>,
    /// The newest first, at most 200.
    pub events: Vec<Noted>,
}

/// What one stretch of time came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Point {
    /// Its begin, in seconds since 1970.
    pub time: u64,
    /// Requests by class: other, 2xx, 3xx, 4xx, 5xx.
    pub classes: [u64; 5],
    /// Bytes of clients.
    pub bytes_in: u64,
    /// Bytes to clients.
    pub bytes_out: u64,
    /// The time within which a half, 95 and 99 of a hundred were answered, in microseconds;
    /// none of nothing.
    pub quantiles: [Option<u64>; 3],
}

/// The parts of a thousand that [`Point::quantiles`] are of.
const QUANTILES: [u64; 3] = [500, 950, 990];

/// Opens the database to write, and makes it where it is not.
pub(super) fn open(path: &Path) -> Result<Connection, SegmentError> {
    let db = Connection::open(path)?;
    open_settings(&db)?;
    let number = |sql| db.query_row(sql, [], |row| row.get::<_, i32>(0));
    let is_new = number("SELECT count(*) FROM sqlite_schema")? == 0;
    if !is_new && number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(SegmentError::Foreign);
    }
    let version = if is_new {
        VERSION
    } else {
        number("PRAGMA user_version")?
    };
    if !matches!(version, OLD_VERSION | VERSION) {
        return Err(SegmentError::Foreign);
    }
    db.query_row("PRAGMA journal_mode = WAL", [], |row| {
        row.get::<_, String>(0)
    })?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "wal_autocheckpoint", 64)?;
    if is_new {
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             CREATE TABLE minutes(
                 kind INTEGER NOT NULL, name TEXT NOT NULL, minute INTEGER NOT NULL,
                 data BLOB NOT NULL, PRIMARY KEY(kind, name, minute)) STRICT, WITHOUT ROWID;
             CREATE INDEX minutes_by_time ON minutes(minute);
             CREATE TABLE events(
                 id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, pool TEXT,
                 node TEXT, revision INTEGER NOT NULL, author TEXT, words TEXT NOT NULL, facts TEXT) STRICT;
             CREATE INDEX events_by_time ON events(time);
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {VERSION};
             COMMIT;"
        ))?;
    }
    if version == OLD_VERSION {
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             ALTER TABLE events ADD COLUMN facts TEXT;
             PRAGMA user_version = {VERSION};
             COMMIT;"
        ))?;
    }
    let word: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match word.as_str() {
        "ok" => Ok(db),
        _ => Err(SegmentError::Damaged),
    }
}

/// Opens it to read; none where there is none yet.
pub(super) fn read(folder: &Path) -> Result<Option<Connection>, SegmentError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(None);
    }
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    open_settings(&db)?;
    Ok(Some(db))
}

/// Removes minutes that no chart reaches, by the clock `now` in microseconds since 1970.
pub(super) fn forget(db: &Connection, now: u64) -> Result<(), SegmentError> {
    let before = (now / MINUTE).saturating_sub(KEPT);
    // A clock far ahead for a moment must not cost all of it at once.
    let sql = "DELETE FROM minutes WHERE minute IN \
               (SELECT DISTINCT minute FROM minutes WHERE minute < ?1 ORDER BY minute LIMIT 60)";
    db.prepare_cached(sql)?.execute([before.cast_signed()])?;
    Ok(())
}

/// The chart of `subject` over `range` up to `now`, in microseconds since 1970: columns of equal
/// length, and the events within.
pub(super) fn chart(
    folder: &Path,
    subject: &Subject,
    range: Range,
    now: u64,
) -> Result<Chart, SegmentError> {
    let (whole, step) = range.minutes();
    // The point that time stands in is the last; its minutes are not over.
    let end = (now / MINUTE / step + 1) * step;
    let from = end.saturating_sub(whole);
    let count = usize::try_from(whole / step).unwrap_or(0);
    let mut points = vec![Sums::default(); count];
    let mut events = Vec::new();
    if let Some(db) = read(folder)? {
        let (kind, name) = subject.key();
        let sql = "SELECT minute, data FROM minutes \
                   WHERE kind = ?1 AND name = ?2 AND minute >= ?3 AND minute < ?4";
        let mut statement = db.prepare(sql)?;
        let values = params![kind as u8, name, from.cast_signed(), end.cast_signed()];
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            let minute = row.get::<_, i64>(0)?.cast_unsigned();
            let data: Vec<u8> = row.get(1)?;
            let place = usize::try_from((minute - from) / step).unwrap_or(count);
            if let Some(point) = points.get_mut(place) {
                point.merge(&Sums::from_bytes(&data)?);
            }
        }
        events = events::between(&db, from * MINUTE, end * MINUTE)?;
    }
    let begins = (0..).map(|n| (from + n * step) * 60);
    Ok(Chart {
        range,
        step: step * 60,
        points: begins.zip(&points).map(point).collect(),
        events,
    })
}

fn point((time, sums): (u64, &Sums)) -> Point {
    Point {
        time,
        classes: sums.classes,
        bytes_in: sums.bytes_in,
        bytes_out: sums.bytes_out,
        quantiles: QUANTILES.map(|thousandths| sums.latency.quantile(thousandths)),
    }
}
