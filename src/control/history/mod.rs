//! The revisions before the one in force: what each was and changed, going back to one, and
//! taking one change back.

mod back;
mod made;

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::change::ChangeError;
use super::{Control, Handle};
use crate::document::{self, Change, Format, NotTakenBack, PlacedProblems};
use crate::model::Config;
use crate::store::{Entry, Kept, StoreError};

pub use back::{RollBack, RolledBack, Undo};
pub use made::Changes;
pub(super) use made::Made;

/// How a revision came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By a change.
    Change,
    /// By going back to this revision.
    RolledBack(u64),
    /// By taking back what this revision changed.
    Undone(u64),
    /// From the last-known-good, when the database was lost.
    Restored,
}

/// A revision that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// Who made it, and from where.
    pub author: String,
    /// What it changed, as it was noted then, in English.
    pub words: String,
    /// When, in seconds since 1970.
    pub time: i64,
    /// How it came to be.
    pub origin: Origin,
}

/// One of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The revision.
    pub revision: Revision,
    /// What it changed; none where that cannot be told any more: the one before it is not kept, or
    /// one of the two is not understood.
    pub changes: Option<Changes>,
}

/// Some revisions, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Revisions {
    /// They.
    pub listed: Vec<Listed>,
    /// Whether there are older ones that are kept.
    pub has_older: bool,
    /// The oldest that is kept; 0 where there is none.
    pub oldest: u64,
}

/// Why nothing was told, or nothing has happened.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It is not kept any more, or never was.
    #[error("revision {number} is not kept: there are {oldest} to {newest}")]
    NotKept {
        /// The one asked for.
        number: u64,
        /// The oldest there is.
        oldest: u64,
        /// The newest there is.
        newest: u64,
    },
    /// Today's rules refuse its document.
    #[error("revision {number} does not hold today's rules:\n{problems}")]
    NotUnderstood {
        /// Its number.
        number: u64,
        /// Every Problem of it.
        problems: PlacedProblems,
    },
    /// What it changed is as it was before already.
    #[error("nothing of what revision {0} changed is left: it was taken back already")]
    Already(u64),
    /// It changed a secret alone, and older ones are not kept.
    #[error("revision {0} replaced a secret, and older secrets are not kept: give it again")]
    SecretAlone(u64),
    /// The same fields were changed again since.
    #[error("revision {number} cannot be taken back: changed again since: {}", fields(.since))]
    Touched {
        /// Its number.
        number: u64,
        /// What was changed since.
        since: Vec<Change>,
    },
    /// What came later needs it.
    #[error("revision {number} cannot be taken back, what came later needs it:\n{problems}")]
    Needed {
        /// Its number.
        number: u64,
        /// What would be wrong without it.
        problems: PlacedProblems,
    },
    /// It is more than the weight or state of nodes.
    #[error(
        "taking back revision {0} is for an admin: it is more than weights and states of nodes"
    )]
    NotAllowed(u64),
    /// The change did not happen.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StoreError> for HistoryError {
    fn from(error: StoreError) -> Self {
        Self::Change(error.into())
    }
}

impl HistoryError {
    fn of(number: u64, error: NotTakenBack) -> Self {
        match error {
            NotTakenBack::Nothing => Self::SecretAlone(number),
            NotTakenBack::Already => Self::Already(number),
            NotTakenBack::Touched(since) => Self::Touched { number, since },
            NotTakenBack::Needed(problems) => Self::Needed { number, problems },
        }
    }
}

fn fields(changes: &[Change]) -> String {
    let fields: Vec<&str> = changes.iter().take(5).map(|c| c.field.as_str()).collect();
    fields.join(", ")
}

impl Handle {
    /// What `revision` changed, where it was made or listed not long ago; none where that has to
    /// be read.
    pub fn made(&self, revision: u64) -> Option<Changes> {
        self.control.made.of(revision)
    }

