//! The session store: who knocks, what it holds, and whether that is safe on disk.

use super::text::{Kind, Text};

/// What a database of the session store holds and was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionDatabaseFacts {
    /// Its number.
    pub index: u8,
    /// Keys in it.
    pub keys: u64,
    /// Bytes they take.
    pub bytes: u64,
    /// Keys asked for that were there.
    pub hits: u64,
    /// Keys asked for that were not.
    pub misses: u64,
    /// Keys gone because their time was over.
    pub expired: u64,
}

/// The session store as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Whether applications can connect.
    pub open: bool,
    /// Connections that are open.
    pub connections: usize,
    /// How many were let in, and how many not, by why.
    pub knocked: [(&'static str, u64); 4],
    /// Bytes of all entries.
    pub memory: u64,
    /// Bytes they may take.
    pub most_memory: u64,
    /// Whether writes are taken: the disk keeps them.
    pub kept: bool,
    /// Whether the Redis behind it answers; none where there is none.
    pub redis: Option<bool>,
    /// Those with anything in them, or a name.
    pub databases: Vec<SessionDatabaseFacts>,
}

pub(super) fn write(text: &mut Text, facts: Option<&SessionFacts>) {
    let Some(facts) = facts else {
        return;
    };
    let mut one = |name: &str, help: &str, value: u64| {
        text.family(name, Kind::Gauge, help);
        text.sample(name, &[], value);
    };
    one(
        "steelyard_session_store_up",
        "Whether applications can connect to the session store.",
        facts.open.into(),
    );
    one(
        "steelyard_session_store_writable",
        "Whether the session store takes writes: the disk keeps them.",
        facts.kept.into(),
    );
    one(
        "steelyard_session_memory_bytes",
        "Bytes that sessions take in memory.",
        facts.memory,
    );
    one(
        "steelyard_session_memory_limit_bytes",
        "Bytes beyond which writes are refused.",
        facts.most_memory,
    );
    one(
        "steelyard_session_connections",
        "Connections to the session store that are open.",
        u64::try_from(facts.connections).unwrap_or(u64::MAX),
    );
    if let Some(answers) = facts.redis {
        one(
            "steelyard_session_redis_up",
            "Whether the Redis behind the session store answers.",
            answers.into(),
        );
    }
    let name = "steelyard_session_connections_total";
    let help = "Connections to the session store, by what became of them.";
    text.family(name, Kind::Counter, help);
    for (result, count) in facts.knocked {
        text.sample(name, &[("result", result)], count);
    }
    write_databases(text, &facts.databases);
}

fn write_databases(text: &mut Text, databases: &[SessionDatabaseFacts]) {
    type Read = fn(&SessionDatabaseFacts) -> u64;
    let families: [(&str, Kind, &str, Read); 5] = [
        (
            "steelyard_session_keys",
            Kind::Gauge,
            "Sessions and other keys in a database.",
            |facts| facts.keys,
        ),
        (
            "steelyard_session_bytes",
            Kind::Gauge,
            "Bytes that a database takes in memory.",
            |facts| facts.bytes,
        ),
        (
            "steelyard_session_hits_total",
            Kind::Counter,
            "Keys asked for that were there.",
            |facts| facts.hits,
        ),
        (
            "steelyard_session_misses_total",
            Kind::Counter,
            "Keys asked for that were not there.",
            |facts| facts.misses,
        ),
        (
            "steelyard_session_expired_total",
            Kind::Counter,
            "Keys gone because their time was over.",
            |facts| facts.expired,
        ),
    ];
    for (name, kind, help, read) in families {
        text.family(name, kind, help);
        for facts in databases {
            let index = facts.index.to_string();
            text.sample(name, &[("database", &index)], read(facts));
        }
    }
}
