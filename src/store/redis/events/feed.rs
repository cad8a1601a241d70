//! Released events of an account in their order; never who listens.

use async_trait::async_trait;

use super::rows::{self, Hash};
use super::shard::{Shard, fetch};
use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::webhooks::model::Event;
use crate::webhooks::port::EventFeed;

#[async_trait]
impl EventFeed for Store {
    async fn released_after(
        &self,
        account_id: &str,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let shard = Shard::of(self, account_id);
        let cmd = redis::cmd("ZRANGEBYSCORE")
            .arg(shard.released(account_id))
            .arg(format!("({sequence}"))
            .arg("+inf")
            .arg("LIMIT")
            .arg(0)
            .arg(REDIS_STEP.min(limit as usize))
            .take();
        let ids: Vec<String> = self.link.run(Patience::Calm, &cmd).await?;
        let places: Vec<(u32, &str)> = ids.iter().map(|id| (shard.number, id.as_str())).collect();
        let hashes: Vec<Hash> = fetch(self, &places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.event(id)).take()
        })
        .await?;
        let events = ids
            .iter()
            .zip(hashes)
            .map(|(id, hash)| rows::event(id, hash));
        events.filter_map(Result::transpose).collect()
    }
    async fn last_sequence(&self, account_id: &str) -> Result<u64, StoreError> {
        let shard = Shard::of(self, account_id);
        let cmd = redis::cmd("GET").arg(shard.sequence(account_id)).take();
        let last: Option<u64> = self.link.run(Patience::Calm, &cmd).await?;
        Ok(last.unwrap_or(0))
    }
}
