//! Webhook endpoints: made, changed, deleted and found; what that means for deliveries on the way lives in `backlog`.

use super::backlog;
use super::list::{self, Entry, Part};
use super::roster::{self, ids_among};
use super::rows::{self, Hash, add_fields};
use super::shard::{Shard, fetch, find};
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::store::redis::Store;
use crate::store::redis::change::carry_out;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::health::EndpointHealth;
use crate::webhooks::model::{Endpoint, EndpointStatus};

script!(
    CREATE,
    "events/next.lua",
    "change.lua",
    "events/endpoint_create.lua"
);
script!(
    UPDATE,
    "events/next.lua",
    "events/queue.lua",
    "change.lua",
    "events/endpoint_update.lua"
);
script!(
    DELETE,
    "events/next.lua",
    "change.lua",
    "events/endpoint_delete.lua"
);

/// Makes an endpoint.
pub(super) async fn create(
    store: &Store,
    e: &Endpoint,
    max: usize,
    change: &Change,
) -> Result<(), StoreError> {
    let shard = Shard::of(store, &e.account_id);
    let mut fields = rows::endpoint_fields(e)?;
    fields.push(("account", e.account_id.clone()));
    fields.push(("created_at", e.created_at.millis().to_string()));
    let call = Call::new(&CREATE)
        .key(shard.erasing(&e.account_id))
        .key(shard.endpoint(&e.id))
        .key(shard.roster(&e.account_id))
        .key(shard.endpoints())
        .arg(&e.id)
        .arg(max)
        .arg(roster::new_revision())
        .arg(roster::line(e));
    carry_out(store, shard.slot(), change, add_fields(call, &fields)).await
}

/// Replaces an endpoint. Of what waits for one that is disabled now some ends at once.
pub(super) async fn update(
    store: &Store,
    e: &Endpoint,
    now: Timestamp,
    change: &Change,
) -> Result<(), StoreError> {
    let before = e
        .revision
        .checked_sub(1)
        .ok_or_else(|| StoreError::Conflict("an endpoint's first revision is 1".to_owned()))?;
    let shard = Shard::of(store, &e.account_id);
    let call = Call::new(&UPDATE)
        .key(shard.endpoint(&e.id))
        .key(shard.roster(&e.account_id))
        .key(shard.queue(&e.id))
        .key(shard.due())
        .key(shard.gone())
        .key(shard.health(&e.id))
        .arg(&e.id)
        .arg(before)
        .arg(rows::status(e.status))
        .arg(roster::new_revision())
        .arg(roster::line(e));
    let call = add_fields(call, &rows::endpoint_fields(e)?);
    carry_out::<()>(store, shard.slot(), change, call).await?;
    if e.status == EndpointStatus::Disabled {
        backlog::cancel(store, &shard, &e.id, now).await;
    }
    Ok(())
}

/// Deletes an endpoint and cancels some of what waits for it. True where attempts of it may be under way.
pub(super) async fn delete(
    store: &Store,
    id: &str,
    now: Timestamp,
    change: &Change,
) -> Result<bool, StoreError> {
    let found = find(store, |shard| async move {
        let cmd = redis::cmd("HGET")
            .arg(shard.endpoint(id))
            .arg("account")
            .take();
        let account: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
        Ok(account.map(|a| (shard, a)))
    });
    let (shard, account_id) = found.await?.ok_or(StoreError::NotFound)?;
    let call = Call::new(&DELETE)
        .key(shard.endpoint(id))
        .key(shard.roster(&account_id))
        .key(shard.endpoints())
        .key(shard.queue(id))
        .key(shard.due())
        .key(shard.gone())
        .key(shard.health(id))
        .key(shard.claimed(id))
        .arg(id)
        .arg(roster::new_revision())
        .arg(now.millis());
    let is_under_way: bool = carry_out(store, shard.slot(), change, call).await?;
    backlog::cancel(store, &shard, id, now).await;
    Ok(is_under_way)
}

/// One endpoint.
pub(super) async fn by_id(store: &Store, id: &str) -> Result<Option<Endpoint>, StoreError> {
    find(store, |shard| async move {
        let cmd = redis::cmd("HGETALL").arg(shard.endpoint(id)).take();
        rows::endpoint(id, store.link.run(Patience::Calm, &cmd).await?)
    })
    .await
}

/// How these endpoints fare, in the same order.
pub(super) async fn health(
    store: &Store,
    endpoints: &[Endpoint],
) -> Result<Vec<EndpointHealth>, StoreError> {
    let places: Vec<(u32, &str)> = endpoints
        .iter()
        .map(|e| (Shard::of(store, &e.account_id).number, e.id.as_str()))
        .collect();
    let hashes: Vec<Hash> = fetch(store, &places, |shard, id| {
        redis::cmd("HGETALL").arg(shard.health(id)).take()
    })
    .await?;
    endpoints
        .iter()
        .zip(hashes)
        .map(|(e, hash)| rows::health(&e.id, hash))
        .collect()
}

/// Endpoints of an account (or of all), newest first: their ids sort by creation.
pub(super) async fn list(
    store: &Store,
    account_id: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Endpoint>, StoreError> {
    let shards = account_id.map(|a| Shard::of(store, a).number);
    let found = list::newest(store, shards, page.limit, page.after.clone(), {
        |shard, after: Option<String>, want| async move {
            match account_id {
                Some(account) => on_roster(store, &shard, account, after.as_deref()).await,
                None => list::by_id(store, &shard, &shard.endpoints(), after, None, want).await,
            }
        }
    })
    .await?;
    let ids: Vec<(u32, &str)> = found.entries.iter().map(Entry::place).collect();
    let hashes: Vec<Hash> = fetch(store, &ids, |shard, id| {
        redis::cmd("HGETALL").arg(shard.endpoint(id)).take()
    })
    .await?;
    let endpoints = ids
        .iter()
        .zip(hashes)
        .map(|((_, id), hash)| rows::endpoint(id, hash));
    Ok(Page {
        items: endpoints
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?,
        next: found.next,
    })
}

async fn on_roster(
    store: &Store,
    shard: &Shard,
    account_id: &str,
    after: Option<&str>,
) -> Result<Part<String>, StoreError> {
    let cmd = redis::cmd("HKEYS").arg(shard.roster(account_id)).take();
    let fields: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    let ids = ids_among(fields)
        .into_iter()
        .filter(|id| after.is_none_or(|a| id.as_str() < a));
    Ok(Part {
        entries: ids.map(|id| Entry::by_id(shard.number, id)).collect(),
        reached: None,
    })
}
