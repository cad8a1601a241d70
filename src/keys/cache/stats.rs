//! What the key cache counts, for metrics and tests; never a metric's name.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the cache counts; all but the sizes only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Keys in it.
    pub entries: usize,
    /// Digests known to have no key.
    pub negative_entries: usize,
    /// Loads under way.
    pub loading: usize,
    /// Look-ups that found a key in memory.
    pub hits: u64,
    /// Look-ups that found in memory that there is no key.
    pub negative_hits: u64,
    /// Look-ups that had to wait for the store.
    pub misses: u64,
    /// Calls of the store for a miss: fewer than the misses, since they share.
    pub loads: u64,
    /// Entries read again in the background.
    pub refreshes: u64,
    /// Loads and refreshes that failed.
    pub failures: u64,
    /// Entries thrown out for want of room.
    pub evictions: u64,
}

/// The counters behind [`CacheStats`].
#[derive(Default)]
pub(super) struct Counts {
    pub(super) negative_hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) loads: AtomicU64,
    pub(super) refreshes: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) evictions: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    /// `sizes` with what was counted.
    pub(super) fn stats(&self, sizes: CacheStats) -> CacheStats {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        CacheStats {
            negative_hits: read(&self.negative_hits),
            misses: read(&self.misses),
            loads: read(&self.loads),
            refreshes: read(&self.refreshes),
            failures: read(&self.failures),
            evictions: read(&self.evictions),
            ..sizes
        }
    }
}
