//! The life of a request: decided, forwarded, retried, answered, noted.
//!
//! A client's connection (`connection`) carries one request at a time (`exchange`), which
//! goes where `decide` says: to a node (`forward`, one `attempt` after the other, then
//! `deliver`, or a `tunnel` for a WebSocket), to a file (`serve_file`, `send_file`), or no further (`answer`). `explain` tells where one would go.

mod affinity;
mod answer;
mod attempt;
mod clock;
mod connection;
mod decide;
mod deliver;
#[cfg(test)]
mod desync_tests;
mod disk_job;
mod exchange;
mod explain;
mod failure;
mod forward;
mod hash_key;
mod head_read;
mod headers;
mod held;
mod links;
mod note;
mod origin;
mod read_ahead;
mod reason;
mod request;
mod request_body;
mod retry;
mod send_file;
mod serve_file;
mod spool;
#[cfg(test)]
mod tests;
mod tunnel;
mod turn;
mod upgrade;
mod waiting;
mod worker;

pub use connection::{Security, Visitor, serve, turn_away};
pub use decide::{Decision, Outcome, RequestView, decide};
pub use explain::{Explanation, Goal, Question, Standing, explain};
pub use origin::{Origin, origin};
pub use reason::Reason;
pub use spool::Spool;
pub use worker::Worker;
