//! Endpoints, events and deliveries of another store, written as they are; never a delivery that the other had not made.
//!
//! Where rows come in is in `copy`: nobody else writes here meanwhile.

use std::collections::BTreeMap;

use redis::{Pipeline, Value};

use super::roster;
use super::rows::{self, Hash, parsed};
use super::shard::{SUSPECT, Shard, fetch};
use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::each::each;
use crate::store::redis::link::Patience;
use crate::store::redis::names::Names;
use crate::store::transfer::{DeliveryRow, EventRow, delivery_line};
use crate::webhooks::model::{DeliveryState, Endpoint, EndpointStatus, EventState};

/// Lists that have something as soon as a shard has.
pub(in crate::store::redis) fn lists(store: &Store, number: u32) -> [String; 3] {
    let shard = Shard::new(store, number);
    [shard.endpoints(), shard.events(), shard.deliveries()]
}

/// Takes away what is left of an account's erasure.
pub(in crate::store::redis) async fn forget_erasure(
    store: &Store,
    account_id: &str,
) -> Result<(), StoreError> {
    let mut cmd = redis::cmd("DEL");
    cmd.arg(Shard::of(store, account_id).erasing(account_id));
    store.link.run(Patience::Calm, &cmd).await
}

/// Adds what writes a row to the pipeline of its shard.
pub(super) struct Pipes<'a> {
    store: &'a Store,
    pipes: BTreeMap<u32, (Shard, Vec<Pipeline>, usize)>,
}

impl<'a> Pipes<'a> {
    pub(super) const fn new(store: &'a Store) -> Self {
        Self {
            store,
            pipes: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, account_id: &str, write: impl FnOnce(&Shard, &mut Pipeline)) {
        let number = Names::shard_of(account_id);
        let (shard, pipes, rows) = self
            .pipes
            .entry(number)
            .or_insert_with(|| (Shard::new(self.store, number), Vec::new(), 0));
        if rows.is_multiple_of(REDIS_STEP) {
            pipes.push(redis::pipe());
        }
        *rows += 1;
        if let Some(pipe) = pipes.last_mut() {
            write(shard, pipe);
        }
    }

    pub(super) async fn run(self) -> Result<(), StoreError> {
        let store = self.store;
        let pipes = self.pipes.into_values().map(|(_, pipes, _)| async move {
            for pipe in pipes {
                store.link.pipe::<Value>(Patience::Calm, &pipe).await?;
            }
            Ok(())
        });
        each(pipes).await?;
        Ok(())
    }
}

fn hash(pipe: &mut Pipeline, name: &str, fields: &[(&'static str, String)]) {
    pipe.cmd("DEL").arg(name);
    pipe.cmd("HSET").arg(name);
    for (field, value) in fields {
        pipe.arg(field).arg(value);
    }
}

/// Adds to a list, or takes out of it.
pub(super) fn listed(pipe: &mut Pipeline, name: String, score: Option<i64>, id: &str) {
    match score {
        Some(score) => pipe.cmd("ZADD").arg(name).arg(score).arg(id),
        None => pipe.cmd("ZREM").arg(name).arg(id),
    };
}

impl Store {
    /// Writes those of these endpoints that are not there as they are, and tells how many.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_endpoints(&self, all: &[Endpoint]) -> Result<u64, StoreError> {
        let places: Vec<(u32, &str)> = all
            .iter()
            .map(|e| (Names::shard_of(&e.account_id), e.id.as_str()))
            .collect();
        let there: Vec<Hash> = fetch(self, &places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.endpoint(id)).take()
        })
        .await?;
        let mut pipes = Pipes::new(self);
        let mut written = 0;
        for (e, there) in all.iter().zip(there) {
            if rows::endpoint(&e.id, there)?.as_ref() == Some(e) {
                continue;
            }
            let mut fields = rows::endpoint_fields(e)?;
            fields.push(("account", e.account_id.clone()));
            fields.push(("created_at", e.created_at.millis().to_string()));
            pipes.add(&e.account_id, |shard, pipe| {
                pipe.cmd("HSET")
                    .arg(shard.roster(&e.account_id))
                    .arg("revision")
                    .arg(roster::new_revision())
                    .arg(&e.id)
                    .arg(roster::line(e));
                listed(pipe, shard.endpoints(), Some(0), &e.id);
                hash(pipe, &shard.endpoint(&e.id), &fields);
            });
            written += 1;
        }
        pipes.run().await?;
        Ok(written)
    }

