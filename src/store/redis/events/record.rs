//! Events as they are recorded before anything is known of their end, and those that nobody ended; never their release.

use super::erase::readmit;
use super::rows::{self, Hash, add_fields};
use super::shard::{Shard, fetch, on_some};
use crate::base::ceilings::REDIS_STEP;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::names::{Names, SHARDS};
use crate::store::redis::script::script;
use crate::webhooks::model::{Event, EventState};

script!(
    RECORD,
    "events/next.lua",
    "events/position.lua",
    "events/record.lua"
);

/// Records pending events. Those of one shard are written by one script, all or none; of several shards one may have its
/// events while another one fails, and a second call completes it. A response waits for this, so it is not patient.
pub(super) async fn record(store: &Store, events: &[Event]) -> Result<(), StoreError> {
    let now = store.clock.now();
    for number in 0..SHARDS {
        let here: Vec<&Event> = events
            .iter()
            .filter(|e| Names::shard_of(&e.account_id) == number)
            .collect();
        for some in here.chunks(REDIS_STEP) {
            let call = call(&Shard::new(store, number), some, now);
            let left_out: Vec<usize> = store.link.script(Patience::Hot, &call).await?;
            let mut accounts: Vec<&str> = left_out
                .iter()
                .filter_map(|place| some.get(*place))
                .map(|e| e.account_id.as_str())
                .collect();
            accounts.dedup();
            if readmit(store, &accounts).await? {
                store.link.script::<()>(Patience::Hot, &call).await?;
            }
        }
    }
    Ok(())
}

fn call(shard: &Shard, events: &[&Event], now: Timestamp) -> Call {
    let call = Call::new(&RECORD)
        .key(shard.position())
        .key(shard.events())
        .key(shard.pending())
        .key(shard.pending_since())
        .arg(now.millis())
        .arg(events.len());
    events.iter().fold(call, |call, e| {
        let call = call
            .key(shard.erasing(&e.account_id))
            .key(shard.event(&e.id))
            .key(shard.dropped(&e.id))
            .key(shard.events_of(&e.account_id))
            .key(shard.events_like(&e.event_type))
            .arg(&e.id);
        add_fields(call, &rows::event_fields(e, EventState::Pending))
    })
}

/// Events still pending that were recorded before `before`, oldest first.
pub(super) async fn stale(
    store: &Store,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let parts = on_some(store, |shard| async move {
        let cmd = redis::cmd("ZRANGEBYSCORE")
            .arg(shard.pending_since())
            .arg("-inf")
            .arg(format!("({}", before.millis()))
            .arg("WITHSCORES")
            .arg("LIMIT")
            .arg(0)
            .arg(limit)
            .take();
        let found: Vec<(String, f64)> = store.link.run(Patience::Calm, &cmd).await?;
        Ok(found
            .into_iter()
            .map(move |(id, at)| (at, shard.number, id)))
    })
    .await?;
    let mut all: Vec<(f64, u32, String)> = parts.into_iter().flatten().collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.truncate(limit as usize);
    let ids: Vec<(u32, &str)> = all.iter().map(|(_, n, id)| (*n, id.as_str())).collect();
    let hashes: Vec<Hash> = fetch(store, &ids, |shard, id| {
        redis::cmd("HGETALL").arg(shard.event(id)).take()
    })
    .await?;
    let mut events = Vec::with_capacity(ids.len());
    for ((_, id), hash) in ids.into_iter().zip(hashes) {
        match rows::event(id, hash) {
            Ok(Some(e)) if e.state == EventState::Pending => events.push(e),
            Ok(_) => {}
            // One damaged event must not keep all others from their end.
            Err(e) => tracing::error!(error = %e, event = id, "an event cannot be read"),
        }
    }
    Ok(events)
}
