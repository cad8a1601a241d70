//! Alerts, how endpoints fare and notices of another store: written as they are, compared, and taken out where it has them no more; see the rules in `copy`.

use std::collections::HashMap;

use redis::Value;

use super::copy_in::{Pipes, listed};
use super::copy_sweep::{Known, unknown};
use super::notices;
use super::rows::{self, Hash};
use super::shard::{Shard, fetch};
use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::store::redis::names::{Names, SHARDS};
use crate::store::transfer::{ALERTS, AlertRow, NOTICES, Sums, alert_line, notice_line};
use crate::webhooks::health::EndpointHealth;
use crate::webhooks::model::Endpoint;
use crate::webhooks::port::notices::Notice;

fn alert_text(row: &AlertRow) -> String {
    format!("{}\n{}", row.revision, row.settings)
}

/// Names and values of what is kept of how an endpoint fares; nothing of one of which nothing is known.
fn health_fields(h: &EndpointHealth) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if *h != EndpointHealth::default() {
        fields.push(("failures", h.failures.to_string()));
        fields.push(("pace_ms", h.pace_ms.to_string()));
        fields.push(("successes", h.successes.to_string()));
    }
    for (name, at) in [
        ("failing_since", h.failing_since),
        ("hold_until", h.hold_until),
    ] {
        fields.extend(at.map(|at| (name, at.millis().to_string())));
    }
    fields
}

impl Store {
    /// Writes those of these settings that are not there as they are, and tells how many.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_alerts(&self, all: &[AlertRow]) -> Result<u64, StoreError> {
        let places: Vec<(u32, &str)> = all
            .iter()
            .map(|row| (Names::shard_of(&row.account_id), row.account_id.as_str()))
            .collect();
        let there: Vec<Option<String>> = fetch(self, &places, |shard, account| {
            redis::cmd("HGET").arg(shard.alerts()).arg(account).take()
        })
        .await?;
        let mut pipes = Pipes::new(self);
        let mut written = 0;
        for (row, there) in all.iter().zip(there) {
            let text = alert_text(row);
            if there.as_ref() != Some(&text) {
                pipes.add(&row.account_id, |shard, pipe| {
                    pipe.cmd("HSET")
                        .arg(shard.alerts())
                        .arg(&row.account_id)
                        .arg(text);
                });
                written += 1;
            }
        }
        pipes.run().await?;
        Ok(written)
    }

    /// Writes how these endpoints fare where that is not known, and tells of how many. [`Store::copy_queues`] must follow.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_health(
        &self,
        all: &[Endpoint],
        health: &[EndpointHealth],
    ) -> Result<u64, StoreError> {
        let there = self.health_of(all).await?;
        let mut pipes = Pipes::new(self);
        let mut written = 0;
        for ((endpoint, health), there) in all.iter().zip(health).zip(there) {
            if *health == there {
                continue;
            }
            let fields = health_fields(health);
            pipes.add(&endpoint.account_id, |shard, pipe| {
                let name = shard.health(&endpoint.id);
                pipe.cmd("DEL").arg(&name);
                if !fields.is_empty() {
                    pipe.cmd("HSET").arg(&name).arg(&fields);
                }
            });
            written += 1;
        }
        pipes.run().await?;
        Ok(written)
    }

    /// How these endpoints fare here.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn health_of(&self, all: &[Endpoint]) -> Result<Vec<EndpointHealth>, StoreError> {
        let places: Vec<(u32, &str)> = all
            .iter()
            .map(|e| (Names::shard_of(&e.account_id), e.id.as_str()))
            .collect();
        let hashes: Vec<Hash> = fetch(self, &places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.health(id)).take()
        })
        .await?;
        let found = all.iter().zip(hashes);
        found.map(|(e, hash)| rows::health(&e.id, hash)).collect()
    }

    /// Writes those of these notices that are not there, and tells how many.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_notices(&self, all: &[Notice]) -> Result<u64, StoreError> {
        let places: Vec<(u32, &str)> = all
            .iter()
            .map(|n| (Names::shard_of(&n.account_id), n.id.as_str()))
            .collect();
        let there: Vec<Hash> = fetch(self, &places, |shard, id| {
            redis::cmd("HGETALL").arg(shard.notice(id)).take()
        })
        .await?;
        let mut pipes = Pipes::new(self);
        let mut written = 0;
        for (n, there) in all.iter().zip(there) {
            if !there.is_empty() && notices::read(n.id.clone(), there)? == *n {
                continue;
            }
            pipes.add(&n.account_id, |shard, pipe| {
                listed(pipe, shard.notices(), Some(n.at.millis()), &n.id);
                pipe.cmd("HSET").arg(shard.notice(&n.id)).arg(&[
                    ("account", n.account_id.as_str()),
                    ("kind", &n.kind),
                    ("at", &n.at.millis().to_string()),
                    ("details", &n.details),
                ]);
            });
            written += 1;
        }
        pipes.run().await?;
        Ok(written)
    }
}

