//! One change, from the document to the revision on disk.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{Control, Now, Started, Writer, kept, own_socket, publish, roots, secrets, words};
use crate::document::{self, Change, Format, PlacedProblems};
use crate::health;
use crate::listener::{Prepared, SessionSocket};
use crate::model::{Config, Listener, Problems};
use crate::snapshot::{Material, Snapshot};
use crate::store::{Store, StoreError, set_aside};

/// A document to apply.
#[derive(Debug, Clone)]
pub struct Apply {
    /// The document.
    pub text: String,
    /// How it is written.
    pub format: Format,
    /// The revision it was made from; none is any.
    pub if_revision: Option<u64>,
    /// Only tell what would change. Sockets are tried, nothing is written.
    pub dry_run: bool,
    /// Who makes the change.
    pub author: String,
}

/// What a change did.
#[derive(Debug, Clone)]
pub struct Applied {
    /// Whether anything that serves is different now, or would be: in the document, or in a
    /// file it names.
    pub changed: bool,
    /// Whether nothing was to be done.
    pub dry_run: bool,
    /// The revision in force.
    pub revision: u64,
    /// What is different.
    pub changes: Vec<Change>,
    /// What the document names as before and has another content now: secrets, error pages.
    /// A phrase each.
    pub read_again: Vec<String>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<String>,
}

impl Applied {
    /// The JSON of `apply --json`.
    pub fn to_json(&self) -> Value {
        json!({
            "changed": self.changed,
            "dry_run": self.dry_run,
            "revision": self.revision,
            "changes": self.changes.iter().map(Change::to_json).collect::<Vec<_>>(),
            "read_again": self.read_again,
            "problems": [],
            "warnings": self.warnings,
        })
    }
}

/// Why a change did not happen. Nothing of it has.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The document has Problems, or a socket it needs cannot be opened.
    #[error("{0}")]
    Invalid(PlacedProblems),
    /// What was to be changed is not there.
    #[error("{0}")]
    NotFound(String),
    /// It was made from another revision than the one in force.
    #[error("revision {current} is in force: read it and make the change again")]
    Stale {
        /// The revision in force.
        current: u64,
    },
    /// The instance takes no changes.
    #[error("{0}")]
    ReadOnly(String),
    /// The disk or the database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program is stopping, or the change ran into a mistake of ours.
    #[error("the change was broken off: {0}")]
    BrokenOff(String),
}

/// A checked Config on its way.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) config: Config,
    pub(super) warnings: Vec<String>,
    pub(super) dry_run: bool,
    pub(super) author: String,
    /// What the change is, in the operator's words; none has them made of the changes.
    pub(super) words: Option<String>,
}

impl Control {
    pub(super) async fn apply(&self, apply: Apply) -> Result<Applied, ChangeError> {
        let dry_run = apply.dry_run;
        let outcome = self.try_apply(apply).await;
        if !dry_run {
            self.count(&outcome);
        }
        outcome
    }

    async fn try_apply(&self, apply: Apply) -> Result<Applied, ChangeError> {
        let parsed = document::parse(&apply.text, apply.format).map_err(ChangeError::Invalid)?;
        let mut writer = self.writer.lock().await;
        let current = self.now.load().snapshot.revision;
        if apply.if_revision.is_some_and(|from| from != current) {
            return Err(ChangeError::Stale { current });
        }
        let wanted = Wanted {
            config: parsed.config,
            warnings: parsed.warnings,
            dry_run: apply.dry_run,
            author: apply.author,
            words: None,
        };
        let done = self.change(&mut writer, wanted).await;
        done.map_err(|error| match error {
            // A socket that cannot be opened, told where the document names it.
            ChangeError::Invalid(problems) => {
                ChangeError::Invalid(document::in_place(&apply.text, apply.format, problems))
            }
            error => error,
        })
    }

    /// Counts an attempt to put a Config in force.
    pub(super) fn count(&self, outcome: &Result<Applied, ChangeError>) {
        let metrics = &self.parts.metrics;
        metrics.count_reload(outcome.is_ok(), SystemTime::now());
    }

