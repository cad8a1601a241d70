//! A token bucket in whole numbers: `now` comes in, nothing drifts, no clock that goes back adds or takes a token.

use crate::base::clock::Timestamp;
use crate::config::model::Rate;

/// How far `now` may lie before the last refill and still be a late caller rather than a clock that was set back.
/// Late callers wait for nothing and gain nothing; a clock that was set back starts the refill from its new time.
const LATE_MS: i64 = 2_000;

/// A rate in the bucket's own units: a token is `unit` of them, and each millisecond brings `gain`. So the smallest step of
/// time brings a whole number, whatever the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketSpec {
    gain: u64,
    unit: u64,
    cap: u64,
}

impl BucketSpec {
    /// The units of a rate. Rates beyond all measure saturate: they never overflow and never admit more than they say.
    pub fn new(rate: Rate) -> Self {
        let (requests, period_ms) = (
            rate.requests.max(1),
            rate.per_seconds.max(1).saturating_mul(1000),
        );
        let factor = gcd(requests, period_ms);
        let (gain, unit) = (requests / factor, period_ms / factor);
        Self {
            gain,
            unit,
            cap: rate.burst.max(1).min(u64::MAX / unit) * unit,
        }
    }

    /// Tokens that a full bucket holds.
    pub const fn burst(&self) -> u64 {
        self.cap / self.unit
    }

    /// Seconds in which an empty bucket fills, rounded up.
    pub const fn window_seconds(&self) -> u64 {
        self.cap.div_ceil(self.gain).div_ceil(1000)
    }

    /// What a request takes: never more than a full bucket holds, so that no request waits for ever.
    pub const fn effective(&self, cost: u64) -> u64 {
        match cost.checked_mul(self.unit) {
            Some(units) if units < self.cap => cost,
            _ => self.burst(),
        }
    }
}

