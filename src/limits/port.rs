//! What leases need of a store that many nodes share; no implementation.

use async_trait::async_trait;

use super::lease::{Answer, Ask};
use crate::base::error::StoreError;

/// What a beat tells a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Nodes that live, this one included.
    pub live: u64,
    /// The number of this node's configuration: of two configurations the newer has the larger one.
    pub config: u64,
    /// The store's time in milliseconds.
    pub now: u64,
}

/// Buckets and quotas that nodes borrow from, and the list of live nodes.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Settles and grants. Carried out once however often it comes.
    async fn grant(&self, ask: &Ask) -> Result<Answer, StoreError>;
    /// Says that node `boot` lives with the configuration of this hash; `moved` where it has just taken it over from
    /// another one, so that it counts as the newest.
    async fn beat(&self, boot: &str, config: &str, moved: bool) -> Result<Beat, StoreError>;
    /// Says that node `boot` ends.
    async fn leave(&self, boot: &str) -> Result<(), StoreError>;
    /// Deletes an account's buckets and counts.
    async fn forget(&self, account_id: &str, key_ids: &[String]) -> Result<(), StoreError>;
}
