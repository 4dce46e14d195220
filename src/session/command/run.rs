//! Whether a command is carried out, and how: the checks in the order of Redis, the locks, the journal.

use std::sync::Arc;

use super::long::{Long, REMOVED_AT_ONCE};
use super::refusal::{NO_AUTH, OUT_OF_MEMORY};
use super::table::{ALONE, Action, Command, GROWS, KeysAt, LONG, OPEN, WRITES, find};
use super::transaction::Queued;
use super::{Batch, Call, Refusal, Session};
use crate::session::force::{Force, Stage};
use crate::session::keeping::Ticket;
use crate::session::memory::{Keyspace, LONGEST_KEY, Locks, Table, Wanted, cost};
use crate::session::resp::{Answer, Args, integer};
use crate::session::settings::Settings;
use crate::session::shared::{Shared, add};

/// A turn of one connection: commands one after the other, their answers into one run of bytes.
pub(crate) struct Talk<'t> {
    pub(crate) shared: &'t Shared,
    pub(crate) settings: &'t Settings,
    pub(crate) force: &'t Arc<Force>,
    /// Commands on their way to a Redis.
    pub(crate) batch: &'t mut Option<Batch>,
    pub(crate) session: &'t mut Session,
    pub(crate) out: &'t mut Answer,
    pub(crate) work: &'t mut Vec<u8>,
    /// What was taken out by clearing a database, to be given back bit by bit.
    pub(crate) waste: &'t mut Vec<Table>,
    /// What the answers wait for.
    pub(crate) ticket: &'t mut Ticket,
    pub(crate) now: u64,
    /// The journal was asked before this command, and takes it.
    pub(crate) admitted: bool,
}

/// What follows a command.
#[derive(Debug)]
pub(crate) enum Next {
    /// The next.
    Go,
    /// The same again, once the journal takes writes.
    Admit,
    /// The same again, once something else is in force.
    Hold,
    /// The same again, once those on their way to a Redis are answered.
    First,
    /// Nothing: the connection is to be closed.
    Close,
    /// Work that is done bit by bit.
    Long(Long),
}

/// What only a real Redis has is refused with this.
const MISSING: &str = "is not available in this session store: it keeps sessions and caches. \
    Queues, channels and brokers (Celery, channels_redis, RQ) need a Redis of their own";

