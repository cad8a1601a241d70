//! What a node asks of the store and what it is told, the same whoever keeps the store; never how either decides.

use std::sync::Arc;

use super::terms::Terms;

/// What a lease holds: tokens of the key's bucket and of the account's, and places in the quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Tokens of the key.
    pub key: u64,
    /// Tokens of the account.
    pub account: u64,
    /// Requests that may still be counted.
    pub places: u64,
}

impl Amount {
    /// Whether all of `need` is in it.
    pub const fn covers(&self, need: &Self) -> bool {
        self.key >= need.key && self.account >= need.account && self.places >= need.places
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            key: self.key.saturating_add(other.key),
            account: self.account.saturating_add(other.account),
            places: self.places.saturating_add(other.places),
        }
    }

    /// This without `other`, nothing below zero.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self {
            key: self.key.saturating_sub(other.key),
            account: self.account.saturating_sub(other.account),
            places: self.places.saturating_sub(other.places),
        }
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.key == 0 && self.account == 0 && self.places == 0
    }
}

/// What a node says of its tokens of one bucket. Totals count from the node's start, so that saying them twice, or
/// after the store forgot, changes nothing twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tokens {
    /// All that it answers for: what it spent and what it has in hand.
    pub total: u64,
    /// What it has in hand.
    pub hand: u64,
    /// What may still be spent or come back: in hand, and taken by requests that have not left yet.
    pub held: u64,
    /// The total that the store acknowledged some time ago: what holds where the store knows nothing of the node.
    pub settled: u64,
}

/// What a node says of its requests in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// When the window begins, in the store's milliseconds.
    pub start: u64,
    /// Requests counted, and places in hand.
    pub total: u64,
    /// As [`Tokens::settled`].
    pub settled: u64,
}

/// What usage says was counted in the open windows: where a quota's count starts that the store does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seed {
    /// When the hour begins.
    pub hour: u64,
    /// Requests in it.
    pub hour_used: u64,
    /// When the month begins.
    pub month: u64,
    /// Requests in it.
    pub month_used: u64,
}

/// One call: it settles what the node did since the last, and asks for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Whose quotas and bucket.
    pub account: Arc<str>,
    /// The key.
    pub key: Arc<str>,
    /// The node, anew with each start.
    pub boot: Arc<str>,
    /// Grows with each call of a node. A call that comes twice is answered twice and carried out once; one that comes
    /// after a later one is not carried out.
    pub seq: u64,
    /// The limits as the node knows them.
    pub terms: Terms,
    /// Tokens of the request that waits; 0 where none does.
    pub cost: u64,
    /// Tokens that the node could use.
    pub want: u64,
    /// Places that it could use.
    pub places: u64,
    /// Of the key's bucket.
    pub key_tokens: Tokens,
    /// Of the account's bucket.
    pub account_tokens: Tokens,
    /// Places in hand.
    pub hand_places: u64,
    /// In the hour.
    pub hour: Count,
    /// In the month.
    pub month: Count,
    /// The store's time of the `settled` totals, in milliseconds; 0 for none.
    pub settled_at: u64,
    /// For an account that the store has no counts of.
    pub seed: Seed,
    /// How long a grant counts as outstanding, in milliseconds.
    pub life: u64,
}

/// A bucket after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BucketView {
    /// Whole tokens in it; below zero where nodes admitted on their own.
    pub tokens: i64,
    /// Parts of a further token.
    pub part: u64,
    /// Leases that draw on it, the caller's included.
    pub active: u64,
    /// Tokens that others hold.
    pub elsewhere: u64,
}

/// A quota after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WindowView {
    /// When it began.
    pub start: u64,
    /// When it ends.
    pub end: u64,
    /// Places that were granted in it.
    pub used: u64,
}

/// What the store grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// How much.
    pub amount: Amount,
    /// The store's time in milliseconds.
    pub now: u64,
    /// The key's bucket.
    pub key: BucketView,
    /// The account's; only `active` where it has none.
    pub account: BucketView,
    /// The hour.
    pub hour: WindowView,
    /// The month.
    pub month: WindowView,
    /// Terms in force that are newer than the caller's.
    pub terms: Option<Terms>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was carried out, now or when it came first.
    Granted(Box<Grant>),
    /// A later call of the node's came before it: nothing was done.
    Stale,
}
