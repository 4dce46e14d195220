//! The session store: the Redis protocol on a port of its own, sessions in memory and safe on disk.
//!
//! A command is read from its bytes in place, carried out over the shards that its keys name, and each
//! [`change::Change`] it made is handed to the journal while their locks are held: the journal's order is the memory's.

pub mod change;
pub mod journal;
