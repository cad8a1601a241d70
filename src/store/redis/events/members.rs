//! A step of a sorted set: its first members, and what they name deleted with them; never more of it at once.

use redis::Value;

use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;

/// The first members of a sorted set, as many as one step takes.
pub(super) async fn first(store: &Store, set: &str) -> Result<Vec<String>, StoreError> {
    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(set).arg(0).arg(REDIS_STEP - 1);
    store.link.run(Patience::Calm, &cmd).await
}

/// Takes the first members out of a sorted set, and with each of them what `delete` adds; true when there were any. A step
/// that ends halfway leaves in the set what it has not deleted, so that the next one finds it.
pub(super) async fn erase(
    store: &Store,
    set: &str,
    delete: impl Fn(&mut redis::Pipeline, &str),
) -> Result<bool, StoreError> {
    let ids = first(store, set).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    let mut pipe = redis::pipe();
    for id in &ids {
        delete(&mut pipe, id);
        pipe.cmd("ZREM").arg(set).arg(id);
    }
    store.link.pipe::<Value>(Patience::Calm, &pipe).await?;
    Ok(true)
}
