//! `fuelgate store`: looks after the embedded store's file and copies it into Redis; never through a running gateway.

mod backup;
mod copy;
mod restore;
mod verify;

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::print::{Column, Output};
use super::{Failure, say, say_error};
use crate::app::store_file::Report;

/// Arguments of `fuelgate store`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
    /// One JSON object on standard output, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy the store to a file; a gateway may run meanwhile
    Backup(backup::Args),
    /// Put a copy in the place of the store; no gateway may run meanwhile
    Restore(restore::Args),
    /// Check a store's file for damage, count what is in it and tell its digest
    Verify(verify::Args),
    /// Copy the store into Redis; a gateway may run meanwhile, but not during the last run
    Copy(copy::Args),
}

/// Runs the command.
///
/// # Errors
/// Why it was not done; then nothing was changed.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Backup(a) => backup::run(a, args.json),
        Command::Restore(a) => restore::run(a, args.json),
        Command::Verify(a) => verify::run(a, args.json),
        Command::Copy(a) => copy::run(a, args.json),
    }
}

const TABLES: &[Column] = &[
    ("TABLE", "/name"),
    ("ROWS", "/rows"),
    ("SHA-256", "/sha256"),
];

/// Says what was done, and for scripts or where `tables` asks for it what the file holds.
fn tell(sentence: &str, file: &Value, tables: bool, is_json: bool) {
    let mut output = Output::standard(is_json);
    if is_json {
        return output.object(file, &[]);
    }
    say(sentence);
    if tables {
        output.list(&json!({ "data": file["tables"] }), TABLES);
    }
}

/// A report as scripts see it.
fn object(report: &Report) -> Value {
    let tables: Vec<_> = report
        .tables
        .iter()
        .map(|t| json!({ "name": t.name, "rows": t.rows, "sha256": t.sha256 }))
        .collect();
    json!({
        "file": report.path.display().to_string(),
        "bytes": report.bytes,
        "layout": report.layout,
        "rows": report.rows(),
        "sha256": report.sha256,
        "tables": tables,
        "problems": report.problems,
    })
}

/// Says where rows disagree: a copy has that as its source did.
fn warn(report: &Report) {
    for problem in &report.problems {
        say_error(&format!("{}: {problem}", report.path.display()));
    }
}

/// A report in a line.
fn line(report: &Report) -> String {
    format!(
        "layout {}, {} rows in {} tables, {} bytes, sha256 {}",
        report.layout,
        report.rows(),
        report.tables.len(),
        report.bytes,
        report.sha256
    )
}
