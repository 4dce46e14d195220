//! The rules of HTTP by their numbers: bytes sent, the answer to them, and what reached a node.
//!
//! `rule_NN_…` is the rule NN of the table in `docs/HTTP.md`, `limit_…` a limit or a timeout,
//! `root_cause_…` a hole that others had, as a sequence of requests on one connection.

mod chunked;
mod fields;
mod forwarded;
mod framing;
mod garden;
mod hop_by_hop;
mod limits;
mod local_answers;
mod misdirected;
mod numbers;
mod request_line;
mod responses;
mod reuse;
mod root_causes;
mod stand;
mod websocket;
