//! Going back: a change like any other, made from an older revision.

use super::{HistoryError, Origin, understood};
use crate::control::change::{Applied, ChangeError, Wanted};
use crate::control::{Control, Handle};
use crate::document::{Change, take_back};
use crate::model::{Config, Secret};

/// Makes the Config of an older revision a new one.
#[derive(Debug, Clone)]
pub struct RollBack {
    /// The older revision.
    pub to: u64,
    /// The revision in force that this was decided from; none is any.
    pub if_revision: Option<u64>,
    /// Only tell what would change. Sockets are tried, nothing is written.
    pub dry_run: bool,
    /// Who does it.
    pub author: String,
}

/// What going back did, or would do.
#[derive(Debug, Clone)]
pub struct RolledBack {
    /// As of every change.
    pub applied: Applied,
    /// The owners of secrets that stay as they are in force: older ones are not kept.
    pub secrets_kept: Vec<String>,
    /// The owners that come back without the secret they may have had.
    pub secrets_lost: Vec<String>,
}

/// Takes back what one revision changed.
#[derive(Debug, Clone)]
pub struct Undo {
    /// The revision.
    pub of: u64,
    /// The revision in force that this was decided from; none is any.
    pub if_revision: Option<u64>,
    /// Only tell what would change.
    pub dry_run: bool,
    /// Only where it is the weight or state of nodes.
    pub nodes_alone: bool,
    /// Who does it.
    pub author: String,
}

impl Handle {
    /// Makes the Config of an older revision a new one. A secret given as text is in no revision:
    /// the one in force stays.
    ///
    /// # Errors
    /// Why nothing happened.
    pub async fn roll_back(&self, wanted: RollBack) -> Result<RolledBack, HistoryError> {
        let control = self.control.clone();
        let change = async move { control.roll_back(wanted).await };
        let done = self.runtime.spawn(change).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string()).into()))
    }

    /// Takes back what one revision changed and leaves what came later, unless that is of the same
    /// fields.
    ///
    /// # Errors
    /// Why nothing happened.
    pub async fn undo(&self, undo: Undo) -> Result<Applied, HistoryError> {
        let control = self.control.clone();
        let change = async move { control.undo(undo).await };
        let done = self.runtime.spawn(change).await;
        done.unwrap_or_else(|error| Err(ChangeError::BrokenOff(error.to_string()).into()))
    }
}

impl Control {
    async fn roll_back(&self, back: RollBack) -> Result<RolledBack, HistoryError> {
        let document = self.kept(back.to).await?.document;
        let config = understood(back.to, document).await?;
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        is_from(back.if_revision, now.snapshot.revision)?;
        let (secrets_kept, secrets_lost) = secrets(&config, &now.snapshot.config);
        let wanted = Wanted {
            warnings: config.warnings(),
            config,
            dry_run: back.dry_run,
            words: Origin::RolledBack(back.to).words(),
            author: back.author,
        };
        let outcome = self.change(&mut writer, wanted).await;
        if !back.dry_run {
            self.count(&outcome);
        }
        Ok(RolledBack {
            applied: outcome?,
            secrets_kept,
            secrets_lost,
        })
    }

    async fn undo(&self, undo: Undo) -> Result<Applied, HistoryError> {
        let number = undo.of;
        let after = understood(number, self.kept(number).await?.document).await?;
        let before = self.config_at(number - 1).await?;
        let mut writer = self.writer.lock().await;
        let now = self.now.load_full();
        is_from(undo.if_revision, now.snapshot.revision)?;
        let in_force = now.snapshot.config.clone();
        let take = move || take_back(&before, &after, &in_force);
        let taken = tokio::task::spawn_blocking(take)
            .await
            .map_err(|error| ChangeError::BrokenOff(error.to_string()))?;
        let config = taken.map_err(|error| HistoryError::of(number, error))?;
        if undo.nodes_alone {
            let mut config = config.clone();
            config.keep_secrets_of(&now.snapshot.config);
            let changes = crate::document::diff(&now.snapshot.config, &config);
            if !changes.iter().all(is_of_node) {
                return Err(HistoryError::NotAllowed(number));
            }
        }
        let wanted = Wanted {
            warnings: config.warnings(),
            config,
            dry_run: undo.dry_run,
            words: Origin::Undone(number).words(),
            author: undo.author,
        };
        let outcome = self.change(&mut writer, wanted).await;
        if !undo.dry_run {
            self.count(&outcome);
        }
        match outcome {
            // All that differs is where a secret was read from, and that text is not kept.
            Ok(applied) if applied.changes.is_empty() => Err(HistoryError::SecretAlone(number)),
            outcome => Ok(outcome?),
        }
    }
}

fn is_from(wanted: Option<u64>, current: u64) -> Result<(), ChangeError> {
    match wanted {
        Some(from) if from != current => Err(ChangeError::Stale { current }),
        _ => Ok(()),
    }
}

/// Whether a change is one that an operator may make.
pub(super) fn is_of_node(change: &Change) -> bool {
    let way: Vec<&str> = change.way.iter().map(String::as_str).collect();
    matches!(way.as_slice(), ["pools", _, "nodes", _, "weight" | "state"])
}

/// Of the secrets that `config`, an older one, does not hold: those that `in_force` has, and the
/// owners that are not even there now.
fn secrets(config: &Config, in_force: &Config) -> (Vec<String>, Vec<String>) {
    let now = in_force.secrets();
    let (mut kept, mut lost) = (Vec::new(), Vec::new());
    for place in config.secrets() {
        if *place.secret != Secret::Absent {
            continue;
        }
        match now.iter().find(|other| other.owner == place.owner) {
            Some(found) if *found.secret != Secret::Absent => kept.push(place.owner),
            Some(_) => {}
            None => lost.push(place.owner),
        }
    }
    (kept, lost)
}
