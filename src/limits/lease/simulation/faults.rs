//! Crashes, fail-overs and the end of a run; never a request or a call.

use std::sync::Arc;

use super::node::Node;
use super::world::{Event, World};
use crate::config::model::OnStoreFailure;

/// How often windows are looked at.
const SAMPLE_MS: u64 = 25;

impl World {
    pub(super) fn crash(&mut self) {
        let n = self.rng.usize(0..self.nodes.len());
        let names: Vec<Arc<str>> = (0..self.setup.keys)
            .map(|k| format!("key_{k}").into())
            .collect();
        let spent = std::mem::replace(&mut self.spent[n], vec![(0, 0); self.setup.keys]);
        self.crashed.push((Arc::clone(self.nodes[n].boot()), spent));
        let boot = format!("boot_{}", self.boots);
        self.boots += 1;
        let terms = *self.nodes[n].shared.own();
        let time = (self.t, self.store_time());
        let weight = self.nodes[n].weight;
        self.nodes[n] = Node::new(&boot, &names, terms, self.setup.policy, time, &mut self.rng);
        self.nodes[n].weight = weight;
    }

    pub(super) fn failover(&mut self, skew: i64) {
        if let Some(old) = self.snapshot.take() {
            self.ledger = old;
        }
        for (key, of_key, of_account, places) in std::mem::take(&mut self.since_snapshot) {
            self.keys[key].lost += i128::from(of_key);
            if let Some(account) = self.account.as_mut() {
                account.lost += i128::from(of_account);
            }
            let places = i64::try_from(places).unwrap();
            self.hours.lost += places;
            self.months.lost += places;
        }
        self.skew += skew;
        self.ahead += u64::try_from(skew).unwrap_or(0);
    }

    pub(super) fn windows_begin(&mut self) {
        if self.setup.strict {
            for account in self.keys.iter_mut().chain(&mut self.account) {
                account.window_begins(0);
            }
        }
    }

    pub(super) fn sample(&mut self) {
        let now = self.store_time();
        if !self.setup.strict {
            for (k, account) in self.keys.iter_mut().enumerate() {
                let view = self.ledger.key_tokens(&format!("key_{k}"), now);
                account.window_begins(view.map_or(0, |v| v.elsewhere));
            }
            if let (Some(account), Some(view)) =
                (self.account.as_mut(), self.ledger.account_tokens(now))
            {
                account.window_begins(view.elsewhere);
            }
        }
        self.at(self.t + SAMPLE_MS, Event::Sample);
    }

    /// What nodes admitted on their own in one outage of all is no more than the rate brings, from its beginning until
    /// the last node has noticed its end.
    pub(super) fn check_alone(&self) {
        let faults = &self.setup.faults;
        let &[(begin, end, cut)] = faults.outages.as_slice() else {
            return;
        };
        if self.calls_fail_besides
            || cut < self.nodes.len()
            || !faults.crashes.is_empty()
            || !faults.changes.is_empty()
            || self.setup.policy != OnStoreFailure::Local
        {
            return;
        }
        let noticed = end - begin + 1_500;
        for key in self.keys.iter().chain(&self.account) {
            key.check_alone(noticed);
        }
    }

    /// Nobody holds anything and everything is reported: the store's levels say no more than is left.
    pub(super) fn check_end(&mut self) {
        let now = self.store_time();
        for n in 0..self.nodes.len() {
            for k in 0..self.setup.keys {
                assert!(
                    !self.nodes[n].has_hand(k),
                    "node {n} keeps tokens that nobody asks for"
                );
                assert!(
                    self.nodes[n].waiters[k].is_empty(),
                    "a request waits for ever"
                );
            }
        }
        let mut unknown_account = 0;
        for k in 0..self.setup.keys {
            let name = format!("key_{k}");
            let mut unknown = 0;
            for (boot, spent) in &self.crashed {
                let (of_key, of_account) = self.ledger.reported(&name, boot).unwrap_or((0, 0));
                unknown += spent[k].0.saturating_sub(of_key);
                unknown_account += spent[k].1.saturating_sub(of_account);
            }
            if let Some(view) = self.ledger.key_tokens(&name, now) {
                self.keys[k].check_level(view.tokens, view.part, unknown);
                assert_eq!(
                    view.elsewhere, 0,
                    "{name}: outstanding though all is given back"
                );
            }
        }
        if let (Some(account), Some(view)) = (&self.account, self.ledger.account_tokens(now)) {
            account.check_level(view.tokens, view.part, unknown_account);
        }
    }
}
