//! Totals that the store acknowledged, and those of them that are safe from a failover; never what is not acknowledged.

use super::Tick;
use super::ask::{Count, Tokens};
use super::ms;
use crate::base::ceilings::LEASE_SETTLED;

/// Totals at one answer of the store's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) key: u64,
    pub(super) account: u64,
    pub(super) hour: (u64, u64),
    pub(super) month: (u64, u64),
    /// The store's time of the answer.
    pub(super) at: u64,
    /// The node's.
    pub(super) tick: Tick,
}

/// Three points in time: the last answer, one on its way to being old, and one that is old enough.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    last: Totals,
    ageing: Totals,
    safe: Totals,
}

impl Settled {
    /// Takes note of an answer.
    pub(super) fn acknowledged(&mut self, totals: Totals) {
        if self.ageing.at == 0 {
            self.ageing = totals;
        }
        self.last = totals;
    }

    /// Moves on what has become old enough.
    pub(super) fn age(&mut self, now: Tick) {
        let is_old = |t: &Totals| t.at > 0 && now.saturating_sub(t.tick) >= ms(LEASE_SETTLED);
        if is_old(&self.last) {
            self.safe = self.last;
            self.ageing = self.last;
        } else if is_old(&self.ageing) {
            self.safe = self.ageing;
            self.ageing = self.last;
        }
    }

    /// The totals of the last answer.
    pub(super) const fn last(&self) -> &Totals {
        &self.last
    }

    /// When the safe totals were acknowledged, in the store's time; 0 for none.
    pub(super) const fn at(&self) -> u64 {
        self.safe.at
    }

    pub(super) const fn key(&self, total: u64, hand: u64, held: u64) -> Tokens {
        Tokens {
            total,
            hand,
            held,
            settled: self.safe.key,
        }
    }

    pub(super) const fn account(&self, total: u64, hand: u64, held: u64) -> Tokens {
        Tokens {
            total,
            hand,
            held,
            settled: self.safe.account,
        }
    }

    pub(super) const fn hour(&self, start: u64, total: u64) -> Count {
        count(self.safe.hour, start, total)
    }

    pub(super) const fn month(&self, start: u64, total: u64) -> Count {
        count(self.safe.month, start, total)
    }
}

const fn count(safe: (u64, u64), start: u64, total: u64) -> Count {
    Count {
        start,
        total,
        settled: if safe.0 == start { safe.1 } else { 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_safe_once_they_are_old_and_not_before() {
        let totals = |key, tick| Totals {
            key,
            at: 1_000_000 + tick,
            tick,
            ..Totals::default()
        };
        let mut s = Settled::default();
        for tick in 1..=29 {
            s.age(tick * 1_000);
            s.acknowledged(totals(tick, tick * 1_000));
            assert_eq!(s.at(), 0);
        }
        s.age(31_000);
        assert_eq!(s.key(0, 0, 0).settled, 1, "what was said first is old now");
        s.age(100_000);
        assert_eq!(s.key(0, 0, 0).settled, 29, "after a pause all of it is");
    }
}
