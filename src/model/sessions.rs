//! The session store: where the site's own sessions live, and who may reach them.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::{ListenerTls, Name, RedisAddress, Secret};

/// When a write to the session store is safe on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fsync {
    /// At most a second after it was answered.
    #[default]
    EverySecond,
    /// Before it is answered.
    Always,
    /// When the system writes it by itself: as much as a power cut takes.
    No,
}

impl Fsync {
    /// Every way, in the order the document lists them.
    pub const ALL: [Self; 3] = [Self::EverySecond, Self::Always, Self::No];

    /// The word used in the document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EverySecond => "everysec",
            Self::Always => "always",
            Self::No => "no",
        }
    }
}

/// Where the sessions are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SessionStore {
    /// In this program's memory, and safe on its disk.
    #[default]
    Memory,
    /// In a Redis; this program passes commands on.
    Redis(RedisAddress),
}

impl SessionStore {
    /// The word for memory in the document.
    pub const MEMORY: &str = "memory";

    /// The Redis, where it is one.
    pub fn redis(&self) -> Option<&RedisAddress> {
        match self {
            Self::Memory => None,
            Self::Redis(address) => Some(address),
        }
    }
}

impl std::fmt::Display for SessionStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Memory => f.write_str(Self::MEMORY),
            Self::Redis(address) => address.fmt(f),
        }
    }
}

/// A database with a password of its own: who has another one cannot reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDatabase {
    /// Its number, 0 to [`Sessions::MAX_INDEX`].
    pub index: u8,
    /// Whose sessions it holds. The user name that goes with its password.
    pub name: Name,
    /// Its password; generated where none is given.
    pub password: Secret,
}

impl SessionDatabase {
    /// What its password is kept and asked for by.
    pub fn password_owner(&self) -> String {
        format!("{}{}.password", Sessions::DATABASES, self.name)
    }
}

/// The session store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sessions {
    /// Where the sessions are.
    pub store: SessionStore,
    /// Our password at a Redis. Nobody else is told it.
    pub store_password: Secret,
    /// Where applications connect; none is no session store.
    pub listen: Option<SocketAddr>,
    /// The password of every database that has none of its own; generated where none is given.
    pub password: Secret,
    /// Networks that may connect; empty is loopback and the nodes.
    pub allow: Vec<IpNet>,
    /// How it speaks TLS; none is not at all.
    pub tls: Option<ListenerTls>,
    /// Most bytes that sessions take in memory. A write beyond it is refused.
    pub max_memory: u64,
    /// Most bytes of one value.
    pub max_value: u32,
    /// When a write is safe on disk.
    pub fsync: Fsync,
    /// By how many percent a lifetime is drawn shorter or longer, so that many that began
    /// together do not end together; 0 is as it was asked for.
    pub ttl_jitter: u8,
    /// Databases with a password of their own.
    pub databases: Vec<SessionDatabase>,
}

impl Sessions {
    /// The owner of the password of every database that has none of its own.
    pub const PASSWORD: &str = "sessions.password";

    /// The owner of our password at a Redis.
    pub const STORE_PASSWORD: &str = "sessions.store_password";

    /// What the owner of a database's password begins with; its name follows.
    pub const DATABASES: &str = "sessions.databases.";

    /// The highest number of a database, as clients expect of Redis.
    pub const MAX_INDEX: u8 = 15;

    /// Most percent of jitter: with more a lifetime says little.
    pub const MAX_JITTER: u8 = 50;
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            store: SessionStore::Memory,
            store_password: Secret::Absent,
            listen: None,
            password: Secret::Absent,
            allow: Vec::new(),
            tls: None,
            max_memory: 256 << 20,
            max_value: 1 << 20,
            fsync: Fsync::default(),
            ttl_jitter: 0,
            databases: Vec::new(),
        }
    }
}
