//! Scripts that session clients are known to send, carried out natively: no interpreter stands on this port.
//!
//! A text is known by its words, however they are spaced. `SCRIPT LOAD` and `EVAL` remember its SHA-1, as in Redis.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use sha1::{Digest, Sha1};

use super::expiry::milliseconds_left;
use super::refusal::NOT_INTEGER;
use super::strings::{increase, text};
use super::{Call, Done, Refusal};
use crate::session::resp::{Args, integer};

/// A script that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    /// django-redis: adds to a key that is there.
    IncreaseThere,
    /// django-redis: adds to a key.
    Increase,
    /// redis-py and phpredis: removes a lock that is one's own.
    Unlock,
    /// redis-py: a lock that is one's own ends later.
    Extend,
    /// redis-py: a lock that is one's own ends after another time.
    Reacquire,
}

const KNOWN: &[(&str, Script)] = &[
    (
        "local exists = redis.call('EXISTS', KEYS[1]) if (exists == 1) then \
         return redis.call('INCRBY', KEYS[1], ARGV[1]) else return false end",
        Script::IncreaseThere,
    ),
    (
        "return redis.call('INCRBY', KEYS[1], ARGV[1])",
        Script::Increase,
    ),
    (
        "local token = redis.call('get', KEYS[1]) if not token or token ~= ARGV[1] then return 0 end \
         redis.call('del', KEYS[1]) return 1",
        Script::Unlock,
    ),
    (
        "if redis.call(\"get\",KEYS[1]) == ARGV[1] then return redis.call(\"del\",KEYS[1]) else return 0 end",
        Script::Unlock,
    ),
    (
        "local token = redis.call('get', KEYS[1]) if not token or token ~= ARGV[1] then return 0 end \
         local expiration = redis.call('pttl', KEYS[1]) if not expiration then expiration = 0 end \
         if expiration < 0 then return 0 end local newttl = ARGV[2] if ARGV[3] == \"0\" then \
         newttl = ARGV[2] + expiration end redis.call('pexpire', KEYS[1], newttl) return 1",
        Script::Extend,
    ),
    (
        "local token = redis.call('get', KEYS[1]) if not token or token ~= ARGV[1] then return 0 end \
         redis.call('pexpire', KEYS[1], ARGV[2]) return 1",
        Script::Reacquire,
    ),
];

/// Spellings of known scripts that are remembered: each is some 60 bytes.
const MOST: usize = 256;

/// The scripts that were loaded, by their SHA-1 in hexadecimal.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    loaded: RwLock<HashMap<String, Script>>,
}

