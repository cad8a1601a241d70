//! Decides which receivers' connections are kept for the next delivery, so that idle ones stay bounded; never a connection.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::ceilings::{WEBHOOK_IDLE, WEBHOOK_IDLE_HOSTS};

/// The receivers of late. The HTTP client's pool has a bound for each receiver and none for all.
#[derive(Debug)]
pub(super) struct Reuse {
    began: Instant,
    receivers: HashSet<String>,
}

impl Reuse {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            receivers: HashSet::new(),
        }
    }

    /// Whether a connection to `receiver` may be kept after a delivery at `now`.
    pub(super) fn may_keep(&mut self, receiver: &str, now: Instant) -> bool {
        // What was kept for the receivers of one span is closed by the end of the next one.
        if now.duration_since(self.began) >= WEBHOOK_IDLE + Duration::from_secs(1) {
            self.began = now;
            self.receivers.clear();
        }
        if self.receivers.contains(receiver) {
            return true;
        }
        let has_room = self.receivers.len() < WEBHOOK_IDLE_HOSTS;
        if has_room {
            self.receivers.insert(receiver.to_owned());
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_receivers_are_kept_and_others_get_their_turn_later() {
        let now = Instant::now();
        let mut reuse = Reuse::new(now);
        for n in 0..WEBHOOK_IDLE_HOSTS {
            assert!(reuse.may_keep(&format!("{n}.example:443"), now));
        }
        assert!(!reuse.may_keep("late.example:443", now));
        assert!(reuse.may_keep("0.example:443", now), "known");
        let later = now + WEBHOOK_IDLE * 2;
        assert!(reuse.may_keep("late.example:443", later));
    }
}
