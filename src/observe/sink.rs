//! Where log lines end: a descriptor of the process or a file that may be moved away; used by a writer thread only, since writes may block.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::config::model::LogSink;

/// An open sink.
#[derive(Debug)]
pub(super) enum Sink {
    /// A descriptor of its own, so that no lock is shared with whoever else writes there.
    Open(File),
    /// A file by its path; `None` until it is needed, or after it was moved away.
    Path(PathBuf, Option<File>),
}

impl Sink {
    /// Opens a sink.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub(super) fn open(to: &LogSink) -> io::Result<Self> {
        let own = |fd: std::os::fd::BorrowedFd<'_>| Ok(Self::Open(fd.try_clone_to_owned()?.into()));
        match to {
            LogSink::Stdout => own(io::stdout().as_fd()),
            LogSink::Stderr => own(io::stderr().as_fd()),
            LogSink::File(path) => {
                // Opening a FIFO waits for its reader: that is the writer thread's to do.
                let is_fifo = path.metadata().is_ok_and(|m| m.file_type().is_fifo());
                let file = if is_fifo { None } else { Some(open(path)?) };
                Ok(Self::Path(path.clone(), file))
            }
        }
    }

    /// Lets go of a file that was moved or deleted, so that the next write makes it anew.
    pub(super) fn check(&mut self) {
        if let Self::Path(path, file) = self
            && let Some(open) = file
        {
            let inode = |m: std::fs::Metadata| (m.dev(), m.ino());
            let there = path.metadata().ok().map(inode);
            if there.is_none() || there != open.metadata().ok().map(inode) {
                *file = None;
            }
        }
    }

    /// Writes all of `bytes`; waits as long as the sink does.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Open(file) => file.write_all(bytes),
            Self::Path(path, file) => match file {
                Some(open) => open.write_all(bytes),
                None => file.insert(open(path)?).write_all(bytes),
            },
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
