//! `MULTI` to `EXEC`: commands that are kept, and carried out as one.

use std::sync::Arc;

use super::run::{Next, Talk, keys};
use super::session::{WatchedHere, Watching};
use super::table::{Action, Command, KeysAt, WRITES};
use super::{Refusal, hello};
use crate::session::memory::{Keyspace, Wanted};
use crate::session::resp::{Args, LONGEST_ANSWER, LONGEST_COMMAND};

/// Commands of one transaction: it holds its locks until it is done. So many take about 50 ms.
const MOST: usize = 65_536;

/// Keys that one connection watches.
const MOST_WATCHED: usize = 4096;

/// A command that is kept, with its own copy of its words.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(super) command: &'static Command,
    bytes: Vec<u8>,
    parts: Vec<(u32, u32)>,
}

impl Queued {
    pub(super) fn of(command: &'static Command, args: Args<'_>) -> Self {
        let mut bytes = Vec::with_capacity(args.bytes());
        let number = |length: usize| u32::try_from(length).unwrap_or(0);
        let keep = |word: &[u8]| {
            let part = (number(bytes.len()), number(word.len()));
            bytes.extend_from_slice(word);
            part
        };
        let parts = args.from(0).map(keep).collect();
        Self {
            command,
            bytes,
            parts,
        }
    }

    pub(super) fn args(&self) -> Args<'_> {
        Args::new(&self.bytes, &self.parts)
    }
}

/// A transaction that has begun.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(super) queue: Vec<Queued>,
    bytes: usize,
    /// One of its commands was refused.
    pub(super) broken: bool,
}

impl Transaction {
    pub(super) fn add(&mut self, queued: Queued) -> Result<(), Refusal> {
        let bytes = self.bytes + queued.bytes.len() + queued.parts.len() * 8;
        if bytes > LONGEST_COMMAND || self.queue.len() >= MOST {
            self.broken = true;
            return Err(Refusal::of(
                "ERR the transaction has too many commands or bytes for this session store",
            ));
        }
        self.bytes = bytes;
        self.queue.push(queued);
        Ok(())
    }
}

impl Talk<'_> {
    pub(super) fn multi(&mut self) {
        if self.session.transaction.is_some() {
            self.out.error(b"ERR MULTI calls can not be nested");
        } else {
            self.session.transaction = Some(Transaction::default());
            self.out.ok();
        }
    }

    pub(super) fn discard(&mut self) {
        if self.session.transaction.take().is_none() {
            self.out.error(b"ERR DISCARD without MULTI");
        } else {
            self.session.watching = None;
            self.out.ok();
        }
    }

    pub(super) fn watch(&mut self, args: Args<'_>) {
        let database = self.session.database;
        let memory = &self.shared.memory;
        let watching = self
            .session
            .watching
            .get_or_insert_with(|| Watching::Here(WatchedHere::new(memory)));
        // Those of a Redis, behind which sessions were until now, are over: the transaction will not be carried out.
        let Watching::Here(watching) = watching else {
            return self.out.ok();
        };
        for key in args.from(1) {
            if watching.keys.len() >= MOST_WATCHED {
                self.out
                    .error(b"ERR more keys are watched than this session store remembers");
                return;
            }
            memory.watch(database, key, &watching.disturbed, self.now);
            watching.keys.push((database, key.into()));
        }
        self.out.ok();
    }

    pub(super) fn exec(&mut self) -> Next {
        let Some(transaction) = &self.session.transaction else {
            self.out.error(b"ERR EXEC without MULTI");
            return Next::Go;
        };
        let mut queue = transaction.queue.iter();
        let writes = queue.any(|queued| queued.command.has(WRITES));
        if writes && !transaction.broken && !self.admitted && !self.shared.keeping.takes() {
            return Next::Admit;
        }
        let Some(transaction) = self.session.transaction.take() else {
            return Next::Go;
        };
        let watching = self.session.watching.take();
        if transaction.broken {
            self.out
                .error(b"EXECABORT Transaction discarded because of previous errors.");
        } else {
            match watching {
                Some(Watching::There(_)) => self.out.null_array(),
                Some(Watching::Here(watched)) => self.carry_out(&transaction.queue, Some(&watched)),
                None => self.carry_out(&transaction.queue, None),
            }
        }
        Next::Go
    }

    fn carry_out(&mut self, queue: &[Queued], watching: Option<&WatchedHere>) {
        let memory = Arc::clone(&self.shared.memory);
        let mut wanted = Wanted::default();
        self.want_all(queue, &mut wanted);
        let watched = watching.map_or(&[][..], |watching| &watching.keys);
        for (database, key) in watched {
            wanted.key(&memory, *database, key);
        }
        let mut keyspace = Keyspace::new(&memory, wanted.lock(&memory), 0, self.now);
        for (database, key) in watched {
            // One that is over is taken out by looking at it, which disturbs.
            keyspace.select(*database);
            keyspace.find(key);
        }
        keyspace.select(self.session.database);
        if watching.is_some_and(WatchedHere::is_disturbed) {
            self.out.null_array();
            self.hand_over(keyspace);
            return;
        }
        let began = self.out.bytes.len();
        self.out.array(queue.len());
        let mut is_long = false;
        for queued in queue {
            self.out.begin();
            match queued.command.action {
                Action::Run(run) => self.call(run, queued.args(), &mut keyspace),
                // Nothing is watched any more; the others are never kept.
                _ => self.out.ok(),
            }
            if self.out.bytes.len() - began > LONGEST_ANSWER {
                self.out.bytes.truncate(began);
                is_long = true;
            }
        }
        self.hand_over(keyspace);
        if is_long {
            self.out.bytes.truncate(began);
            self.out.error(
                b"ERR the transaction was carried out, but its answer is longer than 64 MiB",
            );
        }
    }

    /// The shards of all commands, each in the database that is selected by then.
    fn want_all(&self, queue: &[Queued], wanted: &mut Wanted) {
        let mut database = self.session.database;
        for queued in queue {
            if queued.command.name == "select"
                && let Ok(other) = hello::database(queued.args().get(1))
                && self.session.may(other)
            {
                database = other;
            }
            if queued.command.keys == KeysAt::None {
                debug_assert_eq!(keys(KeysAt::None, queued.args()).count(), 0);
            } else {
                self.want(queued.command.keys, queued.args(), database, wanted);
            }
        }
    }
}
