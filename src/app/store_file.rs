//! What an operator does with the embedded store's file beside the gateway: copy, check and restore it; never how.

use std::path::{Path, PathBuf};

use crate::base::clock::Clock;
use crate::config::model::{Config, Store};
use crate::store::embedded::backup;
pub use crate::store::embedded::backup::{BackupError, Restored};
pub use crate::store::embedded::verify::{Report, TableReport};

/// Why there is nothing to work on, or what went wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum StoreFileError {
    /// The configuration has another store.
    #[error("store.engine is redis, which has backups of its own; this is for `engine: embedded`")]
    NotEmbedded,
    /// There is no store to copy.
    #[error("there is no store at {0} yet")]
    Missing(PathBuf),
    /// See [`BackupError`].
    #[error(transparent)]
    Backup(#[from] BackupError),
}

/// Where the embedded store of a configuration lies.
///
/// # Errors
/// When it has another store.
pub fn file(config: &Config) -> Result<&Path, StoreFileError> {
    match &config.store {
        Store::Embedded { path } => Ok(path),
        Store::Redis(_) => Err(StoreFileError::NotEmbedded),
    }
}

/// Copies the configured store to a file, whether a gateway runs on it or not. Blocks while it does.
///
/// # Errors
/// Why it was not copied.
pub fn backup(config: &Config, to: &Path, force: bool) -> Result<Report, StoreFileError> {
    let from = file(config)?;
    if !from.exists() {
        return Err(StoreFileError::Missing(from.to_owned()));
    }
    Ok(backup::backup(from, to, force)?)
}

/// Checks a store's file and tells what is in it. Blocks while it does.
///
/// # Errors
/// What is wrong with it.
pub fn verify(file: &Path) -> Result<Report, StoreFileError> {
    if !file.exists() {
        return Err(StoreFileError::Missing(file.to_owned()));
    }
    Ok(crate::store::embedded::verify::verify(file)?)
}

/// Puts a copy in the place of the configured store. Blocks while it does.
///
/// # Errors
/// Why it was not restored.
pub fn restore(config: &Config, from: &Path) -> Result<Restored, StoreFileError> {
    let to = file(config)?;
    if !from.exists() {
        return Err(StoreFileError::Missing(from.to_owned()));
    }
    Ok(backup::restore(from, to, Clock::system().now())?)
}
