//! What was claimed as whoever attempts it needs it: delivery, event, endpoint and how that fares; never who gets what.

use super::claims::Taken;
use super::complete::ClaimName;
use super::rows::{self, Hash};
use super::shard::{Shard, fetch};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::{ClaimedDelivery, DeliveryState, Endpoint, EndpointStatus};

script!(
    ASIDE,
    "events/next.lua",
    "events/queue.lua",
    "events/aside.lua"
);

/// Reads what was claimed. If that fails the claims end unused and are taken over.
pub(super) async fn ready(
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
    let healths: Vec<Hash> = fetch(store, &places, |shard, id| {
        redis::cmd("HGETALL").arg(shard.health(id)).take()
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
    let hashes = deliveries
        .into_iter()
        .zip(endpoints)
        .zip(events)
        .zip(healths);
    for (t, (((delivery, endpoint), event), health)) in taken.iter().zip(hashes) {
        let hashes = Hashes {
            delivery,
            endpoint,
            event,
            health,
        };
        match one(t, until, hashes) {
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

/// What there is of a claimed delivery.
struct Hashes {
    delivery: Hash,
    endpoint: Hash,
    event: Hash,
    health: Hash,
}

fn one(taken: &Taken, until: Timestamp, hashes: Hashes) -> Result<Found, StoreError> {
    let Some(delivery) = rows::delivery(&taken.id, hashes.delivery)? else {
        return Ok(Found::Lost);
    };
    if delivery.state != DeliveryState::Pending {
        return Ok(Found::Over);
    }
    let endpoint = rows::endpoint(&taken.endpoint, hashes.endpoint)?;
    let event = rows::event(&delivery.event_id, hashes.event)?;
    let (Some(endpoint), Some(event)) = (endpoint.filter(takes_deliveries), event) else {
        return Ok(Found::Lost);
    };
    Ok(Found::Mine(Box::new(ClaimedDelivery {
        claim: ClaimName::text(
            &taken.token,
            &taken.endpoint,
            &delivery.account_id,
            &endpoint.url,
        ),
        claimed_until: until,
        delivery,
        event,
        endpoint,
        health: rows::health(&taken.endpoint, hashes.health)?,
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
        .key(shard.health(&t.endpoint))
        .key(shard.claimed(&t.endpoint))
        .arg(&t.id)
        .arg(&t.endpoint)
        .arg(&t.token)
        .arg(now.millis());
    if let Err(error) = store.link.script::<()>(Patience::Calm, &call).await {
        tracing::warn!(%error, delivery = t.id, "a delivery without its event or endpoint is put off");
    }
}
