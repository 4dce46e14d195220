//! Errors of commands, in the words of Redis: clients compare them.

use std::borrow::Cow;

use crate::session::resp::TooLong;

/// What a command that is not carried out is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(Cow<'static, [u8]>);

impl Refusal {
    pub(crate) const fn of(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    pub(crate) fn with(text: impl Into<Vec<u8>>) -> Self {
        Self(Cow::Owned(text.into()))
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn arity(name: &str) -> Self {
        Self::with(format!(
            "ERR wrong number of arguments for '{name}' command"
        ))
    }

    pub(crate) fn expire_time(name: &str) -> Self {
        Self::with(format!("ERR invalid expire time in '{name}' command"))
    }

    pub(crate) fn too_long(most: usize) -> Self {
        Self::with(format!(
            "ERR value is longer than max_value, which is {most} bytes in this session store"
        ))
    }
}

pub(crate) const WRONG_TYPE: Refusal =
    Refusal::of("WRONGTYPE Operation against a key holding the wrong kind of value");
pub(crate) const SYNTAX: Refusal = Refusal::of("ERR syntax error");
pub(crate) const NOT_INTEGER: Refusal = Refusal::of("ERR value is not an integer or out of range");
pub(crate) const NO_SUCH_KEY: Refusal = Refusal::of("ERR no such key");
pub(crate) const OUT_OF_MEMORY: Refusal =
    Refusal::of("OOM command not allowed when used memory > 'maxmemory'.");
pub(crate) const NO_AUTH: Refusal = Refusal::of("NOAUTH Authentication required.");
pub(crate) const WRONG_PASSWORD: Refusal =
    Refusal::of("WRONGPASS invalid username-password pair or user is disabled.");

impl From<TooLong> for Refusal {
    fn from(_: TooLong) -> Self {
        Self::of("ERR the answer is longer than 64 MiB; ask for less at once")
    }
}
