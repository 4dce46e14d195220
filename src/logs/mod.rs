//! The access log: what one request was, how a line says it, who writes it.
//!
//! A worker turns each [`Record`] into a line with its own [`LineWriter`] and
//! hands whole lines to the one writer thread through a [`Sink`], which never
//! waits: when the disk does not keep up, lines are dropped and counted.

mod combined;
mod dates;
mod json;
mod kept;
mod line;
mod old_files;
mod own;
mod record;
mod rotation;
mod sink;
mod writer;

pub use kept::KeptRecord;
pub use line::{LineWriter, address};
pub use own::{OwnLog, OwnLogLevel};
pub use record::{Record, Try};
pub use sink::{AccessFile, Losses, Sink, start};
