//! Endpoints, events and deliveries that a copy brought and that its source has no more: found and deleted; never what the source has.

use std::collections::HashSet;

use redis::Value;

use super::list::by_id;
use super::roster;
use super::rows::{Hash, parsed};
use super::shard::Shard;
use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::store::redis::names::SHARDS;

/// Tells which of some ids the source has.
pub(in crate::store::redis) type Known<'a> =
    &'a (dyn Fn(&[&str]) -> Result<HashSet<String>, StoreError> + Send + Sync);

/// Deletes endpoints, and tells how many.
pub(in crate::store::redis) async fn endpoints(
    store: &Store,
    known: Known<'_>,
) -> Result<u64, StoreError> {
    let mut gone = 0;
    for number in 0..SHARDS {
        let shard = Shard::new(store, number);
        let mut after = None;
        loop {
            let (ids, next) = page(store, &shard, &shard.endpoints(), after).await?;
            for id in unknown(&ids, known)? {
                let mut cmd = redis::cmd("HGET");
                cmd.arg(shard.endpoint(id)).arg("account");
                let account: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
                let roster = shard.roster(account.as_deref().unwrap_or_default());
                let mut pipe = redis::pipe();
                pipe.cmd("HDEL").arg(&roster).arg(id);
                if account.is_some() {
                    let revision = roster::new_revision();
                    pipe.cmd("HSET").arg(&roster).arg("revision").arg(revision);
                }
                pipe.cmd("ZREM").arg(shard.due()).arg(id);
                pipe.cmd("SREM").arg(shard.gone()).arg(id);
                pipe.cmd("DEL").arg(shard.health(id));
                pipe.cmd("DEL").arg(shard.endpoint(id));
                pipe.cmd("ZREM").arg(shard.endpoints()).arg(id);
                store.link.pipe::<Value>(Patience::Calm, &pipe).await?;
                gone += 1;
            }
            let Some(next) = next else { break };
            after = Some(next);
        }
    }
    Ok(gone)
}

/// Deletes deliveries, and tells how many.
pub(in crate::store::redis) async fn deliveries(
    store: &Store,
    known: Known<'_>,
) -> Result<u64, StoreError> {
    let mut gone = 0;
    for number in 0..SHARDS {
        let shard = Shard::new(store, number);
        let mut after = None;
        loop {
            let (ids, next) = page(store, &shard, &shard.deliveries(), after).await?;
            let old = unknown(&ids, known)?;
            gone += old.len() as u64;
            if !old.is_empty() {
                let mut pipe = redis::pipe();
                for id in &old {
                    pipe.cmd("HGETALL").arg(shard.delivery(id));
                }
                let hashes: Vec<Hash> = store.link.pipe(Patience::Calm, &pipe).await?;
                let mut pipe = redis::pipe();
                for (id, hash) in old.iter().zip(hashes) {
                    let named = |field: &str| hash.get(field).map_or("", String::as_str);
                    let endpoint = named("endpoint");
                    pipe.cmd("HDEL")
                        .arg(shard.targets(named("event")))
                        .arg(endpoint);
                    pipe.cmd("ZREM").arg(shard.sent(endpoint)).arg(id);
                    pipe.cmd("ZREM").arg(shard.queue(endpoint)).arg(id);
                    for list in [shard.queued(), shard.finished()] {
                        pipe.cmd("ZREM").arg(list).arg(id);
                    }
                    pipe.cmd("DEL").arg(shard.attempts(id));
                    pipe.cmd("DEL").arg(shard.delivery(id));
                    pipe.cmd("ZREM").arg(shard.deliveries()).arg(id);
                }
                store.link.pipe::<Value>(Patience::Calm, &pipe).await?;
            }
            let Some(next) = next else { break };
            after = Some(next);
        }
    }
    Ok(gone)
}

/// Deletes events, and tells how many. To be called after [`deliveries`].
pub(in crate::store::redis) async fn events(
    store: &Store,
    known: Known<'_>,
) -> Result<u64, StoreError> {
    let mut gone = 0;
    for number in 0..SHARDS {
        let shard = Shard::new(store, number);
        let mut after = "-inf".to_owned();
        loop {
            let (ids, next) = by_position(store, &shard, &after).await?;
            let ids: Vec<String> = ids.into_iter().map(|(id, _)| id).collect();
            let old = unknown(&ids, known)?;
            gone += old.len() as u64;
            if !old.is_empty() {
                let mut pipe = redis::pipe();
                for id in &old {
                    pipe.cmd("HMGET")
                        .arg(shard.event(id))
                        .arg("account")
                        .arg("type");
                }
                let found: Vec<Value> = store.link.pipe(Patience::Calm, &pipe).await?;
                let mut pipe = redis::pipe();
                for (id, found) in old.iter().zip(found) {
                    let (account, kind): (Option<String>, Option<String>) = parsed(found)?;
                    let account = account.unwrap_or_default();
                    let kind = kind.unwrap_or_default();
                    for list in [
                        shard.events_of(&account),
                        shard.released(&account),
                        shard.events_like(&kind),
                        shard.pending(),
                        shard.pending_since(),
                        shard.unresolved(),
                    ] {
                        pipe.cmd("ZREM").arg(list).arg(id);
                    }
                    pipe.cmd("DEL").arg(shard.targets(id));
                    pipe.cmd("DEL").arg(shard.event(id));
                    pipe.cmd("ZREM").arg(shard.events()).arg(id);
                }
                store.link.pipe::<Value>(Patience::Calm, &pipe).await?;
            }
            let Some(next) = next else { break };
            after = next;
        }
    }
    Ok(gone)
}

pub(super) fn unknown<'a>(ids: &'a [String], known: Known<'_>) -> Result<Vec<&'a str>, StoreError> {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let there = known(&ids)?;
    Ok(ids.into_iter().filter(|id| !there.contains(*id)).collect())
}

/// Some ids of a list that is ordered by them, and where to go on.
pub(super) async fn page(
    store: &Store,
    shard: &Shard,
    name: &str,
    after: Option<String>,
) -> Result<(Vec<String>, Option<String>), StoreError> {
    let part = by_id(store, shard, name, after, None, REDIS_STEP).await?;
    let ids = part.entries.into_iter().map(|entry| entry.id).collect();
    Ok((ids, part.reached))
}

/// Some events after a position, each with its own, and where to go on.
pub(super) async fn by_position(
    store: &Store,
    shard: &Shard,
    after: &str,
) -> Result<(Vec<(String, i64)>, Option<String>), StoreError> {
    let mut cmd = redis::cmd("ZRANGEBYSCORE");
    cmd.arg(shard.events()).arg(after).arg("+inf");
    cmd.arg("WITHSCORES").arg("LIMIT").arg(0).arg(REDIS_STEP);
    let found: Vec<(String, f64)> = store.link.run(Patience::Calm, &cmd).await?;
    let found: Vec<(String, i64)> = found.into_iter().map(|(id, at)| (id, at as i64)).collect();
    let last = found.last().filter(|_| found.len() == REDIS_STEP);
    let next = last.map(|(_, at)| format!("({at}"));
    Ok((found, next))
}
