//! `fuelgate store restore`: puts a copy in the place of the store of a configuration; never without keeping what was there.

use std::path::PathBuf;

use serde_json::json;

use super::{line, object, tell, warn};
use crate::app::{self, store_file};
use crate::cli::Failure;

/// Arguments of `fuelgate store restore`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file, which says where the store lies
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The copy
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
}

/// Checks the copy, puts it in place, and checks it there.
///
/// # Errors
/// Why the store is as it was.
pub(super) fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    let config = app::load(&args.config).map_err(|report| Failure::new(report.to_string()))?;
    let done = store_file::restore(&config, &args.from)
        .map_err(|e| Failure::of("nothing was restored", e))?;
    let (report, kept) = (&done.report, done.kept.map(|k| k.display().to_string()));
    let mut sentence = format!("{}: restored; {}", report.path.display(), line(report));
    if let Some(kept) = &kept {
        sentence.push_str(&format!("\nwhat was there before is kept at {kept}"));
    }
    let mut object = object(report);
    if let Some(map) = object.as_object_mut() {
        map.insert("kept".to_owned(), json!(kept));
    }
    tell(&sentence, &object, false, is_json);
    warn(report);
    Ok(())
}
