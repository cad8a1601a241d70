//! The store in Redis, for any number of nodes: single server, Sentinel or Cluster; never a rule of a domain.
//!
//! # Slots
//!
//! What is decided together lies in one slot, and every script names keys of one slot only, so that the same code runs
//! on a single server and on a cluster. `P` is the configured prefix, `A` an account id, `N` the number of an account's
//! shard (CRC-32 of its id modulo [`names::SHARDS`]).
//!
//! | slot | holds |
//! | --- | --- |
//! | `P:{A}:…` | the account, its keys, its part of the audit log, remembered answers, usage, buckets and quotas |
//! | `P:{qN}:…` | endpoints, events and deliveries of the accounts of shard N |
//! | `P:a:…`, `P:{~…}:…` | indexes: advisory, written before what they lead to; what they lead to decides |
//!
//! # Accounts, keys and the audit log
//!
//! | name | type | holds |
//! | --- | --- | --- |
//! | `P:{A}:account` | hash | the account (`accounts`) |
//! | `P:{A}:erasing` | string | its pseudonym while it is being erased; `erased` for a day after (`erase`) |
//! | `P:{A}:erasure` | hash | how far that came |
//! | `P:{A}:key:<key>` | string | a key (`key_text`) |
//! | `P:{A}:keys` | sorted set | ids of its keys, in byte order |
//! | `P:{A}:live` | sorted set | ids of its keys that are not revoked, by when they expire |
//! | `P:{A}:void:<key>:<digest>` | string | keeps a key from a digest that another took over (`digests`) |
//! | `P:{tag}:audit:<entry>` | string | an entry of the audit log, in the slot of its change (`audit`) |
//! | `P:{tag}:answer:<entry>` | string | a remembered answer, in the slot of its change (`answers`) |
//! | `P:{~g}:audit:<entry>` | string | entries of changes that concern no account |
//! | `P:{~d00}:digests` to `~dff` | hash | digest → account and key, by the digest's first byte (`digests`) |
//! | `P:{~kN}:ids` | sorted set | all keys and the account of each (`lists`) |
//! | `P:{~aN}:ids` | sorted set | all accounts |
//! | `P:{~aN}:plans`, `P:{~aN}:plan:<plan>` | set, sorted set | names of plans, accounts that were given each (`plans`) |
//! | `P:{~lN}:log` | sorted set | the audit log's index |
//! | `P:{~rN}:answers` | sorted set | remembered answers, by when they expire |
//! | `P:a:<SHA-256>` | string | Idempotency-Key → where its answer is |
//! | `P:{~e}:accounts` | set | accounts whose erasure began |
//! | `P:changes` | channel | what changed, for other nodes (`notices`) |
//! | `P:{~copy}:mark`, `P:{~copy}:usage` | hash | whose copy this store is, and how far it is (`copy`) |
//!
//! # Changes
//!
//! A script that carries out an operator's change writes its audit entry and its remembered answer too, in the slot of
//! what it changes, so that all three are there or none. It takes them as its last two keys and last three arguments
//! (see `change`). An audit entry that is there already means that this very call was applied before: the reply was lost
//! and the client library sent it again.

mod accounts;
mod answers;
mod audit;
mod change;
mod check;
mod clocks;
mod copy;
mod digests;
mod each;
mod erase;
mod erase_log;
mod events;
mod key_batch;
mod key_expiry;
mod key_names;
mod key_read;
mod key_text;
mod key_write;
mod keys;
mod lease;
mod link;
mod lists;
mod names;
pub mod notices;
mod open;
mod parts;
mod plans;
mod previous_uses;
pub mod repair;
mod script;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod twice;
mod usage;

use std::sync::Arc;

use tokio::sync::watch;

pub use self::check::{Finding, Weight};
pub use self::clocks::StoreClock;
pub use self::copy::{CopyRefused, Known};
pub use self::link::{CallTimes, LinkStats};
pub use self::open::OpenError;
pub use self::usage::SliceCopy;

use self::clocks::Clocks;
use self::link::Link;
use self::names::Names;
use crate::base::clock::Clock;
use crate::config::model::RedisStore;

/// The store in Redis.
#[derive(Clone)]
pub struct Store {
    link: Link,
    names: Arc<Names>,
    clocks: Arc<Clocks>,
    clock: Clock,
}

impl Store {
    /// A store that connects when it is first used.
    pub fn new(settings: RedisStore, clock: Clock) -> Self {
        Self {
            names: Arc::new(Names::new(&settings.key_prefix)),
            link: Link::new(settings),
            clocks: Arc::default(),
            clock,
        }
    }

    /// Shows the time of its calls in these from now on.
    pub fn show_times(&self, times: CallTimes) {
        self.link.show(times);
    }

    /// Changes with each connection that is made to a server, whether one came back or another took its place: what was
    /// written last may be lost then.
    pub fn connects(&self) -> watch::Receiver<u64> {
        self.link.connects()
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> LinkStats {
        self.link.stats()
    }
}
