//! One simulated node: its clock, its leases, who waits on them, and what it admitted; never what the store does.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::ask::{Answer, Ask};
use super::super::terms::Terms;
use super::super::{Due, Lease, Look, Origin, Shared, Spent, Step, Tick, Who};
use crate::base::ceilings::LEASE_WAIT;
use crate::base::clock::Timestamp;
use crate::config::model::OnStoreFailure;
use crate::limits::lease::ms;

/// A request that waits for a grant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiter {
    cost: u64,
    until: Tick,
}

pub(super) struct Node {
    boot: Arc<str>,
    account: Arc<str>,
    names: Vec<Arc<str>>,
    /// Its tick at the simulation's time 0, and by how much its clock runs fast, in millionths.
    origin: u64,
    fast: i64,
    pub(super) shared: Shared,
    pub(super) leases: Vec<Option<Lease>>,
    pub(super) waiters: Vec<VecDeque<Waiter>>,
    pub(super) looked_at: Vec<bool>,
    seq: u64,
    pub(super) alive: bool,
    pub(super) weight: u64,
    policy: OnStoreFailure,
}

/// What a request's turn left to do.
pub(super) struct Outcome {
    /// What was admitted, in order.
    pub(super) admitted: Vec<Spent>,
    pub(super) refused: usize,
    pub(super) due: Due,
}

impl Node {
    pub(super) fn new(
        boot: &str,
        names: &[Arc<str>],
        terms: Terms,
        policy: OnStoreFailure,
        time: (u64, u64),
        rng: &mut fastrand::Rng,
    ) -> Self {
        let (origin, fast) = (rng.u64(0..1_000_000), rng.i64(-300..=300));
        let (sim, store) = time;
        let mut new = Self {
            boot: boot.into(),
            account: "acct".into(),
            names: names.to_vec(),
            origin,
            fast,
            shared: Shared::new(terms, (0, 0), Timestamp::from_millis(0), 0),
            leases: names.iter().map(|_| None).collect(),
            waiters: names.iter().map(|_| VecDeque::new()).collect(),
            looked_at: names.iter().map(|_| false).collect(),
            seq: 0,
            alive: true,
            weight: 1,
            policy,
        };
        let wall = i64::try_from(store).unwrap() + rng.i64(-2_000..=2_000);
        new.shared = Shared::new(terms, (0, 0), Timestamp::from_millis(wall), new.tick(sim));
        new
    }

    pub(super) fn boot(&self) -> &Arc<str> {
        &self.boot
    }

    /// Its own clock at the simulation's time `t`.
    pub(super) fn tick(&self, t: u64) -> Tick {
        let drift = i64::try_from(t).unwrap() * self.fast / 1_000_000;
        (self.origin + t).saturating_add_signed(drift)
    }

    fn lease(&mut self, key: usize, now: Tick) -> (&mut Lease, &mut Shared) {
        let seed = self.origin * 31 + key as u64;
        let lease = self.leases[key].get_or_insert_with(|| Lease::new(&self.shared, now, seed));
        (lease, &mut self.shared)
    }

    pub(super) fn request(&mut self, key: usize, cost: u64, t: u64) -> Outcome {
        let (now, policy) = (self.tick(t), self.policy);
        let (lease, shared) = self.lease(key, now);
        let taken = lease.take(shared, cost, policy, now, false);
        let mut out = Outcome {
            admitted: Vec::new(),
            refused: 0,
            due: taken.due,
        };
        match taken.step {
            Step::Admitted(spent) => out.admitted.push(spent),
            Step::Refused => {
                let standings = lease.standings(shared, cost, now);
                assert!(
                    standings.violated().next().is_some(),
                    "a refusal names a policy"
                );
                out.refused = 1;
            }
            Step::Away => out.refused = 1,
            Step::Wait => self.waiters[key].push_back(Waiter {
                cost,
                until: now + ms(LEASE_WAIT),
            }),
        }
        out
    }

    /// All who wait try again.
    pub(super) fn wake(&mut self, key: usize, t: u64) -> Outcome {
        let (now, policy) = (self.tick(t), self.policy);
        let mut out = Outcome {
            admitted: Vec::new(),
            refused: 0,
            due: Due::Nothing,
        };
        for waiter in std::mem::take(&mut self.waiters[key]) {
            let (lease, shared) = self.lease(key, now);
            let taken = lease.take(shared, waiter.cost, policy, now, true);
            match taken.step {
                Step::Admitted(spent) => out.admitted.push(spent),
                Step::Refused | Step::Away => out.refused += 1,
                Step::Wait if now >= waiter.until => out.refused += 1,
                Step::Wait => self.waiters[key].push_back(waiter),
            }
            if taken.due != Due::Nothing {
                out.due = taken.due;
            }
        }
        out
    }

    pub(super) fn ask(&mut self, key: usize, t: u64) -> Option<Ask> {
        let now = self.tick(t);
        self.seq += 1;
        let (account, name, boot) = (
            Arc::clone(&self.account),
            Arc::clone(&self.names[key]),
            Arc::clone(&self.boot),
        );
        let seq = self.seq;
        let (lease, shared) = self.lease(key, now);
        let who = Who {
            account: &account,
            key: &name,
            boot: &boot,
        };
        lease.ask(shared, who, seq, now)
    }

    /// An answer came, or none.
    pub(super) fn answered(&mut self, key: usize, answer: Option<&Answer>, nodes: u64, t: u64) {
        let now = self.tick(t);
        let (lease, shared) = self.lease(key, now);
        match answer {
            Some(Answer::Granted(grant)) => {
                lease.granted(shared, grant, now);
            }
            Some(Answer::Stale) => lease.overtaken(shared),
            None => {
                lease.failed(shared, nodes, now);
            }
        }
    }

    pub(super) fn look(&mut self, key: usize, t: u64) -> Look {
        let now = self.tick(t);
        let (lease, shared) = self.lease(key, now);
        lease.look(shared, now)
    }

    pub(super) fn has_hand(&self, key: usize) -> bool {
        self.leases[key]
            .as_ref()
            .is_some_and(|l| !l.hand().is_empty())
    }

    pub(super) fn sent(&mut self, key: usize, spent: &Spent, t: u64) {
        let now = self.tick(t);
        self.lease(key, now).0.sent(spent);
    }

    pub(super) fn undo(&mut self, key: usize, spent: &Spent, t: u64) {
        let now = self.tick(t);
        let (lease, shared) = self.lease(key, now);
        let _ = lease.undo(shared, spent, now);
    }
}

/// Whether a request was admitted from a lease.
pub(super) fn is_leased(spent: &Spent) -> bool {
    matches!(spent.origin, Origin::Lease { .. })
}
