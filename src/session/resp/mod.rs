//! The Redis protocol: requests read in place, answers written in the version that the client asked for.

mod answer;
mod line;
mod number;
mod parse;

pub(crate) use self::answer::{Answer, TooLong};
pub(crate) use self::number::{Digits, integer};
pub(crate) use self::parse::{Args, May, Parser, Step};

/// Longest line of a request that is no array (what a person types), as in Redis.
pub(crate) const LONGEST_LINE: usize = 64 * 1024;

/// Most arguments of one command, as in Redis.
pub(crate) const MOST_ARGS: i64 = 1024 * 1024;

/// Longest argument that is still skipped when it is over the limit of values, as in Redis: whoever announces more has
/// its connection closed.
pub(crate) const LONGEST_SKIPPED: i64 = 512 * 1024 * 1024;

/// Most bytes of one command, and of all commands of one transaction: with the longest argument one connection holds
/// no more. Django's `set_many` of whole pages fits.
pub(crate) const LONGEST_COMMAND: usize = 32 * 1024 * 1024;

/// Longest answer of one command. `MGET` may name one long value a million times.
pub(crate) const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Buffers of more bytes than this are given back when what was in them is done with.
pub(crate) const LONGEST_KEPT: usize = 64 * 1024;
