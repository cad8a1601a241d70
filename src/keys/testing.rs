//! A store of keys in memory for this domain's tests, which can fail, wait and count its calls; never outside tests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::model::{Digest, KeyRecord, StoredSecret};
use super::port::{Imported, KeyStore, LastUse, SecretUses};
use super::previous_uses::PreviousUses;
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::base::secret::Secret;
use crate::config::model::{KeyCacheSettings, Keys, LegacyFormat, LegacyHash, Pepper};

/// Keys in memory.
#[derive(Default)]
pub(super) struct FakeStore {
    pub(super) keys: Mutex<Vec<KeyRecord>>,
    pub(super) changes: Mutex<Vec<Change>>,
    pub(super) uses: Mutex<Vec<LastUse>>,
    pub(super) previous_uses: Mutex<HashMap<String, PreviousUses>>,
    pub(super) previous_uses_calls: AtomicUsize,
    /// Of whose keys no uses of old secrets are taken.
    pub(super) failing_account: Mutex<Option<String>>,
    pub(super) by_digest_calls: AtomicUsize,
    pub(super) failing: AtomicBool,
    /// How many of the next updates lose against another change.
    pub(super) lose: AtomicUsize,
    /// Where set, a look-up waits for a permit after it has read.
    pub(super) gate: Mutex<Option<Arc<Semaphore>>>,
}

impl FakeStore {
    pub(super) fn calls(&self) -> usize {
        self.by_digest_calls.load(Ordering::SeqCst)
    }

    pub(super) fn fail(&self, yes: bool) {
        self.failing.store(yes, Ordering::SeqCst);
    }

    pub(super) fn edit(&self, id: &str, how: impl FnOnce(&mut KeyRecord)) {
        how(self.keys.lock().iter_mut().find(|k| k.id == id).unwrap());
    }

