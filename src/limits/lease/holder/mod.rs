//! A key's lease on one node: what it may spend and what it counts; never a lock, never a call.

mod apart;
mod call;
mod look;
mod undo;

use std::sync::Arc;

use super::alone::Alone;
use super::ask::Amount;
use super::meter::Meter;
use super::settled::{Settled, Totals};
use super::shadow::Shadow;
use super::shared::Shared;
use super::{Origin, Spent, Tick, ms};
use crate::base::ceilings::LEASE_HOLD;
use crate::config::model::OnStoreFailure;

/// Whose lease it is, for the store.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The account.
    pub account: &'a Arc<str>,
    /// The key.
    pub key: &'a Arc<str>,
    /// The node.
    pub boot: &'a Arc<str>,
}

/// What came of asking for a request's admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is admitted.
    Admitted(Spent),
    /// It is refused; the standings say by what.
    Refused,
    /// The store has to be asked first.
    Wait,
    /// The store is away, and the operator wants such requests refused.
    Away,
}

/// What is to be done about a key beside the request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// The store is to be called now.
    Call,
    /// It is to be looked at from time to time: there is something to report that cannot be reported yet.
    Watch,
}

/// A step, and what it leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// What came of it.
    pub step: Step,
    /// What is due.
    pub due: Due,
}

const fn call_if(is_due: bool) -> Due {
    if is_due { Due::Call } else { Due::Nothing }
}

/// What is due with a lease that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing, until then.
    Later(Tick),
    /// A call.
    Call,
    /// Nothing at all until it is used again.
    Done,
}

/// Requests counted in the window that is open, and in the one before it: a clock that goes back finds that one again.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    start: u64,
    n: u64,
    before: (u64, u64),
}

impl Counted {
    fn move_to(&mut self, start: u64) {
        if start == self.start {
            return;
        }
        let left = (self.start, self.n);
        self.n = if start == self.before.0 {
            self.before.1
        } else {
            0
        };
        self.start = start;
        self.before = left;
    }

    /// Takes one request out, in whichever of the two windows it was counted.
    fn remove(&mut self, start: u64) {
        if start == self.start {
            self.n = self.n.saturating_sub(1);
        } else if start == self.before.0 {
            self.before.1 = self.before.1.saturating_sub(1);
        }
    }
}

/// A call that is under way.
#[derive(Debug, Clone, Copy)]
struct Asking {
    sent: Tick,
    generation: u64,
    cost: u64,
    want: u64,
    held: (u64, u64),
    totals: Totals,
}

/// The lease.
#[derive(Debug)]
pub struct Lease {
    generation: u64,
    hand: Amount,
    /// What is in hand may be spent before this.
    end: Tick,
    /// Tokens spent since the node began, key's and account's.
    spent: (u64, u64),
    /// Tokens taken by requests that have not left yet, in this turn and in the one before.
    limbo: [(u64, u64); 2],
    turn: u64,
    turn_began: Tick,
    hour: Counted,
    month: Counted,
    settled: Settled,
    asking: Option<Asking>,
    /// How often it asked, when last, and the tokens that the store counts as outstanding since.
    calls: u64,
    asked_at: Tick,
    outstanding: (u64, u64),
    /// Tokens of the smallest request that waits.
    waiting: Option<u64>,
    returning: bool,
    pub(super) meter: Meter,
    pub(super) shadow: Shadow,
    alone: Option<Alone>,
    /// Asking ahead is of no use before this.
    ahead_from: Tick,
    random: u64,
}

impl Lease {
    /// A lease of nothing. `seed` makes its jitter its own.
    pub fn new(shared: &Shared, now: Tick, seed: u64) -> Self {
        Self {
            generation: shared.generation(),
            hand: Amount::default(),
            end: 0,
            spent: (0, 0),
            limbo: [(0, 0); 2],
            turn: 1,
            turn_began: now,
            hour: Counted {
                start: shared.hour.start,
                ..Counted::default()
            },
            month: Counted {
                start: shared.month.start,
                ..Counted::default()
            },
            settled: Settled::default(),
            asking: None,
            calls: 0,
            asked_at: 0,
            outstanding: (0, 0),
            waiting: None,
            returning: false,
            meter: Meter::default(),
            shadow: Shadow::full(shared.terms().key, now),
            alone: None,
            ahead_from: 0,
            random: seed | 1,
        }
    }

    /// Takes what a request costs: all or nothing. `again` where the same request asked before and waited.
    pub fn take(
        &mut self,
        shared: &mut Shared,
        cost: u64,
        policy: OnStoreFailure,
        now: Tick,
        again: bool,
    ) -> Taken {
        if !again {
            self.meter.note(cost, now);
        }
        self.tidy(shared, now);
        let need = shared.need(cost);
        if self.hand.covers(&need) {
            let spent = self.spend(shared, need);
            let due = call_if(self.wants_more(shared, now));
            return Taken {
                step: Step::Admitted(spent),
                due,
            };
        }
        if let Some(away) = shared.away() {
            let due = if away.probing || now < away.retry_at || self.asking.is_some() {
                Due::Watch
            } else {
                Due::Call
            };
            return Taken {
                step: self.take_alone(shared, need, policy, now),
                due,
            };
        }
        if self.refusals(shared, &need, now).iter().any(|ms| *ms > 0) {
            return Taken {
                step: Step::Refused,
                due: Due::Nothing,
            };
        }
        self.waiting = Some(self.waiting.map_or(cost, |w| w.min(cost)));
        Taken {
            step: Step::Wait,
            due: call_if(self.asking.is_none()),
        }
    }

