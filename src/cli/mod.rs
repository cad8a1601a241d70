//! The command line: one subcommand a file; never what a command works on.

mod check;
pub mod client;
mod demo;
pub mod keys;
pub mod listen;
mod runtime;
mod sample_crm;
mod serve;
pub mod simulator;
mod store;
pub mod usage;
pub mod webhooks;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An edge API gateway: keys, scopes, limits, usage and signed webhooks in front of an existing backend.
#[derive(Debug, Parser)]
#[command(name = "fuelgate", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve(serve::Args),
    /// Run gateway, sample CRM and a webhook receiver together, to try things
    Demo(demo::Args),
    /// Run the sample CRM backend alone
    SampleCrm(sample_crm::Args),
    /// Validate everything that `serve` would load
    Check(check::Args),
    /// Make, list, rotate, revoke and import API keys
    Keys(keys::Args),
    /// Show what an account has used
    Usage(usage::Args),
    /// Manage webhook endpoints, deliveries and events
    Webhooks(webhooks::Args),
    /// Try webhook receivers and event rules
    Simulator(simulator::Args),
    /// Back up, check and restore the embedded store, or copy it into Redis
    Store(store::Args),
    /// Stream an account's events to a local URL, signed, with no public endpoint
    Listen(listen::Args),
}

/// Runs the command; its problems go to standard error in words for people.
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::SampleCrm(args) => sample_crm::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Keys(args) => call(keys::run(args)),
        Command::Usage(args) => call(usage::run(args)),
        Command::Webhooks(args) => call(webhooks::run(args)),
        Command::Simulator(args) => call(simulator::run(args)),
        Command::Store(args) => store::run(&args),
        Command::Listen(args) => call(listen::run(args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say_error(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// Runs a client command.
fn call(command: impl Future<Output = Result<(), client::CliError>>) -> Result<(), Failure> {
    runtime::block_on(async {
        command.await.map_err(|e| Failure {
            text: e.to_string(),
            code: e.exit_code(),
        })
    })
}

/// Why a command failed, in words for people.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    text: String,
    /// What the process exits with.
    code: u8,
}

impl Failure {
    /// A failure with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            code: 1,
        }
    }

    /// A failure of `what`, with its cause.
    pub fn of(what: &str, cause: impl std::fmt::Display) -> Self {
        Self::new(format!("{what}: {cause}"))
    }
}

/// Writes a line to standard output; a reader that went away is nobody to tell.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line to standard error.
fn say_error(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
