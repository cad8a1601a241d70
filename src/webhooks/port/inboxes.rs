//! What hosted inboxes need of a store: inboxes and the messages that they caught; never how a message is verified.

use async_trait::async_trait;

use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::webhooks::simulator::inbox::{Bounds, Inbox, InboxMessage};

/// Inboxes and what they caught, at rest. An inbox that has expired at `now` is as good as gone, and its messages with it.
#[async_trait]
pub trait InboxStore: Send + Sync {
    /// Makes an inbox. `Conflict` when the account has `max` of them at `now` or is being erased.
    async fn create_inbox(
        &self,
        inbox: &Inbox,
        max: usize,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// One inbox.
    async fn inbox(&self, id: &str, now: Timestamp) -> Result<Option<Inbox>, StoreError>;
    /// The inbox whose token has this digest.
    async fn inbox_of_token(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Inbox>, StoreError>;
    /// Inboxes of an account, newest first.
    async fn inboxes(&self, account_id: &str, now: Timestamp) -> Result<Vec<Inbox>, StoreError>;
    /// Deletes an inbox and what it caught. `NotFound`.
    async fn delete_inbox(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// Puts a message into an inbox, once for its id; the oldest beyond the bounds go. `NotFound` where the inbox is gone.
    async fn put_message(
        &self,
        inbox: &Inbox,
        message: &InboxMessage,
        bounds: Bounds,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Messages of an inbox, newest first.
    async fn messages(
        &self,
        inbox: &Inbox,
        now: Timestamp,
    ) -> Result<Vec<InboxMessage>, StoreError>;
    /// Deletes inboxes that have expired at `now`, where the store does not do it by itself.
    async fn prune_inboxes(&self, now: Timestamp) -> Result<(), StoreError>;
}
