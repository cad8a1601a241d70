//! What is limited how, as store and nodes both compute with it; never a count of anything used.

use crate::base::ceilings::{LEASE_PACE, RATE_SECONDS, RATE_TOKENS};
use crate::config::model::{Plan, Rate};

/// The largest count that the store's numbers hold exactly.
const MAX_COUNT: u64 = (1 << 53) - 1;

/// A rate in whole numbers: a token is `unit` parts, and each millisecond brings `gain` of them. Both are as small as the
/// rate allows, so that a script whose numbers are doubles computes exactly: `gain` is at most 10^9 and `unit` squared
/// stays below 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateSpec {
    /// Parts that come in a millisecond.
    pub gain: u64,
    /// Parts of a token.
    pub unit: u64,
    /// Tokens of a full bucket.
    pub burst: u64,
}

impl RateSpec {
    /// The numbers of a rate, within what plans and overrides may say.
    pub fn new(rate: Rate) -> Self {
        let requests = rate.requests.clamp(1, RATE_TOKENS);
        let period_ms = rate.per_seconds.clamp(1, RATE_SECONDS) * 1000;
        let factor = gcd(requests, period_ms);
        Self {
            gain: requests / factor,
            unit: period_ms / factor,
            burst: rate.burst.clamp(1, RATE_TOKENS),
        }
    }

    /// Tokens and a part of one, as parts.
    pub const fn parts(&self, tokens: i64, part: u64) -> i128 {
        tokens as i128 * self.unit as i128 + part as i128
    }

    /// Whole tokens that come in `ms` milliseconds.
    pub fn in_ms(&self, ms: u64) -> u64 {
        let parts = u128::from(ms) * u128::from(self.gain);
        u64::try_from(parts / u128::from(self.unit)).unwrap_or(u64::MAX)
    }

    /// Milliseconds in which so many parts come, rounded up.
    pub fn ms_for(&self, parts: i128) -> u64 {
        let parts = u128::try_from(parts).unwrap_or(0);
        u64::try_from(parts.div_ceil(u128::from(self.gain))).unwrap_or(u64::MAX)
    }

    /// Milliseconds in which an empty bucket fills.
    pub fn fill_ms(&self) -> u64 {
        self.ms_for(i128::from(self.burst) * i128::from(self.unit))
    }

    /// How long a node waits before it asks again for a bucket that it found empty: a quarter of the time in which the
    /// bucket fills, so that none of the refill is lost, and [`LEASE_PACE`] at most.
    pub fn pace_ms(&self) -> u64 {
        let full = u128::from(self.burst) * u128::from(self.unit);
        let quarter = full / (4 * u128::from(self.gain));
        u64::try_from(quarter).unwrap_or(u64::MAX).clamp(1, PACE_MS)
    }

    /// Tokens of a request: never more than a full bucket holds, so that no request waits for ever.
    pub const fn effective(&self, cost: u64) -> u64 {
        if cost < self.burst { cost } else { self.burst }
    }
}

/// [`LEASE_PACE`] in milliseconds; the script has the same number.
const PACE_MS: u64 = LEASE_PACE.as_millis() as u64;

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Which of two terms is newer: the configuration decides, then the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision {
    /// The number of the configuration among all nodes.
    pub config: u64,
    /// When the account was read that way, in milliseconds.
    pub account: u64,
}

/// The limits of one account and its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Older terms never replace newer ones.
    pub revision: Revision,
    /// Whether what nodes hold is taken off the burst, so that the rate holds in every window.
    pub strict: bool,
    /// Each key's bucket.
    pub key: RateSpec,
    /// The bucket that the account's keys share.
    pub account: Option<RateSpec>,
    /// Requests in a UTC hour.
    pub hour: Option<u64>,
    /// Requests in a UTC month.
    pub month: Option<u64>,
}

impl Terms {
    /// The limits of a plan.
    pub fn new(plan: &Plan, strict: bool, revision: Revision) -> Self {
        Self {
            revision,
            strict,
            key: RateSpec::new(plan.rate),
            account: plan.account_rate.map(RateSpec::new),
            hour: plan.quotas.hour.map(|q| q.min(MAX_COUNT)),
            month: plan.quotas.month.map(|q| q.min(MAX_COUNT)),
        }
    }

    /// Whether they say the same, whatever their revision.
    pub fn same_limits(&self, other: &Self) -> bool {
        let revision = self.revision;
        *self == Self { revision, ..*other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(requests: u64, per_seconds: u64, burst: u64) -> RateSpec {
        RateSpec::new(Rate {
            requests,
            per_seconds,
            burst,
        })
    }

    #[test]
    fn a_rate_is_as_small_as_it_can_be() {
        let s = spec(50, 1, 100);
        assert_eq!((s.gain, s.unit, s.burst), (1, 20, 100));
        assert_eq!((s.in_ms(39), s.in_ms(40)), (1, 2));
        assert_eq!((s.ms_for(s.parts(2, 1)), s.fill_ms()), (41, 2000));
    }

    #[test]
    fn the_pace_is_a_quarter_of_the_time_to_fill_within_its_bounds() {
        assert_eq!(spec(50, 1, 100).pace_ms(), 50);
        assert_eq!(spec(100_000, 1, 1000).pace_ms(), 2);
        assert_eq!(spec(1_000_000_000, 1, 1).pace_ms(), 1);
        assert_eq!(spec(1, 86_400, 1_000_000_000).pace_ms(), 50);
    }

    #[test]
    fn rates_beyond_what_plans_may_say_are_brought_within() {
        let s = spec(u64::MAX, u64::MAX, u64::MAX);
        assert!(s.gain <= RATE_TOKENS && s.burst == RATE_TOKENS);
        assert!(u128::from(s.unit) * u128::from(s.unit) < 1 << 53);
        assert_eq!(spec(0, 0, 0).burst, 1);
    }

    #[test]
    fn the_configuration_outweighs_the_account_in_a_revision() {
        let r = |config, account| Revision { config, account };
        assert!(r(2, 1) > r(1, 9) && r(1, 2) > r(1, 1));
    }
}
