//! Commands that memory has not and a Redis behind it has: lists, sorted sets, streams, bits, places.
//!
//! Left out, and refused as everywhere here: what waits for another client, channels, consumer groups, scripts that are
//! not known, and what looks into the server, changes it or leaves the databases that a password opens (`MOVE`, `COPY`,
//! `SWAPDB`, `MIGRATE`).

use super::table::{Action, Command, KeysAt, WRITES};

/// Those that only read.
const READS: &[(&str, i8)] = &[
    ("bitcount", -2),
    ("bitfield_ro", -2),
    ("bitpos", -3),
    ("dump", 2),
    ("geodist", -4),
    ("geohash", -2),
    ("geopos", -2),
    ("geosearch", -7),
    ("getbit", 3),
    ("hrandfield", -2),
    ("hscan", -3),
    ("lcs", -3),
    ("lindex", 3),
    ("llen", 2),
    ("lpos", -3),
    ("lrange", 4),
    ("pfcount", -2),
    ("randomkey", 1),
    ("sdiff", -2),
    ("sinter", -2),
    ("sintercard", -3),
    ("sort_ro", -2),
    ("srandmember", -2),
    ("sscan", -3),
    ("substr", 4),
    ("sunion", -2),
    ("xlen", 2),
    ("xrange", -4),
    ("xread", -4),
    ("xrevrange", -4),
    ("zcard", 2),
    ("zcount", 4),
    ("zdiff", -3),
    ("zinter", -3),
    ("zintercard", -3),
    ("zlexcount", 4),
    ("zmscore", -3),
    ("zrandmember", -2),
    ("zrange", -4),
    ("zrangebylex", -4),
    ("zrangebyscore", -4),
    ("zrank", -3),
    ("zrevrange", -4),
    ("zrevrangebylex", -4),
    ("zrevrangebyscore", -4),
    ("zrevrank", -3),
    ("zscan", -3),
    ("zscore", 3),
    ("zunion", -3),
];

/// Those that write.
const CHANGES: &[(&str, i8)] = &[
    ("bitfield", -2),
    ("bitop", -4),
    ("geoadd", -5),
    ("geosearchstore", -8),
    ("hincrbyfloat", 4),
    ("incrbyfloat", 3),
    ("linsert", 5),
    ("lmove", 5),
    ("lmpop", -4),
    ("lpop", -2),
    ("lpush", -3),
    ("lpushx", -3),
    ("lrem", 4),
    ("lset", 4),
    ("ltrim", 4),
    ("pfadd", -2),
    ("pfmerge", -2),
    ("rpop", -2),
    ("rpoplpush", 3),
    ("rpush", -3),
    ("rpushx", -3),
    ("sdiffstore", -3),
    ("setbit", 4),
    ("setrange", 4),
    ("sinterstore", -3),
    ("smove", 4),
    ("sort", -2),
    ("spop", -2),
    ("sunionstore", -3),
    ("xadd", -5),
    ("xdel", -3),
    ("xtrim", -4),
    ("zadd", -4),
    ("zdiffstore", -4),
    ("zincrby", 4),
    ("zinterstore", -4),
    ("zmpop", -4),
    ("zpopmax", -2),
    ("zpopmin", -2),
    ("zrangestore", -5),
    ("zrem", -3),
    ("zremrangebylex", 4),
    ("zremrangebyrank", 4),
    ("zremrangebyscore", 4),
    ("zunionstore", -4),
];

static TABLE: std::sync::LazyLock<Vec<Command>> = std::sync::LazyLock::new(|| {
    let one = |(name, arity): &(&'static str, i8), traits| Command {
        name,
        arity: *arity,
        // Wherever they stand: what is no key is not there, and looking at it once more costs little.
        keys: KeysAt::All,
        traits,
        action: Action::Far,
    };
    let reads = READS.iter().map(|row| one(row, 0));
    let mut rows: Vec<Command> = reads
        .chain(CHANGES.iter().map(|row| one(row, WRITES)))
        .collect();
    rows.sort_by_key(|command| command.name);
    rows
});

/// The command of a name in any case.
pub(super) fn find(name: &[u8]) -> Option<&'static Command> {
    let name = name.to_ascii_lowercase();
    let at = TABLE.binary_search_by(|command| command.name.as_bytes().cmp(&name));
    at.ok().map(|at| &TABLE[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::command::table;

    #[test]
    fn each_is_found_once_and_memory_has_none_of_them() {
        for (name, _) in READS.iter().chain(CHANGES) {
            assert_eq!(find(name.to_uppercase().as_bytes()).unwrap().name, *name);
            let here = table::find(name.as_bytes());
            assert!(here.is_none_or(|here| matches!(here.action, Action::Missing)));
        }
        for never in [
            "blpop",
            "subscribe",
            "monitor",
            "copy",
            "move",
            "xgroup",
            "migrate",
        ] {
            assert!(find(never.as_bytes()).is_none(), "{never}");
        }
    }
}
