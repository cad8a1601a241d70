//! How an endpoint fares: what a result does to it, and how much it is given at once; never one delivery's own schedule.

use std::time::Duration;

use super::model::Reply;
use super::schedule;
use crate::base::ceilings::{
    BREAKER_FAILURES, BREAKER_HOLD, BREAKER_HOLD_MOST, BREAKER_TIME, ENDPOINT_CONCURRENCY,
    ENDPOINT_RETRY_AFTER, PACE_FIRST, PACE_MOST,
};
use crate::base::clock::Timestamp;

/// What is known of an endpoint from its last attempts. Attempts of many nodes change it, so it is no part of the
/// endpoint: its revision is for changes of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Failures in a row.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<Timestamp>,
    /// Nothing is taken from its queue before this.
    pub hold_until: Option<Timestamp>,
    /// Milliseconds between attempts that its receiver asked for by saying that it has too much to do; 0 where it did not.
    pub pace_ms: u64,
    /// Successes, halved by each failure: what it may be given at once grows with them.
    pub successes: u32,
}

/// What an attempt means for its endpoint. Stores merge it into what they know by then, as [`EndpointHealth::after`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the receiver was not asked.
    None,
    /// It takes deliveries.
    Well,
    /// It did not take this one.
    Failed {
        /// Nothing more before this.
        hold_until: Option<Timestamp>,
        /// Milliseconds between attempts from now on.
        pace_ms: u64,
        /// Disable it for this reason if its failures began no later than this.
        disable_if_failing_since: Option<(Timestamp, String)>,
    },
}

/// How much endpoints are given at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Attempts under way to one endpoint, at most.
    pub most: u32,
    /// The same of one that has had no success; each success adds one.
    pub untried: u32,
    /// Time between attempts to one endpoint, on average.
    pub spacing: Duration,
}

impl EndpointHealth {
    /// Whether the last attempt failed.
    pub fn is_suspect(&self) -> bool {
        self.failures > 0
    }

    /// How many attempts may be under way.
    pub fn concurrency(&self, allowance: &Allowance) -> u32 {
        if self.pace_ms > 0 {
            1
        } else {
            self.successes
                .saturating_add(allowance.untried)
                .min(allowance.most)
                .max(1)
        }
    }

    /// Until when nothing more is taken after `taken` were at `now`. One that had little lately may have as many as may be
    /// under way at once, and then waits for each its time.
    pub fn hold_after(
        &self,
        taken: u32,
        allowance: &Allowance,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let paced = (self.pace_ms > 0).then(|| now.plus(Duration::from_millis(self.pace_ms)));
        let spaced = (!allowance.spacing.is_zero()).then(|| {
            let burst = allowance.spacing.saturating_mul(allowance.most);
            let idle = now.minus(burst);
            let from = self.hold_until.map_or(idle, |t| t.max(idle));
            from.plus(allowance.spacing.saturating_mul(taken))
        });
        self.hold_until.max(paced).max(spaced)
    }

    /// Why an endpoint that this is known of after an effect is to be disabled, if it is.
    pub fn disabled_by<'a>(&self, effect: &'a Effect) -> Option<&'a str> {
        match effect {
            Effect::Failed {
                disable_if_failing_since: Some((since, reason)),
                ..
            } if self.failing_since.is_some_and(|t| t <= *since) => Some(reason),
            _ => None,
        }
    }

    /// What is known after an attempt that ended at `now`. Attempts end in any order, on many nodes: failures began with
    /// the earliest, the longest hold and pace stand, a success ends failures but no hold, which somebody asked for.
    #[must_use]
    pub fn after(&self, effect: &Effect, now: Timestamp) -> Self {
        match effect {
            Effect::None => self.clone(),
            Effect::Well => Self {
                failures: 0,
                failing_since: None,
                hold_until: self.hold_until,
                pace_ms: relaxed(self.pace_ms),
                successes: self.successes.saturating_add(1).min(ENDPOINT_CONCURRENCY),
            },
            Effect::Failed {
                hold_until,
                pace_ms,
                ..
            } => Self {
                failures: self.failures.saturating_add(1),
                failing_since: Some(self.failing_since.map_or(now, |t| t.min(now))),
                hold_until: self.hold_until.max(*hold_until),
                pace_ms: self.pace_ms.max(*pace_ms),
                successes: self.successes / 2,
            },
        }
    }
}

