//! Notices that wait to be told; never how they come about.

use async_trait::async_trait;
use redis::Value;

use super::rows::{Hash, parsed};
use super::shard::{Shard, on_some};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::webhooks::port::NoticeStore;
use crate::webhooks::port::notices::Notice;

async fn of_shard(store: &Store, shard: Shard, limit: u32) -> Result<Vec<Notice>, StoreError> {
    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(shard.notices()).arg(0).arg(i64::from(limit) - 1);
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut pipe = redis::pipe();
    for id in &ids {
        pipe.cmd("HGETALL").arg(shard.notice(id));
    }
    let hashes: Vec<Hash> = store.link.pipe(Patience::Calm, &pipe).await?;
    ids.into_iter()
        .zip(hashes)
        .filter(|(_, hash)| !hash.is_empty())
        .map(|(id, hash)| read(id, hash))
        .collect()
}

pub(super) fn read(id: String, mut hash: Hash) -> Result<Notice, StoreError> {
    let mut text = |field: &str| {
        hash.remove(field)
            .ok_or_else(|| StoreError::Corrupt(format!("{field} of the notice {id}")))
    };
    let (account_id, kind, at, details) = (
        text("account")?,
        text("kind")?,
        text("at")?,
        text("details")?,
    );
    let at = at
        .parse()
        .map_err(|_| StoreError::Corrupt(format!("at of the notice {id}")))?;
    Ok(Notice {
        id,
        account_id,
        kind,
        at: Timestamp::from_millis(at),
        details,
    })
}

#[async_trait]
impl NoticeStore for Store {
    async fn waiting_notices(&self, limit: u32) -> Result<Vec<Notice>, StoreError> {
        let parts = on_some(self, |shard| of_shard(self, shard, limit)).await?;
        let mut all: Vec<Notice> = parts.into_iter().flatten().collect();
        all.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        all.truncate(limit as usize);
        Ok(all)
    }

    async fn remove_notices(&self, notices: &[Notice]) -> Result<(), StoreError> {
        for n in notices {
            let shard = Shard::of(self, &n.account_id);
            let mut pipe = redis::pipe();
            pipe.cmd("DEL").arg(shard.notice(&n.id));
            pipe.cmd("ZREM").arg(shard.notices()).arg(&n.id);
            let gone: Vec<Value> = self.link.pipe(Patience::Calm, &pipe).await?;
            gone.into_iter()
                .try_for_each(|v| parsed::<u8>(v).map(drop))?;
        }
        Ok(())
    }
}
