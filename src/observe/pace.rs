//! How often a line that anybody's requests cause goes to the log; never what it says.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::ceilings::LOG_PACE;
use crate::base::clock::Ticks;

/// Lets one line through each [`LOG_PACE`] and counts the others.
#[derive(Debug, Default)]
pub struct Pace {
    ticks: Ticks,
    /// From when on the next line may go through.
    next: AtomicU64,
    left_out: AtomicU64,
}

impl Pace {
    /// A pace of these ticks.
    pub fn new(ticks: Ticks) -> Self {
        Self {
            ticks,
            ..Self::default()
        }
    }

    /// Whether a line may go through: how many were left out since the one before, or `None` where this one is, too.
    pub fn take(&self) -> Option<u64> {
        let (now, next) = (self.ticks.now(), self.next.load(Ordering::Relaxed));
        let after = now.saturating_add(u64::try_from(LOG_PACE.as_millis()).unwrap_or(u64::MAX));
        let mine = now >= next
            && (self.next)
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_goes_through_at_a_time_and_the_others_are_counted() {
        let ticks = Ticks::manual(1);
        let pace = Pace::new(ticks.clone());
        assert_eq!(pace.take(), Some(0));
        assert!((0..7).all(|_| pace.take().is_none()));
        ticks.advance(LOG_PACE - std::time::Duration::from_millis(1));
        assert_eq!(pace.take(), None);
        ticks.advance(std::time::Duration::from_millis(1));
        assert_eq!((pace.take(), pace.take()), (Some(8), None));
        ticks.advance(LOG_PACE);
        assert_eq!(pace.take(), Some(1));
    }
}
