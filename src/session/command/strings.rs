//! Text: what nearly every session is.

use super::expiry::{self, Time};
use super::refusal::{NOT_INTEGER, SYNTAX, WRONG_TYPE};
use super::{Call, Done, Refusal};
use crate::session::change::{Kind, Value};
use crate::session::memory::{Ends, Entry};
use crate::session::resp::{Digits, integer};

/// The text of an entry that is there.
pub(super) fn text(entry: Option<&Entry>) -> Result<Option<&[u8]>, Refusal> {
    match entry {
        None => Ok(None),
        Some(entry) if entry.kind() == Kind::Text => Ok(Some(entry.value().bytes())),
        Some(_) => Err(WRONG_TYPE),
    }
}

pub(super) fn get(call: &mut Call<'_, '_, '_>) -> Done {
    match text(call.keys.read(call.args.get(1)))? {
        Some(bytes) => call.out.bulk(bytes),
        None => call.out.null(),
    }
    Ok(())
}

#[derive(Default)]
struct SetOptions<'a> {
    only_new: bool,
    only_there: bool,
    get: bool,
    keep: bool,
    persist: bool,
    time: Option<(Time, &'a [u8])>,
}

/// The options of `SET` and of `GETEX`, in any order.
fn set_options<'a>(
    call: &Call<'_, '_, 'a>,
    from: usize,
    is_set: bool,
) -> Result<SetOptions<'a>, Refusal> {
    let mut options = SetOptions::default();
    let mut at = from;
    while at < call.args.len() {
        let word = call.args.get(at);
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is_set && is("NX") && !options.only_there {
            options.only_new = true;
        } else if is_set && is("XX") && !options.only_new {
            options.only_there = true;
        } else if is_set && is("GET") {
            options.get = true;
        } else if is_set && is("KEEPTTL") && options.time.is_none() {
            options.keep = true;
        } else if !is_set && is("PERSIST") && options.time.is_none() {
            options.persist = true;
        } else if let Some(time) = Time::named(word)
            && !options.keep
            && !options.persist
            && at + 1 < call.args.len()
            && options.time.is_none_or(|(before, _)| before == time)
        {
            at += 1;
            options.time = Some((time, call.args.get(at)));
        } else {
            return Err(SYNTAX);
        }
        at += 1;
    }
    Ok(options)
}

pub(super) fn set(call: &mut Call<'_, '_, '_>) -> Done {
    let (key, value) = (call.args.get(1), call.args.get(2));
    if call.args.len() == 3 {
        call.put(key, Value::text(value), Ends::Never)?;
        call.out.ok();
        return Ok(());
    }
    let options = set_options(call, 3, true)?;
    let ends = match options.time {
        Some((time, number)) => Ends::At(expiry::at(call, time, number, "set")?),
        None if options.keep => Ends::Kept,
        None => Ends::Never,
    };
    call.check(value.len())?;
    if options.get || options.only_new || options.only_there {
        let entry = if options.get {
            call.keys.read(key)
        } else {
            call.keys.find(key)
        };
        let there = entry.is_some();
        if options.get {
            match text(entry)? {
                Some(old) => call.out.bulk(old),
                None => call.out.null(),
            }
        }
        if (options.only_new && there) || (options.only_there && !there) {
            if !options.get {
                call.out.null();
            }
            return Ok(());
        }
    }
    if ends == Ends::Kept {
        // One that is over must not lend its time to the new one.
        call.keys.find(key);
    }
    call.put(key, Value::text(value), ends)?;
    if !options.get {
        call.out.ok();
    }
    Ok(())
}

pub(super) fn set_new(call: &mut Call<'_, '_, '_>) -> Done {
    let key = call.args.get(1);
    let new = call.keys.find(key).is_none();
    if new {
        call.put(key, Value::text(call.args.get(2)), Ends::Never)?;
    }
    call.out.integer(i64::from(new));
    Ok(())
}

pub(super) fn set_for(call: &mut Call<'_, '_, '_>) -> Done {
    set_with_time(call, Time::IN_SECONDS, "setex")
}

pub(super) fn set_for_milliseconds(call: &mut Call<'_, '_, '_>) -> Done {
    set_with_time(call, Time::IN_MILLISECONDS, "psetex")
}

fn set_with_time(call: &mut Call<'_, '_, '_>, time: Time, name: &str) -> Done {
    let at = expiry::at(call, time, call.args.get(2), name)?;
    call.put(
        call.args.get(1),
        Value::text(call.args.get(3)),
        Ends::At(at),
    )?;
    call.out.ok();
    Ok(())
}

pub(super) fn get_and_set(call: &mut Call<'_, '_, '_>) -> Done {
    let key = call.args.get(1);
    call.check(call.args.get(2).len())?;
    get(call)?;
    call.put(key, Value::text(call.args.get(2)), Ends::Never)
}

pub(super) fn get_and_remove(call: &mut Call<'_, '_, '_>) -> Done {
    get(call)?;
    call.keys.remove(call.args.get(1));
    Ok(())
}

