//! Counts what is under way, so that a stop can end as soon as nothing is; never who or what it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests under way and connections open. Cloning shares the counts.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicUsize,
    connections: AtomicUsize,
}

/// One that is counted; it is no longer when this is dropped.
#[derive(Debug)]
pub struct Counted {
    counts: Arc<Counts>,
    request: bool,
}

impl InFlight {
    /// Counts a request.
    pub fn request(&self) -> Counted {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Counted {
            counts: self.0.clone(),
            request: true,
        }
    }

    /// Counts a connection.
    pub fn connection(&self) -> Counted {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        Counted {
            counts: self.0.clone(),
            request: false,
        }
    }

    /// Requests under way.
    pub fn requests(&self) -> usize {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Connections open.
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let count = if self.request {
            &self.counts.requests
        } else {
            &self.counts.connections
        };
        count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_is_no_longer_counted() {
        let all = InFlight::default();
        let request = all.request();
        let connection = all.connection();
        assert_eq!((all.requests(), all.connections()), (1, 1));
        drop(request);
        drop(connection);
        assert_eq!((all.requests(), all.connections()), (0, 0));
    }
}
