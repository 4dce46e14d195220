//! Steelyard: a load balancer appliance in one binary.
//!
//! # Layout
//! A module uses only modules above it in this list; `tests/it/tidy.rs` holds that.

pub mod files;
pub mod logs;
pub mod document;
pub mod model;
pub mod metrics;
pub mod http;
pub mod balance;
pub mod health;