    fn up(&self) -> Result<(), StoreError> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("told to".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl SecretUses for FakeStore {
    async fn note_previous_uses(
        &self,
        account_id: &str,
        uses: &[(String, PreviousUses)],
    ) -> Result<(), StoreError> {
        self.up()?;
        if self.failing_account.lock().as_deref() == Some(account_id) {
            return Err(StoreError::Unavailable("told to".into()));
        }
        let mut all = self.previous_uses.lock();
        for (id, more) in uses {
            all.entry(id.clone()).or_default().merge(more);
        }
        Ok(())
    }

    async fn previous_uses(
        &self,
        keys: &[(&str, &str)],
    ) -> Result<HashMap<String, PreviousUses>, StoreError> {
        self.previous_uses_calls.fetch_add(1, Ordering::SeqCst);
        let all = self.previous_uses.lock();
        let known = keys
            .iter()
            .filter_map(|(_, id)| all.get(*id).map(|uses| ((*id).to_owned(), uses.clone())));
        Ok(known.collect())
    }

    async fn forget_previous_uses(&self, _: &str, key_id: &str) -> Result<(), StoreError> {
        self.up()?;
        self.previous_uses.lock().remove(key_id);
        Ok(())
    }
}

#[async_trait]
impl KeyStore for FakeStore {
    async fn by_digest(&self, digests: &[Digest]) -> Result<Option<KeyRecord>, StoreError> {
        self.by_digest_calls.fetch_add(1, Ordering::SeqCst);
        self.up()?;
        let has = |k: &&KeyRecord| k.secrets.iter().any(|s| digests.contains(&s.digest));
        let found = self.keys.lock().iter().find(has).cloned();
        let gate = self.gate.lock().clone();
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        Ok(found)
    }

    async fn key(&self, id: &str) -> Result<Option<KeyRecord>, StoreError> {
        self.up()?;
        Ok(self.keys.lock().iter().find(|k| k.id == id).cloned())
    }

    async fn keys(
        &self,
        account_id: Option<&str>,
        _page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        let all = self.keys.lock();
        let items = all
            .iter()
            .filter(|k| account_id.is_none_or(|a| k.account_id == a));
        Ok(Page {
            items: items.cloned().collect(),
            next: None,
        })
    }

    async fn create_key(
        &self,
        key: &KeyRecord,
        _default_plan: &str,
        max_keys: u64,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        if self.count_live_keys(&key.account_id, now).await? >= max_keys {
            return Err(StoreError::Conflict("max_keys".into()));
        }
        self.keys.lock().push(key.clone());
        self.changes.lock().push(change.clone());
        Ok(())
    }

    async fn update_key(&self, key: &KeyRecord, change: &Change) -> Result<(), StoreError> {
        self.up()?;
        let lost = |n: usize| n.checked_sub(1);
        if self
            .lose
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, lost)
            .is_ok()
        {
            self.edit(&key.id, |k| k.revision += 1);
        }
        let mut all = self.keys.lock();
        let stored = all
            .iter_mut()
            .find(|k| k.id == key.id)
            .ok_or(StoreError::NotFound)?;
        if stored.revision + 1 != key.revision {
            return Err(StoreError::Conflict("revision".into()));
        }
        *stored = key.clone();
        self.changes.lock().push(change.clone());
        Ok(())
    }

    async fn import_keys(
        &self,
        keys: &[KeyRecord],
        _default_plan: &str,
        change: &Change,
    ) -> Result<Imported, StoreError> {
        let mut all = self.keys.lock();
        let mut done = Imported::default();
        let mut new = Vec::new();
        for key in keys {
            let digest = key.secrets[0].digest;
            match all
                .iter()
                .find(|k| k.secrets.iter().any(|s| s.digest == digest))
            {
                Some(k) if k.account_id == key.account_id => done.existing += 1,
                Some(_) => return Err(StoreError::Conflict("digest".into())),
                None => {
                    done.created += 1;
                    new.push(key.clone());
                }
            }
        }
        all.extend(new);
        self.changes.lock().push(change.clone());
        Ok(done)
    }

    async fn revoke_account_keys(
        &self,
        account_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Vec<String>, StoreError> {
        self.changes.lock().push(change.clone());
        let mut all = self.keys.lock();
        let theirs = all
            .iter_mut()
            .filter(|k| k.account_id == account_id && k.revoked_at.is_none());
        Ok(theirs
            .map(|k| {
                k.revoked_at = Some(now);
                k.id.clone()
            })
            .collect())
    }

    async fn move_digest(
        &self,
        key_id: &str,
        old: &Digest,
        new: &StoredSecret,
    ) -> Result<(), StoreError> {
        self.edit(key_id, |k| {
            if let Some(s) = k.secrets.iter_mut().find(|s| s.digest == *old) {
                *s = new.clone();
            }
        });
        Ok(())
    }

    async fn note_last_uses(&self, uses: &[LastUse]) -> Result<(), StoreError> {
        self.up()?;
        self.uses.lock().extend_from_slice(uses);
        Ok(())
    }

    async fn keys_expiring(
        &self,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        let mut found = self.keys(None, page).await?;
        found.items.retain(|k| {
            k.revoked_at.is_none() && k.expires_at.is_some_and(|e| e >= from && e < to)
        });
        Ok(found)
    }

    async fn count_live_keys(&self, account_id: &str, now: Timestamp) -> Result<u64, StoreError> {
        let live = |k: &&KeyRecord| {
            k.account_id == account_id
                && k.revoked_at.is_none()
                && k.expires_at.is_none_or(|e| e > now)
        };
        Ok(self.keys.lock().iter().filter(live).count() as u64)
    }
}

/// Settings with these peppers, a legacy format, and a cache of this many keys.
pub(super) fn settings(peppers: &[(&str, &str)], capacity: usize) -> Keys {
    Keys {
        prefix: "lf_live".into(),
        peppers: peppers
            .iter()
            .map(|(id, s)| Pepper {
                id: (*id).into(),
                secret: Secret::new(*s),
            })
            .collect(),
        cache: KeyCacheSettings {
            capacity,
            max_age: Duration::from_secs(60),
            max_stale: Duration::from_secs(3600),
        },
        deny: Vec::new(),
        legacy: vec![LegacyFormat {
            pattern: regex::Regex::new("^oldkey_[0-9a-f]{32}$").unwrap(),
            hash: LegacyHash::Sha256,
        }],
    }
}

/// A record with one secret.
pub(super) fn record(id: &str, account_id: &str, secret: StoredSecret) -> KeyRecord {
    KeyRecord {
        id: id.into(),
        account_id: account_id.into(),
        name: "n".into(),
        scopes: vec!["contacts:read".into(), "deals:read".into()],
        created_at: Timestamp::default(),
        expires_at: None,
        last_used_at: None,
        last_used_ip: None,
        disabled: false,
        revoked_at: None,
        allowed_ips: vec![],
        prefix: "lf_live".into(),
        last_four: "xxxx".into(),
        secrets: vec![secret],
        revision: 1,
    }
}
