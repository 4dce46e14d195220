//! What is to be served at a start: the database's newest revision, or the
//! last-known-good, or nothing. Never an empty Config over a full one.

use std::path::{Path, PathBuf};

use super::{Writer, secrets};
use crate::model::{Config, KeptCertificates};
use crate::store::last_known_good::LastKnownGood;
use crate::store::{
    Lock, Store, StoreError, Stored, had_database, has_stray_journal, is_emptied, last_known_good,
    set_aside, was_set_aside,
};

/// Where the Config in force came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Started {
    /// From the database: all is well.
    Serving,
    /// From nowhere: nothing was ever configured here.
    Setup,
    /// From the last-known-good file. Changes are refused.
    LastKnownGood {
        /// What happened to the database, and what to do.
        why: String,
    },
    /// From nowhere, though there was something. Changes are refused.
    Nothing {
        /// What happened to the database, and what to do.
        why: String,
    },
}

/// A data directory that is held, and what it holds.
#[derive(Debug)]
pub struct Loaded {
    pub(super) dir: PathBuf,
    pub(super) lock: Lock,
    pub(super) found: Found,
}

impl Loaded {
    /// What will be served. Some settings are read at a start only.
    pub fn config(&self) -> &Config {
        &self.found.config
    }

    /// Nothing was ever served from this directory: no client is bound since before.
    pub fn never_served(&mut self) {
        self.found.has_served = false;
    }
}

/// What was found on disk.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) revision: u64,
    pub(super) config: Config,
    /// When it was made, in seconds since 1970, as far as that is known.
    pub(super) made: Option<u64>,
    /// Whether clients may have been served by this or an earlier Config.
    pub(super) has_served: bool,
    pub(super) started: Started,
    pub(super) writer: Writer,
    /// The owners of secrets that only the lost database had.
    pub(super) lost: Vec<String>,
    /// The certificates that the database keeps.
    pub(super) kept: KeptCertificates,
}

impl Found {
    fn empty(started: Started, writer: Writer) -> Self {
        Self {
            revision: 0,
            config: Config::default(),
            made: None,
            has_served: true,
            started,
            writer,
            lost: Vec::new(),
            kept: KeptCertificates::default(),
        }
    }
}

impl Writer {
    fn with(store: Store) -> Self {
        Self {
            store: Some(store),
            ..Self::default()
        }
    }

    fn without(trouble: StoreError) -> Self {
        Self {
            trouble: Some(trouble),
            ..Self::default()
        }
    }
}

/// Reads what is to be served. `keep` is a running instance's: it makes the database
/// where there was none, and moves a corrupt one aside.
pub(super) async fn load(dir: &Path, keep: bool) -> Found {
    let mut found = load_config(dir, keep).await;
    if let Some(store) = &mut found.writer.store {
        match store.kept_certificates().await {
            Ok(kept) => found.kept = kept,
            Err(error) => tracing::error!("the certificates that are kept cannot be read: {error}"),
        }
    }
    found
}

async fn load_config(dir: &Path, keep: bool) -> Found {
    match open(dir).await {
        Ok((store, Some(stored))) => match last_known_good::read_newer(dir, stored.number) {
            Some(good) => put_back(store, &stored, good, keep).await,
            None => Found {
                revision: stored.number,
                made: seconds(&stored.created),
                has_served: true,
                config: stored.config,
                started: Started::Serving,
                writer: Writer::with(store),
                lost: stored.lost,
                kept: KeptCertificates::default(),
            },
        },
        Ok((store, None)) => {
            let happened = "config.db holds no revision".to_owned();
            without_database(dir, happened, Writer::with(store))
        }
        Err(StoreError::Missing) if keep && !has_trace(dir) => create(dir).await,
        Err(error) => {
            let happened = match &error {
                StoreError::Corrupt { .. } if keep => move_aside(dir, &error),
                _ => error.to_string(),
            };
            without_database(dir, happened, Writer::without(error))
        }
    }
}