    /// Carries a checked Config through. Every error leaves everything as it was.
    pub(super) async fn change(
        &self,
        writer: &mut Writer,
        wanted: Wanted,
    ) -> Result<Applied, ChangeError> {
        let now = self.now.load_full();
        let before = &now.snapshot;
        let mut config = wanted.config;
        config.keep_secrets_of(&before.config);
        let changes = document::diff(&before.config, &config);
        let mut applied = Applied {
            changed: !changes.is_empty(),
            dry_run: wanted.dry_run,
            revision: before.revision,
            changes,
            read_again: Vec::new(),
            warnings: wanted.warnings,
        };
        if !applied.changed {
            return self.look_again(writer, &now, applied).await;
        }

        secrets::generate(&mut config);
        let config = Arc::new(config);
        let own = self.not_for_sites(&config).await;
        if !own.is_empty() {
            return Err(ChangeError::Invalid(own.into()));
        }
        let (kept, made) = self.kept_with_self_signed(&config);
        let read = self.read_after(&config, before, &kept).await;
        let store = self.open_session_store(&config).await;
        let opened = store.and_then(|()| self.open_sockets(&config, &before.config));
        let (material, mut sockets) =
            both(read, opened).map_err(|problems| ChangeError::Invalid(problems.into()))?;
        let snapshot = self
            .build(config.clone(), material.clone(), before.revision + 1)
            .await;
        applied.read_again = snapshot.read_anew(before);
        applied.warnings.append(&mut troubles(&snapshot).await);
        applied.warnings.append(&mut sockets.warnings);
        if wanted.dry_run {
            return Ok(applied);
        }
        if self.running {
            health::resolve_new(&publish::targets(&snapshot)).await;
        }
        let words = wanted.words.unwrap_or_else(|| words::of(&applied.changes));
        let store = self.writable(writer, &now).await?;
        kept::write(store, &kept, &made).await?;
        let number = append(store, before.revision, &config, (&wanted.author, &words)).await?;

        // On disk. Nothing below may fail.
        applied.revision = number;
        self.kept.store(kept);
        self.made
            .remember(number, applied.changes.as_slice().into());
        let snapshot = match number == snapshot.revision {
            true => snapshot,
            false => self.build(config, material, number).await,
        };
        tracing::info!(revision = number, author = wanted.author, "{words}");
        self.publish(writer, snapshot, Started::Serving, sockets)
            .await;
        self.tell_change(&wanted.author, &words, &applied);
        Ok(applied)
    }

    /// What of `config` would lead visitors where they must not get.
    pub(super) async fn not_for_sites(&self, config: &Arc<Config>) -> Problems {
        let mut own = own_socket::check(&self.dir, config).await;
        let ours = self.own_addresses(config);
        own.append(own_socket::check_addresses(&ours, config));
        own.append(roots::check(&self.dir, config).await);
        own
    }

    /// Compiles `config` on the blocking pool: it reads pages from a disk, and the health
    /// checks on this thread must not wait for one.
    pub(super) async fn build(
        &self,
        config: Arc<Config>,
        material: Arc<Material>,
        revision: u64,
    ) -> Arc<Snapshot> {
        let registry = Arc::clone(&self.parts.registry);
        let metrics = Arc::clone(&self.parts.metrics);
        let build = move || Snapshot::build(config, material, revision, &registry, &metrics);
        let again = build.clone();
        // The pool is gone only when the program is going.
        Arc::new(spawn_blocking(build).await.unwrap_or_else(|_| again()))
    }

    /// Opens what `config` needs and is not open yet. A listener that could not be opened
    /// before either and is as it was does not stand in the way of other changes.
    pub(super) fn open_sockets(
        &self,
        config: &Config,
        before: &Config,
    ) -> Result<Sockets, Problems> {
        let mut problems = Problems::default();
        let mut sockets = Sockets::default();
        if let Some(data_plane) = &self.parts.data_plane {
            let (prepared, refused) = data_plane.prepare(&config.listeners);
            sockets.listeners = Some(prepared);
            for problem in refused {
                if is_as_it_was(&problem.field, config, before) {
                    sockets.warnings.push(problem.message);
                } else {
                    problems.add(problem.field, problem.code, problem.message);
                }
            }
        }
        self.open_session_socket(config, before, &mut sockets, &mut problems);
        let is_elsewhere =
            (config.admin.address, &config.admin.tls) != (before.admin.address, &before.admin.tls);
        if is_elsewhere {
            match self.door.prepare(&config.admin) {
                Ok(opened) => sockets.admin = opened,
                Err(refused) => problems.append(refused),
            }
        }
        match problems.is_empty() {
            true => Ok(sockets),
            false => Err(problems),
        }
    }

