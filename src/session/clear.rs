//! Emptying a database from inside, by the way that `FLUSHDB` goes: its locks, the journal, and the word only then.

use super::Shared;
use super::force::{Noted, Stage};
use super::keeping::Ticket;
use super::memory::{DATABASES, Keyspace, Table, Wanted};
use super::redis;

impl Shared {
    /// Takes every key of a database out; how many there were, those that were over included. A database beyond the
    /// last has none.
    ///
    /// # Errors
    /// It cannot be kept on disk, or the Redis behind does not answer: why.
    pub async fn clear(&self, database: u8) -> Result<u64, String> {
        if database >= DATABASES {
            return Ok(0);
        }
        let force = self.let_through().await;
        if let Stage::Redis { redis, .. } = &force.stage {
            let keys = redis::clear(redis, database).await?;
            if let Some(noted) = force.stage.noted() {
                noted.clear(database);
            }
            return Ok(keys);
        }
        self.keeping.admit().await?;
        let (ticket, waste) = self.take_out(database, force.stage.noted());
        drop(force);
        let mut keys = 0;
        for table in waste {
            keys += u64::try_from(table.len()).unwrap_or(u64::MAX);
            drop(table);
            // A million keys take a while to be given back.
            tokio::task::yield_now().await;
        }
        self.keeping.durable(ticket).await?;
        Ok(keys)
    }

    pub(super) fn take_out(&self, database: u8, noted: Option<&Noted>) -> (Ticket, Vec<Table>) {
        let mut wanted = Wanted::default();
        wanted.whole(database);
        let locks = wanted.lock(&self.memory);
        let mut keys = Keyspace::new(&self.memory, locks, database, self.clock.now());
        keys.clear(database);
        keys.hand_over(&self.keeping, noted)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use crate::model::Fsync;
    use crate::session::change::{Change, Value};
    use crate::session::{Clock, Databases, Keeping, Memory, Settings, Shared};

    fn put(database: u8, key: &[u8]) -> Change<'_> {
        Change::Put {
            database,
            key,
            value: Value::text(b"x"),
            expires_at: None,
        }
    }

    fn filled(shared: &Shared) {
        let keys: Vec<String> = (0..3000).map(|number| number.to_string()).collect();
        for key in &keys {
            shared.memory.apply(put(1, key.as_bytes()));
        }
        shared.memory.apply(put(2, b"other"));
    }

    #[tokio::test]
    async fn one_database_is_emptied_and_no_other() {
        let settings = Settings {
            databases: Databases::new(None),
            max_memory: 1 << 20,
            max_value: 100,
            ttl_jitter: 0,
        };
        let clock = Clock::Given(Arc::new(AtomicU64::new(1)));
        let shared = Shared::new(Arc::new(Memory::new()), Keeping::Nothing, clock, settings);
        filled(&shared);
        assert_eq!(shared.clear(1).await, Ok(3000));
        assert_eq!(shared.clear(1).await, Ok(0));
        assert_eq!(shared.clear(16).await, Ok(0));
        let keys = |database| shared.memory.figures(database).keys;
        assert_eq!((keys(1), keys(2)), (0, 1));
    }

    #[tokio::test]
    async fn what_was_emptied_does_not_come_back_from_disk() {
        let dir = tempfile::tempdir().unwrap();
        let opened = Shared::open(dir.path(), Fsync::Always).unwrap();
        filled(&opened.shared);
        let journal = opened.shared.keeping.journal().unwrap();
        let ticket = journal.append([put(1, b"kept before"), put(2, b"other")]);
        journal.durable(ticket).await.unwrap();
        opened.shared.clear(1).await.unwrap();
        drop(opened);
        let again = Shared::open(dir.path(), Fsync::Always).unwrap().shared;
        let keys = |database| again.memory.figures(database).keys;
        assert_eq!((keys(1), keys(2)), (0, 1));
    }
}