/// A pace after a success; none once it would be shorter than the first.
fn relaxed(pace_ms: u64) -> u64 {
    let half = pace_ms / 2;
    if half < millis(PACE_FIRST) { 0 } else { half }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

/// What an attempt that ended at `now` means for an endpoint of this health; `jitter` lies in [0, 1).
///
/// An endpoint is held off once it failed ten times in a row and for half a minute: longer after each further failure, with
/// one attempt in between to see whether it is back. Waiting costs deliveries none of their attempts. A receiver that says
/// it has too much to do (429, 502, 504) is asked less often; with 429 and 503 it may say for how long it is to be left alone.
/// One that failed for as long as `disable_after` is disabled.
pub fn effect(
    reply: Result<&Reply, &str>,
    health: &EndpointHealth,
    disable_after: Option<Duration>,
    now: Timestamp,
    jitter: f64,
) -> Effect {
    let status = reply.ok().map(|r| r.status);
    if status.is_some_and(|s| (200..300).contains(&s)) {
        return Effect::Well;
    }
    let failures = health.failures.saturating_add(1);
    let since = health.failing_since.unwrap_or(now);
    let is_open = failures >= BREAKER_FAILURES && now.since(since) >= BREAKER_TIME;
    let hold = is_open.then(|| breaker_hold(failures, jitter));
    let asked = reply
        .ok()
        .filter(|r| matches!(r.status, 429 | 503))
        .and_then(|r| schedule::retry_after(r.retry_after.as_deref()?, now))
        .map(|d| d.min(ENDPOINT_RETRY_AFTER))
        .filter(|d| !d.is_zero());
    let pace_ms = if matches!(status, Some(429 | 502 | 504)) {
        health
            .pace_ms
            .saturating_mul(2)
            .clamp(millis(PACE_FIRST), millis(PACE_MOST))
    } else {
        health.pace_ms
    };
    Effect::Failed {
        hold_until: hold.max(asked).map(|d| now.plus(d)),
        pace_ms,
        disable_if_failing_since: disable_after
            .filter(|_| failures >= BREAKER_FAILURES)
            .map(|d| (now.minus(d), disabled_reason(d))),
    }
}

/// What the log of a delivery says that ended because its endpoint was disabled, and not by an attempt.
pub fn never_attempted(reason: &str) -> String {
    format!("the webhook was disabled: {reason}")
}

fn disabled_reason(after: Duration) -> String {
    format!(
        "no delivery succeeded for {} hours",
        after.as_secs() / 3_600
    )
}

/// Between half and the whole of a time that doubles with each failure.
fn breaker_hold(failures: u32, jitter: f64) -> Duration {
    let doublings = (failures - BREAKER_FAILURES).min(16);
    let whole = (BREAKER_HOLD * (1 << doublings)).min(BREAKER_HOLD_MOST);
    whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAYS: Option<Duration> = Some(Duration::from_secs(5 * 24 * 3_600));

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_794_916_800 + seconds)
    }

    fn reply(status: u16, retry_after: Option<&str>) -> Reply {
        Reply {
            headers: Vec::new(),
            status,
            retry_after: retry_after.map(str::to_owned),
            excerpt: String::new(),
        }
    }

    /// What is known after an answer.
    fn after(health: &EndpointHealth, status: u16, now: Timestamp) -> EndpointHealth {
        let effect = effect(Ok(&reply(status, None)), health, DAYS, now, 0.5);
        health.after(&effect, now)
    }

    fn allowance(most: u32) -> Allowance {
        Allowance {
            most,
            untried: 1,
            spacing: Duration::from_millis(20),
        }
    }

    #[test]
    fn one_delivery_on_its_own_schedule_is_never_held_off() {
        let mut health = EndpointHealth::default();
        for n in 0..6 {
            health = after(&health, 500, at(n * 18_000));
            assert_eq!(health.hold_until, None, "after {n}");
        }
        assert_eq!(health.failing_since, Some(at(0)));
    }

    #[test]
    fn ten_failures_within_a_moment_hold_nothing_off() {
        let mut health = EndpointHealth::default();
        for _ in 0..50 {
            health = after(&health, 500, at(29));
        }
        assert_eq!(health.hold_until, None);
    }

    #[test]
    fn further_failures_hold_off_twice_as_long_up_to_five_minutes() {
        let mut health = EndpointHealth {
            failures: 9,
            failing_since: Some(at(-31)),
            ..EndpointHealth::default()
        };
        let mut holds = Vec::new();
        for _ in 0..12 {
            let effect = effect(Err("no route"), &health, DAYS, at(0), 1.0);
            health = EndpointHealth {
                hold_until: None,
                ..health
            }
            .after(&effect, at(0));
            holds.push(health.hold_until.unwrap().since(at(0)).as_secs());
        }
        assert_eq!(holds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn a_success_ends_failures_and_leaves_a_hold_that_was_asked_for() {
        let health = EndpointHealth {
            failures: 12,
            failing_since: Some(at(-100)),
            hold_until: Some(at(60)),
            pace_ms: 0,
            successes: 3,
        };
        let well = after(&health, 204, at(0));
        let expected = EndpointHealth {
            failures: 0,
            failing_since: None,
            hold_until: Some(at(60)),
            pace_ms: 0,
            successes: 4,
        };
        assert_eq!(well, expected);
    }

    #[test]
    fn a_receiver_with_too_much_to_do_is_asked_less_and_less_often() {
        let mut health = EndpointHealth {
            successes: 20,
            ..EndpointHealth::default()
        };
        let mut paces = Vec::new();
        for status in [429, 502, 504, 500, 429, 200, 200, 200, 200] {
            health = after(&health, status, at(0));
            paces.push(health.pace_ms);
        }
        assert_eq!(paces, [250, 500, 1000, 1000, 2000, 1000, 500, 250, 0]);
        assert_eq!(health.concurrency(&allowance(8)), 5);
        for _ in 0..20 {
            health = after(&health, 429, at(0));
        }
        assert_eq!(health.pace_ms, 60_000);
        assert_eq!(health.concurrency(&allowance(8)), 1);
        assert_eq!(
            health.hold_after(1, &allowance(8), at(0)),
            Some(at(60)),
            "one attempt a minute"
        );
    }

    #[test]
    fn retry_after_of_429_and_503_holds_the_endpoint_within_bounds() {
        let hold = |status, text: &str| {
            let reply = reply(status, Some(text));
            let health = EndpointHealth::default();
            match effect(Ok(&reply), &health, DAYS, at(0), 0.0) {
                Effect::Failed { hold_until, .. } => hold_until,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(hold(429, "120"), Some(at(120)));
        assert_eq!(hold(503, "120"), Some(at(120)));
        assert_eq!(hold(500, "120"), None);
        assert_eq!(hold(503, "0"), None);
        assert_eq!(hold(503, "86400"), Some(at(3600)));
        assert_eq!(hold(503, "soon"), None);
    }

    #[test]
    fn an_endpoint_is_disabled_for_long_failure_and_not_for_two_failures_far_apart() {
        let disables = |failures, setting| {
            let health = EndpointHealth {
                failures,
                failing_since: Some(at(-6 * 24 * 3600)),
                ..EndpointHealth::default()
            };
            match effect(Err("no route"), &health, setting, at(0), 0.0) {
                Effect::Failed {
                    disable_if_failing_since,
                    ..
                } => disable_if_failing_since,
                other => panic!("{other:?}"),
            }
        };
        let reason = "no delivery succeeded for 120 hours".to_owned();
        assert_eq!(disables(9, DAYS), Some((at(-5 * 24 * 3600), reason)));
        assert_eq!(disables(1, DAYS), None);
        assert_eq!(disables(9, None), None);
    }

    #[test]
    fn an_untried_endpoint_gets_one_and_each_success_adds_one() {
        let mut health = EndpointHealth::default();
        let mut seen = Vec::new();
        for status in [200, 200, 200, 500, 200, 200] {
            seen.push(health.concurrency(&allowance(3)));
            health = after(&health, status, at(0));
        }
        assert_eq!(seen, [1, 2, 3, 3, 2, 3]);
        let mut holds = Vec::new();
        for _ in 0..3 {
            health.hold_until = health.hold_after(3, &allowance(3), at(0));
            holds.push(health.hold_until.unwrap().millis() - at(0).millis());
        }
        assert_eq!(holds, [0, 60, 120], "three at once, then one each 20 ms");
    }

    fn status() -> impl Strategy<Value = u16> {
        prop_oneof![
            Just(200_u16),
            Just(429),
            Just(500),
            Just(502),
            Just(503),
            Just(404)
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_bounds_hold(
            results in prop::collection::vec((status(), 0i64..4_000, 0.0f64..1.0), 1..60),
        ) {
            let mut health = EndpointHealth::default();
            let mut now = 0;
            for (status, wait, jitter) in results {
                now += wait;
                let effect = effect(Ok(&reply(status, None)), &health, None, at(now), jitter);
                health = health.after(&effect, at(now));
                let is_well = status == 200;
                prop_assert_eq!(health.is_suspect(), !is_well);
                prop_assert_eq!(health.failing_since.is_some(), !is_well);
                prop_assert!(health.failing_since.is_none_or(|t| t <= at(now)));
                prop_assert!(health.hold_until.is_none_or(|t| t <= at(now).plus(BREAKER_HOLD_MOST)));
                prop_assert!(health.pace_ms <= millis(PACE_MOST));
                prop_assert!((1..=8).contains(&health.concurrency(&allowance(8))));
            }
        }

        #[test]
        fn failures_that_end_in_any_order_leave_the_same(
            mut ends in prop::collection::vec((0i64..1_000, 0i64..1_000, 0u64..60_000), 1..10),
        ) {
            let merge = |ends: &[(i64, i64, u64)]| {
                ends.iter().fold(EndpointHealth::default(), |health, (now, hold, pace_ms)| {
                    let effect = Effect::Failed {
                        hold_until: (*hold > 100).then(|| at(*hold)),
                        pace_ms: *pace_ms,
                        disable_if_failing_since: None,
                    };
                    health.after(&effect, at(*now))
                })
            };
            let forth = merge(&ends);
            ends.reverse();
            prop_assert_eq!(forth, merge(&ends));
        }
    }
}
