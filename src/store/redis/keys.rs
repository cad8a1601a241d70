//! The port of keys on Redis: which function answers which call; how each works lives in the `key_` modules.

use async_trait::async_trait;

use super::{Store, key_batch, key_expiry, key_read, key_write};
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::keys::model::{Digest, KeyRecord, StoredSecret};
use crate::keys::port::{Imported, KeyStore, LastUse};

#[async_trait]
impl KeyStore for Store {
    async fn by_digest(&self, digests: &[Digest]) -> Result<Option<KeyRecord>, StoreError> {
        key_read::by_digest(self, digests).await
    }

    async fn key(&self, id: &str) -> Result<Option<KeyRecord>, StoreError> {
        key_read::key(self, id).await
    }

    async fn keys(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        match account_id {
            Some(account_id) => key_read::of_account(self, account_id, page).await,
            None => key_read::all(self, page).await,
        }
    }

    async fn create_key(
        &self,
        key: &KeyRecord,
        default_plan: &str,
        max_keys: u64,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        key_write::create(self, key, default_plan, max_keys, now, change).await
    }

    async fn update_key(&self, key: &KeyRecord, change: &Change) -> Result<(), StoreError> {
        key_write::update(self, key, change).await
    }

    async fn import_keys(
        &self,
        keys: &[KeyRecord],
        default_plan: &str,
        change: &Change,
    ) -> Result<Imported, StoreError> {
        key_batch::import(self, keys, default_plan, change).await
    }

    async fn revoke_account_keys(
        &self,
        account_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Vec<String>, StoreError> {
        key_batch::revoke_all(self, account_id, now, change).await
    }

    async fn move_digest(
        &self,
        key_id: &str,
        old: &Digest,
        new: &StoredSecret,
    ) -> Result<(), StoreError> {
        key_write::move_digest(self, key_id, old, new).await
    }

    async fn note_last_uses(&self, uses: &[LastUse]) -> Result<(), StoreError> {
        key_write::note_last_uses(self, uses).await
    }

    async fn keys_expiring(
        &self,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError> {
        key_expiry::expiring(self, from, to, page).await
    }

    async fn count_live_keys(&self, account_id: &str, now: Timestamp) -> Result<u64, StoreError> {
        key_read::count_live(self, account_id, now).await
    }
}

#[cfg(test)]
mod tests;
