//! One bucket as the store keeps it: level, refill, and what nodes hold of it; never whose it is.

use super::super::ask::{BucketView, Tokens};
use super::super::terms::{RateSpec, Revision, Terms};
use crate::base::ceilings::{LEASE_DEBT, LEASE_SPARE};

/// How far the store's clock may go back and still be a late caller; as in an exact bucket.
pub(super) const LATE_MS: u64 = 2_000;
/// Leases that end within the same quarter of a second count together.
const SLOT_MS: u64 = 250;

/// Leases that end together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    end: u64,
    tokens: u64,
    leases: u64,
}

/// A bucket. Without a rate it only counts leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Level {
    revision: Revision,
    strict: bool,
    spec: Option<RateSpec>,
    tokens: i64,
    part: u64,
    at: u64,
    /// Refill that a full bucket could not take: it pays for what nodes admitted on their own at that time.
    spare: u64,
    slots: Vec<Slot>,
}

impl Level {
    /// A full bucket. Where its caller knows of an earlier time, the store has lost the bucket since, and all that came
    /// in since then is spare.
    pub(super) fn full(terms: &Terms, spec: Option<RateSpec>, known_at: u64, now: u64) -> Self {
        Self {
            revision: terms.revision,
            strict: terms.strict,
            spec,
            tokens: spec.map_or(0, |s| signed(s.burst)),
            part: 0,
            at: if known_at == 0 {
                now
            } else {
                known_at.min(now)
            },
            spare: 0,
            slots: Vec::new(),
        }
    }

    fn outstanding(&self) -> u64 {
        self.slots.iter().map(|s| s.tokens).sum()
    }

    fn leases(&self) -> u64 {
        self.slots.iter().map(|s| s.leases).sum()
    }

    /// What fits in beside what is outstanding.
    fn cap(&self, spec: &RateSpec, outstanding: u64) -> u64 {
        if self.strict {
            spec.burst.saturating_sub(outstanding)
        } else {
            spec.burst
        }
    }

    /// Brings it up to `now`. Leases end on the way, each at its time; that never credits anything.
    pub(super) fn advance(&mut self, now: u64) {
        if now + LATE_MS < self.at {
            self.at = now;
            self.slots.clear();
        }
        while let Some(first) = self.slots.first().copied().filter(|s| s.end <= now) {
            self.flow(first.end);
            self.slots.remove(0);
        }
        self.flow(now);
    }

    fn flow(&mut self, to: u64) {
        let Some(passed) = to.checked_sub(self.at) else {
            return;
        };
        self.at = to;
        let Some(spec) = self.spec else { return };
        let cap = self.cap(&spec, self.outstanding());
        let parts = spec.parts(self.tokens, self.part) + i128::from(passed) * i128::from(spec.gain);
        self.settle_at(&spec, cap, parts);
    }

    /// Sets the level to so many parts; what is over the cap is spare.
    fn settle_at(&mut self, spec: &RateSpec, cap: u64, parts: i128) {
        let unit = i128::from(spec.unit);
        let full = i128::from(cap) * unit;
        if parts >= full {
            let over = u64::try_from((parts - full) / unit).unwrap_or(u64::MAX);
            self.spare = self.spare.saturating_add(over).min(spare_most(spec));
            self.tokens = signed(cap);
            self.part = 0;
        } else {
            self.tokens = i64::try_from(parts.div_euclid(unit)).unwrap_or(i64::MIN);
            self.part = u64::try_from(parts.rem_euclid(unit)).unwrap_or(0);
        }
    }

    /// Takes over newer terms; what is in it stays, as far as it fits.
    pub(super) fn adopt(&mut self, terms: &Terms, spec: Option<RateSpec>) {
        if terms.revision <= self.revision {
            return;
        }
        self.revision = terms.revision;
        self.strict = terms.strict;
        match (self.spec, spec) {
            (_, None) => (self.tokens, self.part, self.spare) = (0, 0, 0),
            (None, Some(new)) => (self.tokens, self.part, self.spare) = (signed(new.burst), 0, 0),
            (Some(old), Some(new)) => {
                let part = u128::from(self.part) * u128::from(new.unit) / u128::from(old.unit);
                self.part = u64::try_from(part).unwrap_or(0);
                self.spare = self.spare.min(spare_most(&new));
            }
        }
        self.spec = spec;
        if let Some(new) = spec {
            let cap = signed(self.cap(&new, self.outstanding()));
            if self.tokens >= cap {
                (self.tokens, self.part) = (cap, 0);
            }
        }
    }