// A revision that was served is not in the database any more: its journal was lost, or an
// older file was put in its place. What was acknowledged is put back.
async fn put_back(mut store: Store, stored: &Stored, mut good: LastKnownGood, keep: bool) -> Found {
    // The texts that were given before are likelier to be right than none.
    good.config.keep_secrets_of(&stored.config);
    if keep {
        secrets::generate_lost(&mut good.config);
    }
    let (held, revision) = (stored.number, good.revision);
    let happened =
        format!("config.db holds only revision {held}, older than last-known-good {revision}");
    let started = match keep {
        false => Started::LastKnownGood { why: happened },
        true => match store.restore(revision, &good.config).await {
            Ok(()) => {
                tracing::warn!("{happened}, which was put back: look at the disk");
                Started::Serving
            }
            Err(error) => Started::LastKnownGood {
                why: format!("{happened}, which could not be put back: {error}"),
            },
        },
    };
    Found {
        revision,
        config: good.config,
        made: None,
        has_served: true,
        started,
        writer: Writer::with(store),
        lost: good.without,
        kept: KeptCertificates::default(),
    }
}

async fn open(dir: &Path) -> Result<(Store, Option<Stored>), StoreError> {
    // An empty one is a first start that was broken off, or all that was left of a full one.
    if is_emptied(dir) && has_trace(dir) {
        return Err(StoreError::Corrupt {
            why: "it is empty".to_owned(),
        });
    }
    let mut store = Store::open(dir).await?;
    match store.newest().await {
        Ok(newest) => Ok((store, newest)),
        Err(error) => {
            store.close().await;
            Err(error)
        }
    }
}

// The first start of all.
async fn create(dir: &Path) -> Found {
    match Store::open_or_create(dir).await {
        Ok(store) => Found::empty(Started::Setup, Writer::with(store)),
        Err(error) => without_database(dir, error.to_string(), Writer::without(error)),
    }
}

fn without_database(dir: &Path, happened: String, writer: Writer) -> Found {
    let found = last_known_good::read(dir);
    let remedy = remedy(writer.trouble.as_ref());
    let mut parts = vec![happened];
    parts.extend(found.refused.iter().cloned());
    let happened = parts.join("; ");
    if let Some(good) = found.good {
        let revision = good.revision;
        let lost = match good.without.as_slice() {
            [] => String::new(),
            owners => format!(" without what only config.db had: {}", owners.join(", ")),
        };
        return Found {
            revision,
            config: good.config,
            made: None,
            has_served: true,
            started: Started::LastKnownGood {
                why: format!(
                    "{happened}; serving last-known-good revision {revision}{lost}; {remedy}"
                ),
            },
            writer,
            lost: good.without,
            kept: KeptCertificates::default(),
        };
    }
    let is_new = match writer.trouble {
        // One without a revision may have users, and so a key: only a damaged one was lost before it.
        None => found.refused.is_empty() && !was_set_aside(dir).unwrap_or(true),
        Some(StoreError::Missing) => !has_trace(dir),
        Some(_) => false,
    };
    if is_new {
        return Found::empty(Started::Setup, writer);
    }
    let why = format!("{happened}; there is no last-known-good to serve; {remedy}");
    Found::empty(Started::Nothing { why }, writer)
}

fn seconds(created: &str) -> Option<u64> {
    let created: jiff::Timestamp = created.parse().ok()?;
    u64::try_from(created.as_second()).ok()
}

// What an earlier install leaves behind whatever was lost. What cannot be read counts:
// an empty Config over a full one is the greater harm.
fn has_trace(dir: &Path) -> bool {
    let found = last_known_good::read(dir);
    found.good.is_some()
        || !found.refused.is_empty()
        || has_stray_journal(dir)
        || had_database(dir).unwrap_or(true)
}

fn move_aside(dir: &Path, error: &StoreError) -> String {
    match set_aside(dir) {
        Ok(place) => format!("{error}; it was moved to {}", place.display()),
        Err(moving) => format!("{error}; it could not be moved aside: {moving}"),
    }
}

/// What makes the instance take changes again.
fn remedy(trouble: Option<&StoreError>) -> &'static str {
    match trouble {
        Some(StoreError::Locked) => {
            "to write again: end the program that holds it, this instance then goes on by itself"
        }
        Some(StoreError::Io { .. }) => {
            "to write again: mend the disk, this instance then goes on by itself"
        }
        Some(StoreError::Newer { .. }) => {
            "to write again: stop, and start the newer version once more"
        }
        None
        | Some(StoreError::Missing | StoreError::Corrupt { .. } | StoreError::Stale { .. }) => {
            "to write again: stop, `steelyard restore` a backup, or `steelyard apply` a document, without users and certificates (`steelyard export` prints the one served), and start"
        }
    }
}

/// Whether waiting may help.
pub(super) fn may_pass(trouble: Option<&StoreError>) -> bool {
    matches!(trouble, Some(StoreError::Locked | StoreError::Io { .. }))
}
