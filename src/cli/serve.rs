//! `fuelgate serve`: runs the gateway until it is told to stop; never wires it.

use std::path::PathBuf;

use super::{Failure, say};
use crate::app;

/// Arguments of `fuelgate serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs the gateway.
///
/// # Errors
/// Why it cannot start, or what a stop could not finish.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let config = app::load(&args.config).map_err(|report| Failure::new(report.to_string()))?;
    let running = app::start(config).map_err(|e| Failure::of("cannot start", e))?;
    for (what, address) in running.addresses() {
        say(&format!("listening {what} {address}"));
    }
    running
        .run_until_signal()
        .map_err(|e| Failure::of("stopped", e))
}
