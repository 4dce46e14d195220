//! Members: what Django's caches keep of a group of keys.

use std::collections::HashSet;

use super::hashes::{items, remove_items};
use super::{Call, Done};
use crate::session::change::{Kind, pack};
use crate::session::memory::Ends;

pub(super) fn add(call: &mut Call<'_, '_, '_>) -> Done {
    let key = call.args.get(1);
    let mut members: HashSet<&[u8]> = HashSet::new();
    call.work.clear();
    for member in items(call.keys.find(key), Kind::Members)? {
        members.insert(member);
        pack(call.work, member);
    }
    let before = members.len();
    for member in call.args.from(2) {
        if members.insert(member) {
            pack(call.work, member);
        }
    }
    let added = members.len() - before;
    if added > 0 {
        call.put_work(key, Kind::Members, Ends::Kept)?;
    }
    call.out.count(added);
    Ok(())
}

pub(super) fn remove(call: &mut Call<'_, '_, '_>) -> Done {
    remove_items(call, Kind::Members, 1)
}

pub(super) fn members(call: &mut Call<'_, '_, '_>) -> Done {
    let items = items(call.keys.read(call.args.get(1)), Kind::Members)?;
    call.out.set(items.clone().count());
    items.for_each(|item| call.out.bulk(item));
    Ok(())
}

pub(super) fn has(call: &mut Call<'_, '_, '_>) -> Done {
    let mut items = items(call.keys.read(call.args.get(1)), Kind::Members)?;
    let there = items.any(|item| item == call.args.get(2));
    call.out.integer(i64::from(there));
    Ok(())
}

pub(super) fn has_many(call: &mut Call<'_, '_, '_>) -> Done {
    let items = items(call.keys.read(call.args.get(1)), Kind::Members)?;
    let members: HashSet<&[u8]> = items.collect();
    call.out.array(call.args.len() - 2);
    for member in call.args.from(2) {
        call.out.integer(i64::from(members.contains(member)));
    }
    Ok(())
}

pub(super) fn count(call: &mut Call<'_, '_, '_>) -> Done {
    let count = items(call.keys.read(call.args.get(1)), Kind::Members)?.count();
    call.out.count(count);
    Ok(())
}
