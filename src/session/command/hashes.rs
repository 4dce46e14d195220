//! Fields: what Spring keeps of a session.

use std::collections::{HashMap, HashSet};
use std::iter;

use super::refusal::{NOT_INTEGER, WRONG_TYPE};
use super::{Call, Done, Refusal};
use crate::session::change::{Items, Kind, pack};
use crate::session::memory::{Ends, Entry};
use crate::session::resp::{Digits, integer};

/// The packed items of an entry of a kind; nothing where there is no entry.
pub(super) fn items(entry: Option<&Entry>, kind: Kind) -> Result<Items<'_>, Refusal> {
    match entry {
        None => Ok(Items::of(&[])),
        Some(entry) if entry.kind() == kind => Ok(Items::of(entry.value().bytes())),
        Some(_) => Err(WRONG_TYPE),
    }
}

fn read<'c>(call: &'c mut Call<'_, '_, '_>) -> Result<Items<'c>, Refusal> {
    items(call.keys.read(call.args.get(1)), Kind::Fields)
}

fn value_of<'a>(mut items: Items<'a>, field: &[u8]) -> Option<&'a [u8]> {
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        if name == field {
            return Some(value);
        }
    }
    None
}

/// Puts fields into a key, each in its old place or at the end, and all of them or none. Says how many are new.
fn put_fields<'k, 'f>(
    call: &mut Call<'_, '_, 'k>,
    key: &'k [u8],
    fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
) -> Result<usize, Refusal> {
    let mut items = items(call.keys.find(key), Kind::Fields)?;
    let mut all: Vec<(&[u8], &[u8])> = Vec::new();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        all.push((name, value));
    }
    let places = all.iter().enumerate().map(|(at, (name, _))| (*name, at));
    let mut places: HashMap<&[u8], usize> = places.collect();
    let before = all.len();
    for (name, value) in fields {
        let at = *places.entry(name).or_insert(all.len());
        match all.get_mut(at) {
            Some(pair) => pair.1 = value,
            None => all.push((name, value)),
        }
    }
    let new = all.len() - before;
    call.work.clear();
    for (name, value) in all {
        pack(call.work, name);
        pack(call.work, value);
    }
    call.put_work(key, Kind::Fields, Ends::Kept)?;
    Ok(new)
}

fn put_all(call: &mut Call<'_, '_, '_>, name: &str) -> Result<usize, Refusal> {
    if !call.args.len().is_multiple_of(2) {
        return Err(Refusal::arity(name));
    }
    let args = call.args;
    let pairs = args.from(2).step_by(2).zip(args.from(3).step_by(2));
    put_fields(call, args.get(1), pairs)
}

pub(super) fn set(call: &mut Call<'_, '_, '_>) -> Done {
    let new = put_all(call, "hset")?;
    call.out.count(new);
    Ok(())
}

pub(super) fn set_many(call: &mut Call<'_, '_, '_>) -> Done {
    put_all(call, "hmset")?;
    call.out.ok();
    Ok(())
}

pub(super) fn set_new(call: &mut Call<'_, '_, '_>) -> Done {
    let (key, field) = (call.args.get(1), call.args.get(2));
    let new = value_of(items(call.keys.find(key), Kind::Fields)?, field).is_none();
    if new {
        put_fields(call, key, iter::once((field, call.args.get(3))))?;
    }
    call.out.integer(i64::from(new));
    Ok(())
}

pub(super) fn increase_by(call: &mut Call<'_, '_, '_>) -> Done {
    let (key, field) = (call.args.get(1), call.args.get(2));
    let by = integer(call.args.get(3)).ok_or(NOT_INTEGER)?;
    let old = match value_of(items(call.keys.find(key), Kind::Fields)?, field) {
        Some(old) => integer(old).ok_or(Refusal::of("ERR hash value is not an integer"))?,
        None => 0,
    };
    let new = old
        .checked_add(by)
        .ok_or(Refusal::of("ERR increment or decrement would overflow"))?;
    put_fields(call, key, iter::once((field, Digits::of(new).as_bytes())))?;
    call.out.integer(new);
    Ok(())
}

pub(super) fn get(call: &mut Call<'_, '_, '_>) -> Done {
    let field = call.args.get(2);
    let items = items(call.keys.read(call.args.get(1)), Kind::Fields)?;
    match value_of(items, field) {
        Some(value) => call.out.bulk(value),
        None => call.out.null(),
    }
    Ok(())
}

pub(super) fn get_many(call: &mut Call<'_, '_, '_>) -> Done {
    let mut items = items(call.keys.read(call.args.get(1)), Kind::Fields)?;
    let mut values: HashMap<&[u8], &[u8]> = HashMap::new();
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        values.insert(name, value);
    }
    call.out.array(call.args.len() - 2);
    for field in call.args.from(2) {
        match values.get(field) {
            Some(value) => call.out.bulk(value),
            None => call.out.null(),
        }
        call.out.bounded()?;
    }
    Ok(())
}

pub(super) fn get_all(call: &mut Call<'_, '_, '_>) -> Done {
    let items = items(call.keys.read(call.args.get(1)), Kind::Fields)?;
    call.out.map(items.clone().count() / 2);
    items.for_each(|item| call.out.bulk(item));
    Ok(())
}

pub(super) fn names(call: &mut Call<'_, '_, '_>) -> Done {
    every_other(call, 0)
}

pub(super) fn values(call: &mut Call<'_, '_, '_>) -> Done {
    every_other(call, 1)
}

fn every_other(call: &mut Call<'_, '_, '_>, from: usize) -> Done {
    let items = items(call.keys.read(call.args.get(1)), Kind::Fields)?;
    let wanted = items.skip(from).step_by(2);
    call.out.array(wanted.clone().count());
    wanted.for_each(|item| call.out.bulk(item));
    Ok(())
}

pub(super) fn remove(call: &mut Call<'_, '_, '_>) -> Done {
    remove_items(call, Kind::Fields, 2)
}

/// Takes out the items that the command names, each with what belongs to it; a key without any is gone.
pub(super) fn remove_items(call: &mut Call<'_, '_, '_>, kind: Kind, together: usize) -> Done {
    let key = call.args.get(1);
    let named: HashSet<&[u8]> = call.args.from(2).collect();
    let all: Vec<&[u8]> = items(call.keys.find(key), kind)?.collect();
    let mut removed = 0;
    call.work.clear();
    for group in all.chunks(together) {
        if group.first().is_some_and(|first| named.contains(first)) {
            removed += 1;
        } else {
            group.iter().for_each(|item| pack(call.work, item));
        }
    }
    if removed > 0 && call.work.is_empty() {
        call.keys.remove(key);
    } else if removed > 0 {
        call.put_work(key, kind, Ends::Kept)?;
    }
    call.out.count(removed);
    Ok(())
}

pub(super) fn exists(call: &mut Call<'_, '_, '_>) -> Done {
    let field = call.args.get(2);
    let there = value_of(read(call)?, field).is_some();
    call.out.integer(i64::from(there));
    Ok(())
}

pub(super) fn length(call: &mut Call<'_, '_, '_>) -> Done {
    let count = read(call)?.count() / 2;
    call.out.count(count);
    Ok(())
}

pub(super) fn value_length(call: &mut Call<'_, '_, '_>) -> Done {
    let field = call.args.get(2);
    let length = value_of(read(call)?, field).map_or(0, <[u8]>::len);
    call.out.count(length);
    Ok(())
}
