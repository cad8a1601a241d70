//! `fuelgate simulator`: tries receivers and event rules through the admin API; never a delivery of an event that happened.

mod dry_run;
mod inbox;
mod message;

use std::fs::File;
use std::io::{Read, stdin};

use clap::{Args as ClapArgs, Subcommand};

use super::client::Connection;
use super::client::error::CliError;
use super::client::http::Admin;
use super::client::print::{Column, Output};
use crate::base::ceilings::ADMIN_BODY_BYTES;

const TYPES: &[Column] = &[
    ("TYPE", "/type"),
    ("MADE BY", "/routes"),
    ("EXAMPLE", "/example"),
];

/// Try receivers with well-made and faulty webhooks, and event rules with exchanges.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the types of events, each with data to begin with
    Types,
    /// Show the exact headers, body and signed text of a webhook; nothing is sent
    Compose(message::Compose),
    /// Send a webhook, well or with a fault, and show the reply; fails where the receiver does not do as a good one does
    Send(message::Send),
    /// Show which event rules an exchange would fire, and why the others not
    DryRun(dry_run::DryRun),
    /// Make and read addresses that catch webhooks
    #[command(subcommand)]
    Inbox(inbox::Command),
}

/// Runs the command.
///
/// # Errors
/// See [`CliError`].
pub async fn run(args: Args) -> Result<(), CliError> {
    let (admin, mut output) = args.connection.open()?;
    execute(args.command, &admin, &mut output).await
}

async fn execute(command: Command, admin: &Admin, output: &mut Output) -> Result<(), CliError> {
    match command {
        Command::Types => output.list(&admin.get(&["simulator", "types"], &[]).await?, TYPES),
        Command::Compose(compose) => compose.run(admin, output).await?,
        Command::Send(send) => send.run(admin, output).await?,
        Command::DryRun(dry_run) => dry_run.run(admin, output).await?,
        Command::Inbox(command) => inbox::run(command, admin, output).await?,
    }
    Ok(())
}

/// Text of a flag: itself, or what is in the file after an `@`, or standard input for `-`.
fn text_of(flag: &str) -> Result<String, CliError> {
    match (flag, flag.strip_prefix('@')) {
        ("-", _) => read("standard input", stdin(), ADMIN_BODY_BYTES),
        (_, Some(path)) => {
            let file = File::open(path).map_err(|e| CliError::usage(format!("{path}: {e}")))?;
            read(path, file, ADMIN_BODY_BYTES)
        }
        (text, None) => Ok(text.to_owned()),
    }
}

/// Reads no more than `most` bytes.
fn read(name: &str, from: impl Read, most: usize) -> Result<String, CliError> {
    let mut text = String::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit)
        .read_to_string(&mut text)
        .map_err(|e| CliError::usage(format!("{name}: {e}")))?;
    if text.len() > most {
        return Err(CliError::usage(format!(
            "{name} is larger than {most} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
