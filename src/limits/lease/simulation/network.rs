//! Calls in the simulated world: lost, slow, repeated, answered; never a request.

use std::sync::Arc;

use super::world::{Call, Event, World};
use crate::limits::lease::{Answer, Look};

/// How long a node waits for an answer.
const DEADLINE_MS: u64 = 20;

impl World {
    pub(super) fn reaches(&self, n: usize) -> bool {
        let cut = |o: &(u64, u64, usize)| (o.0..o.1).contains(&self.t) && n < o.2;
        !self.setup.faults.outages.iter().any(cut)
    }

    pub(super) fn call(&mut self, n: usize, key: usize) {
        let Some(ask) = self.nodes[n].ask(key, self.t) else {
            return;
        };
        let c = self.calls.len();
        let faults = &self.setup.faults;
        let dice = self.rng.u64(0..1000);
        let lost = !self.reaches(n) || dice < faults.lost;
        let dice = self.rng.u64(0..1000);
        let lost_reply = dice < faults.lost_replies;
        let slow = self.rng.u64(0..1000) < faults.slow;
        let twice = self.rng.u64(0..1000) < faults.twice;
        let there = if slow {
            self.rng.u64(10..600)
        } else {
            self.rng.u64(0..3)
        };
        self.calls.push(Call {
            node: n,
            boot: Arc::clone(self.nodes[n].boot()),
            key,
            ask,
            answer: None,
            over: false,
            lost_reply,
            back_ms: self.rng.u64(0..3),
        });
        if !lost {
            self.at(self.t + there, Event::Execute(c));
            if twice {
                let again = self.rng.u64(0..900);
                self.at(self.t + there + again, Event::Execute(c));
            }
        }
        self.at(self.t + DEADLINE_MS, Event::Deadline(c));
    }

    pub(super) fn execute(&mut self, c: usize) {
        let now = self.store_time();
        let (key, node) = (self.calls[c].key, self.calls[c].node);
        if !self.reaches(node) {
            return;
        }
        self.windows_begin();
        let answer = self.ledger.grant(&self.calls[c].ask, now);
        self.executed += 1;
        self.adopted(key);
        let call = &mut self.calls[c];
        if let (Answer::Granted(grant), None) = (&answer, &call.answer) {
            let a = grant.amount;
            self.since_snapshot.push((key, a.key, a.account, a.places));
        }
        if call.answer.is_none() {
            let lost = call.lost_reply;
            let back = call.back_ms;
            call.answer = Some(answer);
            if !lost {
                self.at(self.t + back, Event::Answer(c));
            }
        } else if let (Some(Answer::Granted(first)), Answer::Granted(again)) =
            (&call.answer, &answer)
            && self.setup.faults.lose_nothing()
            && first.hour.start == again.hour.start
        {
            assert_eq!(first.amount, again.amount, "a call that comes twice");
        }
    }

    /// Follows the terms that the store has in force, for the account and for this key.
    fn adopted(&mut self, key: usize) {
        let now = self.passed();
        let Some(terms) = self.ledger.in_force() else {
            return;
        };
        let lose_nothing = self.setup.faults.lose_nothing();
        assert!(
            terms.revision >= self.in_force || !lose_nothing,
            "older terms undid newer ones"
        );
        let from = now + 2_500;
        if terms.revision > self.in_force {
            self.in_force = terms.revision;
            if let (Some(account), Some(spec)) = (self.account.as_mut(), terms.account) {
                account.change(spec, from, now);
            }
        }
        let name = format!("key_{key}");
        if let Some((revision, spec)) = self.ledger.key_in_force(&name) {
            assert!(
                revision >= self.keys_in_force[key] || !lose_nothing,
                "older terms undid newer ones"
            );
            if revision > self.keys_in_force[key] {
                self.keys_in_force[key] = revision;
                self.keys[key].change(spec, from, now);
            }
        }
    }

    pub(super) fn answer(&mut self, c: usize) {
        let call = &mut self.calls[c];
        if call.over {
            return;
        }
        call.over = true;
        let (n, key) = (call.node, call.key);
        let answer = call.answer.clone();
        if !self.is_there(n, c) {
            return;
        }
        let nodes = self.alive();
        self.nodes[n].answered(key, answer.as_ref(), nodes, self.t);
        self.after_answer(n, key);
    }

    pub(super) fn is_there(&self, n: usize, c: usize) -> bool {
        self.nodes[n].alive && *self.nodes[n].boot() == self.calls[c].boot
    }

    pub(super) fn alive(&self) -> u64 {
        self.nodes.iter().filter(|n| n.alive).count() as u64
    }

    pub(super) fn deadline(&mut self, c: usize) {
        let call = &mut self.calls[c];
        if std::mem::replace(&mut call.over, true) {
            return;
        }
        let (n, key) = (call.node, call.key);
        if !self.is_there(n, c) {
            return;
        }
        let nodes = self.alive();
        self.nodes[n].answered(key, None, nodes, self.t);
        self.after_answer(n, key);
    }

    pub(super) fn after_answer(&mut self, n: usize, key: usize) {
        self.windows_begin();
        let outcome = self.nodes[n].wake(key, self.t);
        self.follow(n, key, outcome);
        self.watch(n, key, 250);
    }

    pub(super) fn watch(&mut self, n: usize, key: usize, after: u64) {
        if !std::mem::replace(&mut self.nodes[n].looked_at[key], true) {
            self.at(self.t + after, Event::Look(n, key));
        }
    }

    pub(super) fn look(&mut self, n: usize, key: usize) {
        self.nodes[n].looked_at[key] = false;
        if !self.nodes[n].alive {
            return;
        }
        match self.nodes[n].look(key, self.t) {
            Look::Done => {}
            Look::Later(tick) => {
                let wait = tick.saturating_sub(self.nodes[n].tick(self.t));
                self.watch(n, key, wait.max(1));
            }
            Look::Call => {
                self.call(n, key);
                self.watch(n, key, 250);
            }
        }
    }
}