impl Scripts {
    fn known(&self, text: &[u8]) -> Option<(Script, String)> {
        let text = std::str::from_utf8(text).ok()?;
        let words = || text.split_ascii_whitespace();
        let (_, script) = KNOWN
            .iter()
            .find(|(known, _)| known.split_ascii_whitespace().eq(words()))?;
        let digest: String = Sha1::digest(text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if loaded.len() < MOST {
            loaded.insert(digest.clone(), *script);
        }
        Some((*script, digest))
    }

    fn loaded(&self, digest: &[u8]) -> Option<Script> {
        let digest = std::str::from_utf8(digest).ok()?.to_ascii_lowercase();
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.get(&digest).copied()
    }
}

const NOT_AVAILABLE: Refusal = Refusal::of("ERR scripting is not available in this session store");

const NO_SCRIPT: Refusal = Refusal::of("NOSCRIPT No matching script. Please use EVAL.");

fn key_count(args: Args<'_>) -> Result<usize, Refusal> {
    let count = integer(args.get(2)).ok_or(NOT_INTEGER)?;
    let most = i64::try_from(args.len() - 3).unwrap_or(i64::MAX);
    if count > most {
        return Err(Refusal::of(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    usize::try_from(count).map_err(|_negative| Refusal::of("ERR Number of keys can't be negative"))
}

/// Whether an `EVAL` is of a script that is known.
pub(super) fn known(scripts: &Scripts, args: Args<'_>) -> Result<(), Refusal> {
    key_count(args)?;
    let known = scripts.known(args.get(1));
    known.map(drop).ok_or(NOT_AVAILABLE)
}

/// The text of the script that an `EVALSHA` is of.
pub(super) fn text_of(scripts: &Scripts, args: Args<'_>) -> Result<&'static str, Refusal> {
    key_count(args)?;
    let script = scripts.loaded(args.get(1)).ok_or(NO_SCRIPT)?;
    let mut texts = KNOWN.iter().filter(|(_, known)| *known == script);
    texts.next().map(|(text, _)| *text).ok_or(NO_SCRIPT)
}

pub(super) fn eval(call: &mut Call<'_, '_, '_>) -> Done {
    let keys = key_count(call.args)?;
    let (script, _) = call
        .shared
        .scripts
        .known(call.args.get(1))
        .ok_or(NOT_AVAILABLE)?;
    carry_out(call, script, keys)
}

pub(super) fn eval_sha(call: &mut Call<'_, '_, '_>) -> Done {
    let keys = key_count(call.args)?;
    let script = call.shared.scripts.loaded(call.args.get(1));
    let script = script.ok_or(NO_SCRIPT)?;
    carry_out(call, script, keys)
}

fn carry_out(call: &mut Call<'_, '_, '_>, script: Script, keys: usize) -> Done {
    if keys == 0 {
        return Err(Refusal::of("ERR this script needs a key"));
    }
    let key = call.args.get(3);
    let argument = |at: usize| call.args.get(2 + keys + at);
    let (first, second, third) = (argument(1), argument(2), argument(3));
    if matches!(script, Script::IncreaseThere | Script::Increase) {
        if script == Script::IncreaseThere && call.keys.find(key).is_none() {
            call.out.null();
            return Ok(());
        }
        let by = integer(first).ok_or(NOT_INTEGER)?;
        return increase(call, key, by);
    }
    let own = text(call.keys.read(key))? == Some(first);
    let done = own
        && match script {
            Script::Unlock => call.keys.remove(key),
            Script::Reacquire => end_after(call, key, integer(second).ok_or(NOT_INTEGER)?),
            _ => {
                let now = call.keys.now();
                let left = milliseconds_left(
                    call.keys.find(key).and_then(|entry| entry.expires_at()),
                    now,
                );
                let by = integer(second).ok_or(NOT_INTEGER)?;
                let lifetime = if third == b"0" {
                    by.saturating_add(left)
                } else {
                    by
                };
                left >= 0 && end_after(call, key, lifetime)
            }
        };
    call.out.integer(i64::from(done));
    Ok(())
}

/// The key, which is there, ends after so many milliseconds; at once where there are none.
fn end_after<'k>(call: &mut Call<'_, '_, 'k>, key: &'k [u8], lifetime: i64) -> bool {
    match u64::try_from(lifetime) {
        Ok(lifetime) if lifetime > 0 => {
            let at = call.keys.now().saturating_add(lifetime);
            call.keys.expire(key, Some(at))
        }
        _ => call.keys.remove(key),
    }
}

pub(super) fn script(call: &mut Call<'_, '_, '_>) -> Done {
    let word = call.args.get(1);
    if word.eq_ignore_ascii_case(b"LOAD") {
        let known = call.shared.scripts.known(call.args.get(2));
        let (_, digest) = known.ok_or(NOT_AVAILABLE)?;
        call.out.bulk(digest.as_bytes());
    } else if word.eq_ignore_ascii_case(b"EXISTS") {
        call.out.array(call.args.len() - 2);
        for digest in call.args.from(2) {
            let there = call.shared.scripts.loaded(digest).is_some();
            call.out.integer(i64::from(there));
        }
    } else {
        call.out.ok();
    }
    Ok(())
}
