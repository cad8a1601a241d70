//! Counts what is under way, so that a stop can end as soon as nothing is; never who or what it is.

use std::sync::Arc;

/// Requests under way and connections open. Cloning shares the counts.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Counts>);

// What is counted holds a share of one of these.
#[derive(Debug, Default)]
struct Counts {
    requests: Arc<()>,
    connections: Arc<()>,
}

/// One that is counted; it is no longer when this is dropped.
#[derive(Debug)]
pub struct Counted {
    _share: Arc<()>,
}

impl InFlight {
    /// Counts a request.
    pub fn request(&self) -> Counted {
        Counted {
            _share: Arc::clone(&self.0.requests),
        }
    }

    /// Counts a connection.
    pub fn connection(&self) -> Counted {
        Counted {
            _share: Arc::clone(&self.0.connections),
        }
    }

    /// Requests under way.
    pub fn requests(&self) -> usize {
        Arc::strong_count(&self.0.requests) - 1
    }

    /// Connections open.
    pub fn connections(&self) -> usize {
        Arc::strong_count(&self.0.connections) - 1
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