impl Talk<'_> {
    pub(crate) fn execute(&mut self, args: Args<'_>) -> Next {
        match self.force.stage {
            Stage::Memory { .. } => {}
            Stage::Redis { .. } => return self.pass(args),
            Stage::Held(_) => return Next::Hold,
        }
        self.out.begin();
        self.session.commands += 1;
        let judged = self.judge(args);
        let command = match judged.and_then(|command| self.has_room(command, args)) {
            Ok(command) => command,
            Err(refusal) => {
                self.refuse(args.get(0), &refusal);
                return Next::Go;
            }
        };
        if command.has(WRITES) && !self.admitted && !self.shared.keeping.takes() {
            return Next::Admit;
        }
        self.carry_on(command, args)
    }

    /// Carries out what was judged.
    pub(super) fn carry_on(&mut self, command: &'static Command, args: Args<'_>) -> Next {
        match (command.action, self.session.transaction.is_some()) {
            (Action::Quit, _) => {
                self.out.ok();
                return Next::Close;
            }
            (Action::Reset, _) => self.reset(),
            (Action::Multi, _) => self.multi(),
            (Action::Exec, _) => return self.exec(),
            (Action::Discard, _) => self.discard(),
            (Action::Watch, true) => self.out.error(b"ERR WATCH inside MULTI is not allowed"),
            (_, true) => self.queue(command, args),
            (Action::Watch, false) => self.watch(args),
            (Action::Unwatch, false) => {
                self.session.watching = None;
                self.out.ok();
            }
            (Action::Run(run), false) => return self.run(command, run, args),
            (Action::Missing | Action::Far, false) => {}
        }
        Next::Go
    }

    /// A command is not carried out, nor is a transaction that it belongs to.
    pub(crate) fn refuse(&mut self, name: &[u8], refusal: &Refusal) {
        self.session.refused();
        if !name.eq_ignore_ascii_case(b"EXEC") {
            self.out.error(refusal.text());
            return;
        }
        self.session.transaction = None;
        self.session.watching = None;
        let why = refusal.text();
        let why = why.strip_prefix(b"ERR ").unwrap_or(why);
        let text = [b"EXECABORT Transaction discarded because of: ", why].concat();
        self.out.error(&text);
    }

    /// A command was longer than may be.
    pub(crate) fn too_long(&mut self) {
        self.out.begin();
        self.refuse(&[], &Refusal::too_long(self.settings.max_value));
    }

    fn judge(&mut self, args: Args<'_>) -> Result<&'static Command, Refusal> {
        let Some(command) = find(args.get(0)) else {
            return Err(unknown(args));
        };
        self.judge_known(command, args)
    }

    pub(super) fn judge_known(
        &mut self,
        command: &'static Command,
        args: Args<'_>,
    ) -> Result<&'static Command, Refusal> {
        command.check(args)?;
        if self.session.rights.is_none() && !command.has(OPEN) {
            return Err(NO_AUTH);
        }
        if matches!(command.action, Action::Missing) {
            self.shared.counters.count_missing(command.name);
            return Err(Refusal::with(format!("ERR '{}' {MISSING}", command.name)));
        }
        let database = self.session.database;
        if command.keys != KeysAt::None {
            if !self.session.may(database) {
                return Err(Refusal::with(format!(
                    "NOPERM this password does not open database {database}"
                )));
            }
            let is_far = matches!(command.action, Action::Far);
            if !is_far && keys(command.keys, args).any(|key| key.len() > LONGEST_KEY) {
                return Err(Refusal::of("ERR key is longer than 65536 bytes"));
            }
        }
        if command.has(ALONE) && self.session.transaction.is_some() {
            return Err(Refusal::of("ERR Command not allowed inside a transaction"));
        }
        Ok(command)
    }

    /// Whether there is room in memory for what a command may write.
    fn has_room(
        &self,
        command: &'static Command,
        args: Args<'_>,
    ) -> Result<&'static Command, Refusal> {
        if command.has(GROWS) {
            let keys = keys(command.keys, args).count();
            // Not more than this is written: each key at most anew, and fields with their lengths.
            let most = cost(args.bytes() + keys * 64 + args.len() * 4);
            if self.shared.memory.used().saturating_add(most) > self.settings.max_memory {
                let database = usize::from(self.session.database);
                add(&self.shared.counters.full[database], 1);
                return Err(OUT_OF_MEMORY);
            }
        }
        Ok(command)
    }

    fn run(
        &mut self,
        command: &'static Command,
        run: fn(&mut Call<'_, '_, '_>) -> super::Done,
        args: Args<'_>,
    ) -> Next {
        if command.has(LONG)
            && let Some(long) = Long::of(command, args, self.force)
        {
            return Next::Long(long);
        }
        let database = self.session.database;
        let memory = &*self.shared.memory;
        let mut keys = match command.keys {
            KeysAt::First => Keyspace::of_key(memory, database, args.get(1), self.now),
            KeysAt::None | KeysAt::Along => Keyspace::new(memory, Locks::None, database, self.now),
            _ => {
                let mut wanted = Wanted::default();
                self.want(command.keys, args, database, &mut wanted);
                Keyspace::new(memory, wanted.lock(memory), database, self.now)
            }
        };
        self.call(run, args, &mut keys);
        self.hand_over(keys);
        Next::Go
    }

    /// Carries a command out; what it said before an error is taken back.
    pub(super) fn call<'k>(
        &mut self,
        run: fn(&mut Call<'_, '_, '_>) -> super::Done,
        args: Args<'k>,
        keys: &mut Keyspace<'_, 'k>,
    ) {
        let mut call = Call {
            args,
            keys,
            out: self.out,
            session: self.session,
            shared: self.shared,
            settings: self.settings,
            work: self.work,
        };
        if let Err(refusal) = run(&mut call) {
            self.out.take_back();
            self.out.error(refusal.text());
        }
    }

    pub(super) fn hand_over(&mut self, keys: Keyspace<'_, '_>) {
        let (ticket, waste) = keys.hand_over(&self.shared.keeping, self.force.stage.noted());
        *self.ticket = ticket.max(*self.ticket);
        self.waste.extend(waste);
    }

    /// Which shards a command needs.
    pub(super) fn want(&self, at: KeysAt, args: Args<'_>, database: u8, wanted: &mut Wanted) {
        match at {
            KeysAt::Along | KeysAt::Whole => wanted.whole(database),
            KeysAt::Everything => self.session.databases().for_each(|one| wanted.whole(one)),
            _ => keys(at, args).for_each(|key| wanted.key(&self.shared.memory, database, key)),
        }
    }

    /// As a connection that has just begun.
    fn reset(&mut self) {
        self.session.settle(self.shared);
        *self.session = Session::new(self.session.id, self.shared);
        self.out.three = false;
        self.out.simple("RESET");
    }

    /// Whether a command with so many words is done bit by bit.
    pub(super) fn many(args: Args<'_>) -> bool {
        args.len() > REMOVED_AT_ONCE
    }

    fn queue(&mut self, command: &'static Command, args: Args<'_>) {
        let Some(transaction) = &mut self.session.transaction else {
            return;
        };
        match transaction.add(Queued::of(command, args)) {
            Ok(()) => self.out.simple("QUEUED"),
            Err(refusal) => self.out.error(refusal.text()),
        }
    }
}

/// The keys among a command's words.
pub(super) fn keys(at: KeysAt, args: Args<'_>) -> impl Iterator<Item = &[u8]> {
    let (from, count, step) = match at {
        KeysAt::None | KeysAt::Along | KeysAt::Whole | KeysAt::Everything => (0, 0, 1),
        KeysAt::First => (1, 1, 1),
        KeysAt::FirstTwo => (1, 2, 1),
        KeysAt::All => (1, usize::MAX, 1),
        KeysAt::Pairs => (1, usize::MAX, 2),
        KeysAt::Script => {
            let count = integer(args.get(2)).and_then(|count| usize::try_from(count).ok());
            (3, count.unwrap_or(0), 1)
        }
    };
    args.from(from).step_by(step).take(count)
}

/// Most bytes of a command that an error tells, as in Redis.
const TOLD: usize = 128;

pub(super) fn unknown(args: Args<'_>) -> Refusal {
    let shown = |word: &[u8], most: usize| -> Vec<u8> {
        let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
        word[..word.len().min(most)].to_vec()
    };
    let mut words = Vec::new();
    for word in args.from(1) {
        if words.len() >= TOLD {
            break;
        }
        let word = shown(word, TOLD - words.len());
        words.extend([&b"'"[..], &word, b"' "].concat());
    }
    let name = shown(args.get(0), TOLD);
    Refusal::with(
        [
            &b"ERR unknown command '"[..],
            &name,
            b"', with args beginning with: ",
            &words,
        ]
        .concat(),
    )
}
