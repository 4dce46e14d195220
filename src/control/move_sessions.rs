//! Moving sessions between memory and a Redis while applications go on: copied by `session::moving`, and put in force as
//! a change like any other.
//!
//! The writer is held from before commands are held until the change is in force: they wait for nobody else's change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::change::Wanted;
use super::{ChangeError, Control, Handle};
use crate::model::{Code, Config, Problems, Secret, SecretBytes, SessionStore, Sessions};
use crate::session::moving::{Move, Progress, To};
use crate::session::redis::Redis;

/// Sessions are to go elsewhere.
#[derive(Debug, Clone)]
pub struct MoveSessions {
    /// Where to.
    pub to: SessionStore,
    /// Our password at the Redis; none is the one that is set.
    pub password: Option<SecretBytes>,
    /// What is there already is lost.
    pub replace: bool,
    /// Who moves them.
    pub author: String,
}

/// The move under way, or the last that there was.
#[derive(Debug, Default)]
pub(super) struct Moves(Mutex<Option<Last>>);

#[derive(Debug)]
struct Last {
    to: String,
    progress: Arc<Progress>,
    /// The revision that put it in force, or why it was not.
    outcome: Option<Result<u64, String>>,
}

impl Moves {
    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one, unless one is under way.
    fn begin(&self, to: &SessionStore) -> Option<Arc<Progress>> {
        let mut last = self.last();
        if last.as_ref().is_some_and(|last| last.outcome.is_none()) {
            return None;
        }
        let progress = Arc::<Progress>::default();
        *last = Some(Last {
            to: to.to_string(),
            progress: Arc::clone(&progress),
            outcome: None,
        });
        Some(progress)
    }

    fn end(&self, outcome: Result<u64, String>) {
        if let Some(last) = self.last().as_mut() {
            last.outcome = Some(outcome);
        }
    }

    /// The one under way: `{"to","copied","total"}`.
    pub(super) fn under_way(&self) -> Option<Value> {
        let last = self.last();
        let last = last.as_ref().filter(|last| last.outcome.is_none())?;
        let (copied, total) = last.progress.figures();
        Some(json!({ "to": last.to, "copied": copied, "total": total.max(copied) }))
    }
}

impl Handle {
    /// Begins to move sessions. What cannot be begun is told at once, as a Problem of `sessions.store`; how it goes on,
    /// by [`Handle::session_move`].
    ///
    /// # Errors
    /// Why nothing happened.
    pub async fn move_sessions(&self, wanted: MoveSessions) -> Result<Value, ChangeError> {
        let control = self.control.clone();
        let begun = self
            .runtime
            .spawn(async move { control.begin_move(wanted).await });
        let begun = begun.await;
        begun.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string())))?;
        Ok(self.session_move())
    }

    /// The move under way or the last there was since the start:
    /// `{"state": "none" | "moving" | "moved" | "failed", "to", "copied", "total", "revision", "why"}`.
    pub fn session_move(&self) -> Value {
        let last = self.control.moves.last();
        let Some(last) = last.as_ref() else {
            return json!({
                "state": "none", "to": null, "copied": 0, "total": 0, "revision": null, "why": null,
            });
        };
        let (copied, total) = last.progress.figures();
        let (state, revision, why) = match &last.outcome {
            None => ("moving", None, None),
            Some(Ok(revision)) => ("moved", Some(revision), None),
            Some(Err(why)) => ("failed", None, Some(why)),
        };
        json!({
            "state": state,
            "to": last.to,
            "copied": copied,
            "total": total.max(copied),
            "revision": revision,
            "why": why,
        })
    }
}

fn refused(why: impl Into<String>) -> ChangeError {
    let mut problems = Problems::default();
    problems.add("sessions.store", Code::Conflict, why);
    ChangeError::Invalid(problems.into())
}

impl Control {
    async fn begin_move(self: Arc<Self>, wanted: MoveSessions) -> Result<(), ChangeError> {
        let now = self.now.load_full();
        let sessions = &now.snapshot.config.sessions;
        let port = self.parts.sessions.as_ref();
        let store = port.and_then(|port| port.store()).cloned();
        let store = store.filter(|_| sessions.listen.is_some()).ok_or_else(|| {
            refused(
                "there is no session store to move: sessions.listen is not set, or nothing runs",
            )
        })?;
        let to = match &wanted.to {
            SessionStore::Memory => To::Memory(sessions.max_memory),
            SessionStore::Redis(address) => {
                let kept = now.snapshot.secrets.get(Sessions::STORE_PASSWORD);
                let password = wanted.password.clone().or_else(|| kept.cloned());
                To::Redis(Arc::new(Redis::new(address.clone(), password)))
            }
        };
        let Some(progress) = self.moves.begin(&wanted.to) else {
            return Err(refused("sessions are being moved already"));
        };
        let begun = Move::begin(&store, to, wanted.replace, progress).await;
        let moving = begun.map_err(|why| {
            self.moves.end(Err(why.clone()));
            refused(why)
        })?;
        tracing::info!(
            author = wanted.author,
            "sessions are being moved to {}",
            wanted.to
        );
        tokio::spawn(async move {
            let outcome = self.carry_move(moving, wanted).await;
            match &outcome {
                Ok(revision) => tracing::info!(revision, "the sessions were moved"),
                Err(why) => tracing::warn!("the sessions were not moved: {why}"),
            }
            self.moves.end(outcome);
        });
        Ok(())
    }

    async fn carry_move(&self, mut moving: Move, wanted: MoveSessions) -> Result<u64, String> {
        let moved = match moving.copy().await {
            Ok(()) => self.switch(&mut moving, wanted).await,
            Err(why) => Err(why),
        };
        match moved {
            Ok(revision) => {
                moving.finish().await;
                Ok(revision)
            }
            Err(why) => {
                moving.give_up().await;
                Err(why)
            }
        }
    }

    /// Holds commands and puts the other store in force.
    async fn switch(&self, moving: &mut Move, wanted: MoveSessions) -> Result<u64, String> {
        let mut writer = self.writer.lock().await;
        moving.hold().await?;
        let mut config = Config::clone(&self.now.load().snapshot.config);
        let words = format!("move the sessions to {}", wanted.to);
        config.sessions.store = wanted.to;
        if let Some(password) = wanted.password {
            config.sessions.store_password = Secret::Text(password);
        }
        let wanted = Wanted {
            config,
            warnings: Vec::new(),
            dry_run: false,
            author: wanted.author,
            words: Some(words),
        };
        let outcome = self.change(&mut writer, wanted).await;
        self.count(&outcome);
        let applied = outcome.map_err(|error| error.to_string())?;
        Ok(applied.revision)
    }
}
