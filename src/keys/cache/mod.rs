//! The key cache: one look-up by digest gives a key and what the gateway keeps beside it; never a decision over a request.

mod negative;
mod stats;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use self::negative::Negative;
pub use self::stats::CacheStats;
use self::stats::{Counts, count};
pub use self::table::Entry;
use self::table::Table;
use super::digest::{Digester, Migration, Shown};
use super::last_use::Noted;
use super::model::{Digest, KeyRecord, StoredSecret};
use super::port::KeyStore;
use super::verify::Grant;
use crate::base::ceilings::{KEY_BACKGROUND, KEY_LOADS, KEY_REFRESH_RETRY, SCOPE_SETS};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::flight::Flights;
use crate::config::model::KeyCacheSettings;

/// Makes what is kept beside a key: account state, buckets, usage. It runs off the hot path, once per load.
#[async_trait]
pub trait Attach<A>: Send + Sync {
    /// The attachment of `record`.
    ///
    /// # Errors
    /// When it cannot be made now; the key is then as unavailable as if the store had failed.
    async fn attach(&self, record: &KeyRecord) -> Result<A, StoreError>;
}

/// Who must hear of a change of keys before the change is answered. The cache does.
pub trait KeyObserver: Send + Sync {
    /// This key changed.
    fn key_changed(&self, key_id: &str);
    /// Keys of this account changed, or the account is gone.
    fn account_keys_changed(&self, account_id: &str);
    /// Keys were made whose secrets may have been refused a moment ago.
    fn keys_added(&self);
}

/// A bounded cache of keys. Cloning shares it.
pub struct KeyCache<A>(Arc<Inner<A>>);

impl<A> Clone for KeyCache<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

type Loaded<A> = Result<Option<Arc<Entry<A>>>, StoreError>;

struct Inner<A> {
    store: Arc<dyn KeyStore>,
    attach: Arc<dyn Attach<A>>,
    settings: ArcSwap<KeyCacheSettings>,
    table: Table<A>,
    negative: Negative,
    flights: Flights<Digest, Loaded<A>>,
    /// Grows with every invalidation, before anything is taken out: what began to load before is not kept.
    generation: AtomicU64,
    /// One copy of each set of scopes, since most keys share a few.
    scope_sets: Mutex<HashSet<Arc<str>>>,
    /// Refreshes and moves of digests that may be under way in the background.
    background: Semaphore,
    counts: Counts,
}

/// What memory says about a digest.
enum Remembered<A> {
    Key(Arc<Entry<A>>),
    /// It may serve, and is due to be read again by whoever sees this.
    Due(Arc<Entry<A>>),
    NoKey,
    Nothing,
}

