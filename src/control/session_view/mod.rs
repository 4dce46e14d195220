//! The session store as a page shows it, a try of it, and signing everybody out. No session is ever read.

mod caller;
mod pulse;
mod sign_out;
mod trial;
mod trust;

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use super::{Control, Handle};
use crate::model::Sessions;
use crate::session::Shared;
use crate::session::redis::Redis;

pub(super) use pulse::Pulse;
pub use sign_out::NotSignedOut;
pub use trial::{SessionStep, SessionTrial};

/// The session store as it is now.
#[derive(Debug, Clone)]
pub struct SessionsView {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it does.
    pub open: bool,
    /// How long an application waits for an answer; none where none came.
    pub round_trip: Option<Duration>,
    /// Connections of others.
    pub connections: usize,
    /// Connections that were refused by their address, since the start.
    pub denied: u64,
    /// Bytes of all sessions; of all that a Redis behind uses.
    pub memory: u64,
    /// Most bytes there may be; 0 is any.
    pub most_memory: u64,
    /// The Redis behind; none is our memory.
    pub redis: Option<RedisView>,
    /// The move under way, or the last since the start.
    pub moving: MoveView,
    /// Why nothing can be written, if so.
    pub not_kept: Option<String>,
    /// Writes that were refused for that, since the start.
    pub refused: u64,
    /// Commands asked for that only a Redis has, and how often, since the start.
    pub missing: Vec<(&'static str, u64)>,
    /// Those with a name, the first, and those with something in them; by number.
    pub databases: Vec<SessionDatabaseView>,
}

/// A Redis behind the store.
#[derive(Debug, Clone, Default)]
pub struct RedisView {
    /// Its URL.
    pub address: String,
    /// Why it does not answer, if so.
    pub why: Option<String>,
    /// How long it took to answer last.
    pub latency: Option<Duration>,
    /// Whether it removes sessions when it is full, and by which rule.
    pub evicts: Option<String>,
    /// Keys that were asked for and there, and not there.
    pub asked: (u64, u64),
}

/// A move of all sessions to another store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum MoveView {
    /// None since the start, or the last went well.
    #[default]
    None,
    /// Under way: where to, and how many of how many keys.
    Moving(String, u64, u64),
    /// The last failed: where to, and why.
    Failed(String, String),
}

impl RedisView {
    fn of(redis: &Redis) -> Self {
        let standing = redis.standing();
        let evicts = !matches!(standing.policy.as_str(), "" | "noeviction");
        Self {
            address: redis.address().to_string(),
            why: standing.why,
            latency: standing.latency,
            evicts: (evicts && standing.memory.1 > 0).then_some(standing.policy),
            asked: standing.asked,
        }
    }
}

impl MoveView {
    fn of(told: &Value) -> Self {
        let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
        let count = |key: &str| told[key].as_u64().unwrap_or(0);
        match told["state"].as_str() {
            Some("moving") => Self::Moving(text("to"), count("copied"), count("total")),
            Some("failed") => Self::Failed(text("to"), text("why")),
            _ => Self::None,
        }
    }
}

/// A database.
#[derive(Debug, Clone, Default)]
pub struct SessionDatabaseView {
    /// Its number.
    pub index: u8,
    /// Its name, where it has a password of its own.
    pub name: Option<String>,
    /// Sessions in it, or whatever applications keep.
    pub keys: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Keys asked for and there, since the start.
    pub hits: u64,
    /// Keys asked for and not there.
    pub misses: u64,
    /// Writes refused because the memory is full.
    pub full: u64,
}

impl SessionsView {
    /// Sessions in all databases.
    #[must_use]
    pub fn keys(&self) -> u64 {
        self.databases.iter().map(|one| one.keys).sum()
    }

