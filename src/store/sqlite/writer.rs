//! The one thread that writes: it takes what queued while the last sync ran, commits it as one transaction and answers all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rusqlite::Connection;

use super::fail::{Done, Fail, to_store};
use super::health::Health;
use super::job::{Job, Ran};
use super::queue::Queue;
use crate::base::ceilings;
use crate::base::error::StoreError;

/// Bytes that a probe writes: a store with less room than this takes no events either.
const PROBE_BYTES: u32 = 65_536;

/// What SQLite allows by itself: no bound of ours.
const UNBOUNDED_PAGES: u32 = 0xffff_fffe;

pub(in crate::store) struct Writer {
    conn: Connection,
    folder: std::path::PathBuf,
    queue: Arc<Queue<Box<dyn Job>>>,
    checkpoints: Arc<Queue<()>>,
    health: Arc<Health>,
    reserve_bytes: u64,
    next_probe: Instant,
    next_disk_look: Instant,
    next_restart_pages: u32,
}

impl Writer {
    pub(in crate::store) fn new(
        mut conn: Connection,
        folder: std::path::PathBuf,
        queue: Arc<Queue<Box<dyn Job>>>,
        checkpoints: Arc<Queue<()>>,
        health: Arc<Health>,
        reserve_bytes: u64,
    ) -> rusqlite::Result<Self> {
        let most = conn.query_row("PRAGMA max_page_count", [], |r| r.get(0))?;
        health.max_page_count.store(most, Ordering::Relaxed);
        let seen = Arc::clone(&health);
        conn.wal_hook(Some(move |_: &mut _, pages: i32| {
            seen.wal_pages
                .store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            conn,
            folder,
            queue,
            checkpoints,
            health,
            reserve_bytes,
            next_probe: Instant::now(),
            next_disk_look: Instant::now(),
            next_restart_pages: ceilings::STORE_WAL_PAGES_MOST,
        })
    }

    /// Works until the queue is closed and empty.
    pub(in crate::store) fn run(mut self) {
        self.look_for_room();
        let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(ceilings::STORE_BATCH);
        loop {
            let healthy = self.health.is_marked_healthy();
            // While nothing goes through, each write is tried alone: one that makes room must not fail with one that needs it.
            let most = if healthy { ceilings::STORE_BATCH } else { 1 };
            let wait =
                (!healthy).then(|| self.next_probe.saturating_duration_since(Instant::now()));
            if !self.queue.take(&mut batch, most, wait) {
                break;
            }
            self.health.begin_batch();
            batch.retain(|job| !job.is_abandoned());
            if !batch.is_empty() {
                self.commit(&mut batch);
            }
            if !self.health.is_marked_healthy() && self.next_probe <= Instant::now() {
                self.probe();
            }
            self.bound_wal();
            self.health.end_batch();
        }
        if let Err(e) = checkpoint(&self.conn, "TRUNCATE") {
            tracing::warn!(cause = %e, "the write-ahead log was left for the next start");
        }
    }

    fn commit(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        let outcome = self.transact(batch);
        self.health
            .writes
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        match &outcome {
            Ok(()) => {
                self.health.commits.fetch_add(1, Ordering::Relaxed);
                self.look_for_room();
            }
            Err(e) => {
                self.health.failed_commits.fetch_add(1, Ordering::Relaxed);
                self.fail(&e.to_string());
                if !self.conn.is_autocommit()
                    && let Err(e) = self.conn.execute_batch("ROLLBACK")
                {
                    tracing::error!(cause = %e, "a failed transaction could not be rolled back");
                }
            }
        }
        for job in batch.drain(..) {
            job.answer(&outcome, &self.health.write);
        }
    }

    fn transact(&self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let run = |sql| -> Result<(), StoreError> {
            self.conn
                .prepare_cached(sql)
                .and_then(|mut s| s.execute([]))
                .map(|_| ())
                .map_err(|e| unavailable(&e))
        };
        run("BEGIN IMMEDIATE")?;
        for job in batch.iter_mut() {
            run("SAVEPOINT job")?;
            match job.run(&self.conn) {
                Ran::Kept => {}
                Ran::Undone => run("ROLLBACK TO job")?,
                Ran::StoreFailed(e) => return Err(e),
            }
            run("RELEASE job")?;
        }
        let began = Instant::now();
        run("COMMIT")?;
        self.health.commit.observe(began.elapsed());
        Ok(())
    }

    fn fail(&mut self, why: &str) {
        if self.health.is_marked_healthy() {
            self.next_probe = Instant::now() + ceilings::STORE_PROBE_TIME;
        }
        self.health.mark(false, why);
    }

    /// Says that the store is full a little before it is, so that requests already forwarded still find room for their events.
    fn look_for_room(&mut self) {
        if let Err(e) = self.room() {
            self.fail(&e.into_store().to_string());
        }
    }

    fn room(&mut self) -> Done<()> {
        let most = self.health.max_page_count.load(Ordering::Relaxed);
        if most < UNBOUNDED_PAGES {
            let pragma = |sql| -> rusqlite::Result<u32> {
                self.conn.prepare_cached(sql)?.query_row([], |r| r.get(0))
            };
            let free = most.saturating_sub(pragma("PRAGMA page_count")?)
                + pragma("PRAGMA freelist_count")?;
            if free < self.health.reserve_pages {
                return Err(full("the database has reached its largest size"));
            }
        }
        if self.next_disk_look <= Instant::now() {
            if let Ok(disk) = rustix::fs::statvfs(&self.folder)
                && disk.f_bavail.saturating_mul(disk.f_frsize) < self.reserve_bytes
            {
                return Err(full("the disk is full"));
            }
            self.next_disk_look = Instant::now() + ceilings::STORE_PROBE_TIME;
        }
        Ok(())
    }

    /// A small real write, kept and deleted again in transactions of their own: only what reached the disk counts.
    fn probe(&mut self) {
        self.next_probe = Instant::now() + ceilings::STORE_PROBE_TIME;
        self.next_disk_look = Instant::now();
        let tried = self.room().and_then(|()| {
            self.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO probe (id, filler) VALUES (1, zeroblob(?1))",
                )?
                .execute([PROBE_BYTES])?;
            self.conn.prepare_cached("DELETE FROM probe")?.execute([])?;
            Ok(())
        });
        match tried {
            Ok(()) => self.health.mark(true, ""),
            Err(e) => tracing::debug!(cause = %e.into_store(), "still no writes"),
        }
    }

