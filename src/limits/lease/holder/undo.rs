//! Requests between their admission and their leaving: what they took is spent for good, or comes back; never an admission.

use super::{Due, Lease};
use crate::limits::lease::ask::Amount;
use crate::limits::lease::shared::Shared;
use crate::limits::lease::{Origin, Spent, Tick};

impl Lease {
    /// A request has left: what it took is spent for good.
    pub fn sent(&mut self, spent: &Spent) {
        if let Some(limbo) = self.limbo_of(spent) {
            limbo.0 = limbo.0.saturating_sub(spent.key);
            limbo.1 = limbo.1.saturating_sub(spent.account);
        }
    }

    /// A request will not leave: what it took goes back into the hand, or to the store with the next report; tokens that
    /// the store no longer counts as outstanding are gone, and come in again at the rate.
    pub fn undo(&mut self, shared: &mut Shared, spent: &Spent, now: Tick) -> Due {
        self.tidy(shared, now);
        self.hour.remove(spent.hour);
        self.month.remove(spent.month);
        let in_hand = spent.origin != Origin::Free && self.undo_tokens(shared, spent, now);
        if !in_hand && !matches!(spent.origin, Origin::Lease { .. }) {
            shared.hour.alone = shared.hour.alone.saturating_sub(1);
            shared.month.alone = shared.month.alone.saturating_sub(1);
        }
        // It may be the only thing in hand, or to report, and then nobody would look at it.
        Due::Watch
    }

    /// Whether they and the place went into the hand.
    fn undo_tokens(&mut self, shared: &mut Shared, spent: &Spent, now: Tick) -> bool {
        let is_leased = matches!(spent.origin, Origin::Lease { .. });
        if let Origin::Alone { calls } = spent.origin {
            // A call may have reported it: then the store has debited it, and counts nothing outstanding for it.
            if calls != self.calls {
                return false;
            }
            if let Some(alone) = self.alone.as_mut() {
                alone.give_back(spent.key);
            }
            if let Some(account) = shared.away_mut().and_then(|a| a.account.as_mut()) {
                account.give_back(spent.account);
            }
        } else {
            let Some(limbo) = self.limbo_of(spent) else {
                return false;
            };
            limbo.0 = limbo.0.saturating_sub(spent.key);
            limbo.1 = limbo.1.saturating_sub(spent.account);
        }
        self.spent.0 = self.spent.0.saturating_sub(spent.key);
        self.spent.1 = self.spent.1.saturating_sub(spent.account);
        let fits = is_leased && now < self.end && spent.hour == self.hour.start;
        if fits {
            self.hand = self.hand.plus(Amount {
                key: spent.key,
                account: spent.account,
                places: 1,
            });
            shared.hour.held += 1;
            shared.month.held += 1;
        }
        fits
    }

    fn limbo_of(&mut self, spent: &Spent) -> Option<&mut (u64, u64)> {
        let Origin::Lease { turn } = spent.origin else {
            return None;
        };
        let index = usize::try_from(self.turn.checked_sub(turn)?).ok()?;
        self.limbo.get_mut(index)
    }
}
