//! Uses of keys, and of secrets that were replaced, collected in memory between two flushes; never the store itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use futures_util::stream::{self, StreamExt as _};
use parking_lot::Mutex;

use super::cache::Entry;
use super::port::{KeyStore, LastUse};
use super::previous_uses::{PreviousUses, is_remembered};
use crate::base::ceilings::old_secrets::{OLD_SECRET_CALLS, OLD_SECRET_KEYS};
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

/// What waits of one key.
#[derive(Default)]
struct Waiting {
    last: Option<(Timestamp, IpAddr)>,
    /// The account, and uses of secrets that a rotation had replaced.
    previous: Option<Box<(Box<str>, PreviousUses)>>,
}

impl Waiting {
    fn used(&mut self, at: Timestamp, ip: IpAddr) {
        if self.last.is_none_or(|(known, _)| known <= at) {
            self.last = Some((at, ip));
        }
    }

    fn previous(&mut self, account_id: &str) -> &mut PreviousUses {
        let new = || Box::new((account_id.into(), PreviousUses::default()));
        &mut self.previous.get_or_insert_with(new).1
    }
}

/// Uses of old secrets of one account's keys.
struct OfAccount {
    account_id: Box<str>,
    uses: Vec<(String, PreviousUses)>,
}

/// Uses that wait for the next flush: those of at most [`LAST_USES`] keys, further ones are dropped and counted.
#[derive(Default)]
pub struct LastUses {
    shards: [Mutex<HashMap<Box<str>, Waiting>>; SHARDS],
    dropped: AtomicU64,
}

impl LastUses {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that a key was used. Almost always this is a few reads of memory: a key is noted once per flush interval, and
    /// when its address changes. Only requests with an old secret are all counted.
    pub fn note<A>(&self, entry: &Entry<A>, ip: IpAddr, now: Timestamp) {
        let grant = &entry.grant;
        // Only a secret that was replaced has an end of its own.
        let is_old = grant.valid_until.is_some();
        let is_due = entry.noted.due(ip, now);
        if is_due || is_old {
            self.put(&grant.key_id, |waiting| {
                if is_due {
                    waiting.used(now, ip);
                }
                if is_old {
                    let previous = waiting.previous(&grant.account_id);
                    previous.accepted.add(ip, now);
                }
            });
        }
    }

    /// Notes that a request was refused since its secret is an old one that has ended, for a time after that.
    pub fn note_ended<A>(&self, entry: &Entry<A>, ip: IpAddr, now: Timestamp) {
        let grant = &entry.grant;
        let ended = grant.valid_until.filter(|end| *end <= now);
        if ended.is_some_and(|end| is_remembered(end, now)) {
            self.put(&grant.key_id, |waiting| {
                waiting.previous(&grant.account_id).refused.add(ip, now);
            });
        }
    }

    fn put(&self, key_id: &str, note: impl FnOnce(&mut Waiting)) {
        // Ids end in random hex digits.
        let shard = key_id
            .bytes()
            .rev()
            .take(4)
            .fold(0, |n: usize, b| n * 31 + usize::from(b));
        let mut all = self.shards[shard % SHARDS].lock();
        if let Some(known) = all.get_mut(key_id) {
            note(known);
        } else if all.len() < LAST_USES / SHARDS {
            note(all.entry(key_id.into()).or_default());
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Uses that were dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes what was noted since the last time.
    fn drain(&self) -> (Vec<LastUse>, Vec<OfAccount>) {
        let (mut last, mut previous) = (Vec::new(), HashMap::<_, Vec<_>>::new());
        for shard in &self.shards {
            let all = std::mem::take(&mut *shard.lock());
            for (id, waiting) in all {
                if let Some((account_id, uses)) = waiting.previous.map(|p| *p) {
                    let of_account = previous.entry(account_id).or_default();
                    of_account.push((id.to_string(), uses));
                }
                last.extend(waiting.last.map(|(at, ip)| LastUse {
                    key_id: id.into(),
                    at,
                    ip: Some(ip),
                }));
            }
        }
        let previous = previous
            .into_iter()
            .map(|(account_id, uses)| OfAccount { account_id, uses });
        (last, previous.collect())
    }

    /// Writes what was noted. What the store does not take is noted again for the next flush.
    ///
    /// # Errors
    /// The store's first failure.
    pub async fn flush(&self, store: &dyn KeyStore) -> Result<usize, StoreError> {
        let (last, previous) = self.drain();
        let mut done = Ok(last.len());
        for (i, chunk) in last.chunks(STORE_BATCH).enumerate() {
            if let Err(e) = store.note_last_uses(chunk).await {
                self.put_back(&last[i * STORE_BATCH..]);
                done = Err(e);
                break;
            }
        }
        // Each call of its own, so that what one account's part of the store does not take is not sent again for others.
        let calls = previous.iter().flat_map(|of_account| {
            let pieces = of_account.uses.chunks(OLD_SECRET_KEYS);
            pieces.map(move |piece| async move {
                let noted = store.note_previous_uses(&of_account.account_id, piece);
                noted.await.inspect_err(|_| {
                    for (id, uses) in piece {
                        self.put(id, |w| w.previous(&of_account.account_id).merge(uses));
                    }
                })
            })
        });
        let calls: Vec<_> = calls.collect();
        let mut calls = stream::iter(calls).buffer_unordered(OLD_SECRET_CALLS);
        while let Some(noted) = calls.next().await {
            done = done.and_then(|n| noted.map(|()| n));
        }
        done
    }

    fn put_back(&self, uses: &[LastUse]) {
        for noted in uses {
            if let Some(ip) = noted.ip {
                self.put(&noted.key_id, |waiting| waiting.used(noted.at, ip));
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
        let put = |id: &str, secs, ip| {
            uses.put(id, |waiting| waiting.used(Timestamp::from_secs(secs), ip));
        };
        let drain = || uses.drain().0;
        put("key_1", 2, A);
        put("key_1", 1, B);
        assert_eq!(drain()[0].ip, Some(A));
        assert!(drain().is_empty());
        for i in 0..LAST_USES * 2 {
            put(&format!("key_{i}"), 1, A);
        }
        assert!(drain().len() <= LAST_USES);
        assert!(uses.dropped() >= LAST_USES as u64);
    }
}
