//! Erasure of an account's usage in bounded steps that may stop at any point and go on later; never the sums over everyone.

use std::collections::{BTreeMap, BTreeSet};

use redis::Cmd;

use super::place::{Slot, chunks_of_month};
use super::read::pipe;
use super::routes::{Page, scan, split, whole};
use crate::base::ceilings::{STORE_DELETE_ROWS, USAGE_ERASURE_TIME, USAGE_SCAN_FIELDS};
use crate::base::clock::{DAY_MS, Timestamp};
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::names::Names;
use crate::store::redis::script::script;
use crate::store::span::Span;

script!(USAGE_ERASING, "usage_erasing.lua");

/// Erases some of what an account whose erasure has begun has in usage; true when there may be more.
///
/// Its months lead to its hashes, and what those say was called leads to its rows among the callers of routes; so each
/// goes after what it leads to.
pub(in crate::store::redis) async fn erase_some(
    store: &Store,
    account_id: &str,
) -> Result<bool, StoreError> {
    let slot = Slot::Account(account_id);
    let shard = Slot::Shard(Names::shard_of(account_id));
    // Before anything is looked for in the shard: what comes in there later is refused.
    let note = Call::new(&USAGE_ERASING)
        .key(shard.erasures(&store.names))
        .arg(account_id)
        .arg(USAGE_ERASURE_TIME.as_secs());
    store.link.script::<()>(Patience::Calm, &note).await?;

    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(slot.months(&store.names)).arg(0).arg(0);
    let first: Vec<i64> = store.link.run(Patience::Calm, &cmd).await?;
    let Some(day) = first.first() else {
        unlink(store, &[slot.markers(&store.names)]).await?;
        return Ok(false);
    };
    let month = Timestamp::from_millis(day.saturating_mul(DAY_MS));
    let mut budget = STORE_DELETE_ROWS as usize;
    for (span, chunk) in filled(store, slot, month).await? {
        let name = slot.sums(&store.names, span, chunk);
        let routes = routes_of(store, &name).await?;
        if !routes.is_empty() {
            let keys = keys_of(store, slot, month).await?;
            for (route, positions) in routes {
                let name = shard.callers(&store.names, span, chunk, &route);
                let gone = forget_caller(store, &name, &positions, account_id, &keys).await?;
                budget = budget.saturating_sub(gone);
            }
        }
        unlink(store, &[name]).await?;
        budget = budget.saturating_sub(1);
        if budget == 0 {
            return Ok(true);
        }
    }
    let days = chunks_of_month(month).into_iter();
    let days = days.filter(|(span, _)| *span == Span::Day);
    let mut of_keys: Vec<_> = days.map(|(_, c)| slot.key_days(&store.names, c)).collect();
    of_keys.push(slot.key_month(&store.names, month));
    of_keys.push(slot.keys(&store.names, month));
    of_keys.push(slot.endpoints(&store.names, month));
    unlink(store, &of_keys).await?;
    let mut cmd = redis::cmd("ZREM");
    cmd.arg(slot.months(&store.names)).arg(*day);
    store.link.run::<()>(Patience::Calm, &cmd).await?;
    Ok(true)
}

async fn unlink(store: &Store, names: &[String]) -> Result<(), StoreError> {
    let mut cmd = redis::cmd("UNLINK");
    cmd.arg(names);
    store.link.run(Patience::Calm, &cmd).await
}

/// The hashes of a month that there are.
pub(super) async fn filled(
    store: &Store,
    slot: Slot<'_>,
    month: Timestamp,
) -> Result<Vec<(Span, i64)>, StoreError> {
    let all = chunks_of_month(month);
    let commands: Vec<_> = all
        .iter()
        .map(|(span, chunk)| {
            let mut cmd = redis::cmd("EXISTS");
            cmd.arg(slot.sums(&store.names, *span, *chunk));
            cmd
        })
        .collect();
    let there: Vec<bool> = pipe(store, &commands).await?;
    let found = all.into_iter().zip(there);
    Ok(found
        .filter_map(|(c, is_there)| is_there.then_some(c))
        .collect())
}

/// Which routes a hash of sums says were called, and in which of its hours or days.
async fn routes_of(
    store: &Store,
    name: &str,
) -> Result<BTreeMap<String, BTreeSet<u8>>, StoreError> {
    let first: Page = store.link.run(Patience::Calm, &scan(name, 0)).await?;
    let mut found: BTreeMap<String, BTreeSet<u8>> = BTreeMap::new();
    for field in whole(store, name, first).await?.keys() {
        let route = split(field).and_then(|(position, rest)| {
            let (_, route) = rest.strip_prefix(':')?.split_once(' ')?;
            Some((position, route))
        });
        if let Some((position, route)) = route {
            found.entry(route.to_owned()).or_default().insert(position);
        }
    }
    Ok(found)
}

async fn keys_of(
    store: &Store,
    slot: Slot<'_>,
    month: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let name = slot.keys(&store.names, month);
    let first: Page = store.link.run(Patience::Calm, &scan(&name, 0)).await?;
    Ok(whole(store, &name, first).await?.into_keys().collect())
}

/// Deletes an account's fields among the callers of a route, and tells how many there can have been.
async fn forget_caller(
    store: &Store,
    name: &str,
    positions: &BTreeSet<u8>,
    account_id: &str,
    keys: &[String],
) -> Result<usize, StoreError> {
    let fields: Vec<_> = positions
        .iter()
        .flat_map(|p| {
            keys.iter()
                .map(move |key| format!("{p}{account_id}\0{key}"))
        })
        .collect();
    let commands: Vec<Cmd> = fields
        .chunks(USAGE_SCAN_FIELDS)
        .map(|some| {
            let mut cmd = redis::cmd("HDEL");
            cmd.arg(name).arg(some);
            cmd
        })
        .collect();
    pipe::<i64>(store, &commands).await?;
    Ok(fields.len())
}
