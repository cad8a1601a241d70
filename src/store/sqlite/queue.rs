//! A bounded queue between async callers and the store's own threads; never an unbounded wait on the callers' side.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

struct Inner<T> {
    items: VecDeque<T>,
    closed: bool,
}

/// Why an item was not taken.
pub(in crate::store) enum Refused {
    /// The queue holds as much as it may.
    Full,
    /// The store is closed.
    Closed,
}

/// First in, first out. Callers never wait to put; threads wait to take.
pub(in crate::store) struct Queue<T> {
    // A plain lock, held for a push or a drain and never across I/O.
    inner: Mutex<Inner<T>>,
    arrived: Condvar,
    capacity: usize,
}

impl<T> Queue<T> {
    pub(in crate::store) fn new(capacity: usize) -> Self {
        Self {
            inner: Mutex::new(Inner {
                items: VecDeque::new(),
                closed: false,
            }),
            arrived: Condvar::new(),
            capacity,
        }
    }

    pub(in crate::store) fn push(&self, item: T) -> Result<(), Refused> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(Refused::Closed);
        }
        if inner.items.len() >= self.capacity {
            return Err(Refused::Full);
        }
        inner.items.push_back(item);
        drop(inner);
        self.arrived.notify_one();
        Ok(())
    }

    /// Moves up to `most` items to `into`, waiting for the first one no longer than `wait` (`None`: for ever).
    /// False when the queue is closed and empty.
    pub(in crate::store) fn take(
        &self,
        into: &mut Vec<T>,
        most: usize,
        wait: Option<Duration>,
    ) -> bool {
        let until = wait.map(|w| Instant::now() + w);
        let mut inner = self.inner.lock();
        while inner.items.is_empty() {
            if inner.closed {
                return false;
            }
            match until {
                None => self.arrived.wait(&mut inner),
                Some(t) => {
                    if self.arrived.wait_until(&mut inner, t).timed_out() {
                        return true;
                    }
                }
            }
        }
        let n = inner.items.len().min(most);
        into.extend(inner.items.drain(..n));
        true
    }

    /// Refuses further items; what is inside is still taken.
    pub(in crate::store) fn close(&self) {
        self.inner.lock().closed = true;
        self.arrived.notify_all();
    }

    pub(in crate::store) fn len(&self) -> usize {
        self.inner.lock().items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_refuses_at_once_and_a_closed_one_still_drains() {
        let q = Queue::new(2);
        assert!(q.push(1).is_ok() && q.push(2).is_ok());
        assert!(matches!(q.push(3), Err(Refused::Full)));
        q.close();
        assert!(matches!(q.push(4), Err(Refused::Closed)));
        let mut out = Vec::new();
        assert!(q.take(&mut out, 1, None));
        assert!(q.take(&mut out, 9, None));
        assert_eq!(out, [1, 2]);
        assert!(!q.take(&mut out, 9, None));
    }

    #[test]
    fn a_wait_ends_with_its_time() {
        let q: Queue<u8> = Queue::new(1);
        let mut out = Vec::new();
        assert!(q.take(&mut out, 1, Some(Duration::from_millis(1))));
        assert!(out.is_empty());
    }
}
