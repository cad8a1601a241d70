//! Where the policies stand, as one node knows: what it has in hand and what it believes of the store; never a decision.

use smallvec::SmallVec;

use super::Tick;
use super::ask::Amount;
use super::holder::Lease;
use super::shared::{Shared, Window};
use crate::limits::decision::{Policy, Standing, Standings};

impl Lease {
    /// Where the policies stand for a request of this cost that was refused; a cost of 0 asks for nothing and is never
    /// refused.
    pub fn standings(&mut self, shared: &mut Shared, cost: u64, now: Tick) -> Standings {
        shared.roll(now);
        let need = if cost == 0 {
            Amount::default()
        } else {
            shared.need(cost)
        };
        let waits = if cost == 0 {
            [0; 4]
        } else {
            self.refusals(shared, &need, now)
        };
        let hand = self.hand_at(now);
        let mut policies: SmallVec<[Standing; 4]> = SmallVec::new();
        policies.push(self.of_key(shared, hand.key, waits[0], now));
        policies.extend(of_account(shared, hand.account, waits[1], now));
        let terms = *shared.terms();
        for (policy, quota, window, wait) in [
            (Policy::Hour, terms.hour, shared.hour, waits[2]),
            (Policy::Month, terms.month, shared.month, waits[3]),
        ] {
            policies.extend(quota.map(|q| of_window(shared, policy, q, &window, wait, now)));
        }
        Standings {
            policies,
            policy_field: shared.field().clone(),
        }
    }

    fn of_key(&mut self, shared: &Shared, hand: u64, wait_ms: u64, now: Tick) -> Standing {
        let spec = *self.shadow.spec();
        let (tokens, more) = match shared.away().copied() {
            Some(away) => {
                let alone = self.alone(shared, &away);
                let tokens = alone.tokens(now);
                (tokens, alone.next_token_ms(now))
            }
            None => (
                whole(self.shadow.tokens(now)),
                self.shadow.next_token_ms(now),
            ),
        };
        standing(Policy::Burst, spec.burst, hand + tokens, more, wait_ms)
    }
}

fn of_account(shared: &mut Shared, hand: u64, wait_ms: u64, now: Tick) -> Option<Standing> {
    let shadow = shared.account?;
    let burst = shadow.spec().burst;
    let alone = shared.away_mut().and_then(|a| a.account.as_mut());
    let (tokens, more) = match alone {
        Some(alone) => {
            let tokens = alone.tokens(now);
            (tokens, alone.next_token_ms(now))
        }
        None => (whole(shadow.tokens(now)), shadow.next_token_ms(now)),
    };
    Some(standing(
        Policy::Account,
        burst,
        hand + tokens,
        more,
        wait_ms,
    ))
}

fn of_window(
    shared: &Shared,
    policy: Policy,
    quota: u64,
    window: &Window,
    wait_ms: u64,
    now: Tick,
) -> Standing {
    let remaining = if wait_ms > 0 {
        0
    } else {
        quota.saturating_sub(Shared::used(window))
    };
    Standing {
        policy,
        quota,
        remaining,
        more_in_ms: shared.left_ms(window, now).max(1),
        wait_ms,
    }
}

fn standing(policy: Policy, quota: u64, left: u64, more_in_ms: u64, wait_ms: u64) -> Standing {
    Standing {
        policy,
        quota,
        remaining: left.min(quota),
        more_in_ms: if left >= quota { 0 } else { more_in_ms },
        wait_ms,
    }
}

fn whole(tokens: i64) -> u64 {
    u64::try_from(tokens).unwrap_or(0)
}