    /// The part of keys asked for that were there, 0 to 1; none where none was asked for.
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        if let Some(redis) = &self.redis {
            return part(redis.asked.0, redis.asked.1);
        }
        let hits = self.databases.iter().map(|one| one.hits).sum();
        let misses = self.databases.iter().map(|one| one.misses).sum();
        part(hits, misses)
    }

    /// Writes that were refused, since the start.
    #[must_use]
    pub fn all_refused(&self) -> u64 {
        let full: u64 = self.databases.iter().map(|one| one.full).sum();
        full.saturating_add(self.refused)
    }
}

impl SessionDatabaseView {
    /// As of [`SessionsView::hit_rate`].
    #[must_use]
    pub fn hit_rate(&self) -> Option<f64> {
        part(self.hits, self.misses)
    }
}

fn part(hits: u64, misses: u64) -> Option<f64> {
    let all = hits.saturating_add(misses);
    // Enough digits for a percent.
    let thousandths = (u128::from(hits) * 1000).checked_div(u128::from(all))?;
    let thousandths = u32::try_from(thousandths).unwrap_or(1000);
    Some(f64::from(thousandths) / 1000.0)
}

impl Handle {
    /// The session store; none where it is off. Who looks has it asked once a second how long an answer takes.
    pub fn sessions_view(&self) -> Option<SessionsView> {
        let round_trip = self.control.pulse.look(self);
        let mut view = self.control.sessions_view(round_trip)?;
        view.moving = MoveView::of(&self.session_move());
        Some(view)
    }
}

impl Control {
    fn sessions_view(&self, round_trip: Option<Duration>) -> Option<SessionsView> {
        let facts = self.session_facts()?;
        let now = self.now.load();
        let sessions = &now.snapshot.config.sessions;
        let port = self.parts.sessions.as_ref();
        let store = port.and_then(|port| port.store());
        let redis = store.and_then(|store| store.redis());
        let journal = store.and_then(|store| store.keeping.journal());
        let databases = facts.databases.iter().map(|facts| SessionDatabaseView {
            index: facts.index,
            name: name(sessions, facts.index),
            keys: facts.keys,
            bytes: facts.bytes,
            hits: facts.hits,
            misses: facts.misses,
            full: store.map_or(0, |store| full(store, facts.index)),
        });
        let own = usize::from(round_trip.is_some());
        Some(SessionsView {
            address: self.session_address()?,
            open: facts.open,
            round_trip,
            connections: facts.connections.saturating_sub(own),
            denied: port.map_or(0, |port| port.figures().denied),
            memory: facts.memory,
            most_memory: facts.most_memory,
            redis: redis.map(|redis| RedisView::of(&redis)),
            moving: MoveView::None,
            not_kept: journal.and_then(|j| j.trouble()).map(|why| why.to_string()),
            refused: store.map_or(0, |s| s.counters.not_kept.load(Ordering::Relaxed)),
            missing: store.map_or_else(Vec::new, |s| s.counters.missing().into_iter().collect()),
            databases: databases.collect(),
        })
    }

    /// Where it listens, or is to.
    pub(super) fn session_address(&self) -> Option<SocketAddr> {
        let wanted = self.now.load().snapshot.config.sessions.listen?;
        let port = self.parts.sessions.as_ref();
        let actual = port.and_then(|port| port.address());
        Some(actual.map_or(wanted, |(address, _)| address))
    }
}

fn name(sessions: &Sessions, index: u8) -> Option<String> {
    let named = sessions.databases.iter().find(|one| one.index == index);
    named.map(|one| one.name.to_string())
}

fn full(store: &Shared, index: u8) -> u64 {
    let counter = store.counters.full.get(usize::from(index));
    counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_part_is_one_of_something() {
        assert_eq!(part(0, 0), None);
        assert_eq!(part(0, 3), Some(0.0));
        assert_eq!(part(3, 0), Some(1.0));
        assert_eq!(part(2, 1), Some(0.666));
        assert_eq!(part(u64::MAX, u64::MAX), Some(1.0));
    }
}
