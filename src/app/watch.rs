//! Watches the folders of configuration files, since editors and secret mounts replace files; never reads one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Quiet time after a change before it is acted upon: writing a file makes several events.
pub(super) const QUIET: Duration = Duration::from_millis(150);

/// Wakes when something in the folders of the watched files changes.
pub(super) struct FileWatch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    changes: mpsc::Receiver<()>,
}

impl FileWatch {
    /// Begins without folders.
    ///
    /// # Errors
    /// The system has no means to watch files.
    pub(super) fn new() -> Result<Self, notify::Error> {
        // One change that waits is enough: it stands for all that come before it is taken.
        let (tell, changes) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading the files must not count as a change of them.
            let reads_only = matches!(&event, Ok(e) if matches!(e.kind, EventKind::Access(_)));
            if !reads_only {
                let _ = tell.try_send(());
            }
        })?;
        Ok(Self {
            watcher,
            folders: BTreeSet::new(),
            changes,
        })
    }

    /// Watches the folders of these files from now on, and no others.
    pub(super) fn follow<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) {
        let wanted: BTreeSet<PathBuf> = files.into_iter().map(folder_of).collect();
        for gone in self.folders.difference(&wanted) {
            // A folder that was removed cannot be unwatched, and need not be.
            let _ = self.watcher.unwatch(gone);
        }
        let mut watched: BTreeSet<PathBuf> = self.folders.intersection(&wanted).cloned().collect();
        for new in wanted.difference(&self.folders) {
            match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    watched.insert(new.clone());
                }
                Err(e) => tracing::warn!("cannot watch {}: {e}", new.display()),
            }
        }
        self.folders = watched;
    }

    /// Ends after a change that was followed by quiet.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            return std::future::pending().await;
        }
        while tokio::time::timeout(QUIET, self.changes.recv())
            .await
            .is_ok_and(|more| more.is_some())
        {}
    }
}

/// The folder that a file is in.
fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(p) if !p.as_os_str().is_empty() => p.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_was_replaced_is_a_change_and_a_read_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, "1").unwrap();
        let mut watch = FileWatch::new().unwrap();
        watch.follow([file.as_path()]);
        let new = folder.path().join("a.new");
        std::fs::write(&new, "2").unwrap();
        std::fs::rename(&new, &file).unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.changed())
            .await
            .unwrap();
        std::fs::read(&file).unwrap();
        assert!(
            tokio::time::timeout(QUIET * 4, watch.changed())
                .await
                .is_err()
        );
    }
}
