//! Finding events: one by its id, many by filter; never a change of one.

use super::list::{self, Entry, Part};
use super::rows::{self, Hash};
use super::shard::{Shard, fetch, find};
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::webhooks::model::{Event, EventState};
use crate::webhooks::port::EventFilter;

/// Where an event stands in lists: its position, and its shard where two have the same.
type Order = (u64, u32);

/// One event. Ids are asked for rarely and have no index: the shards answer at once, and nothing can be stale.
pub(super) async fn by_id(store: &Store, id: &str) -> Result<Option<Event>, StoreError> {
    find(store, |shard| async move {
        let cmd = redis::cmd("HGETALL").arg(shard.event(id)).take();
        rows::event(id, store.link.run(Patience::Calm, &cmd).await?)
    })
    .await
}

/// A cursor is a place in the list; one that is none names nothing.
fn parse(cursor: &str) -> Result<Order, StoreError> {
    cursor
        .split_once('-')
        .and_then(|(position, shard)| Some((position.parse().ok()?, shard.parse().ok()?)))
        .ok_or(StoreError::NotFound)
}

/// Newest recorded first, by the clock of the server that a shard lies on.
pub(super) async fn list(
    store: &Store,
    filter: &EventFilter,
    page: &PageRequest,
) -> Result<Page<Event>, StoreError> {
    let after = page.after.as_deref().map(parse).transpose()?;
    let shard = filter
        .account_id
        .as_deref()
        .map(|a| Shard::of(store, a).number);
    let found = list::newest(store, shard, page.limit, after, |shard, after, want| {
        part(store, filter, shard, after, want)
    })
    .await?;
    let ids: Vec<(u32, &str)> = found.entries.iter().map(Entry::place).collect();
    let hashes: Vec<Hash> = fetch(store, &ids, |shard, id| {
        redis::cmd("HGETALL").arg(shard.event(id)).take()
    })
    .await?;
    let events = ids
        .iter()
        .zip(hashes)
        .map(|((_, id), hash)| rows::event(id, hash));
    Ok(Page {
        items: events
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?,
        next: found
            .next
            .map(|(position, shard)| format!("{position}-{shard}")),
    })
}

/// The shortest list that has all that is wanted, and whether it has more than that.
fn narrowest(shard: &Shard, filter: &EventFilter) -> (String, bool) {
    let (account, kind) = (filter.account_id.as_deref(), filter.event_type.as_deref());
    let others = |n: usize| {
        usize::from(account.is_some())
            + usize::from(kind.is_some())
            + usize::from(filter.state.is_some())
            > n
    };
    match (filter.state, account, kind) {
        (Some(EventState::Pending), _, _) => (shard.pending(), others(1)),
        (Some(EventState::Unresolved), _, _) => (shard.unresolved(), others(1)),
        (_, Some(account), _) => (shard.events_of(account), others(1)),
        (_, None, Some(kind)) => (shard.events_like(kind), others(1)),
        (_, None, None) => (shard.events(), others(0)),
    }
}

async fn part(
    store: &Store,
    filter: &EventFilter,
    shard: Shard,
    after: Option<Order>,
    want: usize,
) -> Result<Part<Order>, StoreError> {
    let (name, is_filtered) = narrowest(&shard, filter);
    let look = list::step(want, is_filtered);
    let from = match after {
        None => "+inf".to_owned(),
        // Of two events at one position the one in the greater shard comes first.
        Some((position, n)) if shard.number < n => position.to_string(),
        Some((position, _)) => format!("({position}"),
    };
    let cmd = redis::cmd("ZREVRANGEBYSCORE")
        .arg(name)
        .arg(from)
        .arg("-inf")
        .arg("WITHSCORES")
        .arg("LIMIT")
        .arg(0)
        .arg(look)
        .take();
    let found: Vec<(String, f64)> = store.link.run(Patience::Calm, &cmd).await?;
    let mut entries: Vec<Entry<Order>> = found
        .into_iter()
        .map(|(id, position)| Entry {
            order: (position as u64, shard.number),
            shard: shard.number,
            id,
        })
        .collect();
    let reached = (entries.len() == look).then(|| entries.last().map(|e| e.order));
    if is_filtered && !entries.is_empty() {
        entries = those_wanted(store, &shard, filter, entries).await?;
    }
    Ok(Part {
        entries,
        reached: reached.flatten(),
    })
}

async fn those_wanted(
    store: &Store,
    shard: &Shard,
    filter: &EventFilter,
    entries: Vec<Entry<Order>>,
) -> Result<Vec<Entry<Order>>, StoreError> {
    let mut pipe = redis::pipe();
    for e in &entries {
        pipe.cmd("HMGET")
            .arg(shard.event(&e.id))
            .arg(&["account", "type", "state"]);
    }
    let known: Vec<Vec<Option<String>>> = store.link.pipe(Patience::Calm, &pipe).await?;
    let state = filter.state.map(rows::event_state);
    let wanted = [
        filter.account_id.as_deref(),
        filter.event_type.as_deref(),
        state,
    ];
    let is_wanted = |known: &[Option<String>]| {
        wanted
            .iter()
            .zip(known)
            .all(|(w, k)| w.is_none() || *w == k.as_deref())
    };
    Ok(entries
        .into_iter()
        .zip(known)
        .filter(|(_, known)| is_wanted(known))
        .map(|(e, _)| e)
        .collect())
}
