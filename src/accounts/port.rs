//! What accounts and the audit log need of a store; no implementation.

use async_trait::async_trait;

use super::model::Account;
use crate::base::audit::{AuditEntry, Change, IdempotentAnswer};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};

/// How far an erasure came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErasureStep {
    /// Some rows are gone; call again.
    More,
    /// Nothing of the account is left, and the audit log names a pseudonym.
    Done,
}

/// Which audit entries are wanted; a missing member takes all.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Those of this account.
    pub account_id: Option<String>,
    /// Those of this action.
    pub action: Option<String>,
    /// Those about this id.
    pub target: Option<String>,
}

/// Accounts, the audit log and remembered answers.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// One account.
    async fn account(&self, id: &str) -> Result<Option<Account>, StoreError>;
    /// All accounts by id.
    async fn accounts(&self, page: &PageRequest) -> Result<Page<Account>, StoreError>;
    /// Makes or replaces an account (`created_at` of one that exists stays). `Conflict` while it is being erased.
    async fn put_account(&self, account: &Account, change: &Change) -> Result<Account, StoreError>;
    /// Names of the plans that accounts have.
    async fn plans_in_use(&self) -> Result<Vec<String>, StoreError>;
    /// Marks an account for erasure: from then on it counts as gone for admission. `NotFound` where there is none.
    async fn begin_erasure(&self, id: &str, change: &Change) -> Result<(), StoreError>;
    /// Erases some of what a marked account has: keys, usage, events, deliveries, endpoints; in the end the account, and its name in the audit log.
    /// `Conflict` for an account that is not marked; `Done` where there is none.
    async fn erase_some(&self, id: &str) -> Result<ErasureStep, StoreError>;
    /// Accounts whose erasure began and did not end.
    async fn erasing(&self) -> Result<Vec<String>, StoreError>;
    /// The audit log, newest first.
    async fn audit_log(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, StoreError>;
    /// Writes an entry for a change that is not in the store (a configuration reload).
    async fn record_audit(&self, entry: &AuditEntry) -> Result<(), StoreError>;
    /// The answer remembered under this key, unless it expired before `now`.
    async fn idempotent_answer(
        &self,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotentAnswer>, StoreError>;
    /// Forgets answers that expired before `now`.
    async fn forget_answers(&self, now: Timestamp) -> Result<(), StoreError>;
}
