//! Copies of a store in a file: made while a gateway runs, and put in the place of another; never a partial one under its name.
//!
//! A copy is made by `VACUUM INTO` over a connection that only reads. Like SQLite's backup interface it takes one state of
//! the database and does not hold up the writer; unlike that it never begins anew because another process writes, and it
//! leaves out free pages, in which what was erased may still lie. While it runs, the write-ahead log of the source grows by what
//! is written meanwhile.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::FORMAT;
use super::verify::{Report, verify};
use crate::base::clock::Timestamp;
use crate::store::sqlite::{Lock, OpenError, beside, close_in_order, open_to_read};

/// Why a store was not copied, checked or restored; fit to show to the operator.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file cannot be used as a store.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The target is there.
    #[error("{0} is there already; --force replaces it")]
    Exists(PathBuf),
    /// Source and target are one file.
    #[error("{0} cannot be copied onto itself")]
    Same(PathBuf),
    /// The source cannot be read now.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
    /// The target cannot be written.
    #[error("cannot write {path}: {cause}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What was said.
        cause: String,
    },
    /// The copy does not hold what the source does.
    #[error("the copy {0} is not what was copied: the disk is not to be trusted")]
    Differs(PathBuf),
}

fn cannot_write(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |cause| BackupError::Write {
        path: path.to_owned(),
        cause: cause.to_string(),
    }
}

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// What is in place now.
    pub report: Report,
    /// Where the store lies that was there before.
    pub kept: Option<PathBuf>,
}

/// Copies the store at `from` to the file `to`, whether a gateway has it open or not. Blocks while it does.
///
/// # Errors
/// See [`BackupError`]. Then `to` is as it was.
pub fn backup(from: &Path, to: &Path, force: bool) -> Result<Report, BackupError> {
    refuse_same(from, to)?;
    if !force && to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // A store that a gateway has open is no place for a backup.
    let _lock = Lock::take_known(to)?;
    let partial = Partial::copy(from, to)?;
    let report = verify(&partial.path)?;
    if force {
        partial.replace(to)?;
    } else {
        partial.become_new(to)?;
    }
    Ok(Report {
        path: to.to_owned(),
        ..report
    })
}

/// Puts a copy of the store at `from` in the place `to`; what was there is kept beside it. `now` names it. Blocks while it does.
///
/// # Errors
/// See [`BackupError`]. Then `to` is as it was.
pub fn restore(from: &Path, to: &Path, now: Timestamp) -> Result<Restored, BackupError> {
    refuse_same(from, to)?;
    let wanted = verify(from)?;
    // Held to the end: no gateway starts on what is half in place.
    let lock = Lock::take(to)?;
    let to = lock.path();
    let partial = Partial::copy(from, to)?;
    if verify(&partial.path)?.sha256 != wanted.sha256 {
        return Err(BackupError::Differs(partial.path.clone()));
    }
    let kept = if to.exists() {
        Some(keep(to, now)?)
    } else {
        None
    };
    partial.replace(to)?;
    let report = verify(to)?;
    if report.sha256 != wanted.sha256 {
        return Err(BackupError::Differs(to.to_owned()));
    }
    Ok(Restored { report, kept })
}

fn refuse_same(from: &Path, to: &Path) -> Result<(), BackupError> {
    match (from.canonicalize(), to.canonicalize()) {
        (Ok(a), Ok(b)) if a == b => Err(BackupError::Same(from.to_owned())),
        _ => Ok(()),
    }
}

/// Gives the store a second name, so that its own can go to another at once: at no time is there no store.
fn keep(store: &Path, now: Timestamp) -> Result<PathBuf, BackupError> {
    // What its last process left in the write-ahead log belongs into it. A damaged one keeps its log beside it.
    if let Err(cause) = close_in_order(store) {
        tracing::warn!(%cause, "the store that is replaced is kept with its write-ahead log");
    }
    let stamp: String = now
        .to_string()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    let kept = beside(store, &format!(".before-restore-{stamp}"));
    std::fs::hard_link(store, &kept).map_err(cannot_write(&kept))?;
    // A log left beside the new store would be taken for its own.
    for suffix in ["-wal", "-shm"] {
        match std::fs::rename(beside(store, suffix), beside(&kept, suffix)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(cannot_write(&kept)(e)),
            _ => {}
        }
    }
    Ok(kept)
}

/// A copy under a name of its own, gone again unless it takes the name that it is for.
struct Partial {
    path: PathBuf,
    is_placed: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Partial {
    /// Copies the store at `from` to a file beside `to`, and to the disk.
    fn copy(from: &Path, to: &Path) -> Result<Self, BackupError> {
        let source = open_to_read(from, &FORMAT)?;
        // An absolute name: SQLite takes some relative ones for something else.
        let to = std::path::absolute(to).map_err(cannot_write(to))?;
        let path = beside(&to, &format!(".partial-{}", std::process::id()));
        // SQLite fills an empty file but makes one that everybody may read.
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(cannot_write(&path))?;
        let partial = Self {
            path,
            is_placed: false,
        };
        let name = partial.path.to_str().ok_or_else(|| {
            cannot_write(&partial.path)(io::Error::other("its name is not UTF-8"))
        })?;
        source
            .conn
            .execute("VACUUM INTO ?1", [name])
            .map_err(|e| partial.failed(from, &e))?;
        file.sync_all().map_err(cannot_write(&partial.path))?;
        Ok(partial)
    }

    fn failed(&self, from: &Path, e: &rusqlite::Error) -> BackupError {
        use rusqlite::ErrorCode as Code;
        match e.sqlite_error_code() {
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => OpenError::Damaged {
                path: from.to_owned(),
                what: e.to_string(),
            }
            .into(),
            Some(Code::DiskFull | Code::SystemIoFailure | Code::CannotOpen) => {
                cannot_write(&self.path)(io::Error::other(e.to_string()))
            }
            _ => BackupError::Read {
                path: from.to_owned(),
                cause: e.to_string(),
            },
        }
    }

    /// Takes a name, whoever has it.
    fn replace(mut self, to: &Path) -> Result<(), BackupError> {
        std::fs::rename(&self.path, to).map_err(cannot_write(to))?;
        self.is_placed = true;
        sync_folder(to)
    }

    /// Takes a name that nobody has.
    fn become_new(self, to: &Path) -> Result<(), BackupError> {
        match std::fs::hard_link(&self.path, to) {
            Ok(()) => sync_folder(to),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                Err(BackupError::Exists(to.to_owned()))
            }
            Err(e) => Err(cannot_write(to)(e)),
        }
    }
}

/// A name is on disk only when its folder is.
fn sync_folder(file: &Path) -> Result<(), BackupError> {
    let folder = file.parent().filter(|d| !d.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|d| d.sync_all())
        .map_err(cannot_write(file))
}
