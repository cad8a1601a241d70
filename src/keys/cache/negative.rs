//! Digests that no key has: a bounded memory of the last few seconds; never a positive answer.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::base::ceilings::{NEGATIVE_CACHE_ENTRIES, NEGATIVE_CACHE_TIME};
use crate::base::clock::Timestamp;
use crate::keys::model::Digest;

/// Two generations, each at most half of the ceiling: when the young one is full, the old one is forgotten whole.
#[derive(Default)]
pub(super) struct Negative(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Digest, Timestamp>,
    old: HashMap<Digest, Timestamp>,
}

impl Negative {
    /// Whether the store said so not longer ago than the ceiling. A clock that went back forgets it.
    pub(super) fn contains(&self, digest: &Digest, now: Timestamp) -> bool {
        let g = self.0.lock();
        g.young
            .get(digest)
            .or_else(|| g.old.get(digest))
            .is_some_and(|&seen| seen <= now && now.since(seen) < NEGATIVE_CACHE_TIME)
    }

    /// Remembers `digest`, if that is `current` still: asked under the lock, so that a change that makes it stale and
    /// then clears leaves nothing stale behind.
    pub(super) fn insert(&self, digest: Digest, now: Timestamp, current: impl Fn() -> bool) {
        let forgotten = {
            let mut g = self.0.lock();
            if !current() {
                return;
            }
            let full = g.young.len() >= NEGATIVE_CACHE_ENTRIES / 2;
            let old = full.then(|| {
                let young = std::mem::take(&mut g.young);
                std::mem::replace(&mut g.old, young)
            });
            g.young.insert(digest, now);
            old
        };
        // Freed outside the lock.
        drop(forgotten);
    }

    pub(super) fn remove(&self, digest: &Digest) {
        let mut g = self.0.lock();
        g.young.remove(digest);
        g.old.remove(digest);
    }

    pub(super) fn clear(&self) {
        let all = std::mem::take(&mut *self.0.lock());
        drop(all);
    }

    pub(super) fn len(&self) -> usize {
        let g = self.0.lock();
        g.young.len() + g.old.len()
    }
}
