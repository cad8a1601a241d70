//! Whether writes go through, and the numbers of the queue and the writer; all atomics, so that nobody waits to ask.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Options;

/// Upper bounds of the latency buckets, in microseconds; a last bucket takes the rest.
pub const LATENCY_BOUNDS_US: [u64; 12] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
];

/// How often something took how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    /// Observations per bucket of [`LATENCY_BOUNDS_US`], the last one for what is above; not cumulative.
    pub buckets: [u64; LATENCY_BOUNDS_US.len() + 1],
    /// Sum in microseconds.
    pub sum_us: u64,
}

/// Numbers of the store since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Whether writes go through.
    pub healthy: bool,
    /// Writes that wait for the writer.
    pub queued_writes: usize,
    /// Reads that wait for a reader.
    pub queued_reads: usize,
    /// Writes that were run, refused ones included.
    pub writes: u64,
    /// Transactions that were committed.
    pub commits: u64,
    /// Transactions that failed as a whole.
    pub failed_commits: u64,
    /// Calls turned away because a queue was full or the wait too long.
    pub turned_away: u64,
    /// Time of each commit, the sync to disk included.
    pub commit: Latency,
    /// Time of each write from its call to its answer.
    pub write: Latency,
    /// Time of each read from its call to its answer.
    pub read: Latency,
    /// Pages of the write-ahead log as of the last commit.
    pub wal_pages: u32,
}

#[derive(Default)]
pub(in crate::store) struct Histogram {
    buckets: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(in crate::store) fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = LATENCY_BOUNDS_US.partition_point(|b| *b < us);
        if let Some(b) = self.buckets.get(at) {
            b.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    pub(in crate::store) fn read(&self) -> Latency {
        let mut l = Latency {
            sum_us: self.sum_us.load(Ordering::Relaxed),
            ..Latency::default()
        };
        for (to, from) in l.buckets.iter_mut().zip(&self.buckets) {
            *to = from.load(Ordering::Relaxed);
        }
        l
    }
}

/// What the writer, the readers and the callers share.
pub(in crate::store) struct Health {
    what: &'static str,
    healthy: AtomicBool,
    started: Instant,
    /// Milliseconds after `started` (never 0) at which the writer's present batch began; 0 while it waits for work.
    busy_since: AtomicU64,
    pub(in crate::store) max_page_count: AtomicU32,
    pub(in crate::store) reserve_pages: u32,
    write_time: Duration,
    pub(in crate::store) wal_pages: AtomicU32,
    pub(in crate::store) writes: AtomicU64,
    pub(in crate::store) commits: AtomicU64,
    pub(in crate::store) failed_commits: AtomicU64,
    pub(in crate::store) turned_away: AtomicU64,
    pub(in crate::store) commit: Histogram,
    pub(in crate::store) write: Histogram,
    pub(in crate::store) read: Histogram,
}

impl Health {
    pub(in crate::store) fn new(what: &'static str, options: &Options) -> Self {
        Self {
            what,
            healthy: AtomicBool::new(true),
            started: Instant::now(),
            busy_since: AtomicU64::new(0),
            max_page_count: AtomicU32::new(u32::MAX),
            reserve_pages: options.reserve_pages,
            write_time: options.write_time,
            wal_pages: AtomicU32::new(0),
            writes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            failed_commits: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
            commit: Histogram::default(),
            write: Histogram::default(),
            read: Histogram::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .max(1)
    }

    pub(in crate::store) fn begin_batch(&self) {
        self.busy_since.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(in crate::store) fn end_batch(&self) {
        self.busy_since.store(0, Ordering::Relaxed);
    }

    /// Whether the last word on writing was good.
    pub(in crate::store) fn is_marked_healthy(&self) -> bool {
        self.healthy.load(Ordering::Acquire)
    }

    /// Sets the mark and tells the log when it turns.
    pub(in crate::store) fn mark(&self, healthy: bool, why: &str) {
        if self.healthy.swap(healthy, Ordering::AcqRel) != healthy {
            if healthy {
                tracing::info!("the {} takes writes again", self.what);
            } else {
                tracing::error!(cause = why, "the {} takes no writes now", self.what);
            }
        }
    }

    /// Marked healthy, and no batch has hung on the disk for half of the time that its callers wait.
    pub(in crate::store) fn is_healthy(&self) -> bool {
        if !self.is_marked_healthy() {
            return false;
        }
        let since = self.busy_since.load(Ordering::Relaxed);
        since == 0
            || u128::from(self.now_ms().saturating_sub(since)) < self.write_time.as_millis() / 2
    }
}
