//! A warm key cache of any size over a store in memory, for the benchmark and the memory measurement of keys.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fuelgate::base::audit::Change;
use fuelgate::base::clock::Timestamp;
use fuelgate::base::error::StoreError;
use fuelgate::base::page::{Page, PageRequest};
use fuelgate::base::secret::Secret;
use fuelgate::config::model::{KeyCacheSettings, Keys, Pepper};
use fuelgate::keys::cache::{Attach, Entry, KeyCache};
use fuelgate::keys::digest::Digester;
use fuelgate::keys::model::{Digest, KeyRecord, StoredSecret};
use fuelgate::keys::port::{Imported, KeyStore, LastUse, SecretUses};
use fuelgate::keys::previous_uses::PreviousUses;
use fuelgate::keys::secret;

/// The instant of every look-up.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_000_000);

/// Settings with one pepper and room for `capacity` keys.
pub(crate) fn settings(capacity: usize) -> Keys {
    Keys {
        prefix: "lf_live".into(),
        peppers: vec![Pepper {
            id: "p1".into(),
            secret: Secret::new("0123456789abcdef0123456789abcdef"),
        }],
        cache: KeyCacheSettings {
            capacity,
            max_age: Duration::from_secs(60),
            max_stale: Duration::from_secs(3600),
        },
        deny: Vec::new(),
        legacy: Vec::new(),
    }
}

/// Knows the index of each digest, and makes the record when it is asked for: the measurement is of the cache.
struct Store(HashMap<Digest, usize>);

/// Nothing is kept beside a key here: what the gateway keeps is a few pointers to what accounts share.
struct Nothing;

#[async_trait]
impl Attach<()> for Nothing {
    async fn attach(&self, _record: &KeyRecord) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The keys' secrets, and the cache that knows them all.
pub(crate) struct Warm {
    digester: Digester,
    secrets: Vec<Box<str>>,
    store: Arc<Store>,
    cache: KeyCache<()>,
}

impl Warm {
    /// Secrets and store for `keys` keys; the cache is empty.
    pub(crate) fn cold(keys: usize) -> Self {
        let settings = settings(keys);
        let digester = Digester::new(&settings);
        let new = |_| secret::generate("lf_live").unwrap().expose().into();
        let secrets: Vec<Box<str>> = (0..keys).map(new).collect();
        let digests = secrets.iter().map(|s| digester.candidates(s)[0]);
        let store = Arc::new(Store(digests.zip(0..).collect()));
        Self {
            cache: KeyCache::new(settings.cache, store.clone(), Arc::new(Nothing)),
            store,
            digester,
            secrets,
        }
    }

    /// Looks every key up once.
    pub(crate) async fn warm_up(&self) {
        for i in 0..self.secrets.len() {
            assert!(self.find(i).await.is_some());
        }
        assert_eq!(self.cache.stats().entries, self.store.0.len());
    }

    /// Secrets and store for `keys` keys, all of them in the cache.
    #[allow(dead_code, reason = "the benchmark's, not the memory measurement's")]
    pub(crate) async fn new(keys: usize) -> Self {
        let warm = Self::cold(keys);
        warm.warm_up().await;
        warm
    }

    /// Looks key `i` up by its secret.
    pub(crate) async fn find(&self, i: usize) -> Option<Arc<Entry<()>>> {
        let found = self.cache.find(&self.digester, &self.secrets[i], NOW).await;
        found.unwrap()
    }
}

#[async_trait]
impl SecretUses for Store {
    async fn note_previous_uses(
        &self,
        _: &str,
        _: &[(String, PreviousUses)],
    ) -> Result<(), StoreError> {
        Err(StoreError::NotFound)
    }

    async fn previous_uses(
        &self,
        _: &[(&str, &str)],
    ) -> Result<HashMap<String, PreviousUses>, StoreError> {
        Err(StoreError::NotFound)
    }

    async fn forget_previous_uses(&self, _: &str, _: &str) -> Result<(), StoreError> {
        Err(StoreError::NotFound)
    }
}

#[async_trait]
impl KeyStore for Store {
    async fn by_digest(&self, digests: &[Digest]) -> Result<Option<KeyRecord>, StoreError> {
        let found = digests.iter().find_map(|d| Some((d, self.0.get(d)?)));
        Ok(found.map(|(digest, i)| KeyRecord {
            // Account and key ids as long as real ones; five keys an account, three sets of scopes.
            id: format!("key_{i:032x}"),
            account_id: format!("acct_{:012}", i / 5),
            name: format!("Integration {i}"),
            scopes: ["contacts:read", "contacts:write", "deals:read"][..1 + i % 3]
                .iter()
                .map(|s| (*s).to_owned())
                .collect(),
            created_at: NOW,
            expires_at: None,
            last_used_at: None,
            last_used_ip: None::<IpAddr>,
            disabled: false,
            revoked_at: None,
            allowed_ips: Vec::new(),
            prefix: "lf_live".into(),
            last_four: "abcd".into(),
            secrets: vec![StoredSecret {
                digest: *digest,
                kind: fuelgate::keys::model::DigestKind::Pepper("p1".into()),
                valid_until: None,
            }],
            revision: 1,
        }))
    }

    async fn key(&self, _id: &str) -> Result<Option<KeyRecord>, StoreError> {
        Err(StoreError::NotFound)
    }
    async fn keys(
        &self,
        _account_id: Option<&str>,
        _page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        Err(StoreError::NotFound)
    }
    async fn create_key(
        &self,
        _key: &KeyRecord,
        _default_plan: &str,
        _max_keys: u64,
        _now: Timestamp,
        _change: &Change,
    ) -> Result<(), StoreError> {
        Err(StoreError::NotFound)
    }
    async fn update_key(&self, _key: &KeyRecord, _change: &Change) -> Result<(), StoreError> {
        Err(StoreError::NotFound)
    }
    async fn import_keys(
        &self,
        _keys: &[KeyRecord],
        _default_plan: &str,
        _change: &Change,
    ) -> Result<Imported, StoreError> {
        Err(StoreError::NotFound)
    }
    async fn revoke_account_keys(
        &self,
        _account_id: &str,
        _now: Timestamp,
        _change: &Change,
    ) -> Result<Vec<String>, StoreError> {
        Err(StoreError::NotFound)
    }
    async fn move_digest(
        &self,
        _key_id: &str,
        _old: &Digest,
        _new: &StoredSecret,
    ) -> Result<(), StoreError> {
        Err(StoreError::NotFound)
    }
    async fn note_last_uses(&self, _uses: &[LastUse]) -> Result<(), StoreError> {
        Err(StoreError::NotFound)
    }
    async fn keys_expiring(
        &self,
        _from: Timestamp,
        _to: Timestamp,
        _page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        Err(StoreError::NotFound)
    }
    async fn count_live_keys(&self, _account: &str, _now: Timestamp) -> Result<u64, StoreError> {
        Err(StoreError::NotFound)
    }
}
