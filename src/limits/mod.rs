//! Limits: token buckets and quotas as pure arithmetic over `now`, and the in-memory state of keys and accounts; never a clock, never a store.
//!
//! Where this node is the only one, counts in memory are the truth while the process lives: a request is counted when it
//! is admitted and given back when it never reached an upstream. A restart reads quotas from usage, which counts the same
//! requests. Where nodes share a store, its buckets and counts are the truth, and a node spends what it was lent (`lease`).

mod account;
mod bucket;
mod decision;
mod desk;
mod either;
pub mod fields;
pub mod lease;
mod leased;
mod limiter;
pub mod port;
mod quota;

pub use account::{AccountLimits, KeyBucket, Ticket, UsedQuota, UsedQuotas};
pub use bucket::{Bucket, BucketSpec};
pub use decision::{Decision, Policy, Standing, Standings};
pub use desk::{Desk, DeskStats};
pub use either::{KeyLimits, Limits};
pub use leased::{LeasedAccount, LeasedKey, StoreAway};
pub use limiter::{Limiter, LimiterError};
