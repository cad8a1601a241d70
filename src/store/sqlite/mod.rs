//! A SQLite file with one writer thread, group commit and a few readers; never which tables are in it.
//!
//! Every write is a closure that goes to the writer over a bounded queue. The writer takes what came while its last
//! sync to disk ran, gives each closure a savepoint inside one transaction, commits once and only then answers all.
//! Nothing waits artificially. When a transaction fails as a whole (disk full, I/O error) all its callers are told
//! `Unavailable`, the [`Database`] is unhealthy, and the writer probes until writes go through again.

pub(in crate::store) mod fail;
mod health;
mod job;
mod lock;
mod look;
mod open;
mod queue;
mod reader;
pub(in crate::store) mod rows;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::Connection;

pub use health::{LATENCY_BOUNDS_US, Latency, Stats};
pub(in crate::store) use lock::{Lock, beside};
pub(in crate::store) use look::{close_in_order, open_to_read};
pub use open::OpenError;

use crate::base::ceilings;
use crate::base::error::StoreError;
use fail::Done;
use health::Health;
use job::Job;
use queue::{Queue, Refused};

/// What a file is of ours and how its tables came to be.
pub(in crate::store) struct Format {
    /// What people call it: `store`.
    pub(in crate::store) what: &'static str,
    /// Marks the file as ours in its header.
    pub(in crate::store) application_id: i32,
    /// Layouts in order; the file's `user_version` is how many of them it has. A landed one is never edited. Each file has
    /// a table `probe (id INTEGER PRIMARY KEY, filler BLOB)` for the writer.
    pub(in crate::store) layouts: &'static [&'static str],
}

/// How a file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Pages of 4096 bytes that the file may have; `None` as many as the disk takes.
    pub max_page_count: Option<u32>,
    /// Free pages below which the store says that it is full, where `max_page_count` bounds it.
    pub reserve_pages: u32,
    /// Free bytes of the disk below which the store says that it is full.
    pub reserve_bytes: u64,
    /// Connections that read; at least one is made.
    pub readers: usize,
    /// How long a write may wait before its caller is told that the store is unavailable.
    pub write_time: Duration,
    /// Page cache of the writer in KiB.
    pub writer_cache_kib: u32,
    /// Page cache of each reader in KiB.
    pub reader_cache_kib: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_page_count: None,
            reserve_pages: ceilings::STORE_RESERVE_PAGES,
            reserve_bytes: ceilings::STORE_RESERVE_BYTES,
            readers: ceilings::STORE_READERS,
            write_time: ceilings::STORE_WRITE_TIME,
            writer_cache_kib: 32_768,
            reader_cache_kib: 4_096,
        }
    }
}

/// An open file and the threads that work on it.
pub(in crate::store) struct Database {
    what: &'static str,
    path: PathBuf,
    writes: Arc<Queue<Box<dyn Job>>>,
    reads: Arc<Queue<Box<dyn Job>>>,
    checkpoints: Arc<Queue<()>>,
    health: Arc<Health>,
    write_time: Duration,
    // Locks because closing may come from anywhere. The file is another's only once nothing of ours is open.
    threads: Mutex<Vec<JoinHandle<()>>>,
    file: Mutex<Option<open::OwnedFile>>,
}

impl Database {
    /// Opens the file at `path`, making folders and file as needed, and starts its threads. Blocks while it does.
    ///
    /// # Errors
    /// When another process has it open, a newer version wrote it, it is damaged or not of this format, or the system
    /// refuses.
    pub(in crate::store) fn open(
        path: &Path,
        format: &'static Format,
        options: &Options,
    ) -> Result<Self, OpenError> {
        let file = open::take_file(path, format)?;
        let health = Arc::new(Health::new(format.what, options));
        let writes = Arc::new(Queue::new(ceilings::STORE_QUEUE));
        let reads = Arc::new(Queue::new(ceilings::STORE_READ_QUEUE));
        let checkpoints = Arc::new(Queue::new(1));
        let sql = |cause| OpenError::Sql {
            path: file.path.clone(),
            cause,
        };
        let folder = file.path.parent().unwrap_or(Path::new("/")).to_owned();
        let writer = writer::Writer::new(
            file.open_writer(options)?,
            folder,
            Arc::clone(&writes),
            Arc::clone(&checkpoints),
            Arc::clone(&health),
            options.reserve_bytes,
        )
        .map_err(sql)?;
        let checkpointer = file.open_checkpointer()?;
        let connections = (0..options.readers.max(1))
            .map(|_| file.open_reader(options))
            .collect::<Result<Vec<_>, _>>()?;
        let database = Self {
            what: format.what,
            path: path.to_owned(),
            writes,
            reads,
            checkpoints,
            health,
            write_time: options.write_time,
            threads: Mutex::new(Vec::new()),
            file: Mutex::new(None),
        };
        // From here on a failure drops the database, which ends the threads that run already.
        database.start(writer, checkpointer, connections)?;
        *database.file.lock() = Some(file);
        Ok(database)
    }

