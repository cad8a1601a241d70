//! A lease while the store is away: this node's own share, or whatever the operator chose; never a call.

use super::{Lease, Step};
use crate::config::model::OnStoreFailure;
use crate::limits::lease::alone::Alone;
use crate::limits::lease::ask::Amount;
use crate::limits::lease::shared::{Away, Shared};
use crate::limits::lease::{Origin, Tick};

impl Lease {
    pub(super) fn refusals_alone(
        &mut self,
        shared: &mut Shared,
        away: &Away,
        need: &Amount,
        now: Tick,
    ) -> [u64; 4] {
        let key = self.alone(shared, away).wait_ms(need.key, now);
        let account = match shared.away_mut().and_then(|a| a.account.as_mut()) {
            Some(account) => account.wait_ms(need.account, now),
            None => 0,
        };
        let full = |left: Option<u64>, wait: u64| if left == Some(0) { wait.max(1) } else { 0 };
        [
            key,
            account,
            full(away.places[0], shared.left_ms(&shared.hour, now)),
            full(away.places[1], shared.left_ms(&shared.month, now)),
        ]
    }

    /// This node's share of the key's bucket in this outage.
    pub(in crate::limits::lease) fn alone(&mut self, shared: &Shared, away: &Away) -> &mut Alone {
        let spec = shared.terms().key;
        if !self.alone.is_some_and(|a| a.is_of(&spec, away.since)) {
            self.alone = None;
        }
        self.alone
            .get_or_insert_with(|| Alone::new(spec, away.nodes, away.since))
    }

    /// What holds while the store is away and nothing is in hand.
    pub(super) fn take_alone(
        &mut self,
        shared: &mut Shared,
        need: Amount,
        policy: OnStoreFailure,
        now: Tick,
    ) -> Step {
        match policy {
            OnStoreFailure::Deny => return Step::Away,
            OnStoreFailure::Allow => {
                self.count(shared);
                return Step::Admitted(self.spent_of(Amount::default(), Origin::Free));
            }
            OnStoreFailure::Local => {}
        }
        if self.refusals(shared, &need, now).iter().any(|ms| *ms > 0) {
            return Step::Refused;
        }
        if let Some(alone) = self.alone.as_mut() {
            alone.take(need.key);
        }
        if let Some(away) = shared.away_mut() {
            if let Some(account) = away.account.as_mut() {
                account.take(need.account);
            }
            for left in away.places.iter_mut().flatten() {
                *left = left.saturating_sub(1);
            }
        }
        self.spent.0 += need.key;
        self.spent.1 += need.account;
        self.count(shared);
        let calls = self.calls;
        Step::Admitted(self.spent_of(need, Origin::Alone { calls }))
    }

    /// Counts a request that the store has granted no place for.
    fn count(&mut self, shared: &mut Shared) {
        self.hour.n += 1;
        self.month.n += 1;
        shared.hour.alone += 1;
        shared.month.alone += 1;
    }
}
