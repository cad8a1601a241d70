//! What a node believes of a bucket in the store between two calls: an estimate to show and to refuse by, never one to admit by.

use super::Tick;
use super::ask::BucketView;
use super::terms::RateSpec;
use crate::base::ceilings::{LEASE_LIFE, LEASE_PACE_SHARED, LEASE_RECHECK};
use crate::limits::lease::ms;

/// A bucket of the store's as the last answer showed it, refilled since. Nobody heard of yet, it is full.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shadow {
    spec: RateSpec,
    parts: i128,
    at: Tick,
    /// Calls are of no use before this, for more tokens than there were.
    pause: (Tick, u64),
    /// From then on the store is asked, whatever is believed.
    recheck: Tick,
}

impl Shadow {
    pub(super) fn full(spec: RateSpec, now: Tick) -> Self {
        Self {
            spec,
            parts: spec.parts(spec.burst as i64, 0),
            at: now,
            pause: (0, 0),
            recheck: 0,
        }
    }

    /// Takes over another rate.
    pub(super) fn set_spec(&mut self, spec: RateSpec, now: Tick) {
        let tokens = self.tokens(now).min(spec.burst as i64);
        *self = Self {
            parts: spec.parts(tokens, 0),
            ..Self::full(spec, now)
        };
    }

    pub(super) const fn spec(&self) -> &RateSpec {
        &self.spec
    }

    /// Takes over what the store said. `needed` is what the call could not go without; `jitter` spreads what nodes do,
    /// in 1/256 from 3/4 to 5/4.
    pub(super) fn heard(&mut self, view: &BucketView, needed: u64, now: Tick, jitter: u64) {
        self.parts = self.spec.parts(view.tokens, view.part);
        self.at = now;
        let tokens = u64::try_from(view.tokens).unwrap_or(0);
        let believed = if view.elsewhere > 0 {
            ms(LEASE_LIFE)
        } else {
            ms(LEASE_RECHECK)
        };
        self.recheck = now + believed * jitter.min(256) / 256;
        self.pause = if tokens < needed.max(1) {
            (
                now + (self.pace_ms(view.active) * jitter / 256).max(1),
                tokens,
            )
        } else {
            (0, 0)
        };
    }

    /// Refuses whatever is not in hand for the time of one pace.
    pub(super) fn pause(&mut self, now: Tick) {
        let until = now + self.spec.pace_ms();
        self.pause = (until, 0);
        self.recheck = self.recheck.max(until);
    }

    /// How long to wait at an empty bucket: the pace of its rate, or longer where several nodes would ask for the same
    /// few tokens; never so long that refill is lost.
    fn pace_ms(&self, active: u64) -> u64 {
        let pace = self.spec.pace_ms();
        let shared = self
            .spec
            .ms_for(i128::from(active) * i128::from(self.spec.unit));
        let most = (self.spec.fill_ms() / 4).min(ms(LEASE_PACE_SHARED));
        pace.max(shared.min(most))
    }

    fn parts_at(&self, now: Tick) -> i128 {
        let passed = now.saturating_sub(self.at);
        let full = self.spec.parts(self.spec.burst as i64, 0);
        (self.parts + i128::from(passed) * i128::from(self.spec.gain)).min(full)
    }

    /// Whole tokens, below zero where nodes admitted on their own.
    pub(super) fn tokens(&self, now: Tick) -> i64 {
        i64::try_from(self.parts_at(now).div_euclid(i128::from(self.spec.unit))).unwrap_or(i64::MIN)
    }

    /// Milliseconds until `tokens` are in it, by its rate alone.
    pub(super) fn refill_ms(&self, tokens: u64, now: Tick) -> u64 {
        let wanted = self.spec.parts(tokens.min(self.spec.burst) as i64, 0);
        self.spec.ms_for(wanted - self.parts_at(now))
    }

    /// Milliseconds until it has one whole token more; 0 for a full bucket.
    pub(super) fn next_token_ms(&self, now: Tick) -> u64 {
        let next = self.tokens(now).saturating_add(1);
        if next > self.spec.burst as i64 {
            return 0;
        }
        self.spec
            .ms_for(self.spec.parts(next, 0) - self.parts_at(now))
    }

    /// Milliseconds for which `lacking` tokens are not there; 0 where the store is to be asked.
    pub(super) fn refuses_ms(&self, lacking: u64, now: Tick) -> u64 {
        if lacking == 0 || now >= self.recheck {
            return 0;
        }
        let (until, tokens) = self.pause;
        let pause = if lacking > tokens {
            until.saturating_sub(now)
        } else {
            0
        };
        self.refill_ms(lacking, now).max(pause)
    }
}
