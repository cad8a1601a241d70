//! The simulated world: events in time, the network between nodes and store, faults; never what must hold.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::super::Spent;
use super::super::ask::{Answer, Ask};
use super::super::ledger::Ledger;
use super::super::terms::{Revision, Terms};
use super::checks::{Account, Ideal, Windows};
use super::node::Node;
use super::{Limits, Setup};
use crate::config::model::{Plan, Quotas};

/// Time after the load in which everything is reported.
const CALM_MS: u64 = 8_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Request(usize),
    Execute(usize),
    Answer(usize),
    Deadline(usize),
    Look(usize, usize),
    Left(usize),
    Crash,
    Snapshot,
    Failover(i64),
    Change(usize),
    Adopt(usize, usize),
    Sample,
    LastUse,
}

/// A call on its way.
pub(super) struct Call {
    pub(super) node: usize,
    pub(super) boot: Arc<str>,
    pub(super) key: usize,
    pub(super) ask: Ask,
    pub(super) answer: Option<Answer>,
    /// The node has its answer, or gave up.
    pub(super) over: bool,
    pub(super) lost_reply: bool,
    pub(super) back_ms: u64,
}

/// A request between its admission and its leaving.
pub(super) struct Flying {
    pub(super) node: usize,
    pub(super) boot: Arc<str>,
    pub(super) key: usize,
    pub(super) spent: Spent,
}

/// A node that crashed, and what it had spent on each key.
type Crashed = (Arc<str>, Vec<(u64, u64)>);

pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) rng: fastrand::Rng,
    pub(super) t: u64,
    pub(super) events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    pub(super) order: u64,
    pub(super) ledger: Ledger,
    pub(super) snapshot: Option<Ledger>,
    pub(super) since_snapshot: Vec<(usize, u64, u64, u64)>,
    pub(super) skew: i64,
    /// By how much clocks were set forward.
    pub(super) ahead: u64,
    pub(super) nodes: Vec<Node>,
    next: Vec<f64>,
    /// What nodes had spent on each key when they crashed.
    pub(super) crashed: Vec<Crashed>,
    pub(super) spent: Vec<Vec<(u64, u64)>>,
    pub(super) calls: Vec<Call>,
    pub(super) flying: Vec<Flying>,
    pub(super) terms: Vec<Terms>,
    pub(super) in_force: Revision,
    pub(super) keys_in_force: Vec<Revision>,
    pub(super) keys: Vec<Account>,
    pub(super) account: Option<Account>,
    pub(super) ideal: Vec<Ideal>,
    pub(super) hours: Windows,
    pub(super) months: Windows,
    pub(super) executed: u64,
    pub(super) admitted: u64,
    pub(super) refused: u64,
    pub(super) alone_admitted: u64,
    /// Tokens of each key admitted from leases, and when.
    pub(super) log: Vec<Vec<(u64, u64)>>,
    pub(super) boots: u64,
    /// Whether calls fail outside of outages as well.
    pub(super) calls_fail_besides: bool,
}

