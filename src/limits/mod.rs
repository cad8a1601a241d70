//! Limits: token buckets and quotas as pure arithmetic over `now`, and the in-memory state of keys and accounts; never a clock, never a store.
//!
//! Counts in memory are the truth while the process lives: a request is counted when it is admitted and given back when
//! it never reached an upstream. A restart reads quotas from usage, which counts the same requests.

mod account;
mod bucket;
mod decision;
pub mod fields;
mod limiter;
mod quota;

pub use account::{AccountLimits, KeyBucket, Ticket, UsedQuota, UsedQuotas};
pub use bucket::{Bucket, BucketSpec};
pub use decision::{Decision, Policy, Standing, Standings};
pub use limiter::{Limiter, LimiterError};