    /// Writes accounts' last sequence numbers, and tells how many were others.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_sequences(&self, all: &[(String, u64)]) -> Result<u64, StoreError> {
        let there = self.sequences_of(all).await?;
        let mut pipes = Pipes::new(self);
        let mut written = 0;
        for ((account, last), there) in all.iter().zip(there) {
            if there != Some(*last) {
                pipes.add(account, |shard, pipe| {
                    pipe.cmd("SET").arg(shard.sequence(account)).arg(*last);
                });
                written += 1;
            }
        }
        pipes.run().await?;
        Ok(written)
    }

    /// The last sequence numbers of these accounts here.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn sequences_of(
        &self,
        all: &[(String, u64)],
    ) -> Result<Vec<Option<u64>>, StoreError> {
        let places: Vec<(u32, &str)> = all
            .iter()
            .map(|(account, _)| (Names::shard_of(account), account.as_str()))
            .collect();
        fetch(self, &places, |shard, account| {
            redis::cmd("GET").arg(shard.sequence(account)).take()
        })
        .await
    }

    /// Writes those of these events that are not there as they are, and tells how many.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_events(&self, all: &[EventRow]) -> Result<u64, StoreError> {
        let places: Vec<(u32, &str)> = all
            .iter()
            .map(|row| {
                (
                    Names::shard_of(&row.event.account_id),
                    row.event.id.as_str(),
                )
            })
            .collect();
        let there: Vec<Hash> = fetch(self, &places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.event(id)).take()
        })
        .await?;
        let mut pipes = Pipes::new(self);
        let mut written = 0;
        for (row, there) in all.iter().zip(there) {
            let e = &row.event;
            let recorded = row.recorded_at.millis();
            let is_recorded = there.get("recorded_at") == Some(&recorded.to_string());
            if is_recorded && rows::event(&e.id, there)?.as_ref() == Some(e) {
                continue;
            }
            let mut fields = rows::event_fields(e, e.state);
            fields.push(("recorded_at", recorded.to_string()));
            fields.extend(e.sequence.map(|n| ("sequence", n.to_string())));
            let at = Some(row.position);
            let pending = e.state == EventState::Pending;
            pipes.add(&e.account_id, |shard, pipe| {
                listed(pipe, shard.events(), at, &e.id);
                listed(pipe, shard.events_of(&e.account_id), at, &e.id);
                listed(pipe, shard.events_like(&e.event_type), at, &e.id);
                listed(pipe, shard.pending(), at.filter(|_| pending), &e.id);
                let since = pending.then_some(recorded);
                listed(pipe, shard.pending_since(), since, &e.id);
                let unresolved = at.filter(|_| e.state == EventState::Unresolved);
                listed(pipe, shard.unresolved(), unresolved, &e.id);
                let number = e.sequence.and_then(|n| i64::try_from(n).ok());
                let number = number.filter(|_| e.state == EventState::Released);
                listed(pipe, shard.released(&e.account_id), number, &e.id);
                hash(pipe, &shard.event(&e.id), &fields);
            });
            written += 1;
        }
        pipes.run().await?;
        Ok(written)
    }

    /// Writes those of these deliveries that are not there as they are, with attempts and schedule, and tells how many.
    /// [`Store::copy_queues`] must follow when all are there.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_deliveries(&self, all: &[DeliveryRow]) -> Result<u64, StoreError> {
        let places: Vec<(u32, &str)> = all
            .iter()
            .map(|row| {
                let d = &row.delivery;
                (Names::shard_of(&d.account_id), d.id.as_str())
            })
            .collect();
        let there = self.deliveries_at(&places).await?;
        let mut pipes = Pipes::new(self);
        let mut written = 0;
        for (row, there) in all.iter().zip(there) {
            let is_there = there.is_some_and(|there| delivery_line(&there) == delivery_line(row));
            if !is_there {
                let attempts: Result<Vec<String>, _> =
                    row.attempts.iter().map(serde_json::to_string).collect();
                let attempts = attempts.map_err(|e| StoreError::Corrupt(e.to_string()))?;
                pipes.add(&row.delivery.account_id, |shard, pipe| {
                    delivery(shard, pipe, row, &attempts);
                });
                written += 1;
            }
        }
        pipes.run().await?;
        Ok(written)
    }

    /// Puts each endpoint of these, named with its account, in line for what waits for it.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_queues(&self, waited_for: &[(String, String)]) -> Result<(), StoreError> {
        let queues = waited_for.iter().map(|(endpoint, account)| async move {
            let shard = Shard::of(self, account);
            let mut pipe = redis::pipe();
            pipe.cmd("HGET").arg(shard.endpoint(endpoint)).arg("status");
            pipe.cmd("ZRANGE")
                .arg(shard.queue(endpoint))
                .arg(0)
                .arg(0)
                .arg("WITHSCORES");
            pipe.cmd("HGETALL").arg(shard.health(endpoint));
            let (status, first, health): (Option<String>, Vec<Value>, Hash) =
                self.link.pipe(Patience::Calm, &pipe).await?;
            let health = rows::health(endpoint, health)?;
            let status = status.as_deref().and_then(rows::status_of);
            let due = match (status, first_score(first)?) {
                // As `queue.lua` says it.
                (Some(EndpointStatus::Active), Some(due)) => {
                    let held = health.hold_until.map_or(due, |at| at.millis());
                    let suspect = if health.is_suspect() { SUSPECT } else { 0 };
                    Some(due.max(held) + suspect)
                }
                _ => None,
            };
            let mut pipe = redis::pipe();
            listed(&mut pipe, shard.due(), due, endpoint);
            let is_gone = matches!(status, None | Some(EndpointStatus::Disabled));
            let command = if is_gone { "SADD" } else { "SREM" };
            pipe.cmd(command).arg(shard.gone()).arg(endpoint);
            self.link.pipe::<()>(Patience::Calm, &pipe).await
        });
        each(queues).await?;
        Ok(())
    }

    /// Deliveries as they are here, by shard and id.
    pub(super) async fn deliveries_at(
        &self,
        places: &[(u32, &str)],
    ) -> Result<Vec<Option<DeliveryRow>>, StoreError> {
        let hashes: Vec<Hash> = fetch(self, places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.delivery(id)).take()
        })
        .await?;
        let attempts: Vec<Vec<String>> = fetch(self, places, |shard, id| {
            let mut cmd = redis::cmd("LRANGE");
            cmd.arg(shard.attempts(id)).arg(0).arg(-1);
            cmd
        })
        .await?;
        let queued: Vec<Option<f64>> = fetch(self, places, |shard, id| {
            redis::cmd("ZSCORE").arg(shard.queued()).arg(id).take()
        })
        .await?;
        let due: Vec<Option<f64>> = {
            let hashes = &hashes;
            let of: BTreeMap<&str, &str> = places
                .iter()
                .zip(hashes)
                .filter_map(|((_, id), hash)| Some((*id, hash.get("endpoint")?.as_str())))
                .collect();
            fetch(self, places, |shard, id| {
                let queue = shard.queue(of.get(id).copied().unwrap_or_default());
                redis::cmd("ZSCORE").arg(queue).arg(id).take()
            })
            .await?
        };
        let parts = hashes
            .into_iter()
            .zip(attempts)
            .zip(queued.into_iter().zip(due));
        let found = places.iter().zip(parts);
        found
            .map(|((_, id), ((hash, attempts), (queued, due)))| {
                let Some(delivery) = rows::delivery(id, hash)? else {
                    return Ok(None);
                };
                // Of one that has ended no schedule is kept.
                let none = delivery.created_at;
                Ok(Some(DeliveryRow {
                    attempts: rows::attempts(id, &attempts)?,
                    queued_at: queued.map_or(none, rows::instant),
                    due_at: due.map_or(none, rows::instant),
                    delivery,
                }))
            })
            .collect()
    }
}

