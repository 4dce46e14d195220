//! Commands that a Redis carries out: judged here, gathered, sent in one go, their answers told in order.
//!
//! What belongs to the connection (`AUTH`, `SELECT`, `MULTI` …) is answered here. A transaction is kept here as for
//! memory and sent whole at `EXEC`, so no other client's command gets in between on the connection that all share.
//! Keys are watched on a connection of the client's own.

use std::sync::Arc;

use deadpool_redis::redis::Value;

use super::batch::{Batch, MOST, MOST_BYTES, Part, Way, one_of, send};
use super::run::{Next, Talk, unknown};
use super::table::{self, Action, Command, GROWS, KeysAt};
use super::transaction::{Queued, Transaction};
use super::{Refusal, far, hello, scripts};
use crate::session::force::Stage;
use crate::session::memory::{Keyspace, Locks};
use crate::session::redis::{is_nil, tell};
use crate::session::resp::Args;

/// Answered here, whatever is behind.
fn is_ours(command: &Command) -> bool {
    matches!(
        command.name,
        "auth"
            | "client"
            | "command"
            | "config"
            | "echo"
            | "hello"
            | "info"
            | "ping"
            | "script"
            | "select"
    ) || !matches!(
        command.action,
        Action::Run(_) | Action::Far | Action::Watch | Action::Exec
    )
}

