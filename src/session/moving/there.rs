//! Out of memory, into a Redis.

use std::collections::BTreeMap;
use std::sync::Arc;

use deadpool_redis::Connection;
use deadpool_redis::redis::aio::{ConnectionLike, MultiplexedConnection};
use deadpool_redis::redis::{Pipeline, Value};

use super::{AT_ONCE, Progress};
use crate::session::change::{Change, Items, Kind};
use crate::session::memory::{DATABASES, Keyspace};
use crate::session::redis::{Redis, figures, why, words};
use crate::session::shared::Shared;

/// Bytes that are sent in one go.
const BYTES: usize = 1 << 20;

/// Connections to the databases of a Redis.
#[derive(Debug)]
pub(super) struct Open {
    redis: Arc<Redis>,
    open: BTreeMap<u8, MultiplexedConnection>,
}

impl Open {
    pub(super) fn to(redis: &Arc<Redis>) -> Self {
        Self {
            redis: Arc::clone(redis),
            open: BTreeMap::new(),
        }
    }

    pub(super) async fn connect(&mut self, database: u8) -> Result<(), String> {
        if !self.open.contains_key(&database) {
            let pool = self.redis.pool(database, false)?;
            let opened = pool.get().await;
            let opened = opened.map_err(|error| self.words(&why(&error)))?;
            self.open.insert(database, Connection::take(opened));
        }
        Ok(())
    }

    fn words(&self, why: &str) -> String {
        format!("the Redis at {}: {why}", self.redis.address().place())
    }

    /// The answers to commands; errors among them.
    pub(super) async fn send(
        &mut self,
        database: u8,
        commands: &Pipeline,
    ) -> Result<Vec<Value>, String> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        self.connect(database).await?;
        let Some(connection) = self.open.get_mut(&database) else {
            return Ok(Vec::new());
        };
        let sent = connection.req_packed_commands(commands, 0, commands.len());
        let answered = sent.await;
        answered.map_err(|error| self.words(&words(&error)))
    }

    /// The same where an error is one.
    pub(super) async fn has(
        &mut self,
        database: u8,
        commands: &Pipeline,
    ) -> Result<Vec<Value>, String> {
        let answers = self.send(database, commands).await?;
        let error = answers.iter().find_map(|answer| match answer {
            Value::ServerError(error) => Some(words(&error.clone().into())),
            _ => None,
        });
        error.map_or(Ok(answers), |error| Err(self.words(&error)))
    }
}

#[derive(Debug)]
pub(super) struct There {
    shared: Arc<Shared>,
    open: Open,
    replace: bool,
    /// Databases that are ours to fill: they were empty, or were to be.
    ours: Vec<u8>,
    progress: Arc<Progress>,
}

impl There {
    pub(super) async fn begin(
        shared: &Arc<Shared>,
        redis: &Arc<Redis>,
        replace: bool,
        progress: &Arc<Progress>,
    ) -> Result<Self, String> {
        let mut there = Self {
            shared: Arc::clone(shared),
            open: Open::to(redis),
            replace,
            ours: Vec::new(),
            progress: Arc::clone(progress),
        };
        there.open.connect(0).await?;
        let room = figures(redis).await?.memory;
        let used = shared.memory.used();
        if room.1 > 0 && room.0.saturating_add(used) > room.1 {
            return Err(there.open.words(&format!(
                "there is no room: it uses {} of {} bytes, and sessions take {used}",
                room.0, room.1
            )));
        }
        let mut total = 0;
        for database in 0..DATABASES {
            let keys = shared.memory.figures(database).keys;
            total += keys;
            if keys > 0 {
                there.is_free(database).await?;
            }
        }
        progress.total(total);
        Ok(there)
    }

    /// Whether a database there is empty, or may be emptied.
    async fn is_free(&mut self, database: u8) -> Result<(), String> {
        if self.replace {
            return self.open.connect(database).await;
        }
        let mut commands = Pipeline::new();
        commands.cmd("DBSIZE");
        let answers = self.open.has(database, &commands).await?;
        match answers.first() {
            Some(Value::Int(0)) => Ok(()),
            Some(Value::Int(keys)) => {
                let number = self.open.redis.number(database);
                let why = format!(
                    "its database {number} is not empty (keys: {keys}); to replace what is there, say so (--replace)"
                );
                Err(self.open.words(&why))
            }
            _ => Err(self.open.words("it does not say what it holds")),
        }
    }

    /// Makes a database ours.
    async fn take(&mut self, database: u8) -> Result<(), String> {
        if self.ours.contains(&database) {
            return Ok(());
        }
        self.is_free(database).await?;
        self.ours.push(database);
        if self.replace {
            return self.clear(database).await;
        }
        Ok(())
    }

    pub(super) async fn clear(&mut self, database: u8) -> Result<(), String> {
        let mut commands = Pipeline::new();
        commands.cmd("FLUSHDB");
        // What is not ours has nothing of ours in it.
        if self.ours.contains(&database) {
            self.open.has(database, &commands).await?;
        }
        Ok(())
    }

    pub(super) async fn clear_all(&mut self) {
        for database in self.ours.clone() {
            if let Err(why) = self.clear(database).await {
                tracing::warn!("a part of the sessions is left: {why}");
            }
        }
    }

    pub(super) async fn copy_all(&mut self) -> Result<(), String> {
        let mut next = Some(0);
        while let Some(from) = next {
            let mut seen: Vec<(u8, Box<[u8]>)> = Vec::new();
            next = self.shared.memory.walk(from, |change| {
                if let Change::Put { database, key, .. } = change {
                    seen.push((database, key.into()));
                }
            });
            // All of one shard, so of one database.
            let database = seen.first().map_or(0, |(database, _)| *database);
            let keys: Vec<&[u8]> = seen.iter().map(|(_, key)| &**key).collect();
            for some in keys.chunks(AT_ONCE) {
                self.copy(database, some).await?;
            }
            self.progress.copied(keys.len());
        }
        Ok(())
    }

    /// Makes keys there what they are in memory.
    pub(super) async fn copy(&mut self, database: u8, keys: &[&[u8]]) -> Result<(), String> {
        self.take(database).await?;
        let mut commands = Pipeline::new();
        let mut bytes = 0;
        for key in keys {
            bytes += self.command(database, key, &mut commands);
            if bytes > BYTES {
                self.open.has(database, &commands).await?;
                commands = Pipeline::new();
                bytes = 0;
            }
        }
        self.open.has(database, &commands).await?;
        Ok(())
    }

    /// Says what a key is. How many bytes that takes.
    fn command(&self, database: u8, key: &[u8], commands: &mut Pipeline) -> usize {
        let now = self.shared.clock.now();
        let mut keyspace = Keyspace::of_key(&self.shared.memory, database, key, now);
        let Some(entry) = keyspace.find(key) else {
            commands.cmd("DEL").arg(key);
            return key.len();
        };
        let (value, ends) = (entry.value(), entry.expires_at());
        match value.kind() {
            Kind::Text => {
                commands.cmd("SET").arg(key).arg(value.bytes());
            }
            kind => {
                // What it had before may be more.
                commands.cmd("DEL").arg(key);
                let name = if kind == Kind::Fields { "HSET" } else { "SADD" };
                commands.cmd(name).arg(key);
                Items::of(value.bytes()).for_each(|item| {
                    commands.arg(item);
                });
            }
        }
        if let Some(ends) = ends {
            commands.cmd("PEXPIREAT").arg(key).arg(ends);
        }
        key.len() + value.bytes().len()
    }
}
