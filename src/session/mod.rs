//! The session store: the Redis protocol on a port of its own, sessions in memory and safe on disk.
//!
//! Where a Redis is behind it ([`redis`]), a command is judged here all the same and then passed on.
//!
//! A command is read from its bytes in place, carried out over the shards that its keys name, and each
//! [`change::Change`] it made is handed to the journal while their locks are held: the journal's order is the memory's.
//! Invariant: a command is carried out whole or refused with an error, and what it wrote is answered as `keeping` says.
//!
//! Rules of this port:
//! - RESP2 until `HELLO 3`; error texts as those of Redis 7.0. Any bytes give an error or a closed connection.
//! - Which password opens which databases: [`settings::Databases`].
//! - A write that could go beyond the cap is `-OOM` before anything is written; nothing is ever evicted. What cannot be
//!   kept on disk is `-MISCONF`. Reads go on in both cases.
//! - A client that does not read has at most some answers waiting and is not read from meanwhile; after a minute its
//!   connection is closed.
//! - `KEYS`, `FLUSHDB` and the removal of many keys let other connections of the thread go on. Within a transaction
//!   they do not: it is carried out at once, as in Redis.

pub mod change;
mod clear;
mod command;
mod connection;
mod force;
pub mod journal;
mod keeping;
pub mod memory;
pub mod moving;
mod open;
mod passing;
pub mod redis;
mod resp;
pub mod settings;
mod shared;
mod throttle;
mod turn;
mod worker;

pub use connection::{serve, serve_telling};
pub use keeping::Keeping;
pub use memory::{Figures, Memory, sweep};
pub use open::Opened;
pub use settings::{Databases, Settings};
pub use shared::{Clock, Counters, Shared};
pub use throttle::{Throttle, Turn};
pub use worker::Worker;
