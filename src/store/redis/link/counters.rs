//! Numbers of the link; all atomics, so that nobody waits to count.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::Histogram;
use tokio::sync::watch;

use super::Patience;
use super::fault::{KINDS, Kind};

/// Where the time of calls is shown.
#[derive(Debug)]
pub struct CallTimes {
    /// Of calls on a request's path.
    pub hot: Histogram,
    /// Of all others.
    pub calm: Histogram,
}

/// Numbers of a link since the process began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkStats {
    /// Whether every server that is known answered when it was last asked.
    pub up: bool,
    /// Servers that are known: one, or the masters of a cluster.
    pub servers: usize,
    /// Those that are not asked now, since they are known not to answer.
    pub breakers_open: usize,
    /// Calls, failed ones included.
    pub calls: u64,
    /// Time of all calls together, in microseconds.
    pub call_us: u64,
    /// Failed calls by kind.
    pub errors: Vec<(&'static str, u64)>,
    /// Connections made, the first ones included.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub failed_connects: u64,
    /// Calls that a cluster sent to another node.
    pub redirects: u64,
    /// Times that a listener was told that messages may have been lost.
    pub messages_lost: u64,
}

/// What is counted.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) calls: AtomicU64,
    call_us: AtomicU64,
    errors: [AtomicU64; KINDS],
    pub(super) connects: AtomicU64,
    pub(super) failed_connects: AtomicU64,
    pub(super) redirects: AtomicU64,
    pub(super) messages_lost: AtomicU64,
    /// Grows with `connects`, and can be waited for.
    pub(super) connected: watch::Sender<u64>,
    pub(super) times: OnceLock<CallTimes>,
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counters {
    /// Counts a call and what came of it.
    pub(super) fn called(&self, patience: Patience, took: Duration, error: Option<Kind>) {
        count(&self.calls);
        if let Some(times) = self.times.get() {
            let shown = match patience {
                Patience::Hot => &times.hot,
                Patience::Calm => &times.calm,
            };
            shown.observe(took.as_secs_f64());
        }
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.call_us.fetch_add(us, Ordering::Relaxed);
        if let Some(counter) = error.and_then(|kind| self.errors.get(kind as usize)) {
            count(counter);
        }
    }

    /// Counts a connection, and tells those who wait for one.
    pub(super) fn connected(&self) {
        count(&self.connects);
        self.connected.send_modify(|n| *n += 1);
    }

    /// The numbers, without those of the servers.
    pub(super) fn read(&self) -> LinkStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LinkStats {
            calls: get(&self.calls),
            call_us: get(&self.call_us),
            errors: Kind::named()
                .map(|(name, at)| (name, self.errors.get(at).map_or(0, get)))
                .collect(),
            connects: get(&self.connects),
            failed_connects: get(&self.failed_connects),
            redirects: get(&self.redirects),
            messages_lost: get(&self.messages_lost),
            ..LinkStats::default()
        }
    }
}
