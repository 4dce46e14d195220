//! Out of a Redis, into memory.

use std::sync::Arc;

use deadpool_redis::redis::{Pipeline, Value as Answer};

use super::there::Open;
use super::{AT_ONCE, Progress};
use crate::session::change::{Kind, Value, pack};
use crate::session::journal::Ticket;
use crate::session::memory::{DATABASES, Ends, Keyspace, LONGEST_KEY, cost};
use crate::session::redis::{Redis, figures};
use crate::session::shared::Shared;

#[derive(Debug)]
pub(super) struct Here {
    shared: Arc<Shared>,
    open: Open,
    most: u64,
    /// Databases there that hold something.
    full: Vec<u8>,
    ticket: Ticket,
    progress: Arc<Progress>,
}

impl Here {
    pub(super) async fn begin(
        shared: &Arc<Shared>,
        redis: &Arc<Redis>,
        (most, replace): (u64, bool),
        progress: &Arc<Progress>,
    ) -> Result<Self, String> {
        let keys = figures(redis).await?.keys;
        let left: u64 = (0..DATABASES).map(|n| shared.memory.figures(n).keys).sum();
        match (left, replace) {
            (0, _) => {}
            (_, true) => empty(shared),
            (_, false) => {
                return Err(format!(
                    "memory is not empty (keys: {left}); to replace what is there, say so (--replace)"
                ));
            }
        }
        let full = (0..DATABASES).zip(keys);
        let full = full.filter(|(_, (keys, _))| *keys > 0);
        progress.total(keys.iter().map(|(keys, _)| keys).sum());
        Ok(Self {
            shared: Arc::clone(shared),
            open: Open::to(redis),
            most,
            full: full.map(|(database, _)| database).collect(),
            ticket: Ticket::NOTHING,
            progress: Arc::clone(progress),
        })
    }

    pub(super) async fn copy_all(&mut self) -> Result<(), String> {
        for database in self.full.clone() {
            self.copy_database(database).await?;
        }
        Ok(())
    }

    async fn copy_database(&mut self, database: u8) -> Result<(), String> {
        let mut cursor = b"0".to_vec();
        loop {
            let mut commands = Pipeline::new();
            let scan = commands.cmd("SCAN").arg(&cursor);
            scan.arg("COUNT").arg(AT_ONCE);
            let mut answers = self.open.has(database, &commands).await?;
            let (next, keys) = scanned(answers.pop()).ok_or("SCAN was not understood")?;
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            for some in keys.chunks(AT_ONCE) {
                self.copy(database, some).await?;
            }
            self.progress.copied(keys.len());
            if next == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    /// A database was cleared there. What was written behind that may have been noted before it: all is copied anew.
    pub(super) async fn cleared(&mut self, database: u8) -> Result<(), String> {
        drop(self.shared.take_out(database, None));
        self.copy_database(database).await
    }

    /// Makes keys in memory what they are there.
    pub(super) async fn copy(&mut self, database: u8, keys: &[&[u8]]) -> Result<(), String> {
        self.shared.keeping.admit().await?;
        let mut commands = Pipeline::new();
        for key in keys {
            commands.cmd("TYPE").arg(key).cmd("PTTL").arg(key);
        }
        let answers = self.open.has(database, &commands).await?;
        let mut commands = Pipeline::new();
        let mut wanted = Vec::new();
        let now = self.shared.clock.now();
        for (key, about) in keys.iter().zip(answers.chunks(2)) {
            let [Answer::SimpleString(kind), Answer::Int(left)] = about else {
                return Err("the Redis answered with what is not known here".to_owned());
            };
            let (name, kind) = match kind.as_str() {
                "string" => ("GET", Kind::Text),
                "hash" => ("HGETALL", Kind::Fields),
                "set" => ("SMEMBERS", Kind::Members),
                "none" => {
                    self.remove(database, key);
                    continue;
                }
                kind => {
                    let key = String::from_utf8_lossy(key);
                    return Err(format!(
                        "{key:?} in database {database} is a {kind}, which memory has not"
                    ));
                }
            };
            if key.len() > LONGEST_KEY {
                return Err(format!(
                    "a key in database {database} is longer than 65536 bytes"
                ));
            }
            commands.cmd(name).arg(key);
            // One that never ends has -1.
            let left = u64::try_from(*left).ok();
            wanted.push((*key, kind, left.map(|left| now.saturating_add(left))));
        }
        let answers = self.open.send(database, &commands).await?;
        for ((key, kind, ends), answer) in wanted.into_iter().zip(answers) {
            self.put(database, key, (kind, ends), &answer)?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        database: u8,
        key: &[u8],
        (kind, ends): (Kind, Option<u64>),
        answer: &Answer,
    ) -> Result<(), String> {
        let Some(bytes) = packed(kind, answer) else {
            // It has become something else meanwhile, which was noted, or its time is over.
            self.remove(database, key);
            return Ok(());
        };
        let used = self.shared.memory.used();
        if used.saturating_add(cost(key.len() + bytes.len())) > self.most {
            return Err(format!(
                "sessions need more than max_memory, which is {} bytes",
                self.most
            ));
        }
        let now = self.shared.clock.now();
        let mut keyspace = Keyspace::of_key(&self.shared.memory, database, key, now);
        keyspace.put(key, Value::packed(kind, &bytes), Ends::of(ends));
        let (ticket, _) = keyspace.hand_over(&self.shared.keeping, None);
        self.ticket = self.ticket.max(ticket);
        Ok(())
    }

    fn remove(&mut self, database: u8, key: &[u8]) {
        let now = self.shared.clock.now();
        let mut keyspace = Keyspace::of_key(&self.shared.memory, database, key, now);
        keyspace.remove(key);
        let (ticket, _) = keyspace.hand_over(&self.shared.keeping, None);
        self.ticket = self.ticket.max(ticket);
    }

    pub(super) fn clear_all(&mut self) {
        empty(&self.shared);
    }

    /// Ends when all of it is on disk, as far as the configuration wants that.
    pub(super) async fn keep(&mut self) -> Result<(), String> {
        self.shared.keeping.durable(self.ticket).await
    }
}

/// Takes everything out of memory.
pub(super) fn empty(shared: &Shared) {
    for database in 0..DATABASES {
        if shared.memory.figures(database).keys > 0 {
            drop(shared.take_out(database, None));
        }
    }
}

/// Where a scan goes on, and what it found.
fn scanned(answer: Option<Answer>) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Some(Answer::Array(mut parts)) = answer else {
        return None;
    };
    let (Some(Answer::Array(keys)), Some(Answer::BulkString(next))) = (parts.pop(), parts.pop())
    else {
        return None;
    };
    let keys = keys.into_iter().filter_map(|key| match key {
        Answer::BulkString(key) => Some(key),
        _ => None,
    });
    Some((next, keys.collect()))
}

/// A value as memory has it; nothing where it is not of that kind, or not there any more.
fn packed(kind: Kind, answer: &Answer) -> Option<Vec<u8>> {
    match (kind, answer) {
        (Kind::Text, Answer::BulkString(bytes)) => Some(bytes.clone()),
        (Kind::Fields | Kind::Members, Answer::Array(items)) if !items.is_empty() => {
            let mut bytes = Vec::new();
            for item in items {
                let Answer::BulkString(item) = item else {
                    return None;
                };
                pack(&mut bytes, item);
            }
            Some(bytes)
        }
        _ => None,
    }
}
