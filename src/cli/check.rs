//! `fuelgate check`: says everything that is wrong with a configuration file; never starts anything.

use std::path::PathBuf;

use super::{Failure, runtime, say};
use crate::app;

/// Arguments of `fuelgate check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Talk to the store and to every upstream as well
    #[arg(long)]
    online: bool,
    /// Mend the indexes of a shared store where a crash left entries that lead nowhere
    #[arg(long, requires = "online")]
    repair: bool,
}

/// Validates the file; with `--online` also store and upstreams.
///
/// # Errors
/// Every problem, one a line.
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let config = app::load(&args.config).map_err(|report| Failure::new(report.to_string()))?;
    say(&format!(
        "{}: valid; {} routes, {} upstreams, {} plans, {} event rules",
        args.config.display(),
        config.routes.len(),
        config.upstreams.len(),
        config.plans.len(),
        config.events.len()
    ));
    if !args.online {
        return Ok(());
    }
    let findings = runtime::block_on(async { Ok(app::online::check(&config, args.repair).await) })?;
    let mut wrong = Vec::new();
    for finding in findings {
        match finding.outcome {
            Ok(text) => say(&format!("{}: {text}", finding.what)),
            Err(text) => wrong.push(format!("{}: {text}", finding.what)),
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(wrong.join("\n")))
    }
}
