//! Limits that many nodes share: a key's lease and its account's part on this node, under two short locks, the key's before the account's; never a call to the store.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::account::{Ticket, UsedQuota, UsedQuotas};
use super::decision::{Decision, Standings};
use super::desk::Desk;
use super::lease::{Due, Lease, Revision, Shared, Spent, Step, Terms, Tick};
use crate::base::ceilings::LEASE_WAIT;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::config::model::{OnStoreFailure, Plan};

/// The store is away, nothing is in hand, and the operator wants such requests refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store of limits is away")]
pub struct StoreAway;

impl From<StoreAway> for StoreError {
    fn from(away: StoreAway) -> Self {
        Self::Unavailable(away.to_string())
    }
}

/// What an account's keys share on this node.
#[derive(Debug)]
pub struct LeasedAccount {
    pub(super) id: Arc<str>,
    pub(super) shared: Mutex<Shared>,
    /// Whether it is being erased: then nothing of it is reported any more, which would leave a trace in the store.
    gone: AtomicBool,
    desk: Arc<Desk>,
}

/// The lease of one key on this node. It is empty of state until its first request, and again when it was idle for long.
#[derive(Debug)]
pub struct LeasedKey {
    pub(super) id: Arc<str>,
    pub(super) account: Arc<LeasedAccount>,
    // Boxed: most keys in memory are not in use.
    pub(super) lease: Mutex<Option<Box<Lease>>>,
    /// Rings when an answer came, or none.
    pub(super) answered: Notify,
    /// Whether it waits in the desk's queue already.
    pub(super) queued: AtomicBool,
    /// Whether the desk looks at it from time to time.
    pub(super) watched: AtomicBool,
}

impl LeasedAccount {
    /// Limits under `plan` as it was known at `as_of`, with what was used in the hour and the month of `now`.
    pub(super) fn new(
        id: &str,
        desk: &Arc<Desk>,
        plan: &Plan,
        as_of: Timestamp,
        used: (u64, u64),
        now: Timestamp,
    ) -> Self {
        let terms = desk.terms(plan, as_of);
        Self {
            id: id.into(),
            shared: Mutex::new(Shared::new(terms, used, now, desk.tick())),
            gone: AtomicBool::new(false),
            desk: Arc::clone(desk),
        }
    }

    /// It is being erased.
    pub(super) fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Puts another plan in force: what is in hand is void. `as_of` says when the account was read that way; `None`
    /// where only the configuration changed.
    pub(super) fn set_plan(&self, plan: &Plan, as_of: Option<Timestamp>) {
        let mut shared = self.shared.lock();
        let known = shared.own().revision;
        let terms = self.desk.terms(plan, as_of.unwrap_or_default());
        let revision = Revision {
            config: known.config.max(terms.revision.config),
            account: known.account.max(terms.revision.account),
        };
        shared.set_terms(Terms { revision, ..terms }, self.desk.tick());
    }

    /// How much of the quotas is used, as far as this node knows.
    pub(super) fn used(&self) -> UsedQuotas {
        let mut shared = self.shared.lock();
        let [hour, month] = shared.used_at(self.desk.tick());
        let terms = shared.terms();
        let quota = |(used, end): (u64, u64), limit| UsedQuota {
            used,
            limit,
            resets_at: timestamp(end),
        };
        UsedQuotas {
            hour: quota(hour, terms.hour),
            month: quota(month, terms.month),
        }
    }
}