    /// Takes a lease out of the outstanding ones.
    pub(super) fn withdraw(&mut self, end: u64, tokens: u64, leases: u64) {
        if let Some(slot) = self.slots.iter_mut().find(|s| s.end == end) {
            slot.tokens = slot.tokens.saturating_sub(tokens);
            slot.leases = slot.leases.saturating_sub(leases);
        }
        self.slots.retain(|s| s.tokens > 0 || s.leases > 0);
    }

    /// Counts a lease as outstanding.
    pub(super) fn deposit(&mut self, end: u64, tokens: u64, leases: u64) {
        if tokens == 0 && leases == 0 {
            return;
        }
        match self.slots.binary_search_by_key(&end, |s| s.end) {
            Ok(i) => {
                self.slots[i].tokens += tokens;
                self.slots[i].leases += leases;
            }
            Err(i) => self.slots.insert(
                i,
                Slot {
                    end,
                    tokens,
                    leases,
                },
            ),
        }
    }

    /// Books what a node reports: what it answers for beyond what the store knew of is debited, below zero if need be;
    /// what it no longer answers for comes back, as far as its last lease is outstanding (`held_before` of it).
    pub(super) fn settle(&mut self, said: &Tokens, known: Option<u64>, held_before: Option<u64>) {
        let Some(spec) = self.spec else { return };
        let base = known.unwrap_or(said.settled);
        if said.total > base {
            let debt = said.total - base;
            let paid = debt.min(self.spare);
            self.spare -= paid;
            let left = self.tokens.saturating_sub(signed(debt - paid));
            self.tokens = left.max(-signed(LEASE_DEBT));
        } else if let Some(before) = held_before {
            let back = (base - said.total).min(before.saturating_sub(said.held));
            let cap = signed(self.cap(&spec, self.outstanding() + said.held));
            self.tokens = self.tokens.saturating_add(signed(back));
            if self.tokens >= cap {
                (self.tokens, self.part) = (cap, 0);
            }
        }
    }

    /// What one node may have at once: half of its part among those who draw on it; where a request waits, also all that
    /// comes in one pace anyway, since nodes that wait out the pace would else leave it behind.
    pub(super) fn share(&self, waits: bool) -> u64 {
        let tokens = self.available();
        match self.spec {
            Some(spec) => {
                let half = tokens / (2 * (self.leases() + 1));
                let pace = if waits { spec.in_ms(spec.pace_ms()) } else { 0 };
                half.max(tokens.min(pace))
            }
            None => u64::MAX,
        }
    }

    /// Tokens that can be granted.
    pub(super) fn available(&self) -> u64 {
        if self.spec.is_some() {
            u64::try_from(self.tokens).unwrap_or(0)
        } else {
            u64::MAX
        }
    }

    /// What a request takes that has `hand` already.
    pub(super) fn need(&self, cost: u64, hand: u64) -> u64 {
        let effective = self.spec.map_or(0, |s| s.effective(cost));
        effective.saturating_sub(hand)
    }

    pub(super) fn is_limited(&self) -> bool {
        self.spec.is_some()
    }

    pub(super) fn debit(&mut self, tokens: u64) {
        self.tokens -= signed(tokens);
    }

    pub(super) fn view(&self, own: u64) -> BucketView {
        BucketView {
            tokens: self.tokens,
            part: self.part,
            active: self.leases(),
            elsewhere: self.outstanding().saturating_sub(own),
        }
    }

    pub(super) fn terms(&self) -> (Revision, bool, Option<RateSpec>) {
        (self.revision, self.strict, self.spec)
    }
}

fn spare_most(spec: &RateSpec) -> u64 {
    spec.in_ms(u64::try_from(LEASE_SPARE.as_millis()).unwrap_or(u64::MAX))
}

/// The end of a lease that begins now.
pub(super) const fn slot_end(now: u64, life: u64) -> u64 {
    (now + life).div_ceil(SLOT_MS) * SLOT_MS
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
