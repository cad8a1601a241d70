//! Steps of a recovery: which events a webhook missed, and deliveries that are made of them; never the job itself.

use redis::Value;

use super::rows::{self, Hash, parsed};
use super::settle::unsteady;
use super::shard::{Shard, fetch};
use crate::base::ceilings::{REDIS_LOOK, REDIS_STEP, REVISION_TRIES};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::{Delivery, DeliveryState, Endpoint};
use crate::webhooks::port::replays::{Recovery, ReplayJob, ReplayStep};

script!(
    RECOVER,
    "events/next.lua",
    "events/queue.lua",
    "events/recover.lua"
);

/// Type and time of an event, where it is there.
type Known = (Option<String>, Option<i64>);

/// A released event, and its delivery to the endpoint.
struct Seen {
    sequence: u64,
    id: String,
    event_type: String,
    at: Timestamp,
    delivery: Option<Delivery>,
}

/// What is to be done of one event.
struct Due {
    event: String,
    delivery: String,
    is_there: bool,
}

/// One step of a recovery, along the account's released events by their numbers.
pub(super) async fn step(
    store: &Store,
    job: &ReplayJob,
    limit: usize,
    now: Timestamp,
) -> Result<ReplayStep, StoreError> {
    let account = job.scope.account_id.as_deref().unwrap_or_default();
    let shard = Shard::of(store, account);
    for _ in 0..REVISION_TRIES {
        let Some(endpoint) = aimed_at(store, &shard, job).await? else {
            return Ok(ReplayStep {
                restarted: 0,
                cursor: None,
            });
        };
        let looked = look(store, &shard, job, &endpoint).await?;
        let (due, cursor) = choose(job, &endpoint, looked, REDIS_STEP.min(limit), now);
        if let Some(restarted) = recover(store, &shard, &endpoint, &due, now).await? {
            return Ok(ReplayStep { restarted, cursor });
        }
    }
    Err(unsteady())
}

/// The endpoint that a recovery is aimed at, where it takes anything.
async fn aimed_at(
    store: &Store,
    shard: &Shard,
    job: &ReplayJob,
) -> Result<Option<Endpoint>, StoreError> {
    let id = job.scope.endpoint_id.as_deref().unwrap_or_default();
    let cmd = redis::cmd("HGETALL").arg(shard.endpoint(id)).take();
    let hash: Hash = store.link.run(Patience::Calm, &cmd).await?;
    Ok(rows::endpoint(id, hash)?.filter(|e| job.scope.takes(e)))
}

/// The next events, whoever wants them, with their deliveries to the endpoint.
async fn look(
    store: &Store,
    shard: &Shard,
    job: &ReplayJob,
    endpoint: &Endpoint,
) -> Result<Vec<Seen>, StoreError> {
    let after = job.cursor.as_deref().unwrap_or("0").parse::<u64>();
    let after = after.map_err(|_| StoreError::Corrupt(format!("cursor of {}", job.id)))?;
    let cmd = redis::cmd("ZRANGEBYSCORE")
        .arg(shard.released(&endpoint.account_id))
        .arg(format!("({after}"))
        .arg("+inf")
        .arg("WITHSCORES")
        .arg("LIMIT")
        .arg(0)
        .arg(REDIS_LOOK)
        .take();
    let next: Vec<(String, f64)> = store.link.run(Patience::Calm, &cmd).await?;
    let places: Vec<(u32, &str)> = next
        .iter()
        .map(|(id, _)| (shard.number, id.as_str()))
        .collect();
    let known: Vec<Value> = fetch(store, &places, |shard, id| {
        let mut cmd = redis::cmd("HMGET");
        cmd.arg(shard.event(id)).arg(&["type", "occurred_at"]);
        cmd
    })
    .await?;
    let deliveries: Vec<Option<String>> = fetch(store, &places, |shard, id| {
        let mut cmd = redis::cmd("HGET");
        cmd.arg(shard.targets(id)).arg(&endpoint.id);
        cmd
    })
    .await?;
    let there: Vec<(u32, &str)> = deliveries
        .iter()
        .map(|id| (shard.number, id.as_deref().unwrap_or_default()))
        .collect();
    let hashes: Vec<Hash> = fetch(store, &there, |shard, id| {
        redis::cmd("HGETALL").arg(shard.delivery(id)).take()
    })
    .await?;
    let mut seen = Vec::with_capacity(next.len());
    let deliveries = deliveries.into_iter().zip(hashes);
    for (((id, sequence), known), (delivery, hash)) in next.into_iter().zip(known).zip(deliveries) {
        let (event_type, at) = parsed::<Known>(known)?;
        // One that is gone by now is wanted by nobody.
        let (event_type, at) = (event_type.unwrap_or_default(), at.unwrap_or_default());
        seen.push(Seen {
            sequence: sequence as u64,
            id,
            event_type,
            at: Timestamp::from_millis(at),
            delivery: match delivery {
                Some(id) => rows::delivery(&id, hash)?,
                None => None,
            },
        });
    }
    Ok(seen)
}

/// What is to be done of the first of these, `most` at most, and where to go on.
fn choose(
    job: &ReplayJob,
    endpoint: &Endpoint,
    looked: Vec<Seen>,
    most: usize,
    now: Timestamp,
) -> (Vec<Due>, Option<String>) {
    let is_more = looked.len() == REDIS_LOOK;
    let last = looked.last().filter(|_| is_more).map(|s| s.sequence);
    let mut due = Vec::new();
    for seen in looked {
        let state: Option<DeliveryState> = seen.delivery.as_ref().map(|d| d.state);
        let recovery = job
            .scope
            .recovers(endpoint, &seen.event_type, seen.at, state);
        let Some(recovery) = recovery else { continue };
        let delivery = seen.delivery.map(|d| d.id);
        due.push(Due {
            event: seen.id,
            delivery: delivery.unwrap_or_else(|| ids::at(ids::DELIVERY, now)),
            is_there: recovery == Recovery::Restart,
        });
        if due.len() == most {
            return (due, Some(seen.sequence.to_string()));
        }
    }
    (due, last.map(|n| n.to_string()))
}

/// How many were made or started anew; `None` where the endpoint was changed since it was read.
async fn recover(
    store: &Store,
    shard: &Shard,
    endpoint: &Endpoint,
    due: &[Due],
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    if due.is_empty() {
        return Ok(Some(0));
    }
    let call = Call::new(&RECOVER)
        .key(shard.erasing(&endpoint.account_id))
        .key(shard.endpoint(&endpoint.id))
        .key(shard.queue(&endpoint.id))
        .key(shard.sent(&endpoint.id))
        .key(shard.health(&endpoint.id))
        .key(shard.due())
        .key(shard.queued())
        .key(shard.deliveries())
        .key(shard.claims())
        .key(shard.finished())
        .arg(&endpoint.account_id)
        .arg(&endpoint.id)
        .arg(endpoint.revision)
        .arg(now.millis())
        .arg(due.len());
    let call = due.iter().fold(call, |call, d| {
        call.key(shard.event(&d.event))
            .key(shard.targets(&d.event))
            .key(shard.delivery(&d.delivery))
            .arg(&d.event)
            .arg(&d.delivery)
            .arg(u8::from(d.is_there))
    });
    store.link.script(Patience::Calm, &call).await
}
