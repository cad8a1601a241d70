//! `fuelgate store verify`: says whether a store's file is sound and what is in it; never changes it.

use std::path::PathBuf;

use super::{line, object, tell};
use crate::app::{self, store_file};
use crate::cli::Failure;

/// Arguments of `fuelgate store verify`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).args(["config", "file"])))]
pub(super) struct Args {
    /// The configuration file, which says where the store lies; a gateway may have it open
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The file itself, such as a backup
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Checks the file.
///
/// # Errors
/// Every problem there is.
pub(super) fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    let file = match (&args.config, &args.file) {
        (Some(config), _) => {
            let config = app::load(config).map_err(|report| Failure::new(report.to_string()))?;
            let file = store_file::file(&config).map_err(|e| Failure::new(e.to_string()))?;
            file.to_owned()
        }
        (None, file) => file.clone().unwrap_or_default(),
    };
    let report = store_file::verify(&file).map_err(|e| Failure::new(e.to_string()))?;
    let is_sound = report.problems.is_empty();
    let verdict = if is_sound { "sound" } else { "NOT sound" };
    let sentence = format!("{}: {verdict}; {}", report.path.display(), line(&report));
    tell(&sentence, &object(&report), true, is_json);
    if is_sound {
        return Ok(());
    }
    let lines = report.problems.iter();
    let lines: Vec<String> = lines
        .map(|problem| format!("{}: {problem}", report.path.display()))
        .collect();
    Err(Failure::new(lines.join("\n")))
}