impl<A: Send + Sync + 'static> KeyCache<A> {
    /// An empty cache.
    pub fn new(
        settings: KeyCacheSettings,
        store: Arc<dyn KeyStore>,
        attach: Arc<dyn Attach<A>>,
    ) -> Self {
        Self(Arc::new(Inner {
            store,
            attach,
            settings: ArcSwap::from_pointee(settings),
            table: Table::new(settings.capacity),
            negative: Negative::default(),
            flights: Flights::new(KEY_LOADS),
            generation: AtomicU64::new(0),
            scope_sets: Mutex::default(),
            background: Semaphore::new(KEY_BACKGROUND),
            counts: Counts::default(),
        }))
    }

    /// The key whose secret `text` is; `Ok(None)` when there is none. A warm key, a digest that is known to have no
    /// key, and what cannot be a key are answered without awaiting. Its state and what it may do are not judged here.
    ///
    /// # Errors
    /// When the key is not in memory, or too old there, and the store or the attachment fails.
    pub async fn find(
        &self,
        digester: &Digester,
        text: &str,
        now: Timestamp,
    ) -> Result<Option<Arc<Entry<A>>>, StoreError> {
        let Some(cache_key) = digester.cache_key(text) else {
            return Ok(None);
        };
        match self.0.remembered(&cache_key, now) {
            Remembered::Key(entry) => Ok(Some(entry)),
            Remembered::Due(entry) => {
                self.refresh(digester.shown(text), now);
                Ok(Some(entry))
            }
            Remembered::NoKey => Ok(None),
            Remembered::Nothing => match digester.shown(text) {
                // Apart and boxed: it is large, and every request would carry it.
                Some(shown) => Box::pin(self.0.miss(shown, now)).await,
                None => Ok(None),
            },
        }
    }

    /// Reads a key again in the background, where a runtime is at hand and not too many are being read.
    fn refresh(&self, shown: Option<Shown>, now: Timestamp) {
        let (Some(shown), Ok(runtime)) = (shown, tokio::runtime::Handle::try_current()) else {
            return;
        };
        let inner = Arc::clone(&self.0);
        runtime.spawn(async move {
            let Ok(_permit) = inner.background.try_acquire() else {
                return;
            };
            count(&inner.counts.refreshes);
            // A failure is counted; the entry goes on serving up to `max_stale`.
            let _ = inner.load(shown, now).await;
        });
    }

    /// Takes new bounds from a reloaded configuration; a smaller capacity is reached by the next insertions.
    pub fn set_settings(&self, settings: KeyCacheSettings) {
        self.0.settings.store(Arc::new(settings));
    }

    /// Forgets everything: after a change of prefix, peppers or legacy formats, which changes what is a key.
    pub fn clear(&self) {
        self.0.bump();
        self.0.table.clear();
        self.0.negative.clear();
    }

    /// Something changed, nobody knows what: every key is read again by its next use, and serves on meanwhile as it is.
    pub fn age_all(&self) {
        self.0.bump();
        self.0.table.age_all();
        self.0.negative.clear();
    }

    /// What it counted.
    pub fn stats(&self) -> CacheStats {
        let sizes = CacheStats {
            entries: self.0.table.len(),
            negative_entries: self.0.negative.len(),
            loading: self.0.flights.len(),
            hits: self.0.table.hits(),
            ..CacheStats::default()
        };
        self.0.counts.stats(sizes)
    }
}

impl<A: Send + Sync + 'static> KeyObserver for KeyCache<A> {
    fn key_changed(&self, key_id: &str) {
        self.0.bump();
        self.0.table.remove_key(key_id);
    }

    fn account_keys_changed(&self, account_id: &str) {
        self.0.bump();
        self.0.table.remove_account(account_id);
    }

    fn keys_added(&self) {
        self.0.bump();
        self.0.negative.clear();
    }
}