async fn settings(store: &Store, shard: &Shard) -> Result<HashMap<String, String>, StoreError> {
    let (mut cursor, mut all) = (0_u64, HashMap::new());
    loop {
        let mut cmd = redis::cmd("HSCAN");
        cmd.arg(shard.alerts()).arg(cursor);
        cmd.arg("COUNT").arg(REDIS_STEP);
        let (next, found): (u64, Vec<(String, String)>) =
            store.link.run(Patience::Calm, &cmd).await?;
        all.extend(found);
        if next == 0 {
            return Ok(all);
        }
        cursor = next;
    }
}

/// All notices of a shard, which has no more than one look takes.
async fn waiting(store: &Store, shard: &Shard) -> Result<Vec<String>, StoreError> {
    let mut cmd = redis::cmd("ZRANGE");
    cmd.arg(shard.notices()).arg(0).arg(-1);
    store.link.run(Patience::Calm, &cmd).await
}

/// Adds a shard's settings of alerts and its notices to sums.
pub(super) async fn look(store: &Store, shard: &Shard, sums: &mut Sums) -> Result<(), StoreError> {
    for (account_id, text) in settings(store, shard).await? {
        let damaged = || StoreError::Corrupt(format!("the alerts of {account_id}"));
        let (revision, settings) = text.split_once('\n').ok_or_else(damaged)?;
        let row = AlertRow {
            revision: revision.parse().map_err(|_| damaged())?,
            settings: settings.to_owned(),
            account_id,
        };
        sums.add(ALERTS, &alert_line(&row));
    }
    let ids = waiting(store, shard).await?;
    let places: Vec<(u32, &str)> = ids.iter().map(|id| (shard.number, id.as_str())).collect();
    let hashes: Vec<Hash> = fetch(store, &places, |shard, id| {
        redis::cmd("HGETALL").arg(shard.notice(id)).take()
    })
    .await?;
    for (id, hash) in ids.into_iter().zip(hashes) {
        sums.add(NOTICES, &notice_line(&notices::read(id, hash)?));
    }
    Ok(())
}

/// Deletes settings of alerts, and tells how many.
pub(in crate::store::redis) async fn sweep_alerts(
    store: &Store,
    known: Known<'_>,
) -> Result<u64, StoreError> {
    let mut gone = 0;
    for number in 0..SHARDS {
        let shard = Shard::new(store, number);
        let accounts: Vec<String> = settings(store, &shard).await?.into_keys().collect();
        for some in unknown(&accounts, known)?.chunks(REDIS_STEP) {
            let mut cmd = redis::cmd("HDEL");
            cmd.arg(shard.alerts()).arg(some);
            store.link.run::<()>(Patience::Calm, &cmd).await?;
            gone += some.len() as u64;
        }
    }
    Ok(gone)
}

/// Deletes notices, and tells how many.
pub(in crate::store::redis) async fn sweep_notices(
    store: &Store,
    known: Known<'_>,
) -> Result<u64, StoreError> {
    let mut gone = 0;
    for number in 0..SHARDS {
        let shard = Shard::new(store, number);
        let ids = waiting(store, &shard).await?;
        for some in unknown(&ids, known)?.chunks(REDIS_STEP) {
            let mut pipe = redis::pipe();
            for id in some {
                pipe.cmd("DEL").arg(shard.notice(id));
                pipe.cmd("ZREM").arg(shard.notices()).arg(*id);
            }
            store.link.pipe::<Value>(Patience::Calm, &pipe).await?;
            gone += some.len() as u64;
        }
    }
    Ok(gone)
}