pub(super) fn get_and_expire(call: &mut Call<'_, '_, '_>) -> Done {
    let key = call.args.get(1);
    let options = set_options(call, 2, false)?;
    let Some(old) = text(call.keys.read(key))? else {
        call.out.null();
        return Ok(());
    };
    let before = call.out.bytes.len();
    call.out.bulk(old);
    let Some((time, number)) = options.time else {
        if options.persist
            && call
                .keys
                .find(key)
                .is_some_and(|entry| entry.expires_at().is_some())
        {
            call.keys.expire(key, None);
        }
        return Ok(());
    };
    match expiry::at(call, time, number, "getex") {
        Ok(at) if time.absolute && at <= call.keys.now() => {
            call.keys.remove(key);
        }
        Ok(at) => {
            call.keys.expire(key, Some(at));
        }
        Err(refusal) => {
            call.out.bytes.truncate(before);
            return Err(refusal);
        }
    }
    Ok(())
}

pub(super) fn append(call: &mut Call<'_, '_, '_>) -> Done {
    let key = call.args.get(1);
    let more = call.args.get(2);
    call.work.clear();
    if let Some(old) = text(call.keys.find(key))? {
        call.work.extend_from_slice(old);
    }
    call.work.extend_from_slice(more);
    let length = call.work.len();
    call.put_work(key, Kind::Text, Ends::Kept)?;
    call.out.count(length);
    Ok(())
}

pub(super) fn length(call: &mut Call<'_, '_, '_>) -> Done {
    let length = text(call.keys.read(call.args.get(1)))?.map_or(0, <[u8]>::len);
    call.out.count(length);
    Ok(())
}

pub(super) fn range(call: &mut Call<'_, '_, '_>) -> Done {
    let from = integer(call.args.get(2)).ok_or(NOT_INTEGER)?;
    let to = integer(call.args.get(3)).ok_or(NOT_INTEGER)?;
    let bytes = text(call.keys.read(call.args.get(1)))?.unwrap_or_default();
    call.out.bulk(part(bytes, from, to));
    Ok(())
}

/// Bytes from one place to another, both counted; below zero from the end.
fn part(bytes: &[u8], from: i64, to: i64) -> &[u8] {
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    if from < 0 && to < 0 && from > to {
        return &[];
    }
    let place = |at: i64| {
        if at < 0 {
            (length.saturating_add(at)).max(0)
        } else {
            at
        }
    };
    let (from, to) = (place(from), place(to).min(length - 1));
    let index = |at: i64| usize::try_from(at).unwrap_or(0);
    if from > to || length == 0 {
        return &[];
    }
    bytes.get(index(from)..=index(to)).unwrap_or_default()
}

pub(super) fn increase_by_one(call: &mut Call<'_, '_, '_>) -> Done {
    increase(call, call.args.get(1), 1)
}

pub(super) fn decrease_by_one(call: &mut Call<'_, '_, '_>) -> Done {
    increase(call, call.args.get(1), -1)
}

pub(super) fn increase_by(call: &mut Call<'_, '_, '_>) -> Done {
    let by = integer(call.args.get(2)).ok_or(NOT_INTEGER)?;
    increase(call, call.args.get(1), by)
}

pub(super) fn decrease_by(call: &mut Call<'_, '_, '_>) -> Done {
    let by = integer(call.args.get(2)).ok_or(NOT_INTEGER)?;
    let by = by
        .checked_neg()
        .ok_or(Refusal::of("ERR decrement would overflow"))?;
    increase(call, call.args.get(1), by)
}

pub(super) fn increase<'k>(call: &mut Call<'_, '_, 'k>, key: &'k [u8], by: i64) -> Done {
    let old = match text(call.keys.find(key))? {
        Some(old) => integer(old).ok_or(NOT_INTEGER)?,
        None => 0,
    };
    let new = old
        .checked_add(by)
        .ok_or(Refusal::of("ERR increment or decrement would overflow"))?;
    call.keys
        .put(key, Value::text(Digits::of(new).as_bytes()), Ends::Kept);
    call.out.integer(new);
    Ok(())
}

pub(super) fn get_many(call: &mut Call<'_, '_, '_>) -> Done {
    call.out.array(call.args.len() - 1);
    for key in call.args.from(1) {
        match text(call.keys.read(key)) {
            Ok(Some(bytes)) => call.out.bulk(bytes),
            Ok(None) | Err(_) => call.out.null(),
        }
        call.out.bounded()?;
    }
    Ok(())
}

pub(super) fn set_many(call: &mut Call<'_, '_, '_>) -> Done {
    pairs(call, "mset")?;
    put_pairs(call);
    call.out.ok();
    Ok(())
}

pub(super) fn set_many_new(call: &mut Call<'_, '_, '_>) -> Done {
    pairs(call, "msetnx")?;
    let mut keys = call.args.from(1).step_by(2);
    let new = keys.all(|key| call.keys.find(key).is_none());
    if new {
        put_pairs(call);
    }
    call.out.integer(i64::from(new));
    Ok(())
}

/// Every key has a value, and none is too long: all of them are put or none.
fn pairs(call: &Call<'_, '_, '_>, name: &str) -> Done {
    if call.args.len().is_multiple_of(2) {
        return Err(Refusal::arity(name));
    }
    let mut values = call.args.from(2).step_by(2);
    values.try_for_each(|value| call.check(value.len()))
}

fn put_pairs(call: &mut Call<'_, '_, '_>) {
    let pairs = call
        .args
        .from(1)
        .step_by(2)
        .zip(call.args.from(2).step_by(2));
    for (key, value) in pairs {
        call.keys.put(key, Value::text(value), Ends::Never);
    }
}
