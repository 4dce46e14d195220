//! The session store's port among what a change opens and closes, and what is told of it.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::change::Sockets;
use super::{Control, Started};
use crate::metrics::{SessionDatabaseFacts, SessionFacts};
use crate::model::{Code, Config, Problems, Sessions};
use crate::session::Figures;
use crate::session::redis::Redis;
use crate::snapshot::Snapshot;

/// Words for a node that is where we listen ourselves.
const PANEL: &str = "the admin address of this program";
const STORE: &str = "the session store of this program";

impl Control {
    /// Brings back what the session store kept, where `config` wants one.
    ///
    /// # Errors
    /// A Problem of `sessions.listen`.
    pub(super) async fn open_session_store(&self, config: &Config) -> Result<(), Problems> {
        let (Some(port), Some(_)) = (&self.parts.sessions, config.sessions.listen) else {
            return Ok(());
        };
        let (port, fsync) = (port.clone(), config.sessions.fsync);
        let opened = spawn_blocking(move || port.open_store(fsync)).await;
        let opened = opened.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        opened.map_err(|error| {
            let mut problems = Problems::default();
            let message = format!("the session store cannot be opened: {error}");
            problems.add("sessions.listen", Code::Conflict, message);
            problems
        })
    }

    /// Opens the socket of the session store as `config` wants it. One that could not be opened
    /// before either and is as it was does not stand in the way of other changes.
    pub(super) fn open_session_socket(
        &self,
        config: &Config,
        before: &Config,
        sockets: &mut Sockets,
        problems: &mut Problems,
    ) {
        sockets.warnings.extend(store_switched(before, config));
        let Some(port) = &self.parts.sessions else {
            return;
        };
        let wanted = config.sessions.listen;
        match port.prepare(wanted) {
            Ok(socket) => sockets.sessions = Some(socket),
            Err(refused) if wanted == before.sessions.listen => {
                sockets.sessions = port.closed(wanted);
                sockets.warnings.push(refused.message);
            }
            Err(refused) => problems.add(refused.field, refused.code, refused.message),
        }
    }

    /// The same for what is to be served in any case.
    pub(super) async fn open_session_socket_anyway(&self, config: &Config, sockets: &mut Sockets) {
        if let Err(problems) = self.open_session_store(config).await {
            for problem in problems {
                tracing::error!("{}: {}", problem.field, problem.message);
            }
            return;
        }
        let mut none = Problems::default();
        let known = sockets.warnings.len();
        self.open_session_socket(config, config, sockets, &mut none);
        for warning in sockets.warnings.drain(known..) {
            tracing::error!("sessions.listen: {warning}");
        }
    }

    /// Opens the session store's port that could not be opened before.
    pub(super) fn open_closed_session_port(&self, snapshot: &std::sync::Arc<Snapshot>) {
        let Some(port) = &self.parts.sessions else {
            return;
        };
        let Some((address, false)) = port.address() else {
            return;
        };
        if let Ok(socket) = port.prepare(Some(address)) {
            port.publish(snapshot.clone(), socket);
            tracing::info!(%address, "the session store is open now");
        }
    }

    /// Where this program itself listens for others than visitors, while `config` is about to be
    /// in force, and what is there: no node may be.
    pub(super) fn own_addresses(&self, config: &Config) -> Vec<(SocketAddr, &'static str)> {
        let panel = self.door.local_address().map(|address| (address, PANEL));
        let store = config.sessions.listen.map(|address| (address, STORE));
        let port = self.parts.sessions.as_ref();
        let open = port.and_then(|port| port.address());
        let open = open.map(|(address, _)| (address, STORE));
        [panel, store, open].into_iter().flatten().collect()
    }

