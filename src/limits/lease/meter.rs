//! How much a key is asked for on this node, over the last tenth of a second; never how much it gets.

use super::Tick;

/// Width of a window in milliseconds.
const WIDTH_MS: u64 = 100;
/// A key that is asked for at least this often is worth asking ahead for.
const WARM_MS: u64 = 1_000;

/// Tokens and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Demand {
    pub(super) tokens: u64,
    pub(super) requests: u64,
}

/// Counts in windows of a tenth of a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    start: Tick,
    open: Demand,
    before: Demand,
    last: Tick,
    gap: u64,
    cost: u64,
    begun: bool,
}

impl Meter {
    pub(super) fn note(&mut self, cost: u64, now: Tick) {
        self.roll(now);
        self.open.tokens = self.open.tokens.saturating_add(cost);
        self.open.requests += 1;
        self.gap = if self.begun {
            now.saturating_sub(self.last)
        } else {
            u64::MAX
        };
        self.begun = true;
        self.last = now;
        self.cost = cost;
    }

    fn roll(&mut self, now: Tick) {
        let passed = now.saturating_sub(self.start);
        if passed >= 2 * WIDTH_MS {
            self.start = now;
            (self.open, self.before) = (Demand::default(), Demand::default());
        } else if passed >= WIDTH_MS {
            self.start += WIDTH_MS;
            self.before = std::mem::take(&mut self.open);
        }
    }

    /// What was asked for in a tenth of a second, of late.
    pub(super) fn recent(&mut self, now: Tick) -> Demand {
        self.roll(now);
        Demand {
            tokens: self.open.tokens.max(self.before.tokens),
            requests: self.open.requests.max(self.before.requests),
        }
    }

    /// Whether the next request is likely to come soon.
    pub(super) fn is_warm(&self, now: Tick) -> bool {
        self.gap <= WARM_MS && self.idle_ms(now) <= WARM_MS
    }

    /// Time since the last request.
    pub(super) fn idle_ms(&self, now: Tick) -> u64 {
        now.saturating_sub(self.last)
    }

    /// Tokens of the last request.
    pub(super) const fn cost(&self) -> u64 {
        self.cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demand_is_that_of_the_last_full_window_or_of_the_open_one() {
        let mut m = Meter::default();
        for ms in 0..100 {
            m.note(2, 1_000 + ms);
        }
        assert_eq!(m.recent(1_099).tokens, 200);
        m.note(2, 1_101);
        assert_eq!(
            (m.recent(1_101).tokens, m.recent(1_101).requests),
            (200, 100)
        );
        assert_eq!(m.recent(1_250).tokens, 2);
        assert_eq!(m.recent(1_500).tokens, 0);
    }

    #[test]
    fn a_key_is_warm_from_its_second_request_within_a_second() {
        let mut m = Meter::default();
        m.note(1, 50);
        assert!(!m.is_warm(50));
        m.note(1, 900);
        assert!(m.is_warm(900) && m.is_warm(1_900) && !m.is_warm(1_901));
    }
}
