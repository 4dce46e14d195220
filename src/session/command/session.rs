//! What the store knows of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::transaction::Transaction;
use crate::session::memory::{DATABASES, Disturbed, Memory};
use crate::session::redis::Own;
use crate::session::settings::Rights;
use crate::session::shared::Shared;

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    /// What the client calls itself.
    pub(crate) name: Vec<u8>,
    pub(crate) database: u8,
    /// What its password opened; nothing before that.
    pub(crate) rights: Option<Rights>,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) watching: Option<Watching>,
    /// Passwords it said in vain since the last that was right.
    pub(crate) wrong_passwords: u32,
    /// Commands that are not counted yet.
    pub(crate) commands: u64,
}

impl Session {
    pub(crate) fn new(id: u64, shared: &Shared) -> Self {
        Self {
            id,
            name: Vec::new(),
            database: 0,
            rights: shared.force_now().settings.databases.without_password(),
            transaction: None,
            watching: None,
            wrong_passwords: 0,
            commands: 0,
        }
    }

    /// A command was refused: a transaction that it belongs to is not carried out.
    pub(crate) fn refused(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.broken = true;
        }
    }

    pub(crate) fn may(&self, database: u8) -> bool {
        self.rights.is_some_and(|rights| rights.may(database))
    }

    /// The databases it may use.
    pub(crate) fn databases(&self) -> impl Iterator<Item = u8> + use<> {
        let rights = self.rights;
        (0..DATABASES).filter(move |database| rights.is_some_and(|rights| rights.may(*database)))
    }

    /// Counts what was asked in the database it is in.
    pub(crate) fn settle(&mut self, shared: &Shared) {
        let counter = &shared.counters.commands[usize::from(self.database)];
        crate::session::shared::add(counter, std::mem::take(&mut self.commands));
    }
}

/// What a connection watches, until its transaction or its end.
#[derive(Debug)]
pub(crate) enum Watching {
    /// Keys in memory.
    Here(WatchedHere),
    /// Keys of a Redis.
    There(Own),
}

/// Keys in memory that are watched.
#[derive(Debug)]
pub(crate) struct WatchedHere {
    memory: Arc<Memory>,
    pub(crate) keys: Vec<(u8, Box<[u8]>)>,
    pub(crate) disturbed: Disturbed,
}

impl WatchedHere {
    pub(crate) fn new(memory: &Arc<Memory>) -> Self {
        Self {
            memory: Arc::clone(memory),
            keys: Vec::new(),
            disturbed: Arc::new(AtomicBool::new(false)),
        }
    }

    pub(crate) fn is_disturbed(&self) -> bool {
        self.disturbed.load(Ordering::Relaxed)
    }
}

impl Drop for WatchedHere {
    fn drop(&mut self) {
        for (database, key) in &self.keys {
            self.memory.unwatch(*database, key, &self.disturbed);
        }
    }
}
