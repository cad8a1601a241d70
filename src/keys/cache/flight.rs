//! Single flight: of all who miss one digest at once, one loads and the others wait for its answer; never the cache itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::OnceCell;

use crate::base::ceilings::KEY_LOADS;
use crate::keys::model::Digest;

/// Loads under way, by digest.
pub(super) struct Flights<T> {
    by_digest: DashMap<Digest, Arc<Flight<T>>>,
    /// How many there are: asking the map would lock all of its shards.
    len: AtomicUsize,
}

/// One load: begun by the first who waits on it, taken over by another if that one leaves.
pub(super) struct Flight<T> {
    /// The cache's generation when it began.
    generation: u64,
    /// Changed only under the map's lock, so that the last to leave knows that it is the last.
    passengers: AtomicUsize,
    pub(super) cell: OnceCell<T>,
}

/// One who waits on a flight. The last to leave clears the flight away, whether it ended or not: a client that goes
/// away before the store answered leaves nothing behind.
pub(super) struct Passenger<'a, T> {
    flights: &'a Flights<T>,
    digest: Digest,
    pub(super) flight: Arc<Flight<T>>,
}

impl<T> Flights<T> {
    pub(super) fn new() -> Self {
        Self {
            by_digest: DashMap::new(),
            len: AtomicUsize::new(0),
        }
    }

    /// Joins the flight for `digest` if it began in this generation and has not ended, or begins one: an older one may
    /// have read what has changed since. `None` when too many loads are under way.
    pub(super) fn join(&self, digest: Digest, generation: u64) -> Option<Passenger<'_, T>> {
        let begin = || {
            Arc::new(Flight {
                generation,
                passengers: AtomicUsize::new(1),
                cell: OnceCell::new(),
            })
        };
        let flight = match self.by_digest.entry(digest) {
            Entry::Occupied(mut slot) => {
                let old = slot.get();
                if old.generation == generation && !old.cell.initialized() {
                    old.passengers.fetch_add(1, Ordering::Relaxed);
                } else {
                    slot.insert(begin());
                }
                Arc::clone(slot.get())
            }
            Entry::Vacant(_) if self.len.load(Ordering::Relaxed) >= KEY_LOADS => return None,
            Entry::Vacant(slot) => {
                self.len.fetch_add(1, Ordering::Relaxed);
                Arc::clone(slot.insert(begin()).value())
            }
        };
        Some(Passenger {
            flights: self,
            digest,
            flight,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }
}

impl<T> Drop for Passenger<'_, T> {
    fn drop(&mut self) {
        let last = |_: &Digest, f: &Arc<Flight<T>>| {
            Arc::ptr_eq(f, &self.flight)
                && (f.passengers.fetch_sub(1, Ordering::Relaxed) == 1 || f.cell.initialized())
        };
        if self
            .flights
            .by_digest
            .remove_if(&self.digest, last)
            .is_some()
        {
            self.flights.len.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
