//! The integration tests: real sockets, real programs, the built binary; one test binary so that it links once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    dead_code
)]

mod admin_access;
mod admin_accounts;
mod admin_alerts;
mod admin_events;
mod admin_keys;
mod admin_openapi;
mod admin_operator;
mod admin_portal;
mod admin_replays;
mod admin_serve;
mod admin_support;
mod admin_usage;
mod admin_webhooks;
mod alerts;
mod audit_real;
mod cli;
mod cli_client;
mod config;
mod crash;
mod demo;
mod demo_events;
mod errors;
mod events;
mod foreign;
mod hostile;
mod identity;
mod insight;
mod keys_in_force;
mod limits;
mod limits_real;
mod listen;
mod logs;
mod metrics_real;
mod operations;
mod portal;
mod receivers;
mod redis;
mod reload;
mod reload_files;
mod reload_rest;
mod sample_crm;
mod sample_openapi;
mod sample_support;
mod simulator;
mod store;
mod store_copy;
mod streaming_parts;
mod support;
mod tidy;
mod upstream_tls;
mod usage_real;
mod webhooks;
mod webhooks_backlog;
mod webhooks_hostile;
mod webhooks_ill;
mod webhooks_kills;
mod webhooks_many;
mod webhooks_names;
mod webhooks_notices;
mod webhooks_recovery;