    /// At most `most` revisions (100 at most), the newest first; where `before` is given, those before it. Never
    /// waits for a change under way.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn revisions(
        &self,
        before: Option<u64>,
        most: u32,
    ) -> Result<Revisions, HistoryError> {
        let entries = self.control.revisions().await.list(before, most).await?;
        let oldest = self.control.revisions().await.oldest().await?.unwrap_or(0);
        let last = entries.last().map_or(0, |entry| entry.number);
        let mut listed = Vec::new();
        let mut known: Option<(u64, Arc<Config>)> = None;
        for entry in entries {
            let changes = self.changes_of(entry.number, oldest, &mut known).await?;
            let revision = Revision::of(entry);
            listed.push(Listed { revision, changes });
        }
        Ok(Revisions {
            listed,
            has_older: last > oldest,
            oldest,
        })
    }

    /// The Config of revision `number`, without secrets given as text, and what is known of it.
    ///
    /// # Errors
    /// `NotKept`, `NotUnderstood`; when the database cannot be read.
    pub async fn revision_at(&self, number: u64) -> Result<(Revision, Config), HistoryError> {
        let kept = self.control.kept(number).await?;
        let config = understood(number, kept.document).await?;
        Ok((Revision::of(kept.entry), config))
    }

    /// What revision `to` changes of revision `from`: nothing where both mean the same. Before the
    /// first there was nothing.
    ///
    /// # Errors
    /// As [`Handle::revision_at`].
    pub async fn diff(&self, from: u64, to: u64) -> Result<Vec<Change>, HistoryError> {
        let before = self.control.config_at(from).await?;
        let after = self.control.config_at(to).await?;
        let compare = move || document::diff(&before, &after);
        // The pool is gone only when the program is going.
        Ok(spawn_blocking(compare).await.unwrap_or_default())
    }

    async fn changes_of(
        &self,
        number: u64,
        oldest: u64,
        known: &mut Option<(u64, Arc<Config>)>,
    ) -> Result<Option<Changes>, HistoryError> {
        if let Some(changes) = self.made(number) {
            return Ok(Some(changes));
        }
        if number == oldest && number != 1 {
            return Ok(None);
        }
        // Going down the list, what was before one is the next.
        let after = match known.take() {
            Some((of, config)) if of == number => Some(config),
            _ => self.if_told(number).await?,
        };
        let before = self.if_told(number - 1).await?;
        *known = before.clone().map(|config| (number - 1, config));
        let (Some(before), Some(after)) = (before, after) else {
            return Ok(None);
        };
        let compare = move || Changes::from(document::diff(&before, &after).as_slice());
        let changes = spawn_blocking(compare).await.ok();
        if let Some(changes) = &changes {
            self.control.made.remember(number, changes.clone());
        }
        Ok(changes)
    }

    /// The Config of a revision; none where that cannot be told, which costs no list.
    async fn if_told(&self, number: u64) -> Result<Option<Arc<Config>>, HistoryError> {
        match self.control.config_at(number).await {
            Ok(config) => Ok(Some(Arc::new(config))),
            Err(
                HistoryError::NotKept { .. }
                | HistoryError::NotUnderstood { .. }
                | HistoryError::Change(ChangeError::Store(StoreError::Corrupt { .. })),
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Control {
    async fn revisions(&self) -> tokio::sync::MutexGuard<'_, crate::store::Revisions> {
        self.revisions.lock().await
    }

    async fn kept(&self, number: u64) -> Result<Kept, HistoryError> {
        let mut revisions = self.revisions().await;
        if let Some(kept) = revisions.one(number).await? {
            return Ok(kept);
        }
        let newest = revisions.list(None, 1).await?;
        Err(HistoryError::NotKept {
            number,
            oldest: revisions.oldest().await?.unwrap_or(0),
            newest: newest.first().map_or(0, |entry| entry.number),
        })
    }

    /// The Config of a revision; before the first there was nothing.
    async fn config_at(&self, number: u64) -> Result<Config, HistoryError> {
        match number {
            0 => Ok(Config::default()),
            number => understood(number, self.kept(number).await?.document).await,
        }
    }
}

async fn understood(number: u64, document: String) -> Result<Config, HistoryError> {
    let parse = move || document::parse(&document, Format::Json);
    let parsed = spawn_blocking(parse)
        .await
        .map_err(|error| ChangeError::BrokenOff(error.to_string()))?;
    let parsed = parsed.map_err(|problems| HistoryError::NotUnderstood { number, problems })?;
    Ok(parsed.config)
}

impl Revision {
    fn of(entry: Entry) -> Self {
        let time = entry.created.parse::<jiff::Timestamp>();
        Self {
            number: entry.number,
            time: time.map_or(0, jiff::Timestamp::as_second),
            origin: Origin::of(&entry.words),
            author: entry.author,
            words: entry.words,
        }
    }
}

impl Origin {
    const RESTORED: &str = "restore the last-known-good";

    fn of(words: &str) -> Self {
        let number = |start: &str| words.strip_prefix(start)?.parse().ok();
        if words == Self::RESTORED {
            return Self::Restored;
        }
        let back = number("roll back to revision ").map(Self::RolledBack);
        let undone = || number("undo revision ").map(Self::Undone);
        back.or_else(undone).unwrap_or(Self::Change)
    }

    /// The words it is noted by, for those that are made here.
    fn words(self) -> Option<String> {
        match self {
            Self::RolledBack(number) => Some(format!("roll back to revision {number}")),
            Self::Undone(number) => Some(format!("undo revision {number}")),
            Self::Change | Self::Restored => None,
        }
    }
}
