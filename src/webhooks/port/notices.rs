//! What happened to endpoints and deliveries and is still to be told to the operator; never how it is told.

use async_trait::async_trait;

use crate::base::clock::Timestamp;
use crate::base::error::StoreError;

/// Something that a store wrote down in the same transaction in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Derived from what happened: the same again is the same notice.
    pub id: String,
    /// Whose endpoint it was.
    pub account_id: String,
    /// The type of the event that it becomes, such as `endpoint.disabled`.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// What there is to tell, as JSON text.
    pub details: String,
}

/// Notices at rest.
#[async_trait]
pub trait NoticeStore: Send + Sync {
    /// Some notices, oldest first as far as they lie together. They stay until they are removed.
    async fn waiting_notices(&self, limit: u32) -> Result<Vec<Notice>, StoreError>;
    /// Removes notices that were told; those that are gone already are left alone.
    async fn remove_notices(&self, notices: &[Notice]) -> Result<(), StoreError>;
}
