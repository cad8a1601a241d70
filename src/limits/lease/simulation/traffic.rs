//! Requests in the simulated world: admitted, counted, leaving or turning back; never a call to the store.

use std::sync::Arc;

use super::checks::Account;
use super::node::{Outcome, is_leased};
use super::world::{Event, Flying, World};
use crate::limits::lease::{Due, Spent};

impl World {
    pub(super) fn request(&mut self, n: usize) {
        if self.t >= self.setup.length {
            return;
        }
        let key = self.rng.usize(0..self.setup.keys);
        let cost = self.rng.u64(1..=self.setup.dearest);
        let next = self.next_request(n);
        self.at(next, Event::Request(n));
        if !self.nodes[n].alive {
            return;
        }
        self.ideal[key].request(cost, self.t);
        self.windows_begin();
        let outcome = self.nodes[n].request(key, cost, self.t);
        self.follow(n, key, outcome);
    }

    /// Each key is used once more on each node, and that call arrives: what a fail-over lost is reported with it.
    pub(super) fn last_use(&mut self) {
        let faults = &mut self.setup.faults;
        (faults.lost, faults.lost_replies, faults.slow) = (0, 0, 0);
        for n in 0..self.nodes.len() {
            for key in 0..self.setup.keys {
                if self.nodes[n].alive && self.nodes[n].leases[key].is_some() {
                    self.windows_begin();
                    let outcome = self.nodes[n].request(key, 1, self.t);
                    self.follow(n, key, outcome);
                    self.call(n, key);
                    self.watch(n, key, 1);
                }
            }
        }
    }

    /// Counts what was admitted, and does what is due.
    pub(super) fn follow(&mut self, n: usize, key: usize, outcome: Outcome) {
        self.refused += outcome.refused as u64;
        for spent in outcome.admitted {
            self.admit(n, key, spent);
        }
        match outcome.due {
            Due::Nothing => {}
            Due::Call => self.call(n, key),
            Due::Watch => self.watch(n, key, 250),
        }
    }

    pub(super) fn admit(&mut self, n: usize, key: usize, spent: Spent) {
        self.admitted += 1;
        self.tally(key, &spent, 1);
        if is_leased(&spent) {
            self.log[key].push((self.t, spent.key));
        }
        let (of_key, of_account) = &mut self.spent[n][key];
        *of_key += spent.key;
        *of_account += spent.account;
        let now = self.store_time();
        for account in [&self.keys[key]].into_iter().chain(&self.account) {
            account.check();
        }
        if is_leased(&spent) && self.setup.faults.lose_nothing() {
            let in_hour = (spent.hour..spent.hour + 3_600_000).contains(&now);
            assert!(in_hour, "counted in the hour {} at {now}", spent.hour);
        }
        let stays = self.rng.u64(0..30);
        self.flying.push(Flying {
            node: n,
            boot: Arc::clone(self.nodes[n].boot()),
            key,
            spent,
        });
        let stays = if self.rng.u64(0..200) == 0 {
            3_000
        } else {
            stays
        };
        self.at(self.t + stays, Event::Left(self.flying.len() - 1));
    }

    pub(super) fn tally(&mut self, key: usize, spent: &Spent, times: i64) {
        let leased = is_leased(spent);
        let add = |account: &mut Account, tokens: u64| {
            let tokens = i128::from(tokens) * i128::from(times);
            if leased {
                account.leased += tokens;
            } else {
                account.alone += tokens;
            }
        };
        add(&mut self.keys[key], spent.key);
        if let Some(account) = self.account.as_mut() {
            add(account, spent.account);
        }
        for (windows, start) in [
            (&mut self.hours, spent.hour),
            (&mut self.months, spent.month),
        ] {
            let counts = if leased {
                &mut windows.counted
            } else {
                &mut windows.alone
            };
            *counts.entry(start).or_default() += times;
        }
        if !leased {
            self.alone_admitted += 1;
        }
    }

    /// A request leaves for its upstream, or turns back.
    pub(super) fn left(&mut self, f: usize) {
        let Flying {
            node,
            ref boot,
            key,
            spent,
        } = self.flying[f];
        let undone = self.rng.u64(0..1000) < self.setup.faults.undone;
        let is_there = self.nodes[node].boot() == boot && self.nodes[node].alive;
        if !is_there {
            return;
        }
        if undone {
            let before = self.nodes[node].leases[key].as_ref().map(|l| l.spent());
            self.nodes[node].undo(key, &spent, self.t);
            self.watch(node, key, 250);
            let after = self.nodes[node].leases[key].as_ref().map(|l| l.spent());
            // Tokens that cannot come back stay spent, as far as the bucket goes.
            let came_back = before != after || spent.key == 0;
            let kept = if came_back {
                spent
            } else {
                Spent {
                    key: 0,
                    account: 0,
                    ..spent
                }
            };
            self.tally(key, &kept, -1);
            let (of_key, of_account) = &mut self.spent[node][key];
            *of_key -= kept.key;
            *of_account -= kept.account;
        } else {
            self.nodes[node].sent(key, &spent, self.t);
        }
    }
}
