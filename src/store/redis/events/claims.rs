//! The delivery queue: what is due and who has claimed it; never an attempt, nor what came of it.
//!
//! Each shard says which active endpoints have something due, oldest first. A claim looks at those, takes from their
//! queues the oldest deliveries first, and moves them to the end of the claim, all in one script for a shard. An
//! endpoint that is paused is not among those due, however much waits for it. Shards share the room of a call, those
//! with the oldest first: what is due longest of all is always taken, and no shard's backlog keeps another's waiting.

use futures_util::future::join_all;

use super::backlog;
use super::complete::ClaimName;
use super::rows::{self, Hash};
use super::shard::{Shard, answered, fetch, on_some};
use crate::base::ceilings::{REDIS_CLAIM, REDIS_CLAIM_ROUNDS, REDIS_LATE_CALL};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::{ClaimedDelivery, DeliveryState, Endpoint, EndpointStatus};

script!(
    CLAIM,
    "events/next.lua",
    "events/queue.lua",
    "events/claim.lua"
);
script!(
    ASIDE,
    "events/next.lua",
    "events/queue.lua",
    "events/aside.lua"
);
/// A shard where something is due.
struct Due {
    shard: Shard,
    since: f64,
    endpoints: Vec<String>,
}

/// A claim as its script gives it.
struct Taken {
    shard: u32,
    endpoint: String,
    id: String,
    due_at: i64,
    token: String,
}

/// Takes deliveries that are due, and cancels some of what waits for an endpoint that is gone.
pub(super) async fn claim_due(
    store: &Store,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let most = (limit as usize).min(REDIS_CLAIM);
    let seen = on_some(store, |shard| look(store, shard, now, most)).await?;
    let (due, gone): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let gone: Vec<(Shard, String)> = gone.into_iter().flatten().collect();
    // Any of them, so that one which cannot be done does not keep the others waiting.
    if let Some((shard, endpoint)) = fastrand::choice(&gone) {
        backlog::cancel(store, shard, endpoint, now).await;
    }
    let taken = take(
        store,
        due.into_iter().flatten().collect(),
        now,
        until,
        limit as usize,
    )
    .await?;
    ready(store, taken, now, until).await
}

/// The endpoints of a shard that have something due, and one that is gone and for which something waits.
async fn look(
    store: &Store,
    shard: Shard,
    now: Timestamp,
    most: usize,
) -> Result<(Option<Due>, Option<(Shard, String)>), StoreError> {
    let mut pipe = redis::pipe();
    pipe.cmd("ZRANGEBYSCORE")
        .arg(shard.due())
        .arg("-inf")
        .arg(now.millis())
        .arg("WITHSCORES")
        .arg("LIMIT")
        .arg(0)
        .arg(most);
    pipe.cmd("SRANDMEMBER").arg(shard.gone());
    let (due, gone): (Vec<(String, f64)>, Option<String>) =
        store.link.pipe(Patience::Calm, &pipe).await?;
    let gone = gone.map(|endpoint| (shard.clone(), endpoint));
    let due = due.first().map(|(_, since)| *since).map(|since| Due {
        shard,
        since,
        endpoints: due.into_iter().map(|(id, _)| id).collect(),
    });
    Ok((due, gone))
}

