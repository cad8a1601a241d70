//! Single flight: of all who want the same thing at once, one fetches it and the others wait for its answer; never a cache.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::OnceCell;

/// What is being fetched, by key. It works on any runtime and holds no lock while anybody waits.
pub struct Flights<K: Eq + Hash, T> {
    by_key: DashMap<K, Arc<Flight<T>>>,
    /// How many there are: asking the map would lock all of its shards.
    len: AtomicUsize,
    most: usize,
}

struct Flight<T> {
    generation: u64,
    /// Changed only under the map's lock, so that the last to leave knows that it is the last.
    passengers: AtomicUsize,
    cell: OnceCell<T>,
}

/// One who waits. The last to leave clears the flight away, whether it ended or not: a client that goes away before
/// the answer leaves nothing behind.
struct Passenger<'a, K: Eq + Hash, T> {
    flights: &'a Flights<K, T>,
    key: K,
    flight: Arc<Flight<T>>,
}

impl<K: Eq + Hash + Clone, T: Clone> Flights<K, T> {
    /// Room for `most` different keys at once.
    pub fn new(most: usize) -> Self {
        Self {
            by_key: DashMap::new(),
            len: AtomicUsize::new(0),
            most,
        }
    }

    /// The answer of `fetch`, or of another's that began in the same `generation` and has not ended: one of an older
    /// generation may have read what has changed since. If the one who fetches goes away, another takes over. `None`
    /// when too many keys are being fetched.
    pub async fn run<F>(&self, key: K, generation: u64, fetch: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T>,
    {
        let passenger = self.join(key, generation)?;
        Some(passenger.flight.cell.get_or_init(fetch).await.clone())
    }

    fn join(&self, key: K, generation: u64) -> Option<Passenger<'_, K, T>> {
        let begin = || {
            Arc::new(Flight {
                generation,
                passengers: AtomicUsize::new(1),
                cell: OnceCell::new(),
            })
        };
        let flight = match self.by_key.entry(key.clone()) {
            Entry::Occupied(mut slot) => {
                let old = slot.get();
                if old.generation == generation && !old.cell.initialized() {
                    old.passengers.fetch_add(1, Ordering::Relaxed);
                } else {
                    slot.insert(begin());
                }
                Arc::clone(slot.get())
            }
            Entry::Vacant(_) if self.len() >= self.most => return None,
            Entry::Vacant(slot) => {
                self.len.fetch_add(1, Ordering::Relaxed);
                Arc::clone(slot.insert(begin()).value())
            }
        };
        Some(Passenger {
            flights: self,
            key,
            flight,
        })
    }
}

impl<K: Eq + Hash, T> Flights<K, T> {
    /// Keys that are being fetched.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether nothing is being fetched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Eq + Hash, T> Drop for Passenger<'_, K, T> {
    fn drop(&mut self) {
        let last = |_: &K, f: &Arc<Flight<T>>| {
            Arc::ptr_eq(f, &self.flight)
                && (f.passengers.fetch_sub(1, Ordering::Relaxed) == 1 || f.cell.initialized())
        };
        if self.flights.by_key.remove_if(&self.key, last).is_some() {
            self.flights.len.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn all_who_ask_at_once_share_one_fetch_and_nothing_is_left() {
        let flights = Flights::<u8, u32>::new(8);
        let (fetches, gate) = (AtomicUsize::new(0), Semaphore::new(0));
        let ask = || {
            flights.run(1, 0, || async {
                fetches.fetch_add(1, Ordering::SeqCst);
                let _ = gate.acquire().await;
                7
            })
        };
        let all = join_all((0..1000).map(|_| ask()));
        let open = async {
            tokio::task::yield_now().await;
            assert_eq!(flights.len(), 1);
            gate.add_permits(1);
        };
        let (answers, ()) = tokio::join!(all, open);
        assert!(answers.iter().all(|a| *a == Some(7)));
        assert_eq!(fetches.load(Ordering::SeqCst), 1);
        assert!(flights.is_empty() && flights.by_key.is_empty());
    }

    #[tokio::test]
    async fn a_fetch_whose_leader_leaves_is_taken_over_and_one_that_all_leave_is_cleared_away() {
        let flights = Flights::<u8, u32>::new(8);
        let mut leader = Box::pin(flights.run(1, 0, std::future::pending));
        assert!(futures_util::poll!(&mut leader).is_pending());
        let mut other = Box::pin(flights.run(1, 0, || async { 2 }));
        assert!(futures_util::poll!(&mut other).is_pending());
        drop(leader);
        assert_eq!(other.await, Some(2));
        assert!(flights.is_empty() && flights.by_key.is_empty());
        let mut alone = Box::pin(flights.run(1, 0, std::future::pending));
        assert!(futures_util::poll!(&mut alone).is_pending());
        drop(alone);
        assert!(flights.is_empty() && flights.by_key.is_empty());
    }

    #[tokio::test]
    async fn a_newer_generation_does_not_share_an_older_fetch_and_the_ceiling_holds() {
        let flights = Flights::<u8, u32>::new(1);
        let mut old = Box::pin(flights.run(1, 0, std::future::pending));
        assert!(futures_util::poll!(&mut old).is_pending());
        assert_eq!(flights.run(2, 0, || async { 0 }).await, None);
        assert_eq!(flights.run(1, 1, || async { 3 }).await, Some(3));
        drop(old);
        assert!(flights.is_empty() && flights.by_key.is_empty());
        assert_eq!(flights.run(2, 0, || async { 4 }).await, Some(4));
    }
}
