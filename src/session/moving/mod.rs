//! Moving sessions from memory to a Redis or back, while applications go on (ADR 0012).
//!
//! From some moment on every key that is written is noted, when that is done: under its shard's lock, or
//! when Redis has answered, before the client is. Then everything is copied, then what was noted meanwhile, again and again, until
//! that is little. Then commands are held for a moment, the rest is copied, and the other store is put in force.
//! Invariant: a key is copied as it is, never what was changed in it, so copying it twice is copying it once.
//! Invariant: until the other store is in force, the one before serves, whatever fails; what was copied is cleared.

mod here;
mod there;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::force::{Before, Keys, Noted, Stage};
use super::memory::DATABASES;
use super::redis::Redis;
use super::shared::Shared;
use here::Here;
use there::There;

/// Keys that are copied in one go.
const AT_ONCE: usize = 256;

/// With so few keys left to copy, commands are held.
const FEW: usize = 200;

/// Limit: so often what was noted is copied while commands go on. Where more is written than can be copied, that is the end.
const ROUNDS: usize = 200;

/// Commands under way are waited for so long: one that clears much, or that a Redis does not answer.
const UNDER_WAY: Duration = Duration::from_secs(20);

/// Limit: commands are held so long; what is not copied by then is not moved.
const HELD: Duration = Duration::from_secs(10);

/// Where sessions are to go.
#[derive(Debug, Clone)]
pub enum To {
    /// Into memory, of which they may take so many bytes.
    Memory(u64),
    /// Behind this Redis.
    Redis(Arc<Redis>),
}

/// How far a move has come.
#[derive(Debug, Default)]
pub struct Progress {
    copied: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Keys copied, and how many there were at the beginning.
    #[must_use]
    pub fn figures(&self) -> (u64, u64) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (read(&self.copied), read(&self.total))
    }

    fn total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    fn copied(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.copied.fetch_add(count, Ordering::Relaxed);
    }
}

/// A move that has begun.
#[derive(Debug)]
pub struct Move {
    shared: Arc<Shared>,
    to: To,
    from: Option<Arc<Redis>>,
    noted: Arc<Noted>,
    side: Side,
    /// Dropped when commands are let through again.
    held: Option<watch::Sender<()>>,
}

#[derive(Debug)]
enum Side {
    /// Out of memory.
    There(Box<There>),
    /// Into memory.
    Here(Box<Here>),
}

impl Move {
    /// Looks whether it can be done, and begins to note what is written. What is there already is in the way, unless it
    /// is to be replaced.
    ///
    /// # Errors
    /// Why it cannot be done. Nothing has happened.
    pub async fn begin(
        shared: &Arc<Shared>,
        to: To,
        replace: bool,
        progress: Arc<Progress>,
    ) -> Result<Self, String> {
        let from = shared.redis();
        let side = match (&to, &from) {
            (To::Redis(redis), None) => {
                let there = There::begin(shared, redis, replace, &progress).await?;
                Side::There(Box::new(there))
            }
            (To::Memory(most), Some(redis)) => {
                let here = Here::begin(shared, redis, (*most, replace), &progress).await?;
                Side::Here(Box::new(here))
            }
            (To::Memory(_), None) => return Err("sessions are in memory already".to_owned()),
            (To::Redis(_), Some(redis)) => {
                return Err(format!(
                    "sessions are behind {} already: move them to memory first",
                    redis.address()
                ));
            }
        };
        let noted = Arc::new(Noted::default());
        let own = Arc::clone(&noted);
        let before = shared.stage(|stage| match stage {
            Stage::Memory { noted: None } => Some(Stage::Memory { noted: Some(own) }),
            Stage::Redis { redis, noted: None } => Some(Stage::Redis {
                redis: Arc::clone(redis),
                noted: Some(own),
            }),
            Stage::Memory { .. } | Stage::Redis { .. } | Stage::Held(_) => None,
        });
        let before = before.ok_or("sessions are being moved already")?;
        let began = Self {
            shared: Arc::clone(shared),
            to,
            from,
            noted,
            side,
            held: None,
        };
        if !over(&before, UNDER_WAY).await {
            began.give_up().await;
            return Err("a command is under way that takes too long".to_owned());
        }
        Ok(began)
    }

