//! What hosted inboxes need of a store: inboxes and the messages that they caught; never how a message is verified.

use async_trait::async_trait;

use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::webhooks::model::SealedSecret;

/// An inbox that catches what is sent to its URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// `ibx_…`.
    pub id: String,
    /// SHA-256 of the token in its URL.
    pub token_digest: [u8; 32],
    /// Its account.
    pub account_id: String,
    /// What its messages are verified with.
    pub secret: SealedSecret,
    /// When it goes, with all that is in it.
    pub expires_at: Timestamp,
}

/// Inboxes at rest.
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// Makes an inbox. `Conflict` when the account has `max` of them or is being erased.
    async fn create_inbox(
        &self,
        inbox: &Inbox,
        max: usize,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// One inbox that has not expired.
    async fn inbox(&self, id: &str, now: Timestamp) -> Result<Option<Inbox>, StoreError>;
    /// The inbox with this token that has not expired.
    async fn inbox_of_token(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Inbox>, StoreError>;
    /// Inboxes of an account that have not expired.
    async fn inboxes(&self, account_id: &str, now: Timestamp) -> Result<Vec<Inbox>, StoreError>;
    /// Deletes an inbox with all that is in it. `NotFound` when it is gone.
    async fn delete_inbox(&self, id: &str, change: &Change) -> Result<(), StoreError>;
    /// Puts a message, JSON text, into an inbox; of more than `keep` the oldest go. `NotFound` when it is gone.
    async fn put_message(
        &self,
        inbox: &Inbox,
        message: &str,
        keep: usize,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Messages of an inbox, newest first.
    async fn messages(&self, inbox_id: &str) -> Result<Vec<String>, StoreError>;
    /// Deletes inboxes that have expired.
    async fn prune_inboxes(&self, now: Timestamp) -> Result<(), StoreError>;
}
