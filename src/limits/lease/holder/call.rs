//! A lease and its calls: when one is due, what it says, what an answer changes; never a call itself.

use std::sync::Arc;

use super::{Asking, Lease, Who, xorshift};
use crate::base::ceilings::{LEASE_BLOCK, LEASE_HOLD, LEASE_LIFE};
use crate::limits::lease::ask::{Amount, Ask, Grant};
use crate::limits::lease::settled::Totals;
use crate::limits::lease::shared::Shared;
use crate::limits::lease::{Tick, ms};

impl Lease {
    /// Whether it is time to ask ahead of need.
    pub(super) fn wants_more(&mut self, shared: &mut Shared, now: Tick) -> bool {
        if self.asking.is_some() {
            return false;
        }
        if let Some(away) = shared.away() {
            return !away.probing && now >= away.retry_at;
        }
        if now < self.ahead_from || !self.meter.is_warm(now) {
            return false;
        }
        let recent = self.meter.recent(now);
        // Half of a block left, give or take a tenth: nodes that run in step would all ask at once.
        let low = |n: u64| n * (102 + self.random % 52) / 256;
        let tokens = low(recent.tokens) + self.meter.cost();
        let places = low(recent.requests) + 1;
        let of_account = if shared.account.is_some() {
            self.hand.account
        } else {
            u64::MAX
        };
        let is_low = self.hand.key.min(of_account) < tokens || self.hand.places < places;
        let one = shared.need(1).plus(self.hand);
        is_low && self.refusals(shared, &one, now).iter().all(|ms| *ms == 0)
    }

    /// The call that is due, if one is: it reports, and asks for what is missing.
    pub fn ask(&mut self, shared: &mut Shared, who: Who<'_>, seq: u64, now: Tick) -> Option<Ask> {
        self.tidy(shared, now);
        if self.asking.is_some() {
            return None;
        }
        if let Some(away) = shared.away_mut() {
            if away.probing || now < away.retry_at {
                return None;
            }
            away.probing = true;
        }
        self.random = xorshift(self.random);
        self.settled.age(now);
        let waiting = self.waiting.take();
        let returning = std::mem::take(&mut self.returning) && waiting.is_none();
        if returning {
            self.void(shared);
        }
        let recent = self.meter.recent(now);
        let warm = self.meter.is_warm(now) || waiting.is_some();
        let (mut tokens, mut places) = if returning || !warm {
            (0, 0)
        } else {
            (recent.tokens + self.meter.cost(), recent.requests + 1)
        };
        if let Some(cost) = waiting {
            // Who waits alone asks for itself only: a key that is used now and then keeps nothing from others.
            let alone = recent.requests <= 1 && !self.meter.is_warm(now);
            tokens = if alone { cost } else { tokens.max(cost) };
            places = if alone { 1 } else { places.max(1) };
        }
        self.trim(shared, tokens, places);
        let cost = waiting.unwrap_or(0);
        let block = |n: u64, hand: u64| n.saturating_sub(hand).min(LEASE_BLOCK);
        let hand = self.hand;
        let of_account = if shared.account.is_some() {
            hand.account
        } else {
            u64::MAX
        };
        let want = block(tokens, hand.key.min(of_account));
        let totals = self.totals();
        let held = self.held();
        self.calls += 1;
        self.asked_at = now;
        self.asking = Some(Asking {
            sent: now,
            generation: self.generation,
            cost,
            want,
            held,
            totals,
        });
        Some(Ask {
            account: Arc::clone(who.account),
            key: Arc::clone(who.key),
            boot: Arc::clone(who.boot),
            seq,
            terms: *shared.own(),
            cost,
            want,
            places: block(places, hand.places).max(u64::from(want > 0 || cost > 0)),
            key_tokens: self.settled.key(totals.key, hand.key, held.0),
            account_tokens: self.settled.account(totals.account, hand.account, held.1),
            hand_places: hand.places,
            hour: self.settled.hour(totals.hour.0, totals.hour.1),
            month: self.settled.month(totals.month.0, totals.month.1),
            settled_at: self.settled.at(),
            seed: shared.seed(),
            life: ms(LEASE_LIFE),
        })
    }

