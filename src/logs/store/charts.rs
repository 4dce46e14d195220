//! What the charts show: minutes added up to the points of a range, and the events beside them.
//! All of it is in one small database.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Value, json};

use super::encode::since_1970;
use super::minutes::{Kind, MINUTE, Sums};
use super::search::date;
use super::segment::{SegmentError, open_settings};

/// The file, in the log store's folder. Its name is no number, so that it is no segment.
pub(super) const FILE: &str = "charts.sqlite";

/// Minutes kept: the longest range and a day.
const KEPT: u64 = 8 * 24 * 60;

/// Limit: events kept.
const MAX_EVENTS: u64 = 10_000;

/// Limit: events on a page.
pub const MAX_EVENTS_PAGE: usize = 200;

const APPLICATION_ID: i32 = 0x5379_4368;
const VERSION: i32 = 1;

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

/// Something that happened, told beside the charts and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub time: std::time::SystemTime,
    /// `node_up`, `node_down`, `fail_open`, `fail_open_end`, `change`, `start` or `stop`.
    pub kind: &'static str,
    /// The pool it is about.
    pub pool: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The revision then in force.
    pub revision: u64,
    /// Who changed it.
    pub author: Option<String>,
    /// What happened, in words.
    pub words: String,
}

/// Opens the database to write, and makes it where it is not.
pub(super) fn open(path: &Path) -> Result<Connection, SegmentError> {
    let db = Connection::open(path)?;
    open_settings(&db)?;
    let number = |sql| db.query_row(sql, [], |row| row.get::<_, i32>(0));
    let is_new = number("SELECT count(*) FROM sqlite_schema")? == 0;
    if !is_new && number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(SegmentError::Foreign);
    }
    if !is_new && number("PRAGMA user_version")? != VERSION {
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
                 node TEXT, revision INTEGER NOT NULL, author TEXT, words TEXT NOT NULL) STRICT;
             CREATE INDEX events_by_time ON events(time);
             PRAGMA application_id = {APPLICATION_ID};
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

/// Notes an event.
pub(super) fn note(db: &Connection, event: &Event) -> Result<(), SegmentError> {
    let sql = "INSERT INTO events(time, kind, pool, node, revision, author, words) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.prepare_cached(sql)?.execute(params![
        since_1970(event.time).cast_signed(),
        event.kind,
        event.pool,
        event.node,
        event.revision.cast_signed(),
        event.author,
        event.words
    ])?;
    let sql = "DELETE FROM events WHERE id <= ?1";
    let newest = db.last_insert_rowid() - MAX_EVENTS.cast_signed();
    db.prepare_cached(sql)?.execute([newest])?;
    Ok(())
}

/// The newest events before the id `before`, at most `limit`.
pub(super) fn events(
    folder: &Path,
    limit: usize,
    before: Option<i64>,
) -> Result<Vec<Value>, SegmentError> {
    let Some(db) = read(folder)? else {
        return Ok(Vec::new());
    };
    let sql = "SELECT id, time, kind, pool, node, revision, author, words FROM events \
               WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    let limit = i64::try_from(limit.clamp(1, MAX_EVENTS_PAGE)).unwrap_or(1);
    select(&db, sql, params![before.unwrap_or(i64::MAX), limit])
}

fn select(
    db: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Value>, SegmentError> {
    let mut statement = db.prepare(sql)?;
    let rows = statement.query_map(values, |row| {
        Ok(json!({
            "id": row.get::<_, i64>(0)?,
            "time": date(row.get::<_, i64>(1)?.cast_unsigned()),
            "kind": row.get::<_, String>(2)?,
            "pool": row.get::<_, Option<String>>(3)?,
            "node": row.get::<_, Option<String>>(4)?,
            "revision": row.get::<_, i64>(5)?,
            "author": row.get::<_, Option<String>>(6)?,
            "words": row.get::<_, String>(7)?,
        }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The chart of `subject` over `range` up to `now`, in microseconds since 1970: columns of equal
/// length, and the events within.
pub(super) fn chart(
    folder: &Path,
    subject: &Subject,
    range: Range,
    now: u64,
) -> Result<Value, SegmentError> {
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
        let sql = "SELECT id, time, kind, pool, node, revision, author, words FROM events \
                   WHERE time >= ?1 AND time < ?2 ORDER BY time DESC LIMIT 200";
        let span = [from * MINUTE, end * MINUTE].map(u64::cast_signed);
        events = select(&db, sql, params![span[0], span[1]])?;
    }
    Ok(columns(range, (from, step), &points, &events))
}

fn columns(range: Range, (from, step): (u64, u64), points: &[Sums], events: &[Value]) -> Value {
    let column = |of: &dyn Fn(&Sums) -> Value| points.iter().map(of).collect::<Vec<_>>();
    let class = |n: usize| column(&|sums| sums.classes[n].into());
    let quantile = |thousandths| {
        column(&|sums| {
            let micros = sums.latency.quantile(thousandths);
            micros.map_or(Value::Null, |m| {
                std::time::Duration::from_micros(m).as_secs_f64().into()
            })
        })
    };
    let times: Vec<u64> = (0..points.len() as u64)
        .map(|n| (from + n * step) * 60)
        .collect();
    json!({
        "range": range.as_str(),
        "step_s": step * 60,
        "time": times,
        "requests": {
            "2xx": class(1), "3xx": class(2), "4xx": class(3), "5xx": class(4), "other": class(0),
        },
        "latency": { "p50_s": quantile(500), "p95_s": quantile(950), "p99_s": quantile(990) },
        "bytes_in": column(&|sums| sums.bytes_in.into()),
        "bytes_out": column(&|sums| sums.bytes_out.into()),
        "events": events,
    })
}
