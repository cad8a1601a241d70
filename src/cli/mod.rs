//! The command line: one subcommand a file; never what a command works on.

pub mod client;
pub mod keys;
pub mod usage;
pub mod webhooks;
