//! What is on its way to a Redis, and what is told for each answer.

use std::sync::Arc;

use deadpool_redis::redis::{Cmd, Pipeline, Value};

use super::run::keys;
use super::table::{Command, KeysAt, WRITES};
use super::transaction::Queued;
use crate::session::force::{Force, Stage};
use crate::session::redis::Redis;
use crate::session::resp::Args;

/// Limits: what is sent in one go. With more, the answers so far are told first.
pub(super) const MOST: usize = 4096;
pub(super) const MOST_BYTES: usize = 4 << 20;

/// Commands on their way to a Redis, for one database in one version of the protocol.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) database: u8,
    pub(crate) three: bool,
    pub(crate) force: Arc<Force>,
    pub(crate) commands: Pipeline,
    pub(crate) way: Way,
    pub(super) bytes: usize,
    /// What these write, to be noted when they are answered: a key that was noted before could be copied before it is
    /// written.
    writes: Vec<Write>,
    pub(super) parts: Vec<Part>,
}

/// Over which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The one that all share.
    Shared,
    /// The client's own, made if need be: it watches from then on.
    Watch,
    /// The client's own, which is given back.
    Watched,
}

/// What is told, in order.
#[derive(Debug)]
pub(super) enum Part {
    /// The next answer; whether a null is one of an array.
    One { nil: bool },
    /// What was said here.
    Said(Vec<u8>),
    /// So many answers, of which the first error or else the last is told.
    All(usize),
    /// So many answers, then that to `EXEC`, then so many.
    Exec {
        before: usize,
        queue: Vec<Queued>,
        after: usize,
    },
}

/// What one command writes.
#[derive(Debug)]
enum Write {
    Key(u8, Box<[u8]>),
    Whole(u8),
}

impl Batch {
    pub(super) fn new(force: &Arc<Force>, database: u8, three: bool, way: Way) -> Self {
        Self {
            database,
            three,
            force: Arc::clone(force),
            commands: Pipeline::new(),
            way,
            bytes: 0,
            writes: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Remembers what a command writes, while sessions move.
    pub(super) fn writes(
        &mut self,
        command: &Command,
        args: Args<'_>,
        (database, databases): (u8, &[u8]),
    ) {
        if self.force.stage.noted().is_none() || !command.has(WRITES) {
            return;
        }
        match command.keys {
            KeysAt::Whole => self.writes.push(Write::Whole(database)),
            KeysAt::Everything => {
                let whole = databases.iter().map(|one| Write::Whole(*one));
                self.writes.extend(whole);
            }
            at => {
                let keys = keys(at, args).map(|key| Write::Key(database, key.into()));
                self.writes.extend(keys);
            }
        }
    }

    /// Notes what was written, or may have been.
    pub(super) fn note(&self) {
        if let Some(noted) = self.force.stage.noted() {
            for write in &self.writes {
                match write {
                    Write::Key(database, key) => noted.key(*database, key),
                    Write::Whole(database) => noted.clear(*database),
                }
            }
        }
    }

    /// The Redis it is for.
    pub(crate) fn redis(&self) -> Option<&Arc<Redis>> {
        match &self.force.stage {
            Stage::Redis { redis, .. } => Some(redis),
            Stage::Memory { .. } | Stage::Held(_) => None,
        }
    }

    pub(super) fn add<'a>(&mut self, words: impl IntoIterator<Item = &'a [u8]>) {
        let mut command = Cmd::new();
        for word in words {
            self.bytes += word.len();
            command.arg(word);
        }
        self.commands.add_command(command);
    }

    pub(super) fn select(&mut self, redis: &Redis, database: u8) {
        let number = redis.number(database).to_string();
        self.add([&b"SELECT"[..], number.as_bytes()]);
    }
}

/// Of many answers the first error, or else the last.
pub(super) fn one_of(mut all: Vec<Value>) -> Option<Value> {
    let error = |value: &Value| matches!(value, Value::ServerError(_));
    match all.iter().skip(1).step_by(2).position(error) {
        Some(at) => Some(all.swap_remove(1 + 2 * at)),
        // The last is that of going back to where it was.
        None => all.pop().and_then(|_| all.pop()),
    }
}

/// Adds what a command is there. Says how many answers it has.
pub(super) fn send(
    batch: &mut Batch,
    command: &Command,
    args: Args<'_>,
    script: Option<&str>,
    (database, databases): (u8, &[u8]),
) -> usize {
    if let Some(text) = script {
        batch.add(
            [&b"EVAL"[..], text.as_bytes()]
                .into_iter()
                .chain(args.from(2)),
        );
        return 1;
    }
    if command.keys != KeysAt::Everything {
        batch.add(args.from(0));
        return 1;
    }
    // Those that the password opens, and no others. One that is not there leaves the connection where it was, so that
    // one which it opens is cleared twice.
    let Some(redis) = batch.redis().cloned() else {
        return 0;
    };
    for one in databases {
        batch.select(&redis, *one);
        batch.add([&b"FLUSHDB"[..]].into_iter().chain(args.from(1)));
    }
    batch.select(&redis, database);
    2 * databases.len() + 1
}
