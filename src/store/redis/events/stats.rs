//! Numbers of the queue, read off its sets without a scan; never a delivery.

use super::rows;
use super::shard::{SUSPECT, on_all, on_some};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::webhooks::port::QueueStats;

/// When the next delivery may be taken, one of an endpoint whose last attempt failed only where those count. At once while
/// what waits for an endpoint that is gone is not all ended.
pub(super) async fn next_due(
    store: &Store,
    with_suspects: bool,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let parts = on_some(store, |shard| async move {
        let mut pipe = redis::pipe();
        for behind in [0, SUSPECT] {
            pipe.cmd("ZRANGEBYSCORE")
                .arg(shard.due())
                .arg(behind)
                .arg("+inf")
                .arg("WITHSCORES")
                .arg("LIMIT")
                .arg(0)
                .arg(1);
        }
        pipe.cmd("EXISTS").arg(shard.gone());
        type First = Vec<(String, f64)>;
        let (well, suspect, is_unsettled): (First, First, bool) =
            store.link.pipe(Patience::Calm, &pipe).await?;
        if is_unsettled {
            return Ok(Some(now));
        }
        let behind = SUSPECT as f64;
        // Where nobody else is in line the first of all is a suspect.
        let well = well.first().map(|(_, at)| *at).filter(|at| *at < behind);
        let suspect = suspect.first().filter(|_| with_suspects);
        let first = well.into_iter().chain(suspect.map(|(_, at)| at - behind));
        Ok(first.min_by(f64::total_cmp).map(rows::instant))
    })
    .await?;
    Ok(parts.into_iter().flatten().min())
}

/// What the delivery queue looks like. Numbers of some shards only would mislead, so all must answer.
pub(super) async fn queue_stats(store: &Store) -> Result<QueueStats, StoreError> {
    let parts = on_all(store, |shard| async move {
        let mut pipe = redis::pipe();
        pipe.cmd("ZCARD").arg(shard.queued());
        pipe.cmd("ZRANGE")
            .arg(shard.queued())
            .arg(0)
            .arg(0)
            .arg("WITHSCORES");
        pipe.cmd("ZCARD").arg(shard.unresolved());
        let part: (u64, Vec<(String, f64)>, u64) = store.link.pipe(Patience::Calm, &pipe).await?;
        Ok(part)
    })
    .await?;
    let oldest = |p: &(u64, Vec<(String, f64)>, u64)| p.1.first().map(|(_, at)| rows::instant(*at));
    Ok(QueueStats {
        pending_deliveries: parts.iter().map(|p| p.0).sum(),
        oldest_pending: parts.iter().filter_map(oldest).min(),
        unresolved_events: parts.iter().map(|p| p.2).sum(),
    })
}