    /// Milliseconds for which each policy refuses what is not in hand; all 0 where the store is to be asked.
    pub(super) fn refusals(&mut self, shared: &mut Shared, need: &Amount, now: Tick) -> [u64; 4] {
        let lacking = need.less(self.hand);
        if let Some(away) = shared.away().copied() {
            return self.refusals_alone(shared, &away, need, now);
        }
        let account = shared
            .account
            .map_or(0, |a| a.refuses_ms(lacking.account, now));
        let [hour, month] = shared.quotas_refuse_ms(lacking.places > 0, now);
        [
            self.shadow.refuses_ms(lacking.key, now),
            account,
            hour,
            month,
        ]
    }

    const fn spent_of(&self, need: Amount, origin: Origin) -> Spent {
        Spent {
            key: need.key,
            account: need.account,
            hour: self.hour.start,
            month: self.month.start,
            origin,
        }
    }

    fn spend(&mut self, shared: &mut Shared, need: Amount) -> Spent {
        self.hand = self.hand.less(need);
        self.spent.0 += need.key;
        self.spent.1 += need.account;
        self.limbo[0].0 += need.key;
        self.limbo[0].1 += need.account;
        self.hour.n += 1;
        self.month.n += 1;
        shared.hour.held = shared.hour.held.saturating_sub(1);
        shared.month.held = shared.month.held.saturating_sub(1);
        self.spent_of(need, Origin::Lease { turn: self.turn })
    }

    /// Drops what may no longer be spent, and opens the windows that `now` lies in.
    fn tidy(&mut self, shared: &mut Shared, now: Tick) {
        shared.roll(now);
        if self.generation != shared.generation() {
            self.generation = shared.generation();
            self.void(shared);
            // Requests of before give nothing back into a hand under other terms.
            self.limbo = [(0, 0); 2];
            self.turn += 2;
            self.ahead_from = 0;
            self.shadow.set_spec(shared.terms().key, now);
        }
        if now >= self.end || self.hour.start != shared.hour.start {
            self.void(shared);
        }
        self.hour.move_to(shared.hour.start);
        self.month.move_to(shared.month.start);
        if now >= self.turn_began + ms(LEASE_HOLD) {
            let idle = now >= self.turn_began + 2 * ms(LEASE_HOLD);
            self.limbo[1] = if idle { (0, 0) } else { self.limbo[0] };
            self.limbo[0] = (0, 0);
            self.turn += 1 + u64::from(idle);
            self.turn_began = now;
        }
    }

    fn void(&mut self, shared: &mut Shared) {
        if self.hour.start == shared.hour.start {
            shared.hour.held = shared.hour.held.saturating_sub(self.hand.places);
            shared.month.held = shared.month.held.saturating_sub(self.hand.places);
        }
        self.hand = Amount::default();
        self.end = 0;
    }

    fn totals(&self) -> Totals {
        Totals {
            key: self.spent.0 + self.hand.key,
            account: self.spent.1 + self.hand.account,
            hour: (self.hour.start, self.hour.n + self.hand.places),
            month: (self.month.start, self.month.n + self.hand.places),
            ..Totals::default()
        }
    }

    fn is_unreported(&self) -> bool {
        let (totals, last) = (self.totals(), self.settled.last());
        let differs =
            |now: (u64, u64), then: (u64, u64)| now.1 != if now.0 == then.0 { then.1 } else { 0 };
        (totals.key, totals.account) != (last.key, last.account)
            || differs(totals.hour, last.hour)
            || differs(totals.month, last.month)
    }

    /// What it has in hand.
    pub const fn hand(&self) -> Amount {
        self.hand
    }

    /// Tokens that may still be spent or come back, key's and account's.
    fn held(&self) -> (u64, u64) {
        let [now, before] = self.limbo;
        (
            self.hand.key + now.0 + before.0,
            self.hand.account + now.1 + before.1,
        )
    }

    /// What it may spend at `now`.
    pub(super) fn hand_at(&self, now: Tick) -> Amount {
        if now < self.end {
            self.hand
        } else {
            Amount::default()
        }
    }

    /// No call could be made for it.
    pub fn unheard(&mut self, shared: &mut Shared, nodes: u64, now: Tick) {
        if !shared.is_away() {
            shared.failed(nodes, now, 256);
        }
    }

    /// A request waited since `began` for longer than one may: the node is on its own where no answer came meanwhile; where
    /// one did, others have what it wanted, and it is refused.
    pub fn give_up(&mut self, shared: &mut Shared, began: Tick, nodes: u64, now: Tick) {
        if self.settled.last().at > 0 && self.settled.last().tick >= began {
            self.shadow.pause(now);
        } else {
            self.unheard(shared, nodes, now);
        }
    }

    /// Tokens spent since the node began, key's and account's.
    pub const fn spent(&self) -> (u64, u64) {
        self.spent
    }
}

const fn xorshift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    x
}
