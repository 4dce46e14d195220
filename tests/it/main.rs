//! Every integration test, in one binary that links once: the real program, driven from outside.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests stand outside #[test] functions, and a failing test prints"
)]

mod access;
mod access_log;
mod admin_browser;
mod admin_disk;
mod admin_forms;
mod admin_forms_refused;
mod admin_history;
mod admin_logs;
mod admin_node;
mod admin_nodes;
mod admin_overview;
mod admin_people;
mod admin_rules;
mod admin_second_factor;
mod admin_sessions;
mod admin_setup;
mod admin_sign_in;
mod admin_tls;
mod affinity;
mod affinity_cookie;
mod affinity_secret;
mod api_described;
mod api_parts;
mod api_people;
mod balancing;
mod big_bodies;
mod broken_crowds;
mod broken_nodes;
mod browser;
mod buffering;
mod causes;
mod corpus;
mod counts;
mod demo;
mod deploy;
mod django_site;
mod documents;
mod expires;
mod explain;
mod failover;
mod file_forms;
mod headers;
mod health_checks;
mod https_sites;
mod kill_minus_nine;
mod log_rotation;
mod log_store;
mod nodes_and_client;
mod open_files;
mod policies;
mod protocol;
mod proxied;
mod queue;
mod reload;
mod rules;
mod secrets;
mod session_clients;
mod session_disk;
mod session_kills;
mod session_moves;
mod session_oracle;
mod session_port;
mod session_protocol;
mod session_redis;
mod slow_clients;
mod startup;
mod static_files;
mod status_and_metrics;
mod streams;
mod support;
mod targets;
mod tidy;
mod tls;
mod tls_certificates;
mod tls_to_nodes;
mod tls_to_nodes_refused;
mod unix_sockets;
mod uploads;
mod webhooks;
mod websockets;
