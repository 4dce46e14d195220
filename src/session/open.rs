//! A session store over a folder: what was kept comes back, and what is written is kept.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::journal::{Contents, Journal, Recovered};
use super::{Clock, Databases, Keeping, Memory, Settings, Shared};
use crate::model::Fsync;

/// A store, and what was found of it.
#[derive(Debug)]
pub struct Opened {
    /// The store. Nobody knows its password until it is given settings.
    pub shared: Arc<Shared>,
    /// What its journal held.
    pub recovered: Recovered,
}

impl Shared {
    /// Opens the store whose journal is in the folder `dir`. Waits for the disk.
    ///
    /// # Errors
    /// As of [`Journal::open`].
    pub fn open(dir: &Path, fsync: Fsync) -> io::Result<Opened> {
        let memory = Arc::new(Memory::new());
        let (applied, walked) = (Arc::clone(&memory), Arc::clone(&memory));
        let contents = Contents {
            apply: Box::new(move |change| applied.apply(change)),
            walk: Box::new(move |from, tell| walked.walk(from, tell)),
        };
        let (journal, recovered) = Journal::open(dir, fsync, contents)?;
        let nobody: [u8; 32] = rand::random();
        let settings = Settings {
            databases: Databases::new(Some(&nobody)),
            max_memory: 0,
            max_value: 0,
            ttl_jitter: 0,
        };
        let keeping = Keeping::Journal(journal);
        let shared = Self::new(memory, keeping, Clock::System, settings);
        Ok(Opened {
            shared: Arc::new(shared),
            recovered,
        })
    }
}