fn plan(limits: &Limits) -> Plan {
    Plan {
        rate: limits.key,
        account_rate: limits.account,
        quotas: Quotas {
            hour: limits.hour,
            month: limits.month,
        },
        max_keys: 100,
    }
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let mut rng = fastrand::Rng::with_seed(setup.seed);
        let limits =
            std::iter::once(&setup.limits).chain(setup.faults.changes.iter().map(|c| &c.1));
        let terms: Vec<Terms> = limits
            .zip(1..)
            .map(|(l, config)| Terms::new(&plan(l), setup.strict, Revision { config, account: 7 }))
            .collect();
        let names: Vec<Arc<str>> = (0..setup.keys).map(|k| format!("key_{k}").into()).collect();
        let begins = setup.begins;
        let mut nodes: Vec<Node> = (0..setup.nodes)
            .map(|n| {
                let boot = format!("boot_{n}");
                Node::new(&boot, &names, terms[0], setup.policy, (0, begins), &mut rng)
            })
            .collect();
        nodes[0].weight = setup.hot;
        let rest = (100 - setup.hot) / (setup.nodes as u64 - 1).max(1);
        for node in nodes.iter_mut().skip(1) {
            node.weight = rest.max(1);
        }
        let mut world = Self {
            keys: names
                .iter()
                .map(|n| Account::new(n, terms[0].key, setup.strict))
                .collect(),
            ideal: names.iter().map(|_| Ideal::new(terms[0].key, 0)).collect(),
            account: terms[0]
                .account
                .map(|spec| Account::new("account", spec, setup.strict)),
            next: vec![0.0; setup.nodes],
            spent: vec![vec![(0, 0); setup.keys]; setup.nodes],
            boots: setup.nodes as u64,
            calls_fail_besides: setup.faults.lost + setup.faults.lost_replies + setup.faults.slow
                > 0,
            setup,
            rng,
            t: 0,
            events: BinaryHeap::new(),
            order: 0,
            ledger: Ledger::default(),
            snapshot: None,
            since_snapshot: Vec::new(),
            skew: 0,
            ahead: 0,
            nodes,
            crashed: Vec::new(),
            calls: Vec::new(),
            flying: Vec::new(),
            terms,
            in_force: Revision::default(),
            keys_in_force: names.iter().map(|_| Revision::default()).collect(),
            hours: Windows::default(),
            months: Windows::default(),
            executed: 0,
            admitted: 0,
            refused: 0,
            alone_admitted: 0,
            log: vec![Vec::new(); names.len()],
        };
        world.plan_events();
        world
    }

    fn plan_events(&mut self) {
        for n in 0..self.nodes.len() {
            let at = self.next_request(n);
            self.at(at, Event::Request(n));
        }
        self.at(0, Event::Sample);
        // The first finds out that the store is back where a node has not noticed.
        self.at(self.setup.length + 2_500, Event::LastUse);
        self.at(self.setup.length + 3_000, Event::LastUse);
        let faults = self.setup.faults.clone();
        for t in faults.crashes {
            self.at(t, Event::Crash);
        }
        for (t, lag, skew) in faults.failovers {
            self.at(t.saturating_sub(lag), Event::Snapshot);
            self.at(t, Event::Failover(skew));
        }
        for (i, (t, _)) in faults.changes.into_iter().enumerate() {
            self.at(t, Event::Change(i + 1));
        }
    }

    pub(super) fn at(&mut self, t: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((t, self.order, event)));
    }

    pub(super) fn store_time(&self) -> u64 {
        (self.setup.begins + self.t).saturating_add_signed(self.skew)
    }

    /// The time that budgets go by: a clock that was set back did not take time away.
    pub(super) fn passed(&self) -> u64 {
        self.setup.begins + self.t + self.ahead
    }

    /// When a node's next request comes: many may come in one millisecond.
    pub(super) fn next_request(&mut self, node: usize) -> u64 {
        let total: u64 = self.nodes.iter().map(|n| n.weight).sum();
        let rate =
            self.setup.demand as f64 / 1000.0 * self.nodes[node].weight as f64 / total as f64;
        self.next[node] += -(1.0 - self.rng.f64()).ln() / rate;
        self.next[node].min(1e12) as u64
    }

    /// Runs to the end, and checks all the while.
    pub(super) fn run(&mut self) {
        self.run_until(self.setup.length + CALM_MS);
        self.hours.check("hour", self.setup.limits.hour);
        self.months.check("month", self.setup.limits.month);
        self.check_alone();
        self.check_end();
    }

    /// Runs as long as there is load.
    pub(super) fn run_load(&mut self) {
        self.run_until(self.setup.length);
    }

    fn run_until(&mut self, end: u64) {
        while let Some(Reverse((t, _, event))) = self.events.pop() {
            if t > end {
                break;
            }
            self.t = t;
            let now = self.passed();
            for account in self.keys.iter_mut().chain(&mut self.account) {
                account.advance(now);
            }
            self.handle(event);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Request(n) => self.request(n),
            Event::Execute(c) => self.execute(c),
            Event::Answer(c) => self.answer(c),
            Event::Deadline(c) => self.deadline(c),
            Event::Look(n, k) => self.look(n, k),
            Event::Left(f) => self.left(f),
            Event::Crash => self.crash(),
            Event::Snapshot => {
                self.snapshot = Some(self.ledger.clone());
                self.since_snapshot.clear();
            }
            Event::Failover(skew) => self.failover(skew),
            Event::Change(i) => {
                for n in 0..self.nodes.len() {
                    let late = self.rng.u64(0..2_000);
                    self.at(self.t + late, Event::Adopt(n, i));
                }
            }
            Event::Adopt(n, i) => {
                let tick = self.nodes[n].tick(self.t);
                if self.nodes[n].shared.own().revision < self.terms[i].revision {
                    self.nodes[n].shared.set_terms(self.terms[i], tick);
                }
            }
            Event::Sample => self.sample(),
            Event::LastUse => self.last_use(),
        }
    }
}
