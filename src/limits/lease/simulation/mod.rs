//! Both sides of the leases against each other, driven by a seed and a clock: nodes, a store, and all that can go wrong between them; never a real call.

mod checks;
mod faults;
mod network;
mod node;
mod runs;
mod traffic;
mod world;

use crate::config::model::{OnStoreFailure, Rate};

/// A plan as the simulation varies it.
#[derive(Debug, Clone, Copy)]
struct Limits {
    key: Rate,
    account: Option<Rate>,
    hour: Option<u64>,
    month: Option<u64>,
}

/// What one run is like; everything else follows from its seed.
#[derive(Debug, Clone)]
struct Setup {
    seed: u64,
    nodes: usize,
    keys: usize,
    limits: Limits,
    strict: bool,
    policy: OnStoreFailure,
    /// Requests a millisecond over all nodes and keys, in thousandths.
    demand: u64,
    /// The share of the load that goes to one node, in percent; the others share the rest evenly.
    hot: u64,
    /// Costs are between 1 and this.
    dearest: u64,
    /// How long load is offered, in milliseconds.
    length: u64,
    /// The store's time at the beginning.
    begins: u64,
    faults: Faults,
}

/// What goes wrong. Chances are in thousandths of calls.
#[derive(Debug, Clone, Default)]
struct Faults {
    lost: u64,
    lost_replies: u64,
    slow: u64,
    twice: u64,
    /// Requests that are given back, in thousandths.
    undone: u64,
    /// Nodes that crash and come again, at these times.
    crashes: Vec<u64>,
    /// Fail-overs: when, how much of what was written last is lost, and by how much the new clock differs.
    failovers: Vec<(u64, u64, i64)>,
    /// When calls of the first so many nodes do not go through.
    outages: Vec<(u64, u64, usize)>,
    /// Other limits from some time on.
    changes: Vec<(u64, Limits)>,
}

impl Faults {
    /// Whether grants may be lost for good.
    fn lose_nothing(&self) -> bool {
        self.failovers.is_empty()
    }
}