impl<A: Send + Sync + 'static> Inner<A> {
    /// Says that what is being loaded now may be stale.
    fn bump(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn remembered(&self, cache_key: &Digest, now: Timestamp) -> Remembered<A> {
        let Some(entry) = self.table.get(cache_key) else {
            if self.negative.contains(cache_key, now) {
                count(&self.counts.negative_hits);
                return Remembered::NoKey;
            }
            return Remembered::Nothing;
        };
        let due = entry.refresh_at.load(Ordering::Relaxed);
        let next = now.plus(KEY_REFRESH_RETRY).millis();
        // A clock that went back would otherwise keep an entry that much longer.
        let went_back = now < entry.loaded_at && due > next;
        if now.millis() < due && !went_back {
            return Remembered::Key(entry);
        }
        let settings = self.settings.load();
        if now.since(entry.loaded_at) >= settings.max_stale.max(settings.max_age) {
            return Remembered::Nothing;
        }
        // Whoever moves the instant on reads the key again; if that fails, another tries a little later.
        let mine = entry
            .refresh_at
            .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if mine {
            Remembered::Due(entry)
        } else {
            Remembered::Key(entry)
        }
    }

    async fn miss(self: &Arc<Self>, shown: Shown, now: Timestamp) -> Loaded<A> {
        count(&self.counts.misses);
        let generation = self.generation.load(Ordering::SeqCst);
        let key = shown.cache_key;
        let load = || {
            count(&self.counts.loads);
            self.load(shown, now)
        };
        let loaded = self.flights.run(key, generation, load).await;
        loaded.unwrap_or_else(|| {
            Err(StoreError::Overloaded(
                "too many keys are being loaded".into(),
            ))
        })
    }

    /// Asks the store and keeps the answer, unless something was invalidated meanwhile.
    async fn load(self: &Arc<Self>, shown: Shown, now: Timestamp) -> Loaded<A> {
        let generation = self.generation.load(Ordering::SeqCst);
        let answer = self.ask(&shown, now).await;
        match &answer {
            Ok(Some(entry)) => self.keep(entry, generation),
            Ok(None) => self.keep_absence(shown.cache_key, generation, now),
            Err(_) => count(&self.counts.failures),
        }
        answer
    }

    async fn ask(self: &Arc<Self>, shown: &Shown, now: Timestamp) -> Loaded<A> {
        let Some(record) = self.store.by_digest(&shown.candidates).await? else {
            return Ok(None);
        };
        // The record decides, not the index that led to it.
        let Some(secret) = shown.matching(&record) else {
            return Ok(None);
        };
        let attachment = self.attach.attach(&record).await?;
        if let Some(migration) = shown.migration(&record.id, secret) {
            self.migrate(migration);
        }
        Ok(Some(Arc::new(self.entry(
            &record,
            secret,
            shown.cache_key,
            attachment,
            now,
        ))))
    }

    fn entry(
        &self,
        record: &KeyRecord,
        secret: &StoredSecret,
        digest: Digest,
        attachment: A,
        now: Timestamp,
    ) -> Entry<A> {
        let age = spread(self.settings.load().max_age, digest[0]);
        Entry {
            grant: Grant::new(record, secret, self.shared(record.scopes.join(" "))),
            attachment,
            digest,
            loaded_at: now,
            refresh_at: AtomicI64::new(now.plus(age).millis()),
            used: AtomicBool::new(false),
            noted: Noted::nothing(),
        }
    }

    fn keep(&self, entry: &Arc<Entry<A>>, generation: u64) {
        let capacity = self.settings.load().capacity.max(1);
        let evicted = self
            .table
            .insert(entry, capacity, || self.is_current(generation));
        self.counts.evictions.fetch_add(evicted, Ordering::Relaxed);
        self.negative.remove(&entry.digest);
    }

    fn keep_absence(&self, digest: Digest, generation: u64, now: Timestamp) {
        self.table.remove_digest(&digest);
        self.negative
            .insert(digest, now, || self.is_current(generation));
    }

    /// Whether nothing was invalidated since `generation`.
    fn is_current(&self, generation: u64) -> bool {
        self.generation.load(Ordering::SeqCst) == generation
    }

    fn shared(&self, scopes: String) -> Arc<str> {
        let mut sets = self.scope_sets.lock();
        if let Some(known) = sets.get(scopes.as_str()) {
            return Arc::clone(known);
        }
        // Forgetting costs only sharing.
        if sets.len() >= SCOPE_SETS {
            sets.clear();
        }
        let new: Arc<str> = scopes.into();
        sets.insert(Arc::clone(&new));
        new
    }

    /// Moves a digest to the first pepper in the background. If it is not done now, the next load does it.
    fn migrate(self: &Arc<Self>, migration: Migration) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let inner = Arc::clone(self);
        runtime.spawn(async move {
            let Ok(_permit) = inner.background.try_acquire() else {
                return;
            };
            let m = &migration;
            if inner
                .store
                .move_digest(&m.key_id, &m.old, &m.new)
                .await
                .is_err()
            {
                count(&inner.counts.failures);
            }
        });
    }
}

/// Up to a tenth less than `age`, by a byte of the digest: keys that were loaded together are not read again together.
fn spread(age: Duration, byte: u8) -> Duration {
    age - age / 10 * u32::from(byte) / 255
}
