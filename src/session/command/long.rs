//! Commands over very many keys, done bit by bit: other connections of the thread get their turn in between.

use std::sync::Arc;

use super::glob::matches;
use super::run::Talk;
use super::table::Command;
use super::transaction::Queued;
use crate::session::force::Force;
use crate::session::memory::{Keyspace, STRETCH, Wanted};
use crate::session::resp::{Answer, Args, LONGEST_ANSWER};

/// Keys that are removed under one taking of locks.
pub(super) const REMOVED_AT_ONCE: usize = 256;

/// Work under way.
#[derive(Debug)]
pub(crate) struct Long {
    work: Work,
    /// What was in force when it began: it is done where it began.
    pub(crate) force: Arc<Force>,
}

#[derive(Debug)]
enum Work {
    Keys {
        queued: Queued,
        from: u64,
        found: Answer,
        count: usize,
    },
    Remove {
        queued: Queued,
        next: usize,
        removed: usize,
    },
}

impl Long {
    /// The work of a command; nothing where it is done at once.
    pub(super) fn of(
        command: &'static Command,
        args: Args<'_>,
        force: &Arc<Force>,
    ) -> Option<Self> {
        let begun = |work| Self {
            work,
            force: Arc::clone(force),
        };
        if command.name == "keys" {
            return Some(begun(Work::Keys {
                queued: Queued::of(command, args),
                from: 0,
                found: Answer::default(),
                count: 0,
            }));
        }
        Talk::many(args).then(|| {
            begun(Work::Remove {
                queued: Queued::of(command, args),
                next: 1,
                removed: 0,
            })
        })
    }
}

impl Talk<'_> {
    /// Does some of the work; says whether there is more.
    pub(crate) fn go_on(&mut self, long: &mut Long) -> bool {
        match &mut long.work {
            Work::Keys {
                queued,
                from,
                found,
                count,
            } => {
                let pattern = queued.args().get(1);
                let memory = &*self.shared.memory;
                let locks = Wanted::default().lock(memory);
                let mut keys = Keyspace::new(memory, locks, self.session.database, self.now);
                let next = keys.along(*from, STRETCH, |entry| {
                    if matches(pattern, entry.key()) {
                        found.bulk(entry.key());
                        *count += 1;
                    }
                });
                if found.bytes.len() > LONGEST_ANSWER {
                    self.out
                        .error(b"ERR the answer is longer than 64 MiB; use SCAN");
                    return false;
                }
                if let Some(next) = next {
                    *from = next;
                    return true;
                }
                self.out.array(*count);
                self.out.bytes.append(&mut found.bytes);
                false
            }
            Work::Remove {
                queued,
                next,
                removed,
            } => {
                let args = queued.args();
                let memory = &*self.shared.memory;
                let database = self.session.database;
                let some = args.from(*next).take(REMOVED_AT_ONCE);
                let mut wanted = Wanted::default();
                some.clone()
                    .for_each(|key| wanted.key(memory, database, key));
                let mut keys = Keyspace::new(memory, wanted.lock(memory), database, self.now);
                *removed += some.filter(|key| keys.remove(key)).count();
                self.hand_over(keys);
                *next += REMOVED_AT_ONCE;
                if *next < args.len() {
                    return true;
                }
                self.out.count(*removed);
                false
            }
        }
    }
}
