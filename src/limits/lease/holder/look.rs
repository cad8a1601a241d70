//! A lease that nobody may be using: giving back, renewing, reporting, forgetting; never a request.

use super::{Lease, Look};
use crate::base::ceilings::{LEASE_HOLD, LEASE_IDLE, LEASE_IDLE_LAST, LEASE_LIFE};
use crate::limits::lease::shared::Shared;
use crate::limits::lease::{Tick, ms};

/// Age of a lease from which it is renewed before it ends.
const RENEW_MS: u64 = 400;
/// In strict mode, where what is outstanding is missing from the burst: how soon it is reported that tokens were spent.
const REPORT_MS: u64 = 100;

impl Lease {
    /// What is due with a lease that nobody may be using: giving back, renewing, reporting.
    pub fn look(&mut self, shared: &mut Shared, now: Tick) -> Look {
        self.tidy(shared, now);
        let strict = shared.terms().strict;
        let later = Look::Later(now + if strict { REPORT_MS } else { ms(LEASE_IDLE) });
        if self.asking.is_some() {
            return later;
        }
        if let Some(away) = shared.away() {
            return match (away.probing, self.is_unreported() || !self.hand.is_empty()) {
                (_, false) => Look::Done,
                (false, true) if now >= away.retry_at => Look::Call,
                _ => Look::Later(away.retry_at.max(now + ms(LEASE_IDLE))),
            };
        }
        if strict && self.spent_in_secret(now) {
            return if now >= self.asked_at + REPORT_MS {
                Look::Call
            } else {
                later
            };
        }
        if self.hand.is_empty() {
            return if self.is_unreported() {
                Look::Call
            } else {
                Look::Done
            };
        }
        let idle = self.meter.idle_ms(now);
        let is_small = self.hand.key <= self.meter.cost();
        if idle >= ms(LEASE_IDLE_LAST) || idle >= ms(LEASE_IDLE) && !is_small {
            self.returning = true;
            return Look::Call;
        }
        if self.end.saturating_sub(now) <= RENEW_MS {
            return Look::Call;
        }
        later
    }

    /// Whether the store counts tokens as outstanding that are spent for good.
    fn spent_in_secret(&self, now: Tick) -> bool {
        let held = self.held();
        now < self.asked_at + ms(LEASE_LIFE)
            && (self.outstanding.0 > held.0 || self.outstanding.1 > held.1)
    }

    /// Wants all of it given back, and everything reported, with a call that is due now: at a stop. Whether there is
    /// anything to say.
    pub fn give_all_back(&mut self, shared: &mut Shared, now: Tick) -> bool {
        self.tidy(shared, now);
        if self.hand.is_empty() && !self.is_unreported() {
            return false;
        }
        self.returning = true;
        if let Some(away) = shared.away_mut() {
            away.retry_at = now;
        }
        true
    }

    /// Whether forgetting it changes nothing: the store counts nothing of it as outstanding, and was told everything.
    pub fn is_idle(&mut self, shared: &mut Shared, now: Tick) -> bool {
        self.tidy(shared, now);
        self.asking.is_none()
            && self.hand.is_empty()
            && self.waiting.is_none()
            && !self.is_unreported()
            && self.meter.idle_ms(now) > 2 * (ms(LEASE_LIFE) + ms(LEASE_HOLD))
    }
}
