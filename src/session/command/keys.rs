//! Keys whatever they hold, and all keys of a database.

use super::glob::matches;
use super::refusal::{NO_SUCH_KEY, NOT_INTEGER, SYNTAX};
use super::{Call, Done, Refusal};
use crate::session::memory::{Ends, Entry, name_of};
use crate::session::resp::integer;

pub(super) fn remove(call: &mut Call<'_, '_, '_>) -> Done {
    let keys = call.args.from(1);
    let removed = keys.filter(|key| call.keys.remove(key)).count();
    call.out.count(removed);
    Ok(())
}

pub(super) fn exists(call: &mut Call<'_, '_, '_>) -> Done {
    let keys = call.args.from(1);
    let there = keys.filter(|key| call.keys.read(key).is_some()).count();
    call.out.count(there);
    Ok(())
}

pub(super) fn kind(call: &mut Call<'_, '_, '_>) -> Done {
    let kind = call.keys.find(call.args.get(1)).map(Entry::kind);
    call.out.simple(kind.map_or("none", name_of));
    Ok(())
}

pub(super) fn rename(call: &mut Call<'_, '_, '_>) -> Done {
    rename_to(call, false)
}

pub(super) fn rename_new(call: &mut Call<'_, '_, '_>) -> Done {
    rename_to(call, true)
}

fn rename_to(call: &mut Call<'_, '_, '_>, only_new: bool) -> Done {
    let (from, to) = (call.args.get(1), call.args.get(2));
    let entry = call.keys.find(from).ok_or(NO_SUCH_KEY)?;
    let (kind, ends) = (entry.kind(), Ends::of(entry.expires_at()));
    call.work.clear();
    call.work.extend_from_slice(entry.value().bytes());
    let taken = from == to || (only_new && call.keys.find(to).is_some());
    if !taken {
        call.keys.remove(from);
        call.put_work(to, kind, ends)?;
    }
    if only_new {
        call.out.integer(i64::from(!taken));
    } else {
        call.out.ok();
    }
    Ok(())
}

pub(super) fn count(call: &mut Call<'_, '_, '_>) -> Done {
    let count = call.keys.count();
    call.out.count(count);
    Ok(())
}

/// `ASYNC` and `SYNC` are the same here: what was taken out is given back to the system bit by bit.
fn flush_options(call: &Call<'_, '_, '_>) -> Done {
    let word = call.args.get(1);
    let known = word.eq_ignore_ascii_case(b"ASYNC") || word.eq_ignore_ascii_case(b"SYNC");
    if call.args.len() > 2 || (call.args.len() == 2 && !known) {
        return Err(SYNTAX);
    }
    Ok(())
}

pub(super) fn flush(call: &mut Call<'_, '_, '_>) -> Done {
    flush_options(call)?;
    call.keys.clear(call.keys.database());
    call.out.ok();
    Ok(())
}

pub(super) fn flush_all(call: &mut Call<'_, '_, '_>) -> Done {
    flush_options(call)?;
    for database in call.session.databases() {
        call.keys.clear(database);
    }
    call.out.ok();
    Ok(())
}

/// All keys that match. Beside others only as part of a transaction: else it goes along bit by bit.
pub(super) fn keys(call: &mut Call<'_, '_, '_>) -> Done {
    let pattern = call.args.get(1);
    let mut found = Vec::new();
    call.keys.along(0, usize::MAX, |entry| {
        if matches(pattern, entry.key()) {
            found.push(entry.key().to_vec());
        }
    });
    call.out.array(found.len());
    for key in found {
        call.out.bulk(&key);
    }
    Ok(())
}

/// Most entries looked at in one `SCAN`, whatever `COUNT` says: it is a hint, and others wait meanwhile.
const MOST_SCANNED: usize = 4096;

pub(super) fn scan(call: &mut Call<'_, '_, '_>) -> Done {
    let cursor = cursor(call.args.get(1))?;
    let (mut count, mut pattern, mut kind) = (10, None, None);
    let mut at = 2;
    while at < call.args.len() {
        let (word, value) = (call.args.get(at), call.args.get(at + 1));
        let is =
            |name: &str| word.eq_ignore_ascii_case(name.as_bytes()) && at + 1 < call.args.len();
        if is("COUNT") {
            count = integer(value).ok_or(NOT_INTEGER)?;
            if count < 1 {
                return Err(SYNTAX);
            }
        } else if is("MATCH") {
            pattern = Some(value);
        } else if is("TYPE") {
            kind = Some(value);
        } else {
            return Err(SYNTAX);
        }
        at += 2;
    }
    let count = usize::try_from(count)
        .unwrap_or(MOST_SCANNED)
        .min(MOST_SCANNED);
    let mut found = Vec::new();
    let next = call.keys.along(cursor, count, |entry| {
        let right_kind = kind
            .is_none_or(|kind: &[u8]| kind.eq_ignore_ascii_case(name_of(entry.kind()).as_bytes()));
        if right_kind && pattern.is_none_or(|pattern| matches(pattern, entry.key())) {
            found.push(entry.key().to_vec());
        }
    });
    call.out.array(2);
    call.out.bulk(next.unwrap_or(0).to_string().as_bytes());
    call.out.array(found.len());
    for key in found {
        call.out.bulk(&key);
    }
    Ok(())
}

fn cursor(text: &[u8]) -> Result<u64, Refusal> {
    let text = std::str::from_utf8(text).ok();
    let number = text
        .filter(|text| !text.starts_with('+'))
        .and_then(|text| text.parse().ok());
    number.ok_or(Refusal::of("ERR invalid cursor"))
}