    /// Keeps the write-ahead log short: beside the writer as a rule, by the writer itself when that does not keep up.
    fn bound_wal(&mut self) {
        let pages = self.health.wal_pages.load(Ordering::Relaxed);
        if pages < ceilings::STORE_WAL_PAGES {
            self.next_restart_pages = ceilings::STORE_WAL_PAGES_MOST;
            return;
        }
        if pages < self.next_restart_pages {
            // Full means that one is asked for already.
            let _ = self.checkpoints.push(());
            return;
        }
        // A reader may hold the log; then it grows on and this is tried again after as many pages more.
        self.next_restart_pages = pages.saturating_add(ceilings::STORE_WAL_PAGES_MOST);
        match checkpoint(&self.conn, "RESTART") {
            Ok(true) => self.health.wal_pages.store(0, Ordering::Relaxed),
            Ok(false) => tracing::warn!(pages, "a long read keeps the write-ahead log growing"),
            Err(e) => tracing::warn!(cause = %e, "the write-ahead log could not be checkpointed"),
        }
    }
}

fn full(why: &str) -> Fail {
    Fail::Store(StoreError::Unavailable(why.to_owned()))
}

/// Whatever stops a transaction as a whole is unavailability, even where the same error in one statement would not be.
fn unavailable(e: &rusqlite::Error) -> StoreError {
    match to_store(e) {
        StoreError::Corrupt(what) => StoreError::Corrupt(what),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// True when the whole log is in the database file.
pub(in crate::store) fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<bool> {
    conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |r| {
        r.get::<_, i64>(0)
    })
    .map(|busy| busy == 0)
}

/// Moves the log into the file each time it is asked to, until its queue is closed.
pub(in crate::store) fn run_checkpoints(conn: &Connection, queue: &Queue<()>) {
    let mut asked = Vec::new();
    while queue.take(&mut asked, usize::MAX, None) {
        asked.clear();
        if let Err(e) = checkpoint(conn, "PASSIVE") {
            tracing::warn!(cause = %e, "the write-ahead log could not be checkpointed");
        }
    }
}
