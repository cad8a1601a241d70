//! Rate limiting across nodes, pure: what the store decides, what a node does with a grant, what it shows; no I/O and no clock.
//!
//! Each node borrows a block of tokens from a bucket in the store with one call and spends it without another. What keeps
//! the sum within the rate:
//!
//! * The store debits at grant, by its own clock. An end of a lease credits nothing.
//! * A node reports totals since its start, of what it spent and has in hand. What it answers for beyond what the store
//!   knew (grants that a failover lost, requests that it admitted on its own while the store was away) is debited, below
//!   zero if need be. What it no longer answers for (given back, or granted in a reply that never came) comes back while
//!   its lease counts as outstanding, and never after. So giving back is a report as well, and repeating one is harmless.
//! * Refill that a full bucket could not take pays first for what nodes admitted on their own: it came in meanwhile. So an
//!   outage is not followed by another of the same length.
//! * In strict mode what is outstanding is taken off the burst: level and leases together never exceed it.
//! * A node counts a lease's life from before it asked, shorter than the store does.
//!
//! `holder` is a key's lease on one node, `shared` what its account's keys share there. `ledger` is the store's side; the
//! script in Redis is held against it, and `simulation` runs both sides against each other.

mod alone;
mod ask;
mod holder;
mod meter;
mod settled;
mod shadow;
mod shared;
mod show;
mod terms;

#[cfg(test)]
pub(crate) mod ledger;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use ask::{Amount, Answer, Ask, BucketView, Count, Grant, Seed, Tokens, WindowView};
pub use holder::{Due, Lease, Look, Step, Taken, Who};
pub use shared::Shared;
pub use terms::{RateSpec, Revision, Terms};

/// Milliseconds of a node's monotonic clock.
pub type Tick = u64;

/// Where a leased token came from; what giving it back means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From a lease, in this turn of its limbo.
    Lease {
        /// The turn.
        turn: u64,
    },
    /// From the node's own share while the store was away, after so many calls.
    Alone {
        /// Calls of the lease before.
        calls: u64,
    },
    /// From nowhere: everything was admitted.
    Free,
}

/// What an admitted request took of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Tokens of the key.
    pub key: u64,
    /// Tokens of the account.
    pub account: u64,
    /// The hour that it counts in.
    pub hour: u64,
    /// The month that it counts in.
    pub month: u64,
    /// Where the tokens came from.
    pub origin: Origin,
}

/// A duration in whole milliseconds.
pub(crate) const fn ms(d: std::time::Duration) -> u64 {
    d.as_millis() as u64
}