    /// Lets go of what is far more than is asked for: it goes back with the report.
    fn trim(&mut self, shared: &mut Shared, tokens: u64, places: u64) {
        let keep = Amount {
            key: tokens.saturating_mul(2),
            account: tokens.saturating_mul(2),
            places: places.saturating_mul(2),
        };
        let over = self.hand.less(keep);
        if over.is_empty() {
            return;
        }
        self.hand = self.hand.less(over);
        shared.hour.held = shared.hour.held.saturating_sub(over.places);
        shared.month.held = shared.month.held.saturating_sub(over.places);
    }

    /// Takes over a grant. Whether the store had been away.
    pub fn granted(&mut self, shared: &mut Shared, grant: &Grant, now: Tick) -> bool {
        let Some(asked) = self.asking.take() else {
            return false;
        };
        self.random = xorshift(self.random);
        let jitter = 192 + self.random % 129;
        let needed = if asked.cost > 0 { asked.cost } else { 1 };
        let unheard = self.alone_before(&asked);
        let back = shared.heard(grant, needed, now, jitter);
        for (window, n) in [&mut shared.hour, &mut shared.month]
            .into_iter()
            .zip(unheard)
        {
            window.alone = window.alone.saturating_sub(n);
        }
        self.tidy(shared, now);
        let key_needed = shared.terms().key.effective(needed);
        self.shadow.heard(&grant.key, key_needed, now, jitter);
        self.acknowledge(&asked, grant, now);
        self.outstanding = (
            asked.held.0 + grant.amount.key,
            asked.held.1 + grant.amount.account,
        );
        if asked.want > 0 && grant.amount.key == 0 {
            self.ahead_from = now + shared.terms().key.pace_ms();
        }
        let left = grant.hour.end.saturating_sub(grant.now);
        // Clocks run apart by less than a thousandth.
        let end = asked.sent + ms(LEASE_HOLD).min(left.saturating_sub(left / 1000 + 1));
        // Under other terms than it was asked for, or too late: it goes back with the next report.
        if asked.generation == self.generation && now < end {
            self.hand = self.hand.plus(grant.amount);
            shared.hour.held += grant.amount.places;
            shared.month.held += grant.amount.places;
            self.end = end;
        }
        back
    }

    /// Requests counted up to the call that the store had granted no place for.
    fn alone_before(&self, asked: &Asking) -> [u64; 2] {
        let last = self.settled.last();
        let beyond = |said: (u64, u64), known: (u64, u64)| {
            let known = if said.0 == known.0 { known.1 } else { 0 };
            said.1.saturating_sub(known)
        };
        [
            beyond(asked.totals.hour, last.hour),
            beyond(asked.totals.month, last.month),
        ]
    }

    fn acknowledge(&mut self, asked: &Asking, grant: &Grant, now: Tick) {
        let said = &asked.totals;
        let window = |said: (u64, u64), start: u64| {
            let counted = if said.0 == start { said.1 } else { 0 };
            (start, counted + grant.amount.places)
        };
        self.settled.acknowledged(Totals {
            key: said.key + grant.amount.key,
            account: said.account + grant.amount.account,
            hour: window(said.hour, grant.hour.start),
            month: window(said.month, grant.month.start),
            at: grant.now,
            tick: now,
        });
    }

    /// A call failed, or nobody knows what came of it. Whether the node is on its own from here on.
    pub fn failed(&mut self, shared: &mut Shared, nodes: u64, now: Tick) -> bool {
        self.asking = None;
        self.random = xorshift(self.random);
        shared.failed(nodes, now, 192 + self.random % 129)
    }

    /// A call came too late to be carried out: the next one may go at once.
    pub fn overtaken(&mut self, shared: &mut Shared) {
        self.asking = None;
        if let Some(away) = shared.away_mut() {
            away.probing = false;
        }
    }
}
