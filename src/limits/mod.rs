//! Limits: token buckets and quotas as pure arithmetic over `now`, and the in-memory state of keys and accounts; never a clock, never a store.
