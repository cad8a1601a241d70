//! Reads all endpoints, events and deliveries of a store, to compare them with those of the store that they came from; never changes one.

use super::copy_sweep::{by_position, page};
use super::rows::{self, Hash};
use super::shard::{Shard, fetch};
use super::{copy_replays, copy_state, roster};
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::each::each;
use crate::store::redis::link::Patience;
use crate::store::redis::names::SHARDS;
use crate::store::transfer::{
    self, DELIVERIES, ENDPOINTS, EVENTS, EventRow, HEALTH, Sums, delivery_line, endpoint_line,
    event_line, health_line,
};

/// Sums of endpoints, events and deliveries.
pub(in crate::store::redis) async fn look(store: &Store) -> Result<Sums, StoreError> {
    let shards = (0..SHARDS).map(|number| async move {
        let shard = Shard::new(store, number);
        let mut sums = Sums::default();
        endpoints(store, &shard, &mut sums).await?;
        events(store, &shard, &mut sums).await?;
        deliveries(store, &shard, &mut sums).await?;
        copy_state::look(store, &shard, &mut sums).await?;
        Ok(sums)
    });
    let mut all = Sums::default();
    for sums in each(shards).await? {
        all.join(&sums);
    }
    copy_replays::look(store, &mut all).await?;
    Ok(all)
}

fn missing(what: &str, id: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} {id} is listed and not there"))
}

async fn endpoints(store: &Store, shard: &Shard, sums: &mut Sums) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let (ids, next) = page(store, shard, &shard.endpoints(), after).await?;
        let places: Vec<(u32, &str)> = ids.iter().map(|id| (shard.number, id.as_str())).collect();
        let hashes: Vec<Hash> = fetch(store, &places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.endpoint(id)).take()
        })
        .await?;
        let mut found = Vec::with_capacity(ids.len());
        for (id, hash) in ids.iter().zip(hashes) {
            let e = rows::endpoint(id, hash)?.ok_or_else(|| missing("endpoint", id))?;
            let mut cmd = redis::cmd("HGET");
            cmd.arg(shard.roster(&e.account_id)).arg(id);
            let line: Option<String> = store.link.run(Patience::Calm, &cmd).await?;
            let is_seen = line == Some(roster::line(&e));
            sums.add(ENDPOINTS, &endpoint_line(&e, is_seen));
            found.push(e);
        }
        for (e, health) in found.iter().zip(store.health_of(&found).await?) {
            sums.add(HEALTH, &health_line(&e.id, &health));
        }
        let Some(next) = next else { return Ok(()) };
        after = Some(next);
    }
}

async fn events(store: &Store, shard: &Shard, sums: &mut Sums) -> Result<(), StoreError> {
    let mut after = "-inf".to_owned();
    loop {
        let (found, next) = by_position(store, shard, &after).await?;
        let places: Vec<(u32, &str)> = found
            .iter()
            .map(|(id, _)| (shard.number, id.as_str()))
            .collect();
        let hashes: Vec<Hash> = fetch(store, &places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.event(id)).take()
        })
        .await?;
        for ((id, position), hash) in found.iter().zip(hashes) {
            let recorded = hash.get("recorded_at").and_then(|ms| ms.parse().ok());
            let event = rows::event(id, hash)?.ok_or_else(|| missing("event", id))?;
            let row = EventRow {
                event,
                recorded_at: rows::instant(recorded.unwrap_or_default()),
                position: *position,
            };
            sums.add(EVENTS, &event_line(&row));
        }
        let Some(next) = next else { return Ok(()) };
        after = next;
    }
}

async fn deliveries(store: &Store, shard: &Shard, sums: &mut Sums) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let (ids, next) = page(store, shard, &shard.deliveries(), after).await?;
        let places: Vec<(u32, &str)> = ids.iter().map(|id| (shard.number, id.as_str())).collect();
        for (id, row) in ids.iter().zip(store.deliveries_at(&places).await?) {
            let row = row.ok_or_else(|| missing("delivery", id))?;
            sums.add(DELIVERIES, &delivery_line(&row));
        }
        let Some(next) = next else { return Ok(()) };
        after = Some(next);
    }
}

impl Store {
    /// Adds to sums the sequence numbers that these accounts have here.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn look_at_sequences(
        &self,
        all: &[(String, u64)],
        sums: &mut Sums,
    ) -> Result<(), StoreError> {
        for ((account, _), last) in all.iter().zip(self.sequences_of(all).await?) {
            if let Some(last) = last {
                sums.add(transfer::SEQUENCES, &transfer::sequence_line(account, last));
            }
        }
        Ok(())
    }
}
