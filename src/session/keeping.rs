//! Whether writes are kept on disk: the one place where memory meets the journal.

use super::change::Change;
pub(crate) use super::journal::Ticket;
use super::journal::{Journal, Standing};

/// What happens to changes beside the memory.
#[derive(Debug)]
pub enum Keeping {
    /// Nothing: they end with the process.
    Nothing,
    /// They are kept on disk.
    Journal(Journal),
}

impl Keeping {
    /// The journal, where there is one.
    #[must_use]
    pub fn journal(&self) -> Option<&Journal> {
        match self {
            Self::Nothing => None,
            Self::Journal(journal) => Some(journal),
        }
    }

    /// Whether there is anything to hand changes to.
    pub(crate) fn keeps(&self) -> bool {
        self.journal().is_some()
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
            Self::Journal(journal) => journal.admit().await.map_err(|why| why.to_string()),
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
                let done = journal.durable(ticket).await;
                done.map_err(|why| why.to_string())
            }
        }
    }
}
