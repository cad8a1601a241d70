//! Ending what waits for an endpoint that is disabled or deleted, in bounded steps; never why it is.

use super::members;
use super::shard::Shard;
use crate::base::ceilings::{REDIS_STEP, STORE_DELETE_ROWS, WEBHOOK_ATTEMPTS_KEPT};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;

script!(
    CANCEL,
    "events/next.lua",
    "events/queue.lua",
    "events/cancel.lua"
);

/// Steps that one call takes: as much as one piece of the embedded store.
const STEPS: usize = STORE_DELETE_ROWS as usize / REDIS_STEP;

/// Ends a piece of what waits for an endpoint. Its change has happened by then: what fails here, or is more than a
/// piece, is done with later claims.
pub(super) async fn cancel(store: &Store, shard: &Shard, endpoint_id: &str, now: Timestamp) {
    for _ in 0..STEPS {
        match step(store, shard, endpoint_id, now).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, webhook = endpoint_id, "ending what waits for a webhook is put off");
                return;
            }
        }
    }
}

/// Ends some, unless the endpoint is active or paused by now. True while more waits.
async fn step(
    store: &Store,
    shard: &Shard,
    endpoint_id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let waiting = members::first(store, &shard.queue(endpoint_id)).await?;
    let call = Call::new(&CANCEL)
        .key(shard.endpoint(endpoint_id))
        .key(shard.queue(endpoint_id))
        .key(shard.due())
        .key(shard.queued())
        .key(shard.claims())
        .key(shard.finished())
        .key(shard.gone())
        .arg(endpoint_id)
        .arg(now.millis())
        .arg(now.to_string())
        .arg(WEBHOOK_ATTEMPTS_KEPT)
        .arg(waiting.len());
    let call = waiting.iter().fold(call, |call, id| {
        call.key(shard.delivery(id)).key(shard.attempts(id)).arg(id)
    });
    store.link.script(Patience::Calm, &call).await
}
