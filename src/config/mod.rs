//! Configuration: YAML shapes, their validation and the valid model; the only layer that reads configuration files.
//!
//! One way leads from a file to a [`model::Config`]: text → tree with positions (`yaml`, `tree`) → variables (`expand`) →
//! JSON Schema (`shape`) → serde (`file`) → cross checks (`validate`, `openapi`). Each step reports everything that it
//! finds and takes out what is wrong, so that the next ones find the rest: a report is complete after one run.

pub mod certificates;
mod diff;
mod expand;
mod file;
pub mod model;
mod openapi;
mod report;
mod schema;
mod shape;
pub mod template;
#[cfg(test)]
mod tests;
mod tree;
mod validate;
mod view;
mod yaml;

use std::io;
use std::path::{Path, PathBuf};

pub use diff::diff_restart_only;
pub use expand::Env;
pub use report::{MAX_PROBLEMS, Problem, Report};
pub use schema::published as json_schema;
pub use view::redacted_view;

use crate::base::ceilings;

/// Reads a whole file.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;
/// Says what is wrong with an event rule's condition, or with what makes its data.
pub type CheckCondition<'a> = &'a dyn Fn(&str) -> Result<(), String>;

/// What a caller may change about loading.
#[derive(Clone, Copy, Default)]
pub struct LoadOptions<'a> {
    /// Takes an empty `keys.peppers`: `demo` brings its own.
    pub allow_empty_peppers: bool,
    /// Checks `when` of event rules. The language lives in a layer that configuration may not import; without this,
    /// conditions are only bounded.
    pub check_condition: Option<CheckCondition<'a>>,
    /// Checks `data` of event rules in the same way.
    pub check_shape: Option<CheckCondition<'a>>,
    /// Reads files instead of the file system: for files that are part of the binary.
    pub read_file: Option<ReadFile<'a>>,
}

/// Loads the file at `path` with variables from `env`.
///
/// # Errors
/// Every problem there is, in the file and in those it names.
pub fn load(path: &Path, env: &Env<'_>) -> Result<model::Config, Report> {
    load_with(path, env, &LoadOptions::default())
}

/// [`load`] with options.
///
/// # Errors
/// Every problem there is, in the file and in those it names.
pub fn load_with(
    path: &Path,
    env: &Env<'_>,
    options: &LoadOptions<'_>,
) -> Result<model::Config, Report> {
    match read_file(path, options) {
        Ok(bytes) => load_bytes(&bytes, path, env, options),
        Err(cause) => Err(Report {
            omitted: 0,
            problems: vec![Problem {
                file: path.to_path_buf(),
                line: 1,
                column: 1,
                path: String::new(),
                message: format!("expected a configuration file: {cause}"),
            }],
        }),
    }
}

/// Loads `bytes` as if they were the content of the file `source`; relative paths start at its folder.
///
/// # Errors
/// Every problem there is, in the text and in the files it names.
pub fn load_bytes(
    bytes: &[u8],
    source: &Path,
    env: &Env<'_>,
    options: &LoadOptions<'_>,
) -> Result<model::Config, Report> {
    let mut report = Report::default();
    let config = validate::run(bytes, source, env, options, &mut report);
    match config {
        Some(config) if report.problems.is_empty() => Ok(config),
        _ => {
            report.tidy();
            Err(report)
        }
    }
}

/// Reads a file within [`ceilings::CONFIG_BYTES`]; the error is a phrase for people.
fn read_file(path: &Path, options: &LoadOptions<'_>) -> Result<Vec<u8>, String> {
    let too_large = || format!("it is larger than {} bytes", ceilings::CONFIG_BYTES);
    let bytes = match options.read_file {
        Some(read) => read(path),
        None => read_bounded(path),
    };
    match bytes {
        Ok(b) if b.len() as u64 > ceilings::CONFIG_BYTES => Err(too_large()),
        Ok(b) => Ok(b),
        Err(e) => Err(cause(&e)),
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    // One byte more than allowed is enough to know that there is too much.
    std::fs::File::open(path)?
        .take(ceilings::CONFIG_BYTES + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cause(e: &io::Error) -> String {
    match e.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "reading it is not permitted".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => format!("it cannot be read: {e}"),
    }
}

/// `path` as seen from the folder of the file `source`.
fn beside(source: &Path, path: &str) -> PathBuf {
    match source.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.join(path),
        _ => PathBuf::from(path),
    }
}
