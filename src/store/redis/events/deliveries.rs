//! Finding deliveries with their attempts, and starting one anew by hand; never the queue's own work.

use super::list::{self, Entry, Part};
use super::rows::{self, Hash};
use super::shard::{Shard, fetch, find};
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::store::redis::Store;
use crate::store::redis::change::carry_out;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::{Attempt, Delivery};
use crate::webhooks::port::DeliveryFilter;

script!(
    RETRY,
    "events/next.lua",
    "events/queue.lua",
    "change.lua",
    "events/retry.lua"
);

/// One delivery with its attempts.
pub(super) async fn by_id(
    store: &Store,
    id: &str,
) -> Result<Option<(Delivery, Vec<Attempt>)>, StoreError> {
    find(store, |shard| async move {
        let mut pipe = redis::pipe();
        pipe.cmd("HGETALL").arg(shard.delivery(id));
        pipe.cmd("LRANGE").arg(shard.attempts(id)).arg(0).arg(-1);
        let (hash, attempts): (Hash, Vec<String>) = store.link.pipe(Patience::Calm, &pipe).await?;
        let Some(delivery) = rows::delivery(id, hash)? else {
            return Ok(None);
        };
        Ok(Some((delivery, rows::attempts(id, &attempts)?)))
    })
    .await
}

/// Starts a delivery's schedule anew, due at once.
pub(super) async fn retry(
    store: &Store,
    id: &str,
    now: Timestamp,
    change: &Change,
) -> Result<Delivery, StoreError> {
    let found = find(store, |shard| async move {
        let cmd = redis::cmd("HGET")
            .arg(shard.delivery(id))
            .arg("endpoint")
            .take();
        let endpoint: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
        Ok(endpoint.map(|e| (shard, e)))
    });
    let (shard, endpoint) = found.await?.ok_or(StoreError::NotFound)?;
    let call = Call::new(&RETRY)
        .key(shard.delivery(id))
        .key(shard.queue(&endpoint))
        .key(shard.endpoint(&endpoint))
        .key(shard.due())
        .key(shard.queued())
        .key(shard.claims())
        .key(shard.finished())
        .key(shard.health(&endpoint))
        .arg(id)
        .arg(&endpoint)
        .arg(now.millis());
    let hash: Hash = carry_out(store, shard.slot(), change, call).await?;
    rows::delivery(id, hash)?.ok_or(StoreError::NotFound)
}

/// Deliveries with their attempts, newest first: their ids sort by creation.
pub(super) async fn list(
    store: &Store,
    filter: &DeliveryFilter,
    page: &PageRequest,
) -> Result<Page<(Delivery, Vec<Attempt>)>, StoreError> {
    let shard = filter
        .account_id
        .as_deref()
        .map(|a| Shard::of(store, a).number);
    let found = list::newest(
        store,
        shard,
        page.limit,
        page.after.clone(),
        |shard, after, want| async move { part(store, filter, &shard, after, want).await },
    )
    .await?;
    let ids: Vec<(u32, &str)> = found.entries.iter().map(Entry::place).collect();
    let hashes: Vec<Hash> = fetch(store, &ids, |shard, id| {
        redis::cmd("HGETALL").arg(shard.delivery(id)).take()
    })
    .await?;
    let attempts: Vec<Vec<String>> = fetch(store, &ids, |shard, id| {
        redis::cmd("LRANGE")
            .arg(shard.attempts(id))
            .arg(0)
            .arg(-1)
            .take()
    })
    .await?;
    let mut items = Vec::with_capacity(ids.len());
    for ((_, id), (hash, attempts)) in ids.iter().zip(hashes.into_iter().zip(attempts)) {
        if let Some(delivery) = rows::delivery(id, hash)? {
            items.push((delivery, rows::attempts(id, &attempts)?));
        }
    }
    Ok(Page {
        items,
        next: found.next,
    })
}

async fn part(
    store: &Store,
    filter: &DeliveryFilter,
    shard: &Shard,
    after: Option<String>,
    want: usize,
) -> Result<Part<String>, StoreError> {
    let (of_event, to) = (filter.event_id.as_deref(), filter.endpoint_id.as_deref());
    let wanted = Wanted::of(filter);
    let is_filtered = wanted.leaves_out();
    let mut part = match (of_event, to) {
        (Some(event), to) => of_event_to(store, shard, event, to, after.as_deref()).await?,
        (None, to) => {
            let name = to.map_or_else(|| shard.deliveries(), |e| shard.sent(e));
            let look = list::step(want, is_filtered);
            let span = filter.ids();
            // An id that all are less than is one to go on after.
            let after = match (after, span.end) {
                (Some(after), Some(end)) => Some(after.min(end)),
                (after, end) => after.or(end),
            };
            list::by_id(store, shard, &name, after, span.least.as_deref(), look).await?
        }
    };
    if is_filtered && !part.entries.is_empty() {
        let mut pipe = redis::pipe();
        for e in &part.entries {
            pipe.cmd("HMGET").arg(shard.delivery(&e.id)).arg(&[
                "state",
                "account",
                "type",
                "created_at",
            ]);
        }
        let known: Vec<Vec<Option<String>>> = store.link.pipe(Patience::Calm, &pipe).await?;
        let mut known = known.into_iter();
        part.entries
            .retain(|_| known.next().is_some_and(|k| wanted.has(&k)));
    }
    Ok(part)
}

/// What must be so of a delivery's hash.
struct Wanted<'a> {
    fields: [Option<&'a str>; 3],
    from: Option<i64>,
    to: Option<i64>,
}

impl<'a> Wanted<'a> {
    fn of(filter: &'a DeliveryFilter) -> Self {
        Self {
            fields: [
                filter.state.map(rows::delivery_state),
                filter.account_id.as_deref(),
                filter.event_type.as_deref(),
            ],
            from: filter.from.map(Timestamp::millis),
            to: filter.to.map(Timestamp::millis),
        }
    }

    fn leaves_out(&self) -> bool {
        self.fields.iter().any(Option::is_some) || self.from.is_some() || self.to.is_some()
    }

    /// `known` has state, account, type and the time of its making.
    fn has(&self, known: &[Option<String>]) -> bool {
        let is_like = self
            .fields
            .iter()
            .zip(known)
            .all(|(wanted, known)| wanted.is_none() || *wanted == known.as_deref());
        let made: Option<i64> = known.last().and_then(|k| k.as_ref()?.parse().ok());
        is_like
            && made.is_some_and(|made| {
                self.from.is_none_or(|from| made >= from) && self.to.is_none_or(|to| made < to)
            })
    }
}

/// An event has few deliveries, so that they are looked at together.
async fn of_event_to(
    store: &Store,
    shard: &Shard,
    event_id: &str,
    endpoint_id: Option<&str>,
    after: Option<&str>,
) -> Result<Part<String>, StoreError> {
    let cmd = redis::cmd("HGETALL").arg(shard.targets(event_id)).take();
    let targets: Hash = store.link.run(Patience::Calm, &cmd).await?;
    let entries = targets
        .into_iter()
        .filter(|(endpoint, id)| {
            endpoint_id.is_none_or(|e| e == endpoint) && after.is_none_or(|a| id.as_str() < a)
        })
        .map(|(_, id)| Entry::by_id(shard.number, id))
        .collect();
    Ok(Part {
        entries,
        reached: None,
    })
}
