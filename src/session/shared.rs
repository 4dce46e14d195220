//! What all connections of the session store share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;

use super::command::Scripts;
use super::force::{Before, Force, Stage};
use super::keeping::Keeping;
use super::memory::{DATABASES, Memory};
use super::redis::Redis;
use super::settings::Settings;

/// What the time is.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's.
    System,
    /// What somebody says: Unix time in milliseconds.
    Given(Arc<AtomicU64>),
}

impl Clock {
    /// Unix time in milliseconds.
    #[must_use]
    pub fn now(&self) -> u64 {
        match self {
            Self::System => {
                let since = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
            Self::Given(now) => now.load(Ordering::Relaxed),
        }
    }
}

/// One session store: its memory, where its changes are kept, and how it is set.
#[derive(Debug)]
pub struct Shared {
    /// The sessions.
    pub memory: Arc<Memory>,
    /// Where changes are kept.
    pub keeping: Keeping,
    /// By which entries end.
    pub clock: Clock,
    /// What has been asked and refused.
    pub counters: Counters,
    force: ArcSwap<Force>,
    /// Held by who puts something else in force.
    changing: Mutex<()>,
    pub(super) scripts: Scripts,
}

impl Shared {
    /// A store over a memory that has been read from the journal already, if there is one.
    #[must_use]
    pub fn new(memory: Arc<Memory>, keeping: Keeping, clock: Clock, settings: Settings) -> Self {
        Self {
            memory,
            keeping,
            clock,
            counters: Counters::default(),
            force: ArcSwap::from_pointee(Force {
                settings,
                stage: Stage::MEMORY,
            }),
            changing: Mutex::default(),
            scripts: Scripts::default(),
        }
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.force.load().settings.clone()
    }

    pub(super) fn force_now(&self) -> arc_swap::Guard<Arc<Force>> {
        self.force.load()
    }

    /// What is in force, once that lets commands through.
    pub(super) async fn let_through(&self) -> Arc<Force> {
        loop {
            let force = self.force.load_full();
            let Stage::Held(held) = &force.stage else {
                return force;
            };
            let mut held = held.clone();
            drop(force);
            // Ends when nobody holds them any more.
            while held.changed().await.is_ok() {}
        }
    }

    /// The Redis behind it, where there is one.
    #[must_use]
    pub fn redis(&self) -> Option<Arc<Redis>> {
        match &self.force.load().stage {
            Stage::Redis { redis, .. } => Some(Arc::clone(redis)),
            Stage::Memory { .. } | Stage::Held(_) => None,
        }
    }

    /// Other settings from the next commands on. Who has said a password keeps what it opened.
    pub fn set(&self, settings: Settings) {
        let _changing = self.changing();
        let stage = self.force.load().stage.clone();
        self.force.store(Arc::new(Force { settings, stage }));
    }

    /// The same, and sessions are behind `redis` from now on, or in memory. Who goes on where they were is not
    /// disturbed. Nothing is copied.
    pub fn serve(&self, settings: Settings, redis: Option<Arc<Redis>>) {
        let _changing = self.changing();
        let before = self.force.load().stage.clone();
        let stage = match (before, redis) {
            (Stage::Memory { noted }, None) => Stage::Memory { noted },
            (Stage::Redis { redis, noted }, Some(same)) if Arc::ptr_eq(&redis, &same) => {
                Stage::Redis { redis, noted }
            }
            (_, Some(redis)) => Stage::Redis { redis, noted: None },
            (_, None) => Stage::MEMORY,
        };
        self.force.store(Arc::new(Force { settings, stage }));
    }

    /// Puts another stage in force, unless the one before has changed meanwhile.
    pub(super) fn stage(&self, change: impl FnOnce(&Stage) -> Option<Stage>) -> Option<Before> {
        let _changing = self.changing();
        let before = self.force.load_full();
        let stage = change(&before.stage)?;
        let settings = before.settings.clone();
        // Of those that go on by it none is missed: the pointer is another first.
        drop(before);
        Some(Before(self.force.swap(Arc::new(Force { settings, stage }))))
    }

    fn changing(&self) -> std::sync::MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Commands, by the database in which they were asked.
    pub commands: [AtomicU64; DATABASES as usize],
    /// Writes refused because the memory is full, by database.
    pub full: [AtomicU64; DATABASES as usize],
    /// Writes refused because they cannot be kept.
    pub not_kept: AtomicU64,
    /// Wrong passwords.
    pub wrong_passwords: AtomicU64,
    /// Connections since the start.
    pub connections: AtomicU64,
    /// Connections now.
    pub connected: AtomicU64,
    missing: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    /// How often commands were asked that only a real Redis has, by their name: the panel says what to use instead.
    #[must_use]
    pub fn missing(&self) -> BTreeMap<&'static str, u64> {
        self.missing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn count_missing(&self, name: &'static str) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        *missing.entry(name).or_default() += 1;
    }
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}