    fn start(
        &self,
        writer: writer::Writer,
        checkpointer: Connection,
        readers: Vec<Connection>,
    ) -> Result<(), OpenError> {
        let mut threads = self.threads.lock();
        for conn in readers {
            let (reads, health) = (Arc::clone(&self.reads), Arc::clone(&self.health));
            threads.push(self.spawn("read", move || {
                reader::run(&conn, &reads, &health);
            })?);
        }
        let asked = Arc::clone(&self.checkpoints);
        threads.push(self.spawn("wal", move || {
            writer::run_checkpoints(&checkpointer, &asked);
        })?);
        threads.push(self.spawn("write", move || writer.run())?);
        Ok(())
    }

    fn spawn(
        &self,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<JoinHandle<()>, OpenError> {
        std::thread::Builder::new()
            .name(format!("{}-{name}", self.what))
            .spawn(work)
            .map_err(|cause| OpenError::File {
                path: self.path.clone(),
                cause,
            })
    }

    /// Takes no further work, finishes what is queued, moves the write-ahead log into the file and closes it. Blocks
    /// while it does, so call it off the async threads; a second call does nothing.
    pub(in crate::store) fn close(&self) {
        // Held to the end, so that a second caller also returns only when all is done.
        let mut threads = self.threads.lock();
        self.reads.close();
        self.checkpoints.close();
        // The writer was started last and ends last: only the last connection takes the log away, if it may write.
        let writer = threads.pop();
        for t in threads.drain(..) {
            let _ = t.join();
        }
        self.writes.close();
        let _ = writer.map(JoinHandle::join);
        *self.file.lock() = None;
    }

    /// Where it lies, as it was named.
    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether writes go through now. A queue that is nearly full turns away the next writes, so nothing new should
    /// begin then.
    pub(in crate::store) fn is_healthy(&self) -> bool {
        self.health.is_healthy() && self.writes.len() < ceilings::STORE_QUEUE / 4 * 3
    }

    /// Numbers for the metrics.
    pub(in crate::store) fn stats(&self) -> Stats {
        let h = &self.health;
        Stats {
            healthy: h.is_healthy(),
            queued_writes: self.writes.len(),
            queued_reads: self.reads.len(),
            writes: h.writes.load(Ordering::Relaxed),
            commits: h.commits.load(Ordering::Relaxed),
            failed_commits: h.failed_commits.load(Ordering::Relaxed),
            turned_away: h.turned_away.load(Ordering::Relaxed),
            commit: h.commit.read(),
            write: h.write.read(),
            read: h.read.read(),
            wal_pages: h.wal_pages.load(Ordering::Relaxed),
        }
    }

    /// Bounds the file to `pages` of 4096 bytes from now on, though never below what it has.
    ///
    /// # Errors
    /// `Unavailable` when the writer does not answer.
    pub(in crate::store) async fn set_max_page_count(&self, pages: u32) -> Result<u32, StoreError> {
        let set = self
            .write(move |conn| Ok(open::set_max_page_count(conn, pages)?))
            .await?;
        self.health.max_page_count.store(set, Ordering::Relaxed);
        Ok(set)
    }

    /// Runs `work` in the writer's next transaction; the answer comes after it is on disk.
    pub(in crate::store) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        self.ask(&self.writes, self.write_time, work).await
    }

    /// Runs `work` on a connection that only reads.
    pub(in crate::store) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        self.ask(&self.reads, ceilings::STORE_READ_TIME, work).await
    }

    async fn ask<T, F>(
        &self,
        queue: &Queue<Box<dyn Job>>,
        most: Duration,
        work: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Done<T> + Send + 'static,
    {
        let turned_away = |why: &str| {
            self.health.turned_away.fetch_add(1, Ordering::Relaxed);
            Err(StoreError::Unavailable(format!("the {} {why}", self.what)))
        };
        let (job, answer) = job::pack(work);
        match queue.push(job) {
            Ok(()) => {}
            Err(Refused::Full) => return turned_away("has too many calls waiting"),
            Err(Refused::Closed) => return turned_away("is closed"),
        }
        match tokio::time::timeout(most, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => turned_away("is closed"),
            Err(_) => turned_away("did not answer in time"),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.close();
    }
}
