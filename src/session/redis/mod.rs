//! A Redis behind the session store: where it is, whether it answers, and how connections to it are made.
//!
//! Each worker has connections of its own ([`Lines`]), one for every database and protocol that its clients use: what
//! many clients ask goes over one connection, in one write where it came in one. Our database n is number base + n there.
//! Invariant: no command waits longer for a Redis that is away than [`PATIENCE`] for a connection and as long for its
//! answer. Invariant: no text that we make holds the password.

mod answer;
mod line;
mod tend;
mod words;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deadpool_redis::redis::{
    AsyncConnectionConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo,
};
use deadpool_redis::{Manager, Pool, Runtime};

pub(crate) use self::answer::{is_nil, tell};
pub(crate) use self::line::{Lines, Own};
pub use self::tend::tend;
pub(crate) use self::tend::{clear, figures};
pub(crate) use self::words::{why, words};
use crate::model::{RedisAddress, SecretBytes};

/// How long a connection may take, and an answer.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Limit: connections of one worker for one database that transactions watch keys by; one more carries all else.
const MOST_WATCHING: usize = 256;

/// A Redis, as the configuration names it, and what is known of it.
#[derive(Debug)]
pub struct Redis {
    address: RedisAddress,
    password: Option<SecretBytes>,
    /// Connections of an earlier one are not used any more: something failed since.
    generation: AtomicU64,
    standing: Mutex<Standing>,
}

/// What is known of a Redis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// Why it does not answer; none where it does, or nobody has asked yet.
    pub why: Option<String>,
    /// How long it took to answer last.
    pub latency: Option<Duration>,
    /// Keys, and those that end, of our databases.
    pub keys: [(u64, u64); 16],
    /// Bytes it uses, and how many it may; 0 is any.
    pub memory: (u64, u64),
    /// Keys that were asked for and there, and not there.
    pub asked: (u64, u64),
    /// What it does when it is full: `noeviction`, or sessions vanish.
    pub policy: String,
}

impl Redis {
    /// The Redis at `address`. Nothing is opened yet.
    #[must_use]
    pub fn new(address: RedisAddress, password: Option<SecretBytes>) -> Self {
        Self {
            address,
            password,
            generation: AtomicU64::new(0),
            standing: Mutex::default(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &RedisAddress {
        &self.address
    }

    /// Whether it is the same, reached in the same way.
    #[must_use]
    pub fn is(&self, address: &RedisAddress, password: Option<&SecretBytes>) -> bool {
        self.address == *address && self.password.as_ref() == password
    }

    /// What is known of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let standing = self.standing.lock();
        standing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut standing);
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Something failed that was begun in `generation`: what is open is not used any more. The words for who waits.
    pub(crate) fn failed(&self, generation: u64, why: &str) -> String {
        // Many fail together: one of them counts.
        let _other_was_first = self.generation.compare_exchange(
            generation,
            generation + 1,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.note(|standing| standing.why = Some(why.to_owned()));
        self.words(why)
    }

    /// Why it does not answer, as clients and the operator are told.
    pub fn words(&self, why: &str) -> String {
        let place = self.address.place();
        format!("the session store's Redis at {place} does not answer: {why}")
    }

    /// The number there of a database of ours.
    pub(crate) fn number(&self, database: u8) -> i64 {
        i64::from(self.address.base) + i64::from(database)
    }

    /// Connections to one of our databases.
    ///
    /// # Errors
    /// Why there can be none: the password is no text.
    pub(crate) fn pool(&self, database: u8, three: bool) -> Result<Pool, String> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let info = self.info(database, three)?;
        let manager = Manager::new_with_config(info, config).map_err(|e| words(&e))?;
        let pool = Pool::builder(manager)
            .max_size(MOST_WATCHING)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .recycle_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .build();
        pool.map_err(|error| error.to_string())
    }

    fn info(&self, database: u8, three: bool) -> Result<ConnectionInfo, String> {
        let RedisAddress { host, port, .. } = &self.address;
        let place = match self.address.tls {
            false => ConnectionAddr::Tcp(host.clone(), *port),
            true => ConnectionAddr::TcpTls {
                host: host.clone(),
                port: *port,
                insecure: false,
                tls_params: None,
            },
        };
        let protocol = match three {
            true => ProtocolVersion::RESP3,
            false => ProtocolVersion::RESP2,
        };
        let mut redis = RedisConnectionInfo::default()
            .set_protocol(protocol)
            .set_skip_set_lib_name()
            .set_db(self.number(database));
        if let Some(password) = &self.password {
            let text = std::str::from_utf8(password.bytes());
            redis = redis.set_password(text.map_err(|_| "store_password is no text")?);
            if let Some(user) = &self.address.user {
                redis = redis.set_username(user);
            }
        }
        let info = place.into_connection_info().map_err(|e| words(&e))?;
        Ok(info.set_redis_settings(redis))
    }
}
