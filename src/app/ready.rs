//! Whether this node should be sent requests: listeners open, store reached once, not draining; never a later failure of the store.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::web::health::Readiness;

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;

/// The node's phase. An atomic: read by every health check, changed twice in a process's life.
#[derive(Debug, Default)]
pub(super) struct Phase(AtomicU8);

impl Phase {
    /// The listeners are open and the store was reached.
    pub(super) fn ready(&self) {
        self.0.store(READY, Ordering::SeqCst);
    }

    /// The store was reached after all; a node that is about to stop stays so.
    pub(super) fn reached(&self) {
        let _ = self
            .0
            .compare_exchange(STARTING, READY, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// The node is about to stop.
    pub(super) fn draining(&self) {
        self.0.store(DRAINING, Ordering::SeqCst);
    }
}

impl Readiness for Phase {
    fn check(&self) -> Result<(), &'static str> {
        match self.0.load(Ordering::SeqCst) {
            STARTING => Err("starting"),
            READY => Ok(()),
            _ => Err("draining"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_between_start_and_drain() {
        let phase = Phase::default();
        assert_eq!(phase.check(), Err("starting"));
        phase.reached();
        assert_eq!(phase.check(), Ok(()));
        phase.draining();
        phase.reached();
        assert_eq!(phase.check(), Err("draining"));
    }
}