    /// Copies, until little is left.
    ///
    /// # Errors
    /// Why it could not. It is to be given up.
    pub async fn copy(&mut self) -> Result<(), String> {
        match &mut self.side {
            Side::There(there) => there.copy_all().await?,
            Side::Here(here) => here.copy_all().await?,
        }
        for _ in 0..ROUNDS {
            if self.noted.len() < FEW {
                break;
            }
            self.copy_noted().await?;
        }
        Ok(())
    }

    /// Holds commands, and copies the rest. What was in force before is over, and nothing is in its place yet.
    ///
    /// # Errors
    /// As of [`Move::copy`].
    pub async fn hold(&mut self) -> Result<(), String> {
        let (hold, held) = watch::channel(());
        let noted = Arc::clone(&self.noted);
        let before = self.shared.stage(|stage| {
            let own = match stage {
                Stage::Memory { noted: Some(own) } => own,
                Stage::Redis {
                    noted: Some(own), ..
                } => own,
                Stage::Memory { .. } | Stage::Redis { .. } | Stage::Held(_) => return None,
            };
            Arc::ptr_eq(own, &noted).then(|| Stage::Held(held))
        });
        let before =
            before.ok_or("the configuration of the session store was changed meanwhile")?;
        self.held = Some(hold);
        let rest = async {
            if !over(&before, UNDER_WAY).await {
                return Err("a command is under way that takes too long".to_owned());
            }
            while !self.copy_noted().await? {}
            match &mut self.side {
                Side::There(_) => Ok(()),
                Side::Here(here) => here.keep().await,
            }
        };
        let rest = tokio::time::timeout(UNDER_WAY + HELD, rest).await;
        rest.unwrap_or_else(|_| Err("the rest could not be copied in time".to_owned()))
    }

    /// Copies what was noted; says whether there was nothing.
    async fn copy_noted(&mut self) -> Result<bool, String> {
        let keys: Keys = self.noted.take();
        if keys.is_empty() {
            return Ok(true);
        }
        let cleared: Vec<u8> = keys.cleared().collect();
        for database in 0..DATABASES {
            let of = keys.written.iter().filter(|(of, _)| *of == database);
            let written: Vec<&[u8]> = of.map(|(_, key)| &**key).collect();
            if cleared.contains(&database) {
                match &mut self.side {
                    Side::There(there) => there.clear(database).await?,
                    Side::Here(here) => here.cleared(database).await?,
                }
            }
            for some in written.chunks(AT_ONCE) {
                match &mut self.side {
                    Side::There(there) => there.copy(database, some).await?,
                    Side::Here(here) => here.copy(database, some).await?,
                }
            }
        }
        Ok(false)
    }

    /// The other store is in force: lets commands through, and forgets what was left behind in memory. Whoever signed
    /// out since must not come back with it.
    pub async fn finish(mut self) {
        drop(self.held.take());
        if matches!(self.to, To::Redis(_)) {
            here::empty(&self.shared);
        }
    }

    /// What was in force goes on; what was copied is cleared, as far as it can be reached.
    pub async fn give_up(mut self) {
        let from = self.from.clone();
        let (noted, held) = (Arc::clone(&self.noted), self.held.is_some());
        let _over = self.shared.stage(|stage| {
            let is_ours = match stage {
                Stage::Memory { noted: Some(own) } => Arc::ptr_eq(own, &noted),
                Stage::Redis {
                    noted: Some(own), ..
                } => Arc::ptr_eq(own, &noted),
                Stage::Held(_) => held,
                Stage::Memory { .. } | Stage::Redis { .. } => false,
            };
            is_ours.then(|| match from {
                Some(redis) => Stage::Redis { redis, noted: None },
                None => Stage::MEMORY,
            })
        });
        drop(self.held.take());
        match &mut self.side {
            Side::There(there) => there.clear_all().await,
            Side::Here(here) => here.clear_all(),
        }
    }
}

/// Waits until nothing is carried out by what was in force.
async fn over(before: &Before, most: Duration) -> bool {
    let end = Instant::now() + most;
    while !before.is_over() {
        if Instant::now() > end {
            return false;
        }
        sleep(Duration::from_millis(1)).await;
    }
    true
}
