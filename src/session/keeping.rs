//! Whether writes are kept on disk: the one place where memory meets the journal.

use std::sync::Arc;

use super::change::Change;
use super::journal::{Journal, Standing};

pub(crate) use super::journal::Ticket;

/// What happens to changes beside the memory.
#[derive(Debug, Clone)]
pub enum Keeping {
    /// Nothing: they end with the process.
    Nothing,
    /// They are written down.
    Journal(Arc<Journal>),
}

impl Keeping {
    /// Whether there is anything to hand changes to.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self, Self::Journal(_))
    }

    /// Whether a command that writes may be carried out at once.
    pub(crate) fn takes(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Journal(journal) => journal.standing() == Standing::Working,
        }
    }

    /// Hands changes over; to be called while the locks of their keys are held.
    pub(crate) fn append<'c>(&self, changes: impl IntoIterator<Item = Change<'c>>) -> Ticket {
        match self {
            Self::Nothing => Ticket::NOTHING,
            Self::Journal(journal) => journal.append(changes),
        }
    }

    /// Ends when a command that writes may be carried out.
    ///
    /// # Errors
    /// It may not be, and why.
    pub(crate) async fn admit(&self) -> Result<(), String> {
        match self {
            Self::Nothing => Ok(()),
            Self::Journal(journal) => journal.admit().await.map_err(|refused| refused.to_string()),
        }
    }

    /// Ends when what the ticket stands for may be acknowledged.
    ///
    /// # Errors
    /// Nobody knows whether it was kept, and why.
    pub(crate) async fn durable(&self, ticket: Ticket) -> Result<(), String> {
        match self {
            Self::Nothing => Ok(()),
            Self::Journal(journal) => {
                let kept = journal.durable(ticket).await;
                kept.map_err(|refused| refused.to_string())
            }
        }
    }
}
