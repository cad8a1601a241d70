//! The steps of a replay: which deliveries come next, and starting them anew; never the job itself.

use super::recovery;
use super::rows::{self, Hash};
use super::shard::{Shard, fetch};
use crate::base::ceilings::{REDIS_LOOK, REDIS_STEP};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::names::SHARDS;
use crate::store::redis::script::script;
use crate::webhooks::model::Delivery;
use crate::webhooks::port::replays::{ReplayJob, ReplayOnly, ReplayStep};

script!(
    RESTART,
    "events/next.lua",
    "events/queue.lua",
    "events/restart.lua"
);

/// Where a job stands: the shard, and the last delivery there that it looked at.
struct Place {
    shard: u32,
    after: String,
    /// Where it begins in the shards after that: not at their first delivery where it came from another store.
    begin: String,
}

impl Place {
    fn of(store: &Store, job: &ReplayJob) -> Result<Self, StoreError> {
        let Some(cursor) = &job.cursor else {
            let account = job.scope.account_id.as_deref();
            return Ok(Self {
                shard: account.map_or(0, |a| Shard::of(store, a).number),
                after: String::new(),
                begin: String::new(),
            });
        };
        cursor
            .split_once(':')
            .and_then(|(shard, rest)| {
                let (after, begin) = rest.split_once(':').unwrap_or((rest, ""));
                Some(Self {
                    shard: shard.parse().ok().filter(|n| *n < SHARDS)?,
                    after: after.to_owned(),
                    begin: begin.to_owned(),
                })
            })
            .ok_or_else(|| StoreError::Corrupt(format!("cursor of {}", job.id)))
    }

    fn cursor(&self) -> String {
        match self.begin.as_str() {
            "" => format!("{}:{}", self.shard, self.after),
            begin => format!("{}:{}:{begin}", self.shard, self.after),
        }
    }

    /// The beginning of the next shard, where the job goes on to others.
    fn next(&self, job: &ReplayJob) -> Option<Self> {
        let shard = self.shard + 1;
        (job.scope.account_id.is_none() && shard < SHARDS).then(|| Self {
            shard,
            after: self.begin.clone(),
            begin: self.begin.clone(),
        })
    }
}

/// The cursor of a job of `account_id`, or of all, that another store has carried out up to this delivery in the order of
/// ids of all shards.
pub(super) fn from_other(store: &Store, account_id: Option<&str>, after: &str) -> String {
    let place = match account_id {
        Some(account) => Place {
            shard: Shard::of(store, account).number,
            after: after.to_owned(),
            begin: String::new(),
        },
        None => Place {
            shard: 0,
            after: after.to_owned(),
            begin: after.to_owned(),
        },
    };
    place.cursor()
}

/// Starts the next deliveries of a job anew, in the order of their ids, shard by shard.
pub(super) async fn step(
    store: &Store,
    job: &ReplayJob,
    limit: u32,
    now: Timestamp,
) -> Result<ReplayStep, StoreError> {
    if job.scope.only.is_recovery() {
        return recovery::step(store, job, limit as usize, now).await;
    }
    let place = Place::of(store, job)?;
    let shard = Shard::new(store, place.shard);
    let scope = &job.scope;
    let list = match &scope.endpoint_id {
        Some(endpoint) => shard.sent(endpoint),
        None => shard.deliveries(),
    };
    let from = match place.after.as_str() {
        "" => "-".to_owned(),
        after => format!("({after}"),
    };
    let mut cmd = redis::cmd("ZRANGEBYLEX");
    cmd.arg(list).arg(from).arg("+");
    cmd.arg("LIMIT").arg(0).arg(REDIS_LOOK);
    let ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    let places: Vec<(u32, &str)> = ids.iter().map(|id| (shard.number, id.as_str())).collect();
    let hashes: Vec<Hash> = fetch(store, &places, |shard, id| {
        redis::cmd("HGETALL").arg(shard.delivery(id)).take()
    })
    .await?;
    let most = REDIS_STEP.min(limit as usize);
    let (mut found, mut last) = (Vec::new(), None);
    for (id, hash) in ids.iter().zip(hashes) {
        last = Some(id);
        if let Some(d) = rows::delivery(id, hash)?
            && scope.wants(&d)
        {
            found.push(d);
            if found.len() == most {
                break;
            }
        }
    }
    let only_failed = scope.only == ReplayOnly::Failed;
    let restarted = restart(store, &shard, &found, only_failed, now).await?;
    let is_through = ids.len() < REDIS_LOOK && last == ids.last();
    let next = match last {
        Some(last) if !is_through => Some(Place {
            shard: place.shard,
            after: last.clone(),
            begin: place.begin,
        }),
        _ => place.next(job),
    };
    Ok(ReplayStep {
        restarted,
        cursor: next.map(|p| p.cursor()),
    })
}

async fn restart(
    store: &Store,
    shard: &Shard,
    found: &[Delivery],
    only_failed: bool,
    now: Timestamp,
) -> Result<u64, StoreError> {
    if found.is_empty() {
        return Ok(0);
    }
    let call = Call::new(&RESTART)
        .key(shard.due())
        .key(shard.queued())
        .key(shard.claims())
        .key(shard.finished())
        .arg(now.millis())
        .arg(u8::from(only_failed))
        .arg(found.len());
    let call = found.iter().fold(call, |call, d| {
        call.key(shard.delivery(&d.id))
            .key(shard.queue(&d.endpoint_id))
            .key(shard.endpoint(&d.endpoint_id))
            .key(shard.health(&d.endpoint_id))
            .arg(&d.id)
            .arg(&d.endpoint_id)
    });
    store.link.script(Patience::Calm, &call).await
}
