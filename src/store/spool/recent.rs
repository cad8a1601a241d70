//! What was written to the store in the last seconds, in memory, to be sent again after a failover; never on disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Writes in the order in which they were begun, bounded in age and bytes.
pub(super) struct Recent<W> {
    time: Duration,
    bytes: usize,
    // Held to add, to look up and to copy pointers.
    kept: Mutex<Kept<W>>,
}

struct Kept<W> {
    writes: VecDeque<Write<W>>,
    next: u64,
    bytes: usize,
}

struct Write<W> {
    number: u64,
    at: Instant,
    bytes: usize,
    write: Arc<W>,
}

impl<W> Recent<W> {
    /// Keeps writes for `time`, and no more than `bytes` of them.
    pub(super) fn new(time: Duration, bytes: usize) -> Self {
        Self {
            time,
            bytes,
            kept: Mutex::new(Kept {
                writes: VecDeque::new(),
                next: 0,
                bytes: 0,
            }),
        }
    }

    /// Keeps a write that begins now; the number is for [`Recent::forget`].
    pub(super) fn keep(&self, write: &Arc<W>, bytes: usize) -> u64 {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        let number = kept.next;
        kept.next += 1;
        kept.bytes += bytes;
        kept.writes.push_back(Write {
            number,
            at: now,
            bytes,
            write: Arc::clone(write),
        });
        self.bound(&mut kept, now);
        number
    }

    /// A write that did not come to be.
    pub(super) fn forget(&self, number: u64) {
        let mut kept = self.kept.lock();
        if let Ok(index) = kept.writes.binary_search_by_key(&number, |w| w.number)
            && let Some(gone) = kept.writes.remove(index)
        {
            kept.bytes -= gone.bytes;
        }
    }

    /// All that is kept, oldest first.
    pub(super) fn all(&self) -> Vec<Arc<W>> {
        let mut kept = self.kept.lock();
        self.bound(&mut kept, Instant::now());
        kept.writes.iter().map(|w| Arc::clone(&w.write)).collect()
    }

    fn bound(&self, kept: &mut Kept<W>, now: Instant) {
        while let Some(oldest) = kept.writes.front()
            && (kept.bytes > self.bytes || now.duration_since(oldest.at) > self.time)
        {
            kept.bytes -= oldest.bytes;
            kept.writes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn writes_are_kept_in_order_within_time_and_bytes() {
        let recent = Recent::new(Duration::from_secs(10), 100);
        let keep = |n: u32, bytes| recent.keep(&Arc::new(n), bytes);
        let all = || -> Vec<u32> { recent.all().iter().map(|w| **w).collect() };
        keep(1, 40);
        tokio::time::advance(Duration::from_secs(6)).await;
        let second = keep(2, 40);
        keep(3, 20);
        assert_eq!(all(), [1, 2, 3]);
        keep(4, 1);
        assert_eq!(all(), [2, 3, 4], "over its bytes");
        recent.forget(second);
        recent.forget(second);
        assert_eq!(all(), [3, 4]);
        keep(5, 79);
        assert_eq!(all(), [3, 4, 5], "what was forgotten takes no room");
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(all().is_empty());
        keep(6, 101);
        assert!(all().is_empty(), "one write alone may be too large");
    }
}