/// The level of one bucket. A new one is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    spec: BucketSpec,
    level: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub const fn full(spec: BucketSpec, now: Timestamp) -> Self {
        Self {
            spec,
            level: spec.cap,
            at: now,
        }
    }

    /// The rate it follows.
    pub const fn spec(&self) -> &BucketSpec {
        &self.spec
    }

    /// Brings the level up to `now`, under `spec`: where that is another one, whole and broken tokens stay and what a full
    /// bucket no longer holds is gone.
    pub fn refill(&mut self, spec: &BucketSpec, now: Timestamp) {
        self.advance(now);
        if self.spec != *spec {
            let level = u128::from(self.level) * u128::from(spec.unit) / u128::from(self.spec.unit);
            self.level = u64::try_from(level).unwrap_or(u64::MAX).min(spec.cap);
            self.spec = *spec;
        }
    }

    fn advance(&mut self, now: Timestamp) {
        let passed = now.millis() - self.at.millis();
        if let Ok(passed) = u64::try_from(passed) {
            let gained = passed.saturating_mul(self.spec.gain);
            self.level = self.level.saturating_add(gained).min(self.spec.cap);
            self.at = now;
        } else if passed < -LATE_MS {
            self.at = now;
        }
    }

    /// When it was refilled last.
    pub const fn refilled_at(&self) -> Timestamp {
        self.at
    }

    /// Whole tokens in it, as of the last refill.
    pub const fn tokens(&self) -> u64 {
        self.level / self.spec.unit
    }

    /// Whether nothing more fits in.
    pub const fn is_full(&self) -> bool {
        self.level == self.spec.cap
    }

    /// Whether `tokens` are in it.
    pub const fn has(&self, tokens: u64) -> bool {
        match tokens.checked_mul(self.spec.unit) {
            Some(units) => units <= self.level,
            None => false,
        }
    }

    /// Takes `tokens`, or none and says so.
    #[must_use]
    pub fn take(&mut self, tokens: u64) -> bool {
        let taken = tokens
            .checked_mul(self.spec.unit)
            .and_then(|units| self.level.checked_sub(units));
        if let Some(level) = taken {
            self.level = level;
        }
        taken.is_some()
    }

    /// Puts `tokens` back, as far as they fit.
    pub fn give_back(&mut self, tokens: u64) {
        let units = tokens.saturating_mul(self.spec.unit);
        self.level = self.level.saturating_add(units).min(self.spec.cap);
    }

    /// Milliseconds from the last refill until `tokens` are in it, at most the time to fill it.
    pub fn wait_ms(&self, tokens: u64) -> u64 {
        let wanted = tokens.saturating_mul(self.spec.unit).min(self.spec.cap);
        wanted.saturating_sub(self.level).div_ceil(self.spec.gain)
    }

    /// Milliseconds from the last refill until it holds one whole token more; 0 for a full bucket.
    pub fn next_token_ms(&self) -> u64 {
        if self.is_full() {
            return 0;
        }
        self.wait_ms(self.tokens().saturating_add(1))
    }
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_700_000_000_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(START + ms)
    }

    fn spec(requests: u64, per_seconds: u64, burst: u64) -> BucketSpec {
        BucketSpec::new(Rate {
            requests,
            per_seconds,
            burst,
        })
    }

    #[test]
    fn the_contract_example_fills_in_two_seconds() {
        let s = spec(50, 1, 100);
        assert_eq!((s.burst(), s.window_seconds()), (100, 2));
        let mut b = Bucket::full(s, at(0));
        assert!(b.take(100) && !b.take(1));
        assert_eq!((b.next_token_ms(), b.wait_ms(100)), (20, 2000));
        b.refill(&s, at(19));
        assert!(!b.has(1));
        b.refill(&s, at(20));
        assert!(b.has(1) && !b.has(2));
    }

    #[test]
    fn a_slow_rate_does_not_drift() {
        let s = spec(1, 3, 5);
        let mut b = Bucket::full(s, at(0));
        assert!(b.take(5));
        for ms in 1..=8_999 {
            b.refill(&s, at(ms));
        }
        assert_eq!(b.tokens(), 2);
        b.refill(&s, at(9_000));
        assert_eq!(b.tokens(), 3);
    }

    #[test]
    fn a_clock_that_goes_back_adds_and_takes_nothing() {
        let s = spec(1, 1, 10);
        let mut b = Bucket::full(s, at(0));
        assert!(b.take(10));
        for _ in 0..100 {
            b.refill(&s, at(1000));
            b.refill(&s, at(500));
        }
        assert_eq!(b.tokens(), 1, "late callers gain nothing");
        b.refill(&s, at(-3_600_000));
        assert_eq!(b.tokens(), 1);
        b.refill(&s, at(-3_600_000 + 2000));
        assert_eq!(b.tokens(), 3, "and it fills on from the time that was set");
    }

    #[test]
    fn another_rate_keeps_the_tokens_and_clamps_them() {
        let (big, small) = (spec(50, 1, 100), spec(7, 3, 10));
        let mut b = Bucket::full(big, at(0));
        assert!(b.take(60));
        b.refill(&small, at(0));
        assert_eq!(b.tokens(), 10);
        assert!(b.take(4));
        b.refill(&big, at(0));
        assert_eq!(b.tokens(), 6, "a larger burst gives nothing away");
    }

    #[test]
    fn rates_beyond_measure_saturate() {
        for s in [
            spec(u64::MAX, u64::MAX, u64::MAX),
            spec(1, u64::MAX, u64::MAX),
            spec(u64::MAX, 1, u64::MAX),
            spec(0, 0, 0),
        ] {
            let mut b = Bucket::full(s, at(0));
            assert!(b.take(1));
            b.give_back(u64::MAX);
            b.refill(&s, Timestamp::from_millis(i64::MAX));
            assert!(b.is_full());
            assert!(s.effective(u64::MAX) == s.burst());
        }
    }

    proptest! {
        #[test]
        fn no_schedule_admits_more_than_burst_and_rate(
            requests in 1u64..500, per in 1u64..100, burst in 1u64..300,
            steps in prop::collection::vec((0i64..5_000, 1u64..20, 0i64..4_000), 1..200),
        ) {
            let s = spec(requests, per, burst);
            let mut b = Bucket::full(s, at(0));
            let (mut time, mut forward, mut admitted) = (0i64, 0i64, 0u64);
            for (step, cost, back) in steps {
                time += step;
                forward += step;
                b.refill(&s, at(time));
                if b.take(cost) {
                    admitted += cost;
                }
                prop_assert!(b.level <= s.cap);
                let ceiling = u128::from(burst) * u128::from(per) * 1000
                    + u128::from(requests) * u128::from(forward.unsigned_abs());
                prop_assert!(u128::from(admitted) * u128::from(per) * 1000 <= ceiling);
                if back > 3_900 {
                    time -= back;
                    let before = b.level;
                    b.refill(&s, at(time));
                    prop_assert_eq!(b.level, before);
                }
            }
        }

        #[test]
        fn many_small_refills_are_one_large_one(
            requests in 1u64..500, per in 1u64..100, burst in 1u64..300,
            steps in prop::collection::vec(0i64..2_000, 1..50),
        ) {
            let s = spec(requests, per, burst);
            let mut small = Bucket::full(s, at(0));
            prop_assert!(small.take(burst));
            let mut large = small;
            let mut time = 0;
            for step in steps {
                time += step;
                small.refill(&s, at(time));
            }
            large.refill(&s, at(time));
            prop_assert_eq!(small, large);
        }

        #[test]
        fn waiting_as_long_as_it_says_is_enough_and_not_too_much(
            requests in 1u64..500, per in 1u64..100, burst in 2u64..300, taken in 1u64..300, wanted in 1u64..300,
        ) {
            let s = spec(requests, per, burst);
            let mut b = Bucket::full(s, at(0));
            let _ = b.take(taken.min(burst));
            let wanted = s.effective(wanted);
            let wait = i64::try_from(b.wait_ms(wanted)).unwrap();
            let mut later = b;
            later.refill(&s, at(wait));
            prop_assert!(later.has(wanted));
            if wait > 0 {
                b.refill(&s, at(wait - 1));
                prop_assert!(!b.has(wanted));
            }
        }
    }
}
