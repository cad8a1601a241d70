//! Whether a server is asked at all, decided from what came of calls before; never a clock, never a connection.

use std::time::Duration;

use tokio::time::Instant;

use super::Patience;
use crate::base::ceilings::{REDIS_FAILURES, REDIS_PROBE_FIRST, REDIS_PROBE_LONGEST};

/// The breaker of one server.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Failures in a row of calls that began after the last one that succeeded.
    failures: u32,
    /// When the last call began that succeeded.
    succeeded: Option<Instant>,
    open: Option<Open>,
}

/// The server is taken for dead.
#[derive(Debug)]
struct Open {
    since: Instant,
    /// When it was last found dead.
    found: Instant,
    /// How long it is left alone after that.
    pause: Duration,
}

impl Breaker {
    /// Whether calls on a request's path fail at once.
    pub(super) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a call may try the server. Calm calls may once its pause is over, and so notice by themselves that it is
    /// back should nobody probe it.
    pub(super) fn allows(&self, patience: Patience, now: Instant) -> bool {
        match (&self.open, patience) {
            (None, _) => true,
            (Some(_), Patience::Hot) => false,
            (Some(open), Patience::Calm) => now >= open.found + open.pause,
        }
    }

    /// A call that began at `began` succeeded. Whether this closed the breaker: a reply to a call from before it opened
    /// does not, since the server may have died after it.
    pub(super) fn succeeded(&mut self, began: Instant) -> bool {
        if self.open.as_ref().is_some_and(|open| began < open.since) {
            return false;
        }
        self.failures = 0;
        self.succeeded = self.succeeded.max(Some(began));
        self.open.take().is_some()
    }

    /// A call that began at `began` failed. Whether this opened the breaker.
    pub(super) fn failed(&mut self, began: Instant, now: Instant) -> bool {
        if self.open.is_some() || self.succeeded.is_some_and(|at| began <= at) {
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        self.failures >= REDIS_FAILURES && self.trip(now)
    }

    /// The server was found dead. Whether this opened the breaker; where it was open already, the pause doubles.
    pub(super) fn trip(&mut self, now: Instant) -> bool {
        if let Some(open) = &mut self.open {
            open.found = now;
            open.pause = (open.pause * 2).min(REDIS_PROBE_LONGEST);
            return false;
        }
        self.open = Some(Open {
            since: now,
            found: now,
            pause: REDIS_PROBE_FIRST,
        });
        true
    }

    /// How long to wait before the server is probed next, or `None` where there is no need; `random` from 0 to 1 spreads
    /// the probes of many nodes over the second half of the pause.
    pub(super) fn probe_in(&self, random: f64) -> Option<Duration> {
        let open = self.open.as_ref()?;
        Some(open.pause.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn opened(at: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        assert!(breaker.trip(at));
        breaker
    }

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_not_before() {
        let (mut breaker, t) = (Breaker::default(), Instant::now());
        for _ in 1..REDIS_FAILURES {
            assert!(!breaker.failed(t, t));
        }
        assert!(!breaker.succeeded(t + MS));
        for _ in 1..REDIS_FAILURES {
            assert!(!breaker.failed(t + 2 * MS, t + 3 * MS));
            assert!(breaker.allows(Patience::Hot, t + 3 * MS));
        }
        assert!(breaker.failed(t + 2 * MS, t + 3 * MS));
        assert!(!breaker.allows(Patience::Hot, t + 3600 * 1000 * MS));
    }

    #[test]
    fn failures_of_calls_from_before_a_success_do_not_count() {
        let (mut breaker, t) = (Breaker::default(), Instant::now());
        breaker.succeeded(t + 10 * MS);
        for _ in 0..10 * REDIS_FAILURES {
            assert!(!breaker.failed(t + 9 * MS, t + 30 * MS));
        }
        assert!(breaker.allows(Patience::Hot, t + 30 * MS));
    }

    #[test]
    fn a_calm_call_tries_again_once_the_pause_is_over() {
        let t = Instant::now();
        let breaker = opened(t);
        assert!(!breaker.allows(Patience::Calm, t + REDIS_PROBE_FIRST - MS));
        assert!(breaker.allows(Patience::Calm, t + REDIS_PROBE_FIRST));
        assert!(!breaker.allows(Patience::Hot, t + REDIS_PROBE_FIRST));
    }

    #[test]
    fn the_pause_doubles_up_to_its_ceiling_and_begins_anew_after_a_success() {
        let mut t = Instant::now();
        let mut breaker = opened(t);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.push(breaker.probe_in(1.0).unwrap());
            t += REDIS_PROBE_LONGEST;
            assert!(!breaker.trip(t), "it was open");
        }
        assert_eq!(pauses[..3], [50 * MS, 100 * MS, 200 * MS]);
        assert_eq!(pauses[7], REDIS_PROBE_LONGEST);
        assert!(breaker.succeeded(t));
        assert_eq!(breaker.probe_in(1.0), None);
        breaker.trip(t);
        assert_eq!(breaker.probe_in(1.0), Some(REDIS_PROBE_FIRST));
        assert_eq!(breaker.probe_in(0.0), Some(REDIS_PROBE_FIRST / 2));
    }

    #[test]
    fn a_late_reply_from_before_it_opened_does_not_close_it() {
        let t = Instant::now();
        let mut breaker = opened(t);
        assert!(!breaker.succeeded(t - MS));
        assert!(breaker.is_open());
        assert!(breaker.succeeded(t + MS));
        assert!(!breaker.is_open());
    }
}
