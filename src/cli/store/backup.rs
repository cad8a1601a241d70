//! `fuelgate store backup`: copies the store of a configuration to a file, online; never the configuration.

use std::path::PathBuf;

use super::{line, object, tell, warn};
use crate::app::{self, store_file};
use crate::cli::Failure;

/// Arguments of `fuelgate store backup`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file, which says where the store lies
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where the copy goes
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Replace a file that is there, once the copy is complete
    #[arg(long)]
    force: bool,
}

/// Copies, checks the copy, and only then gives it its name.
///
/// # Errors
/// Why there is no copy.
pub(super) fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    let config = app::load(&args.config).map_err(|report| Failure::new(report.to_string()))?;
    let report = store_file::backup(&config, &args.to, args.force)
        .map_err(|e| Failure::of("no backup was made", e))?;
    let sentence = format!("{}: backed up; {}", report.path.display(), line(&report));
    tell(&sentence, &object(&report), false, is_json);
    warn(&report);
    Ok(())
}