    /// The database, if changes may be written. On a stopped instance it is made anew
    /// where it was lost, and goes on from the last-known-good.
    pub(super) async fn writable<'w>(
        &self,
        writer: &'w mut Writer,
        now: &Now,
    ) -> Result<&'w mut Store, ChangeError> {
        if self.is_stopping() {
            return Err(ChangeError::BrokenOff(
                "the instance is stopping".to_owned(),
            ));
        }
        if let Started::LastKnownGood { why } | Started::Nothing { why } = &now.started
            && self.running
        {
            return Err(ChangeError::ReadOnly(why.clone()));
        }
        if writer.store.is_none() {
            writer.store = Some(self.replace_database(writer.trouble.as_ref()).await?);
            writer.trouble = None;
        }
        let Some(store) = writer.store.as_mut() else {
            return Err(StoreError::Missing.into());
        };
        let revision = now.snapshot.revision;
        if matches!(now.started, Started::LastKnownGood { .. })
            && store
                .newest()
                .await?
                .is_none_or(|held| held.number < revision)
        {
            store.restore(revision, &now.snapshot.config).await?;
        }
        Ok(store)
    }

    async fn replace_database(&self, trouble: Option<&StoreError>) -> Result<Store, ChangeError> {
        match trouble {
            None | Some(StoreError::Missing) => {}
            Some(StoreError::Corrupt { .. }) => {
                let place = set_aside(&self.dir).map_err(|error| StoreError::Io {
                    why: format!("it is corrupt and cannot be moved aside: {error}"),
                })?;
                tracing::warn!(place = %place.display(), "the corrupt config.db was moved aside");
            }
            Some(other) => return Err(other.clone().into()),
        }
        Ok(Store::open_or_create(&self.dir).await?)
    }
}

/// Both, or every Problem of either.
pub(super) fn both<A, B>(
    a: Result<A, Problems>,
    b: Result<B, Problems>,
) -> Result<(A, B), Problems> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut problems), Err(more)) => {
            problems.append(more);
            Err(problems)
        }
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(problems),
    }
}

/// What on this machine stands in the way of serving `snapshot`.
pub(super) async fn troubles(snapshot: &Arc<Snapshot>) -> Vec<String> {
    let snapshot = Arc::clone(snapshot);
    let look = spawn_blocking(move || snapshot.troubles());
    look.await.unwrap_or_default()
}

/// Sockets opened for a change; dropping them closes them.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) listeners: Option<Prepared>,
    pub(super) admin: Option<TcpListener>,
    pub(super) sessions: Option<SessionSocket>,
    /// What is still closed.
    pub(super) warnings: Vec<String>,
}

/// Whether the listener that `field` of `config` belongs to has the same address before.
pub(super) fn is_as_it_was(field: &str, config: &Config, before: &Config) -> bool {
    let index = field.strip_prefix("listeners[");
    let index = index.and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
    let listener = index.and_then(|index| config.listeners.get(index));
    listener.is_some_and(|listener| {
        let same =
            |other: &Listener| (&other.name, other.address) == (&listener.name, listener.address);
        before.listeners.iter().any(same)
    })
}

/// Writes the revision that follows `current`.
async fn append(
    store: &mut Store,
    current: u64,
    config: &Config,
    (author, words): (&str, &str),
) -> Result<u64, StoreError> {
    match store.append(Some(current), config, author, words).await {
        // A COMMIT that was answered with an error and still reached the disk, or a row
        // written by hand. It was never in force, so it is followed and not obeyed.
        Err(StoreError::Stale { current: found }) if found > current => {
            tracing::warn!(
                revision = found,
                "config.db holds a revision that was never in force; it is superseded"
            );
            store.append(Some(found), config, author, words).await
        }
        outcome => outcome,
    }
}
