//! What a stream of an account's events needs of a store: released events in order; never how they are sent.

use async_trait::async_trait;

use crate::base::error::StoreError;
use crate::webhooks::model::Event;

/// Released events of an account by their sequence numbers.
#[async_trait]
pub trait EventFeed: Send + Sync {
    /// Released events of the account with a number above `sequence`, lowest first, `limit` at most. A number that is
    /// missing is that of an event which was pruned, or of a store that did not yet keep this order.
    async fn released_after(
        &self,
        account_id: &str,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError>;

    /// The last number that the account gave; 0 where it gave none.
    async fn last_sequence(&self, account_id: &str) -> Result<u64, StoreError>;
}
