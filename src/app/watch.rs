//! Watches the folders of configuration files, since editors and secret mounts replace files; never reads one.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Quiet time after a change before it is acted upon: writing a file makes several events.
pub(super) const QUIET: Duration = Duration::from_millis(150);

/// Quiet times that a change which goes on and on is waited for.
const PATIENCE: u32 = 40;

/// What tells one content of a file from another without reading it: device, inode, length, times of change.
type Stamp = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// Wakes when a watched file changes. A database or a log in the same folder changes all the time: it wakes nobody.
pub(super) struct FileWatch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    files: BTreeMap<PathBuf, Stamp>,
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
            files: BTreeMap::new(),
            changes,
        })
    }

    /// Watches these files from now on, and no others.
    pub(super) fn follow<'a>(&mut self, files: impl IntoIterator<Item = &'a Path>) {
        // What was seen of a file before stays: it may have changed again while it was read.
        let followed = files.into_iter().map(|f| {
            let seen = self.files.get(f).copied();
            (f.to_owned(), seen.unwrap_or_else(|| stamp(f)))
        });
        self.files = followed.collect();
        let wanted: BTreeSet<PathBuf> = self.files.keys().map(|f| folder_of(f)).collect();
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

    /// Ends after a change of a followed file that was followed by quiet.
    pub(super) async fn changed(&mut self) {
        loop {
            if self.changes.recv().await.is_none() {
                return std::future::pending().await;
            }
            let mut now = self.stamps();
            if now != self.files {
                for _ in 0..PATIENCE {
                    tokio::time::sleep(QUIET).await;
                    let before = std::mem::replace(&mut now, self.stamps());
                    if now == before {
                        break;
                    }
                }
                self.files = now;
                return;
            }
            // Whatever happens beside the files happens often: looking once in a while is enough.
            tokio::time::sleep(QUIET).await;
        }
    }

    fn stamps(&self) -> BTreeMap<PathBuf, Stamp> {
        let files = self.files.keys();
        files.map(|f| (f.clone(), stamp(f))).collect()
    }
}

/// `None` for a file that is not there.
fn stamp(file: &Path) -> Stamp {
    let m = std::fs::metadata(file).ok()?;
    Some((
        m.dev(),
        m.ino(),
        m.len(),
        (m.mtime(), m.mtime_nsec()),
        (m.ctime(), m.ctime_nsec()),
    ))
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
        // What happens beside it is no change of it, however busy, and does not hide one.
        let beside = folder.path().join("busy.log");
        let busy = tokio::spawn(async move {
            for n in 0_u64.. {
                std::fs::write(&beside, n.to_string()).unwrap();
                tokio::time::sleep(QUIET / 15).await;
            }
        });
        let nothing = tokio::time::timeout(QUIET * 4, watch.changed()).await;
        assert!(nothing.is_err());
        std::fs::write(&file, "three").unwrap();
        tokio::time::timeout(Duration::from_secs(10), watch.changed())
            .await
            .unwrap();
        busy.abort();
    }
}
