//! Steelyard: a load balancer appliance in one binary.
//!
//! # Layout
//! A module uses only modules above it in this list; `tests/it/tidy.rs` holds that.

pub mod model;

pub mod disk;

pub mod systemd;

pub mod document;

pub mod logs;

pub mod metrics;

pub mod store;

pub mod session;

pub mod http;

pub mod tls;

pub mod files;

pub mod balance;

pub mod snapshot;

pub mod health;

pub mod webhooks;

pub mod proxy;

pub mod listener;

pub mod control;

pub mod people;

pub mod acme;
pub mod admin;

pub mod demo;

pub mod cli;

pub mod app;
