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

/// When they must have finished, for those that failed and for all others.
struct Ages {
    before: Timestamp,
    dead_before: Timestamp,
}

/// Where a walk along finished deliveries stands: at those of this instant, and how many of them it has seen and left.
#[derive(Clone, Copy)]
struct Walked {
    at: i64,
    left: usize,
}

/// Deletes finished deliveries and released events from before `before`, failed ones from before `dead_before`, shard by
/// shard. Several nodes may do it at once.
pub(super) async fn prune(
    store: &Store,
    before: Timestamp,
    dead_before: Timestamp,
) -> Result<(), StoreError> {
    let ages = Ages {
        before,
        dead_before,
    };
    for number in 0..SHARDS {
        let shard = Shard::new(store, number);
        let mut walked = Some(Walked {
            at: i64::MIN,
            left: 0,
        });
        while let Some(from) = walked {
            walked = deliveries(store, &shard, &ages, from).await?;
        }
        let mut after = Some("-inf".to_owned());
        while let Some(position) = after {
            after = events(store, &shard, before, &position).await?;
        }
    }
    Ok(())
}

/// Deletes some deliveries. Gives where to go on, `None` at the end: failed ones may stay, and are passed by.
async fn deliveries(
    store: &Store,
    shard: &Shard,
    ages: &Ages,
    from: Walked,
) -> Result<Option<Walked>, StoreError> {
    let cmd = redis::cmd("ZRANGEBYSCORE")
        .arg(shard.finished())
        .arg(if from.at == i64::MIN {
            "-inf".to_owned()
        } else {
            from.at.to_string()
        })
        .arg(format!("({}", ages.before.millis()))
        .arg("WITHSCORES")
        .arg("LIMIT")
        .arg(from.left)
        .arg(REDIS_STEP)
        .take();
    let old: Vec<(String, f64)> = store.link.run(Patience::Calm, &cmd).await?;
    let Some((_, last)) = old.last() else {
        return Ok(None);
    };
    let mut pipe = redis::pipe();
    for (id, _) in &old {
        pipe.cmd("HGETALL").arg(shard.delivery(id));
    }
    let hashes: Vec<Hash> = store.link.pipe(Patience::Calm, &pipe).await?;
    let call = Call::new(&PRUNE_DELIVERIES)
        .key(shard.finished())
        .key(shard.deliveries())
        .arg(ages.before.millis())
        .arg(ages.dead_before.millis())
        .arg(old.len());
    let call = old.iter().zip(&hashes).fold(call, |call, ((id, _), hash)| {
        let named = |field: &str| hash.get(field).map_or("", String::as_str);
        call.key(shard.delivery(id))
            .key(shard.attempts(id))
            .key(shard.targets(named("event")))
            .key(shard.sent(named("endpoint")))
            .arg(id)
            .arg(named("endpoint"))
    });
    let stayed: Vec<String> = store.link.script(Patience::Calm, &call).await?;
    let at = *last as i64;
    let left_here = old
        .iter()
        .filter(|(id, score)| *score as i64 == at && stayed.contains(id))
        .count();
    let left = if at == from.at {
        from.left + left_here
    } else {
        left_here
    };
    Ok((old.len() == REDIS_STEP).then_some(Walked { at, left }))
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
