//! Every integration test, in one binary that links once: the real program, driven from outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stand outside #[test] functions, and a failing test prints"
)]

mod nodes_and_client;
#[allow(dead_code, reason = "the tests that use the rest come next")]
mod support;