/// Claims up to `limit`, in rounds: each gives every shard its share, and the next one what is left to those that had
/// more.
async fn take(
    store: &Store,
    mut due: Vec<Due>,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Taken>, StoreError> {
    due.sort_by(|a, b| a.since.total_cmp(&b.since));
    let mut taken = Vec::new();
    for _ in 0..REDIS_CLAIM_ROUNDS {
        let room = limit.saturating_sub(taken.len());
        due.truncate(room);
        if due.is_empty() {
            break;
        }
        let share = (room / due.len()).clamp(1, REDIS_CLAIM);
        let claims = due.iter().map(|d| claim(store, d, now, until, share));
        let claimed = answered(join_all(claims).await)?;
        let full: Vec<u32> = claimed
            .iter()
            .filter(|c| c.len() == share)
            .filter_map(|c| c.first().map(|t| t.shard))
            .collect();
        due.retain(|d| full.contains(&d.shard.number));
        taken.extend(claimed.into_iter().flatten());
    }
    taken.sort_by_key(|t| t.due_at);
    Ok(taken)
}

async fn claim(
    store: &Store,
    due: &Due,
    now: Timestamp,
    until: Timestamp,
    share: usize,
) -> Result<Vec<Taken>, StoreError> {
    let (shard, token) = (&due.shard, ids::request_id());
    let endpoints = &due.endpoints[..due.endpoints.len().min(share)];
    let call = Call::new(&CLAIM)
        .key(shard.due())
        .key(shard.claims())
        .key(shard.claim(&token))
        .arg(now.millis())
        .arg(until.millis())
        .arg(share)
        .arg(&token)
        .arg(REDIS_LATE_CALL.as_millis() as u64)
        .arg(endpoints.len());
    let call = endpoints
        .iter()
        .fold(call, |call, id| call.key(shard.queue(id)).arg(id));
    let claimed: Vec<(String, String, i64)> = store.link.script(Patience::Calm, &call).await?;
    Ok(claimed
        .into_iter()
        .map(|(endpoint, id, due_at)| Taken {
            shard: shard.number,
            endpoint,
            id,
            due_at,
            token: token.clone(),
        })
        .collect())
}

/// Reads what was claimed. If that fails the claims end unused and are taken over.
async fn ready(
    store: &Store,
    taken: Vec<Taken>,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let places: Vec<(u32, &str)> = taken.iter().map(|t| (t.shard, t.id.as_str())).collect();
    let deliveries: Vec<Hash> = fetch(store, &places, |shard, id| {
        redis::cmd("HGETALL").arg(shard.delivery(id)).take()
    })
    .await?;
    let places: Vec<(u32, &str)> = taken
        .iter()
        .map(|t| (t.shard, t.endpoint.as_str()))
        .collect();
    let endpoints: Vec<Hash> = fetch(store, &places, |shard, id| {
        redis::cmd("HGETALL").arg(shard.endpoint(id)).take()
    })
    .await?;
    let places: Vec<(u32, &str)> = taken
        .iter()
        .zip(&deliveries)
        .map(|(t, d)| (t.shard, d.get("event").map_or("", String::as_str)))
        .collect();
    let events: Vec<Hash> = fetch(store, &places, |shard, id| {
        redis::cmd("HGETALL").arg(shard.event(id)).take()
    })
    .await?;
    let mut all = Vec::with_capacity(taken.len());
    for (((t, delivery), endpoint), event) in
        taken.iter().zip(deliveries).zip(endpoints).zip(events)
    {
        match one(t, until, delivery, endpoint, event) {
            Ok(Found::Mine(claimed)) => all.push(*claimed),
            Ok(Found::Over) => {}
            Ok(Found::Lost) => aside(store, t, now).await,
            // One damaged row must not keep all others from their endpoints: it comes up again when the claim ends.
            Err(error) => {
                tracing::error!(%error, delivery = t.id, "a delivery cannot be read and is put off");
            }
        }
    }
    Ok(all)
}

/// What a claimed delivery is found to be.
enum Found {
    Mine(Box<ClaimedDelivery>),
    /// It ended since it was claimed.
    Over,
    /// Its event or its endpoint is gone.
    Lost,
}

fn one(
    taken: &Taken,
    until: Timestamp,
    delivery: Hash,
    endpoint: Hash,
    event: Hash,
) -> Result<Found, StoreError> {
    let Some(delivery) = rows::delivery(&taken.id, delivery)? else {
        return Ok(Found::Lost);
    };
    if delivery.state != DeliveryState::Pending {
        return Ok(Found::Over);
    }
    let endpoint = rows::endpoint(&taken.endpoint, endpoint)?;
    let event = rows::event(&delivery.event_id, event)?;
    let (Some(endpoint), Some(event)) = (endpoint.filter(takes_deliveries), event) else {
        return Ok(Found::Lost);
    };
    Ok(Found::Mine(Box::new(ClaimedDelivery {
        claim: ClaimName::text(&taken.token, &taken.endpoint, &delivery.account_id),
        claimed_until: until,
        delivery,
        event,
        endpoint,
    })))
}

/// One that was paused a moment ago still gets what was claimed before.
fn takes_deliveries(e: &Endpoint) -> bool {
    e.status != EndpointStatus::Disabled
}

async fn aside(store: &Store, t: &Taken, now: Timestamp) {
    let shard = Shard::new(store, t.shard);
    let call = Call::new(&ASIDE)
        .key(shard.delivery(&t.id))
        .key(shard.queue(&t.endpoint))
        .key(shard.endpoint(&t.endpoint))
        .key(shard.due())
        .key(shard.queued())
        .key(shard.claims())
        .key(shard.finished())
        .arg(&t.id)
        .arg(&t.endpoint)
        .arg(&t.token)
        .arg(now.millis());
    if let Err(error) = store.link.script::<()>(Patience::Calm, &call).await {
        tracing::warn!(%error, delivery = t.id, "a delivery without its event or endpoint is put off");
    }
}
