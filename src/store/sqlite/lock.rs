//! Whose a database file is: its real name and the lock beside it; never what is in it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;

/// A database file that is ours until this is dropped, whether it exists or not.
pub(in crate::store) struct Lock {
    path: PathBuf,
    // The lock lives as long as this handle; a lock on a file of its own, because closing any handle of the
    // database itself would drop SQLite's POSIX locks.
    _file: File,
}

pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |cause| OpenError::File { path, cause }
}

/// The name of what belongs to a file and lies beside it.
pub(in crate::store) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut s = path.as_os_str().to_owned();
    s.push(suffix);
    PathBuf::from(s)
}

impl Lock {
    /// Takes the lock; makes it, and the folders that it lies in.
    ///
    /// # Errors
    /// When another process has it, or the system refuses.
    pub(in crate::store) fn take(path: &Path) -> Result<Self, OpenError> {
        if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(failed(dir))?;
        }
        // The lock comes before any handle of the database is closed: that would take SQLite's locks from another
        // store of this process. So the file is not touched until its real name is known and locked.
        let real = real_path(path).map_err(failed(path))?;
        let lock = beside(&real, ".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock)
            .map_err(failed(&lock))?;
        Self::of(real, file)
    }

    /// Takes the lock of a file that some process has opened as a database of ours before; others have none.
    ///
    /// # Errors
    /// When another process has it, or the system refuses.
    pub(in crate::store) fn take_known(path: &Path) -> Result<Option<Self>, OpenError> {
        let Ok(real) = real_path(path) else {
            return Ok(None);
        };
        let lock = beside(&real, ".lock");
        match OpenOptions::new().write(true).open(&lock) {
            Ok(file) => Self::of(real, file).map(Some),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(&lock)(e)),
        }
    }

    fn of(path: PathBuf, file: File) -> Result<Self, OpenError> {
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path, _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(path)),
            Err(e) => Err(failed(&beside(&path, ".lock"))(e.into())),
        }
    }

    /// The file's real name.
    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }
}

/// The file's own name with links followed, whether it exists or not.
fn real_path(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let name = path
                .file_name()
                .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
            let dir = path.parent().filter(|d| !d.as_os_str().is_empty());
            Ok(dir.unwrap_or(Path::new(".")).canonicalize()?.join(name))
        }
        other => other,
    }
}
