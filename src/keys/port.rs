//! What keys need of a store; no implementation.

use std::collections::HashMap;
use std::net::IpAddr;

use async_trait::async_trait;

use super::model::{Digest, KeyRecord, StoredSecret};
use super::previous_uses::PreviousUses;
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};

/// A key's last use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// The key.
    pub key_id: String,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub ip: Option<IpAddr>,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, utoipa::ToSchema)]
pub struct Imported {
    /// Keys that were made.
    pub created: u64,
    /// Keys that were there already, with the same digest and account.
    pub existing: u64,
}

/// Uses of secrets that a rotation had replaced, at rest.
#[async_trait]
pub trait SecretUses: Send + Sync {
    /// Adds uses of old secrets of at most [`OLD_SECRET_KEYS`](crate::base::ceilings::old_secrets::OLD_SECRET_KEYS) keys of an
    /// account, all or none; those of a key that is not there are left out. What is sent again, since its answer was lost,
    /// counts again: the numbers are for seeing whether a secret is still in use.
    async fn note_previous_uses(
        &self,
        account_id: &str,
        uses: &[(String, PreviousUses)],
    ) -> Result<(), StoreError>;
    /// What was noted of these keys, account and id each, since [`SecretUses::forget_previous_uses`]; by id, and without
    /// those of which nothing is known.
    async fn previous_uses(
        &self,
        keys: &[(&str, &str)],
    ) -> Result<HashMap<String, PreviousUses>, StoreError>;
    /// Forgets it: from now on other secrets are the old ones.
    async fn forget_previous_uses(&self, account_id: &str, key_id: &str) -> Result<(), StoreError>;
}

/// Keys at rest. Every change is durable when the call returns.
#[async_trait]
pub trait KeyStore: SecretUses {
    /// The key that has a secret with one of these digests, whatever its state, unless its account is being erased.
    async fn by_digest(&self, digests: &[Digest]) -> Result<Option<KeyRecord>, StoreError>;
    /// One key.
    async fn key(&self, id: &str) -> Result<Option<KeyRecord>, StoreError>;
    /// Keys of an account (or of all), newest first.
    async fn keys(
        &self,
        account_id: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError>;
    /// Makes a key, and its account with plan `default_plan` where that is unknown. `Conflict` when the account
    /// has `max_keys` keys that are neither revoked nor expired at `now`, or is being erased.
    async fn create_key(
        &self,
        key: &KeyRecord,
        default_plan: &str,
        max_keys: u64,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// Replaces a key, secrets included. `Conflict` unless the stored revision is `key.revision - 1`. Last use stays as it is stored.
    async fn update_key(&self, key: &KeyRecord, change: &Change) -> Result<(), StoreError>;
    /// Makes those keys whose digest is not there yet. `Conflict` when a digest belongs to another account; then nothing is made.
    async fn import_keys(
        &self,
        keys: &[KeyRecord],
        default_plan: &str,
        change: &Change,
    ) -> Result<Imported, StoreError>;
    /// Revokes all of an account's keys that are not revoked, and names them.
    async fn revoke_account_keys(
        &self,
        account_id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<Vec<String>, StoreError>;
    /// Moves one secret of a key to a new digest, where it still has the old one; leaves the revision alone.
    async fn move_digest(
        &self,
        key_id: &str,
        old: &Digest,
        new: &StoredSecret,
    ) -> Result<(), StoreError>;
    /// Notes last uses; an older one than the stored is ignored.
    async fn note_last_uses(&self, uses: &[LastUse]) -> Result<(), StoreError>;
    /// Keys that are not revoked and expire from `from` on and before `to`, in the store's own order. A page may be short or
    /// empty before the end.
    async fn keys_expiring(
        &self,
        from: Timestamp,
        to: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<KeyRecord>, StoreError>;
    /// How many keys of the account are neither revoked nor expired at `now`.
    async fn count_live_keys(&self, account_id: &str, now: Timestamp) -> Result<u64, StoreError>;
}
