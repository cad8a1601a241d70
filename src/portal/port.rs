//! What sessions of the portal need of a store; never what a cookie or a link holds.

use async_trait::async_trait;

use super::model::Session;
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;

/// Sessions at rest. One that has ended at `now` is as good as gone, and so are those of an account that is being erased.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Makes a session that waits for its link. `Conflict` when the account has `max` that have not ended, or is being
    /// erased.
    async fn create_session(
        &self,
        session: &Session,
        max: usize,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// One session of an account.
    async fn session(
        &self,
        account_id: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError>;
    /// Replaces it. `Conflict` unless the stored revision is the one before; harmless when it comes twice. `NotFound`.
    async fn update_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError>;
    /// Ends it; nothing where there is none.
    async fn delete_session(&self, account_id: &str, id: &str) -> Result<(), StoreError>;
    /// Deletes sessions that have ended at `now`, where the store does not do it by itself.
    async fn prune_sessions(&self, now: Timestamp) -> Result<(), StoreError>;
}