    /// The session store as it is now; none where there is none.
    pub(super) fn session_facts(&self) -> Option<SessionFacts> {
        let now = self.now.load();
        let sessions = &now.snapshot.config.sessions;
        sessions.listen?;
        let port = self.parts.sessions.as_ref();
        let figures = port.map(|port| port.figures()).unwrap_or_default();
        let store = port.and_then(|port| port.store());
        let journal = store.and_then(|store| store.keeping.journal());
        let mut databases = Vec::new();
        let redis = store.and_then(|store| store.redis());
        let standing = redis.as_ref().map(|redis| redis.standing());
        for index in 0..=Sessions::MAX_INDEX {
            let held = match &standing {
                // What is left in memory is not served.
                Some(standing) => Figures {
                    keys: standing.keys[usize::from(index)].0,
                    ..Figures::default()
                },
                None => store.map_or_else(Figures::default, |store| store.memory.figures(index)),
            };
            let is_named = sessions.databases.iter().any(|one| one.index == index);
            if held != Default::default() || is_named || index == 0 {
                databases.push(SessionDatabaseFacts {
                    index,
                    keys: held.keys,
                    bytes: held.bytes,
                    hits: held.hits,
                    misses: held.misses,
                    expired: held.expired,
                });
            }
        }
        Some(SessionFacts {
            open: port
                .and_then(|port| port.address())
                .is_some_and(|(_, open)| open),
            connections: figures.open,
            knocked: [
                ("accepted", figures.accepted),
                ("full", figures.full),
                ("denied", figures.denied),
                ("no_tls", figures.not_shaken),
            ],
            memory: match &standing {
                Some(standing) => standing.memory.0,
                None => store.map_or(0, |store| store.memory.used()),
            },
            most_memory: match &standing {
                Some(standing) => standing.memory.1,
                None => sessions.max_memory,
            },
            kept: match &standing {
                Some(standing) => standing.why.is_none(),
                None => journal.is_none_or(|journal| journal.trouble().is_none()),
            },
            redis: standing.map(|standing| standing.why.is_none()),
            databases,
        })
    }

    /// The session store in `status --json`; none where there is none.
    pub(super) fn sessions_json(&self) -> Option<Value> {
        let facts = self.session_facts()?;
        let now = self.now.load();
        let sessions = &now.snapshot.config.sessions;
        let port = self.parts.sessions.as_ref();
        let (address, open) = port
            .and_then(|port| port.address())
            .or_else(|| Some((sessions.listen?, false)))?;
        let store = port.and_then(|port| port.store());
        let redis = store.and_then(|store| store.redis());
        let name = |index: u8| {
            let named = sessions.databases.iter().find(|one| one.index == index);
            named.map(|one| one.name.to_string())
        };
        let databases = facts.databases.iter();
        let databases = databases.map(|facts| {
            json!({
                "index": facts.index,
                "name": name(facts.index),
                "keys": facts.keys,
                "bytes": facts.bytes,
                "hits": facts.hits,
                "misses": facts.misses,
                "expired": facts.expired,
            })
        });
        Some(json!({
            "address": address.to_string(),
            "open": open,
            "store": redis.as_ref().map_or("memory", |_| "redis"),
            "redis": redis.as_ref().map(|redis| redis_json(redis)),
            "move": self.moves.under_way(),
            "connections": facts.connections,
            "memory": facts.memory,
            "max_memory": facts.most_memory,
            "writable": facts.kept,
            "databases": databases.collect::<Vec<_>>(),
        }))
    }

    /// What is wrong with it, a sentence each.
    pub(super) fn session_troubles(&self) -> Vec<String> {
        let now = self.now.load();
        let port = self.parts.sessions.as_ref();
        let state = port.and_then(|port| port.address());
        let nothing = matches!(now.started, Started::Nothing { .. });
        let closed = state.filter(|(_, open)| !open && !nothing);
        let closed =
            closed.map(|(address, _)| format!("the session store is not open on {address}"));
        let store = port.and_then(|port| port.store());
        let journal = store.and_then(|store| store.keeping.journal());
        let redis = store.and_then(|store| store.redis());
        if let Some(redis) = redis {
            let standing = redis.standing();
            let away = standing.why.map(|why| redis.words(&why));
            let place = redis.address().place();
            let evicts = !matches!(standing.policy.as_str(), "" | "noeviction");
            let evicts = (evicts && standing.memory.1 > 0).then(|| {
                format!(
                    "the session store's Redis at {place} removes sessions when it is full: its maxmemory-policy is {}",
                    standing.policy
                )
            });
            return closed.into_iter().chain(away).chain(evicts).collect();
        }
        let trouble = journal.and_then(|journal| journal.trouble());
        let trouble =
            trouble.map(|why| format!("the session store takes no writes (-MISCONF): {why}"));
        closed.into_iter().chain(trouble).collect()
    }
}

fn redis_json(redis: &Redis) -> Value {
    let standing = redis.standing();
    let latency = standing
        .latency
        .map(|latency| latency.as_secs_f64() * 1000.0);
    json!({
        "address": redis.address().to_string(),
        "reachable": standing.why.is_none(),
        "why": standing.why,
        "latency_ms": latency,
    })
}

/// What is to be said where a change has sessions kept elsewhere from now on.
fn store_switched(before: &Config, config: &Config) -> Option<String> {
    let (from, to) = (&before.sessions.store, &config.sessions.store);
    let is_on = before.sessions.listen.is_some() && config.sessions.listen.is_some();
    (is_on && from != to).then(|| {
        format!(
            "sessions.store: sessions stay in {from}, and everybody is signed out: \
             steelyard sessions move {to} takes them along"
        )
    })
}
