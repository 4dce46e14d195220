//! Events: what happened, noted beside the minutes in the charts' database.

use std::path::Path;
use std::time::SystemTime;

use rusqlite::{Connection, params};
use serde_json::Value;

use super::charts;
use super::encode::since_1970;
use super::segment::SegmentError;

/// Limit: events kept.
const MAX_EVENTS: u64 = 10_000;

/// Limit: events on a page.
pub const MAX_EVENTS_PAGE: usize = 200;

/// Limit: bytes of an event's facts. Longer ones are left out: the words are there still.
const MAX_FACTS: usize = 16 * 1024;

/// Something that happened, told beside the charts and the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub time: SystemTime,
    /// `node_up`, `node_down`, `fail_open`, `fail_open_end`, `change`, `sessions_ended`,
    /// `certificate`, `start` or `stop`.
    pub kind: &'static str,
    /// The pool it is about.
    pub pool: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The revision then in force.
    pub revision: u64,
    /// Who changed it.
    pub author: Option<String>,
    /// What happened, in English words.
    pub words: String,
    /// What the words in another language are made of; null is nothing. It holds no secret.
    pub facts: Value,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// Its number: later ones have higher ones; 0 where no disk was asked for it.
    pub id: i64,
    /// When, in microseconds since 1970.
    pub time: u64,
    /// As [`Event::kind`]; by a later version perhaps another word.
    pub kind: String,
    /// The pool it is about.
    pub pool: Option<String>,
    /// The node.
    pub node: Option<String>,
    /// The revision then in force.
    pub revision: u64,
    /// Who changed it.
    pub author: Option<String>,
    /// What happened, in English words.
    pub words: String,
    /// As [`Event::facts`].
    pub facts: Value,
}

impl From<&Event> for Noted {
    fn from(event: &Event) -> Self {
        Self {
            id: 0,
            time: since_1970(event.time),
            kind: event.kind.to_owned(),
            pool: event.pool.clone(),
            node: event.node.clone(),
            revision: event.revision,
            author: event.author.clone(),
            words: event.words.clone(),
            facts: event.facts.clone(),
        }
    }
}

/// Notes an event.
pub(super) fn note(db: &Connection, event: &Event) -> Result<(), SegmentError> {
    let sql = "INSERT INTO events(time, kind, pool, node, revision, author, words, facts) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let facts = (!event.facts.is_null()).then(|| event.facts.to_string());
    db.prepare_cached(sql)?.execute(params![
        since_1970(event.time).cast_signed(),
        event.kind,
        event.pool,
        event.node,
        event.revision.cast_signed(),
        event.author,
        event.words,
        facts.filter(|facts| facts.len() <= MAX_FACTS),
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
) -> Result<Vec<Noted>, SegmentError> {
    let Some(db) = charts::read(folder)? else {
        return Ok(Vec::new());
    };
    let limit = i64::try_from(limit.clamp(1, MAX_EVENTS_PAGE)).unwrap_or(1);
    let before = before.unwrap_or(i64::MAX);
    let part = "WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
    select(&db, part, params![before, limit])
}

/// Those from `from` to before `to`, in microseconds since 1970, the newest first.
pub(super) fn between(db: &Connection, from: u64, to: u64) -> Result<Vec<Noted>, SegmentError> {
    let part = "WHERE time >= ?1 AND time < ?2 ORDER BY time DESC LIMIT 200";
    select(db, part, params![from.cast_signed(), to.cast_signed()])
}

fn select(
    db: &Connection,
    part: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Noted>, SegmentError> {
    // One that an earlier version wrote has no facts until this one writes to it.
    let has_facts = db.prepare("SELECT facts FROM events LIMIT 0").is_ok();
    let facts = if has_facts { "facts" } else { "NULL" };
    let columns = format!("id, time, kind, pool, node, revision, author, words, {facts}");
    let mut statement = db.prepare(&format!("SELECT {columns} FROM events {part}"))?;
    let rows = statement.query_map(values, |row| {
        let facts: Option<String> = row.get(8)?;
        let facts = facts.and_then(|facts| serde_json::from_str(&facts).ok());
        Ok(Noted {
            id: row.get(0)?,
            time: row.get::<_, i64>(1)?.cast_unsigned(),
            kind: row.get(2)?,
            pool: row.get(3)?,
            node: row.get(4)?,
            revision: row.get::<_, i64>(5)?.cast_unsigned(),
            author: row.get(6)?,
            words: row.get(7)?,
            facts: facts.unwrap_or_default(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