fn first_score(first: Vec<Value>) -> Result<Option<i64>, StoreError> {
    // A pair, or a list of one pair, as the protocol has it.
    let score = match first.into_iter().next_back() {
        Some(Value::Array(pair)) => pair.into_iter().next_back(),
        other => other,
    };
    let score: Option<f64> = score.map(parsed).transpose()?;
    Ok(score.map(|s| s as i64))
}

fn delivery(shard: &Shard, pipe: &mut Pipeline, row: &DeliveryRow, attempts: &[String]) {
    let d = &row.delivery;
    let mut fields = vec![
        ("event", d.event_id.clone()),
        ("endpoint", d.endpoint_id.clone()),
        ("account", d.account_id.clone()),
        ("type", d.event_type.clone()),
        ("state", rows::delivery_state(d.state).to_owned()),
        ("attempts", d.attempts.to_string()),
        ("created_at", d.created_at.millis().to_string()),
    ];
    for (name, at) in [
        ("next_attempt_at", d.next_attempt_at),
        ("finished_at", d.finished_at),
    ] {
        fields.extend(at.map(|at| (name, at.millis().to_string())));
    }
    let pending = d.state == DeliveryState::Pending;
    pipe.cmd("HSET")
        .arg(shard.targets(&d.event_id))
        .arg(&d.endpoint_id)
        .arg(&d.id);
    listed(pipe, shard.deliveries(), Some(0), &d.id);
    listed(pipe, shard.sent(&d.endpoint_id), Some(0), &d.id);
    let due = pending.then(|| row.due_at.millis());
    listed(pipe, shard.queue(&d.endpoint_id), due, &d.id);
    let queued = pending.then(|| row.queued_at.millis());
    listed(pipe, shard.queued(), queued, &d.id);
    // Where its end is not known it ended long ago, so that it is pruned in its time.
    let ended = d.finished_at.unwrap_or(d.created_at).millis();
    listed(pipe, shard.finished(), (!pending).then_some(ended), &d.id);
    pipe.cmd("DEL").arg(shard.attempts(&d.id));
    if !attempts.is_empty() {
        pipe.cmd("RPUSH").arg(shard.attempts(&d.id)).arg(attempts);
    }
    hash(pipe, &shard.delivery(&d.id), &fields);
}
