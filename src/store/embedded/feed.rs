//! Released events of an account in their order; never who listens.

use async_trait::async_trait;

use super::EmbeddedStore;
use super::event_rows::event;
use super::rows::{all, first};
use crate::base::error::StoreError;
use crate::webhooks::model::Event;
use crate::webhooks::port::EventFeed;

#[async_trait]
impl EventFeed for EmbeddedStore {
    async fn released_after(
        &self,
        account_id: &str,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let account_id = account_id.to_owned();
        // SQLite counts no further; nor does any account.
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.read(move |conn| {
            all(
                conn,
                "SELECT * FROM event WHERE account_id = ?1 AND state = 1 AND sequence > ?2
                 ORDER BY sequence LIMIT ?3",
                (account_id, sequence, limit),
                event,
            )
        })
        .await
    }
    async fn last_sequence(&self, account_id: &str) -> Result<u64, StoreError> {
        let account_id = account_id.to_owned();
        self.read(move |conn| {
            let last = first(
                conn,
                "SELECT last FROM account_sequence WHERE account_id = ?1",
                [account_id],
                |r| r.get(0),
            )?;
            Ok(last.unwrap_or(0))
        })
        .await
    }
}
