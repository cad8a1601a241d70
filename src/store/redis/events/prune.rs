//! Deletes what is finished and old, in bounded steps; never what is still to happen.

use redis::Value;

use super::rows::{Hash, parsed};
use super::shard::Shard;
use crate::base::ceilings::REDIS_STEP;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::names::SHARDS;
use crate::store::redis::script::script;

script!(
    PRUNE_DELIVERIES,
    "events/next.lua",
    "events/prune_deliveries.lua"
);
script!(PRUNE_EVENTS, "events/next.lua", "events/prune_events.lua");

/// Account, type, state and time of recording, where the event is there.
type Known = (Option<String>, Option<String>, Option<String>, Option<i64>);

/// Deletes finished deliveries and released events from before `before`, shard by shard. Several nodes may do it at once.
pub(super) async fn prune(store: &Store, before: Timestamp) -> Result<(), StoreError> {
    for number in 0..SHARDS {
        let shard = Shard::new(store, number);
        while deliveries(store, &shard, before).await? {}
        let mut after = Some("-inf".to_owned());
        while let Some(position) = after {
            after = events(store, &shard, before, &position).await?;
        }
    }
    Ok(())
}

/// Deletes some deliveries. True while there may be more.
async fn deliveries(store: &Store, shard: &Shard, before: Timestamp) -> Result<bool, StoreError> {
    let cmd = redis::cmd("ZRANGEBYSCORE")
        .arg(shard.finished())
        .arg("-inf")
        .arg(format!("({}", before.millis()))
        .arg("LIMIT")
        .arg(0)
        .arg(REDIS_STEP)
        .take();
    let old: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    if old.is_empty() {
        return Ok(false);
    }
    let mut pipe = redis::pipe();
    for id in &old {
        pipe.cmd("HGETALL").arg(shard.delivery(id));
    }
    let hashes: Vec<Hash> = store.link.pipe(Patience::Calm, &pipe).await?;
    let call = Call::new(&PRUNE_DELIVERIES)
        .key(shard.finished())
        .key(shard.deliveries())
        .arg(before.millis())
        .arg(old.len());
    let call = old.iter().zip(&hashes).fold(call, |call, (id, hash)| {
        let named = |field: &str| hash.get(field).map_or("", String::as_str);
        call.key(shard.delivery(id))
            .key(shard.attempts(id))
            .key(shard.targets(named("event")))
            .key(shard.sent(named("endpoint")))
            .arg(id)
            .arg(named("endpoint"))
    });
    store.link.script::<()>(Patience::Calm, &call).await?;
    Ok(old.len() == REDIS_STEP)
}

/// Deletes those of the next events after a position that are old, released and without deliveries. Gives the position
/// to go on from, `None` at the end.
async fn events(
    store: &Store,
    shard: &Shard,
    before: Timestamp,
    after: &str,
) -> Result<Option<String>, StoreError> {
    let cmd = redis::cmd("ZRANGEBYSCORE")
        .arg(shard.events())
        .arg(after)
        .arg("+inf")
        .arg("WITHSCORES")
        .arg("LIMIT")
        .arg(0)
        .arg(REDIS_STEP)
        .take();
    let next: Vec<(String, f64)> = store.link.run(Patience::Calm, &cmd).await?;
    let Some((_, last)) = next.last() else {
        return Ok(None);
    };
    let last = format!("({last:.0}");
    let mut pipe = redis::pipe();
    for (id, _) in &next {
        pipe.cmd("HMGET")
            .arg(shard.event(id))
            .arg(&["account", "type", "state", "recorded_at"]);
    }
    let replies: Vec<Value> = store.link.pipe(Patience::Calm, &pipe).await?;
    let mut old = Vec::new();
    let mut is_any_old = false;
    for ((id, _), reply) in next.iter().zip(replies) {
        let (Some(account), Some(kind), Some(state), Some(recorded_at)) = parsed::<Known>(reply)?
        else {
            continue;
        };
        if recorded_at < before.millis() {
            is_any_old = true;
            if state == "released" {
                old.push((id, account, kind));
            }
        }
    }
    if !old.is_empty() {
        let call = Call::new(&PRUNE_EVENTS)
            .key(shard.events())
            .arg(before.millis())
            .arg(old.len());
        let call = old.iter().fold(call, |call, (id, account, kind)| {
            call.key(shard.event(id))
                .key(shard.targets(id))
                .key(shard.events_of(account))
                .key(shard.events_like(kind))
                .key(shard.released(account))
                .arg(*id)
        });
        store.link.script::<()>(Patience::Calm, &call).await?;
    }
    // Positions grow with time: once all are young, so are those after them.
    let goes_on = next.len() == REDIS_STEP && is_any_old;
    Ok(goes_on.then_some(last))
}