impl Talk<'_> {
    /// A command while a Redis is behind.
    pub(super) fn pass(&mut self, args: Args<'_>) -> Next {
        let fits = self.batch.as_ref().is_none_or(|batch| {
            (batch.database, batch.three, batch.way)
                == (self.session.database, self.out.three, Way::Shared)
                && batch.parts.len() < MOST
                && batch.bytes + args.bytes() < MOST_BYTES
        });
        if !fits {
            return Next::First;
        }
        let judged = self.judge_far(args);
        let in_transaction = self.session.transaction.is_some();
        if let Ok(command) = &judged {
            let alone = match command.action {
                Action::Watch => !in_transaction,
                Action::Exec => in_transaction,
                _ => false,
            };
            if alone && self.batch.is_some() {
                return Next::First;
            }
        }
        self.session.commands += 1;
        let from = self.out.bytes.len();
        self.out.begin();
        let next = match judged {
            Err(refusal) => {
                self.refuse(args.get(0), &refusal);
                Next::Go
            }
            Ok(command) => self.pass_judged(command, args),
        };
        self.said(from);
        next
    }

    /// What was said here since `from` is told behind the answers that are still to come.
    pub(crate) fn said(&mut self, from: usize) {
        if let Some(batch) = self.batch
            && self.out.bytes.len() > from
        {
            batch.parts.push(Part::Said(self.out.bytes.split_off(from)));
        }
    }

    fn judge_far(&mut self, args: Args<'_>) -> Result<&'static Command, Refusal> {
        let here = table::find(args.get(0));
        let here = here.filter(|command| !matches!(command.action, Action::Missing));
        let command = here.or_else(|| far::find(args.get(0)));
        let command = command.or_else(|| table::find(args.get(0)));
        let command = self.judge_known(command.ok_or_else(|| unknown(args))?, args)?;
        let most = self.settings.max_value;
        let writes = command.has(GROWS) || matches!(command.action, Action::Far);
        if writes && args.from(1).any(|word| word.len() > most) {
            return Err(Refusal::too_long(most));
        }
        // It would hold up everybody on the connection.
        if command.name == "xread" && args.from(1).any(|word| word.eq_ignore_ascii_case(b"BLOCK")) {
            return Err(Refusal::of(
                "ERR XREAD with BLOCK is not available in this session store",
            ));
        }
        Ok(command)
    }

    fn pass_judged(&mut self, command: &'static Command, args: Args<'_>) -> Next {
        let in_transaction = self.session.transaction.is_some();
        match command.action {
            Action::Exec if in_transaction => return self.pass_exec(),
            Action::Watch if !in_transaction => {
                let database = self.session.database;
                let batch = self.begin(Way::Watch);
                if let Some(redis) = batch.redis().cloned() {
                    // The connection may have watched elsewhere before.
                    batch.select(&redis, database);
                    batch.add(args.from(0));
                    batch.select(&redis, database);
                }
                batch.parts.push(Part::All(3));
                return Next::Go;
            }
            _ if in_transaction || is_ours(command) => return self.carry_on(command, args),
            _ => {}
        }
        match self.script(command, args) {
            Ok(script) => self.add(command, args, script),
            Err(refusal) => self.refuse(args.get(0), &refusal),
        }
        Next::Go
    }

    fn begin(&mut self, way: Way) -> &mut Batch {
        let (database, three) = (self.session.database, self.out.three);
        let force = self.force;
        let batch = self
            .batch
            .get_or_insert_with(|| Batch::new(force, database, three, way));
        batch.way = way;
        batch
    }

    /// The text of a script that is to be sent, where the command is one: only those that are known.
    fn script(&self, command: &Command, args: Args<'_>) -> Result<Option<&'static str>, Refusal> {
        match command.name {
            "eval" => scripts::known(&self.shared.scripts, args).map(|()| None),
            "evalsha" => scripts::text_of(&self.shared.scripts, args).map(Some),
            _ => Ok(None),
        }
    }

    fn add(&mut self, command: &Command, args: Args<'_>, script: Option<&str>) {
        let databases: Vec<u8> = self.session.databases().collect();
        let database = self.session.database;
        let batch = self.begin(Way::Shared);
        batch.writes(command, args, (database, &databases));
        let answers = send(batch, command, args, script, (database, &databases));
        batch.parts.push(match answers {
            1 => Part::One {
                nil: is_nil(command.name, args.len()),
            },
            many => Part::All(many),
        });
    }

    fn pass_exec(&mut self) -> Next {
        let Some(transaction) = self.session.transaction.take() else {
            return Next::Go;
        };
        let watching = self.session.watching.is_some();
        if transaction.broken {
            self.session.watching = None;
            self.out
                .error(b"EXECABORT Transaction discarded because of previous errors.");
            return Next::Go;
        }
        if let Some(super::Watching::Here(_)) = self.session.watching {
            // What was watched is not where it was.
            self.session.watching = None;
            self.out.null_array();
            return Next::Go;
        }
        self.send_exec(
            transaction,
            if watching { Way::Watched } else { Way::Shared },
        );
        Next::Go
    }

    fn send_exec(&mut self, transaction: Transaction, way: Way) {
        let Stage::Redis { redis, .. } = &self.force.stage else {
            return;
        };
        let redis = Arc::clone(redis);
        let own = self.session.database;
        let databases: Vec<u8> = self.session.databases().collect();
        let mut database = own;
        // The client's own connection may be in the database where it watched first.
        let mut before = 1;
        if way == Way::Watched {
            self.begin(way).select(&redis, own);
            before += 1;
        }
        self.begin(way).add([&b"MULTI"[..]]);
        for queued in &transaction.queue {
            let args = queued.args();
            if queued.command.name == "select"
                && let Ok(other) = hello::database(args.get(1))
                && self.session.may(other)
            {
                database = other;
                self.begin(way).select(&redis, other);
                before += 1;
                continue;
            }
            if is_ours(queued.command) {
                continue;
            }
            // A script that is not known is told of when its turn comes.
            let Ok(script) = self.script(queued.command, args) else {
                continue;
            };
            let batch = self.begin(way);
            batch.writes(queued.command, args, (database, &databases));
            before += send(batch, queued.command, args, script, (database, &databases));
        }
        let batch = self.begin(way);
        batch.add([&b"EXEC"[..]]);
        let mut after = 0;
        if database != own {
            batch.select(&redis, own);
            after = 1;
        }
        let queue = transaction.queue;
        batch.parts.push(Part::Exec {
            before,
            queue,
            after,
        });
    }

    /// Tells what was answered, or that nothing was.
    pub(crate) fn tell(&mut self, batch: Batch, answered: Result<Vec<Value>, String>) {
        batch.note();
        let three = std::mem::replace(&mut self.out.three, batch.three);
        let (answers, failed) = match answered {
            Ok(answers) => (answers, None),
            Err(why) => (Vec::new(), Some([b"ERR ", why.as_bytes()].concat())),
        };
        let mut answers = answers.into_iter();
        for part in batch.parts {
            self.out.begin();
            match (part, &failed) {
                // It was made for the version that was in force when it was said.
                (Part::Said(bytes), _) => self.out.bytes.extend(bytes),
                (_, Some(failed)) => self.out.error(failed),
                (Part::One { nil }, None) => self.tell_one(answers.next(), nil),
                (Part::All(count), None) => {
                    let all: Vec<Value> = answers.by_ref().take(count).collect();
                    self.tell_one(one_of(all), false);
                }
                (
                    Part::Exec {
                        before,
                        queue,
                        after,
                    },
                    None,
                ) => {
                    let mut all = answers.by_ref().skip(before);
                    let told = all.next();
                    answers.by_ref().take(after).for_each(drop);
                    self.tell_exec(told, &queue);
                }
            }
        }
        self.out.three = three;
    }

    fn tell_one(&mut self, value: Option<Value>, nil: bool) {
        match value {
            Some(value) => tell(self.out, &value, nil),
            None => self
                .out
                .error(b"ERR the session store's Redis left an answer out"),
        }
    }

    fn tell_exec(&mut self, told: Option<Value>, queue: &[Queued]) {
        let Some(Value::Array(values)) = told else {
            return self.tell_one(told, true);
        };
        let mut values = values.into_iter();
        self.out.array(queue.len());
        let databases = self.session.databases().count();
        for queued in queue {
            let (command, args) = (queued.command, queued.args());
            self.out.begin();
            if let Action::Run(run) = command.action
                && is_ours(command)
            {
                let before = self.session.database;
                let here = Locks::None;
                let memory = Arc::clone(&self.shared.memory);
                let mut keyspace = Keyspace::new(&memory, here, before, self.now);
                self.call(run, args, &mut keyspace);
                let is_sent = command.name == "select"
                    && hello::database(args.get(1)).is_ok_and(|other| self.session.may(other));
                if is_sent {
                    values.next();
                }
            } else if is_ours(command) {
                self.out.ok();
            } else if let Err(refusal) = self.script(command, args) {
                self.out.error(refusal.text());
            } else if command.keys == KeysAt::Everything {
                let all: Vec<Value> = values.by_ref().take(2 * databases + 1).collect();
                self.tell_one(one_of(all), false);
            } else {
                self.tell_one(values.next(), is_nil(command.name, args.len()));
            }
        }
    }
}
