//! Every command by its name. Arity as in Redis: a command with its name has so many words, or at least so many where
//! the number is below zero.

use super::refusal::Refusal;
use super::{Call, Done, expiry, hashes, hello, info, keys, scripts, sets, strings};
use crate::session::resp::Args;

/// A command.
#[derive(Debug)]
pub(crate) struct Command {
    /// In lower case, as errors tell it.
    pub(crate) name: &'static str,
    pub(super) arity: i8,
    pub(crate) keys: KeysAt,
    pub(crate) traits: u8,
    pub(crate) action: Action,
}

/// Which of its words are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysAt {
    None,
    /// The first word after the name.
    First,
    FirstTwo,
    All,
    /// Every other, from the first on.
    Pairs,
    /// As many as the second word after the name says.
    Script,
    /// It goes along the whole database.
    Along,
    /// It changes the whole database.
    Whole,
    /// It changes all databases of the connection.
    Everything,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Action {
    Run(fn(&mut Call<'_, '_, '_>) -> Done),
    Multi,
    Exec,
    Discard,
    Watch,
    Unwatch,
    Quit,
    Reset,
    /// Only a real Redis has it.
    Missing,
    /// It is passed on to the Redis behind, if there is one ([`super::far`]).
    Far,
}

/// It changes something.
pub(crate) const WRITES: u8 = 1;
/// It may need more memory.
pub(crate) const GROWS: u8 = 2;
/// It needs no password.
pub(crate) const OPEN: u8 = 4;
/// It cannot be part of a transaction.
pub(crate) const ALONE: u8 = 8;
/// It may be long, with so many keys that others should get their turn meanwhile.
pub(crate) const LONG: u8 = 16;

type Row = (&'static str, i8, KeysAt, u8, Action);

/// Both that change and need memory.
const PUTS: u8 = WRITES | GROWS;

macro_rules! run {
    ($($function:tt)+) => { Action::Run($($function)+) };
}

use KeysAt::{All, Along, Everything, First, FirstTwo, None as No, Pairs, Script, Whole};

/// In the order of their names.
const ROWS: &[Row] = &[
    ("append", 3, First, PUTS, run!(strings::append)),
    ("auth", -2, No, OPEN | ALONE, run!(hello::auth)),
    ("client", -2, No, 0, run!(hello::client)),
    ("command", -1, No, 0, run!(info::command)),
    ("config", -2, No, 0, run!(info::config)),
    ("dbsize", 1, Along, 0, run!(keys::count)),
    ("decr", 2, First, PUTS, run!(strings::decrease_by_one)),
    ("decrby", 3, First, PUTS, run!(strings::decrease_by)),
    ("del", -2, All, WRITES | LONG, run!(keys::remove)),
    ("discard", 1, No, 0, Action::Discard),
    ("echo", 2, No, 0, run!(hello::echo)),
    ("eval", -3, Script, PUTS, run!(scripts::eval)),
    ("evalsha", -3, Script, PUTS, run!(scripts::eval_sha)),
    ("exec", 1, No, 0, Action::Exec),
    ("exists", -2, All, 0, run!(keys::exists)),
    ("expire", -3, First, WRITES, run!(expiry::expire)),
    ("expireat", -3, First, WRITES, run!(expiry::expire_at)),
    ("expiretime", 2, First, 0, run!(expiry::end)),
    ("flushall", -1, Everything, WRITES, run!(keys::flush_all)),
    ("flushdb", -1, Whole, WRITES, run!(keys::flush)),
    ("get", 2, First, 0, run!(strings::get)),
    ("getdel", 2, First, WRITES, run!(strings::get_and_remove)),
    ("getex", -2, First, WRITES, run!(strings::get_and_expire)),
    ("getrange", 4, First, 0, run!(strings::range)),
    ("getset", 3, First, PUTS, run!(strings::get_and_set)),
    ("hdel", -3, First, WRITES, run!(hashes::remove)),
    ("hello", -1, No, OPEN | ALONE, run!(hello::hello)),
    ("hexists", 3, First, 0, run!(hashes::exists)),
    ("hget", 3, First, 0, run!(hashes::get)),
    ("hgetall", 2, First, 0, run!(hashes::get_all)),
    ("hincrby", 4, First, PUTS, run!(hashes::increase_by)),
    ("hkeys", 2, First, 0, run!(hashes::names)),
    ("hlen", 2, First, 0, run!(hashes::length)),
    ("hmget", -3, First, 0, run!(hashes::get_many)),
    ("hmset", -4, First, PUTS, run!(hashes::set_many)),
    ("hset", -4, First, PUTS, run!(hashes::set)),
    ("hsetnx", 4, First, PUTS, run!(hashes::set_new)),
    ("hstrlen", 3, First, 0, run!(hashes::value_length)),
    ("hvals", 2, First, 0, run!(hashes::values)),
    ("incr", 2, First, PUTS, run!(strings::increase_by_one)),
    ("incrby", 3, First, PUTS, run!(strings::increase_by)),
    ("info", -1, No, ALONE, run!(info::info)),
    ("keys", 2, Along, LONG, run!(keys::keys)),
    ("mget", -2, All, 0, run!(strings::get_many)),
    ("mset", -3, Pairs, PUTS, run!(strings::set_many)),
    ("msetnx", -3, Pairs, PUTS, run!(strings::set_many_new)),
    ("multi", 1, No, 0, Action::Multi),
    ("persist", 2, First, WRITES, run!(expiry::persist)),
    (
        "pexpire",
        -3,
        First,
        WRITES,
        run!(expiry::expire_milliseconds),
    ),
    (
        "pexpireat",
        -3,
        First,
        WRITES,
        run!(expiry::expire_at_milliseconds),
    ),
    ("pexpiretime", 2, First, 0, run!(expiry::end_milliseconds)),
    ("ping", -1, No, 0, run!(hello::ping)),
    (
        "psetex",
        4,
        First,
        PUTS,
        run!(strings::set_for_milliseconds),
    ),
    ("pttl", 2, First, 0, run!(expiry::left_milliseconds)),
    ("quit", -1, No, OPEN, Action::Quit),
    ("rename", 3, FirstTwo, WRITES, run!(keys::rename)),
    ("renamenx", 3, FirstTwo, WRITES, run!(keys::rename_new)),
    ("reset", 1, No, OPEN, Action::Reset),
    ("sadd", -3, First, PUTS, run!(sets::add)),
    ("scan", -2, Along, 0, run!(keys::scan)),
    ("scard", 2, First, 0, run!(sets::count)),
    ("script", -2, No, 0, run!(scripts::script)),
    ("select", 2, No, 0, run!(hello::select)),
    ("set", -3, First, PUTS, run!(strings::set)),
    ("setex", 4, First, PUTS, run!(strings::set_for)),
    ("setnx", 3, First, PUTS, run!(strings::set_new)),
    ("sismember", 3, First, 0, run!(sets::has)),
    ("smembers", 2, First, 0, run!(sets::members)),
    ("smismember", -3, First, 0, run!(sets::has_many)),
    ("srem", -3, First, WRITES, run!(sets::remove)),
    ("strlen", 2, First, 0, run!(strings::length)),
    ("touch", -2, All, 0, run!(keys::exists)),
    ("ttl", 2, First, 0, run!(expiry::left)),
    ("type", 2, First, 0, run!(keys::kind)),
    ("unlink", -2, All, WRITES | LONG, run!(keys::remove)),
    ("unwatch", 1, No, 0, Action::Unwatch),
    ("watch", -2, All, 0, Action::Watch),
];

/// Commands whose second word says what they are about, with its arity.
const PARTS: &[(&str, &str, i8)] = &[
    ("client", "getname", 2),
    ("client", "id", 2),
    ("client", "setinfo", 4),
    ("client", "setname", 3),
    ("config", "get", -3),
    ("config", "set", -4),
    ("script", "exists", -3),
    ("script", "flush", -2),
    ("script", "load", 3),
];

/// What queues, channel layers and brokers ask for: the panel then says that they need a real Redis.
const MISSING: &[&str] = &[
    "blmove",
    "blmpop",
    "blpop",
    "brpop",
    "brpoplpush",
    "bzmpop",
    "bzpopmax",
    "bzpopmin",
    "fcall",
    "function",
    "geoadd",
    "hscan",
    "linsert",
    "llen",
    "lmove",
    "lpop",
    "lpush",
    "lrange",
    "lrem",
    "ltrim",
    "monitor",
    "pfadd",
    "psubscribe",
    "psync",
    "publish",
    "pubsub",
    "punsubscribe",
    "replicaof",
    "rpop",
    "rpoplpush",
    "rpush",
    "slaveof",
    "spublish",
    "ssubscribe",
    "subscribe",
    "sync",
    "unsubscribe",
    "xadd",
    "xgroup",
    "xread",
    "xreadgroup",
    "zadd",
    "zcard",
    "zincrby",
    "zpopmin",
    "zrange",
    "zrangebyscore",
    "zrem",
    "zremrangebyscore",
    "zrevrange",
    "zscore",
];

/// The longest name.
const LONGEST: usize = 20;

/// All commands, for one look-up.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Command>,
}

static TABLE: std::sync::LazyLock<Table> = std::sync::LazyLock::new(|| {
    let known = ROWS
        .iter()
        .map(|(name, arity, keys, traits, action)| Command {
            name,
            arity: *arity,
            keys: *keys,
            traits: *traits,
            action: *action,
        });
    let missing = MISSING.iter().map(|name| Command {
        name,
        arity: -1,
        keys: KeysAt::None,
        traits: 0,
        action: Action::Missing,
    });
    let mut rows: Vec<Command> = known.chain(missing).collect();
    rows.sort_by_key(|command| command.name);
    Table { rows }
});

/// The command of a name in any case.
pub(crate) fn find(name: &[u8]) -> Option<&'static Command> {
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    let rows = &TABLE.rows;
    let at = rows
        .binary_search_by(|command| command.name.as_bytes().cmp(lower))
        .ok()?;
    Some(&rows[at])
}

/// How many commands there are (`COMMAND COUNT`).
pub(crate) fn count() -> usize {
    ROWS.len()
}

impl Command {
    pub(crate) fn has(&self, one: u8) -> bool {
        self.traits & one != 0
    }

    /// It has as many words as it needs, and so has the part of it that the second word names.
    pub(crate) fn check(&self, args: Args<'_>) -> Result<(), Refusal> {
        if !suits(self.arity, args.len()) {
            return Err(Refusal::arity(self.name));
        }
        let mut parts = PARTS
            .iter()
            .filter(|(name, ..)| *name == self.name)
            .peekable();
        if parts.peek().is_none() {
            return Ok(());
        }
        let word = args.get(1);
        match parts.find(|(_, part, _)| word.eq_ignore_ascii_case(part.as_bytes())) {
            None => Err(unknown_subcommand(word, &self.name.to_ascii_uppercase())),
            Some((name, part, arity)) if !suits(*arity, args.len()) => {
                Err(Refusal::arity(&format!("{name}|{part}")))
            }
            Some(_) => Ok(()),
        }
    }
}

fn suits(arity: i8, words: usize) -> bool {
    let words = i64::try_from(words).unwrap_or(i64::MAX);
    let arity = i64::from(arity);
    words == arity || (arity < 0 && words >= -arity)
}

fn unknown_subcommand(word: &[u8], command: &str) -> Refusal {
    let shown = word.split(|byte| *byte == 0).next().unwrap_or_default();
    let shown = String::from_utf8_lossy(&shown[..shown.len().min(128)]).into_owned();
    Refusal::with(format!(
        "ERR unknown subcommand '{shown}'. Try {command} HELP."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_in_any_case() {
        for (name, ..) in ROWS {
            assert_eq!(find(name.to_uppercase().as_bytes()).unwrap().name, *name);
        }
        for name in MISSING {
            assert!(matches!(
                find(name.as_bytes()).unwrap().action,
                Action::Missing
            ));
        }
        assert!(find(b"no-such").is_none());
        assert!(find(&[b'x'; 100]).is_none());
        assert!(find(b"").is_none());
    }
}
