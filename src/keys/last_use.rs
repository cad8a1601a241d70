//! Last uses of keys, collected in memory between two flushes; never the store itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::cache::Entry;
use super::port::{KeyStore, LastUse};
use crate::base::ceilings::{LAST_USES, STORE_BATCH, USAGE_FLUSH};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;

/// Independently locked parts: a busy key notes its use once per flush, so that a few are enough.
const SHARDS: usize = 16;

/// What a key's cache entry remembers of the use that was noted last, so that most requests only read it.
#[derive(Debug)]
pub(super) struct Noted {
    at_ms: AtomicI64,
    /// A fold of the address: enough to see that it changed.
    ip: AtomicU64,
}

impl Noted {
    pub(super) const fn nothing() -> Self {
        Self {
            at_ms: AtomicI64::new(i64::MIN),
            ip: AtomicU64::new(0),
        }
    }

    /// Whether this use is to be noted: the first since a flush interval, or the first from another address.
    fn due(&self, ip: IpAddr, now: Timestamp) -> bool {
        let (at, fold) = (self.at_ms.load(Ordering::Relaxed), fold(ip));
        let interval = i64::try_from(USAGE_FLUSH.as_millis()).unwrap_or(i64::MAX);
        let recent = (at..at.saturating_add(interval)).contains(&now.millis());
        if recent && self.ip.load(Ordering::Relaxed) == fold {
            return false;
        }
        self.ip.store(fold, Ordering::Relaxed);
        // Of several at once, one notes; an address that changed meanwhile is noted by its next use.
        self.at_ms
            .compare_exchange(at, now.millis(), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

fn fold(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            (bits as u64) ^ ((bits >> 64) as u64).rotate_left(29)
        }
    }
}

type Uses = HashMap<Box<str>, (Timestamp, IpAddr)>;

/// Uses of some keys, in parts.
type Shards = [Mutex<Uses>; SHARDS];

/// Last uses that wait for the next flush: at most [`LAST_USES`] keys, further ones are dropped and counted.
#[derive(Default)]
pub struct LastUses {
    shards: Shards,
    /// Those by a secret that a rotation had replaced, once more.
    previous: Shards,
    dropped: AtomicU64,
}

impl LastUses {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a key was used. Almost always this is two reads of memory: a key is noted once per flush interval,
    /// and when its address changes.
    pub fn note<A>(&self, entry: &Entry<A>, ip: IpAddr, now: Timestamp) {
        if entry.noted.due(ip, now) {
            self.put(&self.shards, &entry.grant.key_id, now, ip);
            // Only a secret that was replaced has an end of its own.
            if entry.grant.valid_until.is_some() {
                self.put(&self.previous, &entry.grant.key_id, now, ip);
            }
        }
    }

    fn put(&self, to: &Shards, key_id: &str, at: Timestamp, ip: IpAddr) {
        // Ids end in random hex digits.
        let shard = key_id
            .bytes()
            .rev()
            .take(4)
            .fold(0, |n: usize, b| n * 31 + usize::from(b));
        let mut uses = to[shard % SHARDS].lock();
        if let Some(known) = uses.get_mut(key_id) {
            if known.0 <= at {
                *known = (at, ip);
            }
        } else if uses.len() < LAST_USES / SHARDS {
            uses.insert(key_id.into(), (at, ip));
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Uses that were dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes what was noted since the last time.
    fn drain(from: &Shards) -> Vec<LastUse> {
        let mut all = Vec::new();
        for shard in from {
            let uses = std::mem::take(&mut *shard.lock());
            all.extend(uses.into_iter().map(|(id, (at, ip))| LastUse {
                key_id: id.into(),
                at,
                ip: Some(ip),
            }));
        }
        all
    }

    /// Writes what was noted. What the store does not take is noted again for the next flush.
    ///
    /// # Errors
    /// The store's failure.
    pub async fn flush(&self, store: &dyn KeyStore) -> Result<usize, StoreError> {
        let all = Self::drain(&self.shards);
        for (i, chunk) in all.chunks(STORE_BATCH).enumerate() {
            if let Err(e) = store.note_last_uses(chunk).await {
                self.put_back(&self.shards, &all[i * STORE_BATCH..]);
                return Err(e);
            }
        }
        let previous = Self::drain(&self.previous);
        for (i, chunk) in previous.chunks(STORE_BATCH).enumerate() {
            if let Err(e) = store.note_previous_uses(chunk).await {
                self.put_back(&self.previous, &previous[i * STORE_BATCH..]);
                return Err(e);
            }
        }
        Ok(all.len())
    }

    fn put_back(&self, to: &Shards, uses: &[LastUse]) {
        for noted in uses {
            if let Some(ip) = noted.ip {
                self.put(to, &noted.key_id, noted.at, ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn a_key_is_noted_once_per_interval_and_address() {
        let noted = Noted::nothing();
        let t = Timestamp::from_secs(100);
        let later = |ms| t.plus(std::time::Duration::from_millis(ms));
        assert!(noted.due(A, t));
        assert!(!noted.due(A, later(999)));
        assert!(noted.due(A, later(1000)));
        assert!(noted.due(B, later(1001)));
        assert!(!noted.due(B, later(1002)));
        // The clock went back.
        assert!(noted.due(B, t));
    }

    #[test]
    fn the_latest_use_wins_and_the_ceiling_holds() {
        let uses = LastUses::new();
        let (to, drain) = (&uses.shards, || LastUses::drain(&uses.shards));
        uses.put(to, "key_1", Timestamp::from_secs(2), A);
        uses.put(to, "key_1", Timestamp::from_secs(1), B);
        assert_eq!(drain()[0].ip, Some(A));
        assert!(drain().is_empty());
        for i in 0..LAST_USES * 2 {
            uses.put(to, &format!("key_{i}"), Timestamp::from_secs(1), A);
        }
        assert!(drain().len() <= LAST_USES);
        assert!(uses.dropped() >= LAST_USES as u64);
    }
}
