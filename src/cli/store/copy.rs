//! `fuelgate store copy`: copies an embedded store into Redis, as often as it takes; never starts a gateway there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::client::print::{Column, Output};
use crate::app;
use crate::app::store_copy::{self, CopyReport, Progress};
use crate::cli::{Failure, runtime, say, say_error};

/// How often is told how far it is.
const EVERY: Duration = Duration::from_secs(2);

/// Arguments of `fuelgate store copy`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file whose embedded store is copied; a gateway may serve on it
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The configuration file whose Redis it is copied into; no gateway may serve on it
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

const KINDS: &[Column] = &[
    ("ROWS OF", "/kind"),
    ("SOURCE", "/rows"),
    ("TARGET", "/target_rows"),
    ("WRITTEN", "/written"),
    ("DIGEST", "/digest"),
    ("SAME", "/same"),
];

/// Copies, compares, and says what is to be done next.
///
/// # Errors
/// Why it was not copied, or what differs.
pub(super) fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    let load = |file: &PathBuf| app::load(file).map_err(|report| Failure::new(report.to_string()));
    let (from, to) = (load(&args.from)?, load(&args.to)?);
    let told: Mutex<BTreeMap<&str, Instant>> = Mutex::default();
    let tell = |progress: Progress| {
        let (what, text) = match progress {
            Progress::Sweeping => (
                "sweep",
                "looking for what the source has no more".to_owned(),
            ),
            Progress::Comparing => ("compare", "reading all of the target to compare".to_owned()),
            Progress::Copying(kind, far) => (
                kind,
                format!("{kind}: {} rows, {} of them written", far.rows, far.written),
            ),
        };
        // Each kind is named when it begins, and then now and then.
        let Ok(mut told) = told.lock() else { return };
        if told.get(what).is_none_or(|at| at.elapsed() >= EVERY) {
            told.insert(what, Instant::now());
            say_error(&text);
        }
    };
    let report = runtime::block_on(async {
        store_copy::copy(&from, &to, &tell)
            .await
            .map_err(|e| Failure::of("not copied", e))
    })?;
    let object = object(&report);
    let mut output = Output::standard(is_json);
    if is_json {
        output.object(&object, &[]);
    } else {
        output.list(&json!({ "data": object["kinds"] }), KINDS);
        say(&verdict(&report));
    }
    if report.is_same() {
        return Ok(());
    }
    Err(Failure::new(
        "source and target differ; run it again, and if they still differ keep both and ask for help",
    ))
}

fn object(report: &CopyReport) -> Value {
    let kinds: Vec<Value> = report
        .kinds
        .iter()
        .map(|k| {
            let digest = k.source.hex();
            json!({
                "kind": k.kind,
                "rows": k.source.rows,
                "target_rows": k.target.rows,
                "written": k.written,
                "digest": digest.get(..16),
                "source_digest": digest,
                "target_digest": k.target.hex(),
                "same": k.is_same(),
            })
        })
        .collect();
    json!({
        "kinds": kinds,
        "deleted": report.deleted,
        "same": report.is_same(),
        "last": report.is_last,
        "seconds": report.took.as_secs_f64(),
    })
}

fn verdict(report: &CopyReport) -> String {
    let took = report.took.as_secs_f64();
    let what = format!(
        "copied in {took:.1} s; {} rows deleted in the target",
        report.deleted
    );
    match (report.is_same(), report.is_last) {
        (false, _) => what,
        (true, true) => format!(
            "{what}\nThis was the last run: no gateway served on the source. Start the gateway with the target's configuration."
        ),
        (true, false) => format!(
            "{what}\nA gateway serves on the source, and what it writes from here on is not in the target. To move: stop the gateway, run this once more, and start the gateway with the target's configuration."
        ),
    }
}
