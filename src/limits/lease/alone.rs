//! A node's own share of a bucket while the store is away: empty at first, filled at the rate divided by the live nodes; never a debt.

use super::Tick;
use super::terms::RateSpec;

/// The share. Its parts are `nodes` times finer than those of the whole bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alone {
    spec: RateSpec,
    nodes: u64,
    since: Tick,
    level: u128,
    at: Tick,
    /// Tokens it holds at most: the node's part of the burst, or one request's if that is more.
    most: u64,
}

impl Alone {
    /// An empty share since `since`.
    pub(super) fn new(spec: RateSpec, nodes: u64, since: Tick) -> Self {
        let nodes = nodes.max(1);
        Self {
            spec,
            nodes,
            since,
            level: 0,
            at: since,
            most: (spec.burst / nodes).max(1),
        }
    }

    /// Whether it is the share of this outage under this rate.
    pub(super) fn is_of(&self, spec: &RateSpec, since: Tick) -> bool {
        self.spec == *spec && self.since == since
    }

    fn token(&self) -> u128 {
        u128::from(self.spec.unit) * u128::from(self.nodes)
    }

    fn refill(&mut self, now: Tick) {
        let gained = u128::from(now.saturating_sub(self.at)) * u128::from(self.spec.gain);
        self.level = (self.level + gained).min(u128::from(self.most) * self.token());
        self.at = self.at.max(now);
    }

    /// Whole tokens in it.
    pub(super) fn tokens(&mut self, now: Tick) -> u64 {
        self.refill(now);
        u64::try_from(self.level / self.token()).unwrap_or(u64::MAX)
    }

    /// Milliseconds until a request of so many tokens fits.
    pub(super) fn wait_ms(&mut self, tokens: u64, now: Tick) -> u64 {
        self.refill(now);
        self.most = self.most.max(tokens);
        let lacking = (u128::from(tokens) * self.token()).saturating_sub(self.level);
        u64::try_from(lacking.div_ceil(u128::from(self.spec.gain))).unwrap_or(u64::MAX)
    }

    /// Milliseconds until it has one whole token more; 0 where no more fits.
    pub(super) fn next_token_ms(&mut self, now: Tick) -> u64 {
        match self.tokens(now) {
            full if full >= self.most => 0,
            tokens => self.wait_ms(tokens + 1, now),
        }
    }

    pub(super) fn take(&mut self, tokens: u64) {
        self.level = self.level.saturating_sub(u128::from(tokens) * self.token());
    }

    pub(super) fn give_back(&mut self, tokens: u64) {
        let full = u128::from(self.most) * self.token();
        self.level = (self.level + u128::from(tokens) * self.token()).min(full);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Rate;

    #[test]
    fn it_starts_empty_and_all_nodes_together_fill_at_the_rate() {
        let spec = RateSpec::new(Rate {
            requests: 50,
            per_seconds: 1,
            burst: 100,
        });
        let mut a = Alone::new(spec, 3, 1_000);
        assert_eq!((a.tokens(1_000), a.wait_ms(1, 1_000)), (0, 60));
        assert_eq!((a.tokens(1_059), a.tokens(1_060)), (0, 1));
        assert_eq!(a.tokens(60_000), 33, "its part of the burst");
        assert_eq!(a.next_token_ms(60_000), 0);
        a.take(33);
        assert_eq!(
            a.wait_ms(40, 60_000),
            2_400,
            "a dear request waits, not for ever"
        );
        assert_eq!(a.tokens(62_400), 40);
    }
}