fn timestamp(ms: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

impl LeasedKey {
    /// The lease of a key of this account: nothing yet.
    pub(super) fn new(id: &str, account: &Arc<LeasedAccount>) -> Self {
        Self {
            id: id.into(),
            account: Arc::clone(account),
            lease: Mutex::new(None),
            answered: Notify::new(),
            queued: AtomicBool::new(false),
            watched: AtomicBool::new(false),
        }
    }

    fn desk(&self) -> &Arc<Desk> {
        &self.account.desk
    }

    /// Runs `work` on the lease and the account's part, both locked.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Lease, &mut Shared, Tick) -> T) -> T {
        let mut lease = self.lease.lock();
        let mut shared = self.account.shared.lock();
        let now = self.desk().tick();
        let lease = lease.get_or_insert_with(|| {
            // Any number will do, as long as nodes and keys do not share it.
            let seed = fastrand::u64(..);
            Box::new(Lease::new(&shared, now, seed))
        });
        work(lease, &mut shared, now)
    }

    /// Takes what a request costs. A warm lease answers without awaiting; a cold or an exhausted one waits for a grant,
    /// for [`LEASE_WAIT`] at most.
    ///
    /// # Errors
    /// [`StoreAway`] under `deny`, where the store is away and nothing is in hand.
    pub(super) async fn take(
        self: &Arc<Self>,
        cost: u64,
        policy: OnStoreFailure,
    ) -> Result<Decision, StoreAway> {
        match self.step(cost, policy, false) {
            Some(decided) => decided,
            // Apart and boxed: it is large, and rarely needed.
            None => Box::pin(self.wait(cost, policy)).await,
        }
    }

    async fn wait(
        self: &Arc<Self>,
        cost: u64,
        policy: OnStoreFailure,
    ) -> Result<Decision, StoreAway> {
        let began = self.desk().tick();
        let rounds = async {
            loop {
                let mut answered = pin!(self.answered.notified());
                // Before the lease is asked, so that no answer is missed in between.
                answered.as_mut().enable();
                if let Some(decided) = self.step(cost, policy, true) {
                    return decided;
                }
                answered.await;
            }
        };
        match timeout(LEASE_WAIT, rounds).await {
            Ok(decided) => decided,
            Err(_) => self.give_up(cost, policy, began),
        }
    }

    fn give_up(
        self: &Arc<Self>,
        cost: u64,
        policy: OnStoreFailure,
        began: Tick,
    ) -> Result<Decision, StoreAway> {
        let live = self.desk().live();
        self.with(|lease, shared, now| lease.give_up(shared, began, live, now));
        self.step(cost, policy, true).unwrap_or(Err(StoreAway))
    }

    /// One try; `None` where the store has to be asked first, which is under way then.
    fn step(
        self: &Arc<Self>,
        cost: u64,
        policy: OnStoreFailure,
        again: bool,
    ) -> Option<Result<Decision, StoreAway>> {
        let (due, outcome) = self.with(|lease, shared, now| {
            let taken = lease.take(shared, cost, policy, now, again);
            let shown = match taken.step {
                Step::Admitted(_) => lease.standings(shared, 0, now),
                Step::Refused => lease.standings(shared, cost, now),
                Step::Wait => return (taken.due, None),
                Step::Away => return (taken.due, Some(Err(StoreAway))),
            };
            let ticket = match taken.step {
                Step::Admitted(spent) => Some(ticket(&spent)),
                _ => None,
            };
            let decision = Decision {
                standings: shown,
                ticket,
            };
            (taken.due, Some(Ok(decision)))
        });
        self.follow(due);
        outcome
    }

    fn follow(self: &Arc<Self>, due: Due) {
        let is_new = match due {
            Due::Nothing => return,
            Due::Call => true,
            Due::Watch => !self.watched.load(Ordering::Relaxed),
        };
        if !is_new || self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        if !self.desk().enqueue(Arc::clone(self)) {
            self.queued.store(false, Ordering::Release);
            let live = self.desk().live();
            self.with(|lease, shared, now| lease.unheard(shared, live, now));
            self.answered.notify_waiters();
        }
    }

    /// A request has left: what it took is spent.
    pub(super) fn sent(&self, ticket: &Ticket) {
        if let Some(spent) = spent(ticket) {
            self.with(|lease, _, _| lease.sent(&spent));
        }
    }

    /// Gives back what a request took that never reached an upstream.
    pub(super) fn give_back(self: &Arc<Self>, ticket: &Ticket) {
        if let Some(spent) = spent(ticket) {
            let due = self.with(|lease, shared, now| lease.undo(shared, &spent, now));
            self.follow(due);
        }
    }

    /// Where the policies stand, without taking anything.
    pub(super) fn peek(&self) -> Standings {
        let mut lease = self.lease.lock();
        let mut shared = self.account.shared.lock();
        let now = self.desk().tick();
        match lease.as_mut() {
            Some(lease) => lease.standings(&mut shared, 0, now),
            None => Lease::new(&shared, now, 1).standings(&mut shared, 0, now),
        }
    }

    /// Forgets its state if that changes nothing; whether it has none.
    pub(super) fn rest(&self) -> bool {
        let mut lease = self.lease.lock();
        let mut shared = self.account.shared.lock();
        let now = self.desk().tick();
        if lease.as_mut().is_some_and(|l| l.is_idle(&mut shared, now)) {
            *lease = None;
        }
        lease.is_none()
    }
}

fn ticket(spent: &Spent) -> Ticket {
    Ticket {
        key_tokens: spent.key,
        account_tokens: spent.account,
        hour: timestamp(spent.hour),
        month: timestamp(spent.month),
        origin: Some(spent.origin),
    }
}

fn spent(ticket: &Ticket) -> Option<Spent> {
    Some(Spent {
        key: ticket.key_tokens,
        account: ticket.account_tokens,
        hour: ticket.hour.millis().unsigned_abs(),
        month: ticket.month.millis().unsigned_abs(),
        origin: ticket.origin?,
    })
}
