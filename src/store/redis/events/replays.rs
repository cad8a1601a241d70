//! Jobs of replay in Redis, which all lie in one slot of their own; never what a step of one does.

use async_trait::async_trait;

use super::replay_steps;
use super::rows::{Fields, Hash, add_fields};
use super::shard::Shard;
use crate::base::audit::Change;
use crate::base::ceilings::REDIS_STEP;
use crate::base::ceilings::operations::REPLAY_JOBS_KEPT;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};
use crate::store::redis::Store;
use crate::store::redis::change::carry_out;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::port::ReplayStore;
use crate::webhooks::port::replays::{
    ClaimedReplay, ReplayBounds, ReplayJob, ReplayState, ReplayStep, ReplaysOf,
};

script!(
    CREATE,
    "events/next.lua",
    "change.lua",
    "events/replay_create.lua"
);
script!(CLAIM, "events/next.lua", "events/replay_claim.lua");
script!(ADVANCE, "events/next.lua", "events/replay_advance.lua");
script!(
    CANCEL,
    "events/next.lua",
    "change.lua",
    "events/replay_cancel.lua"
);

/// The tag of the slot.
const TAG: &str = "replays";

/// Jobs that are looked at for one that nobody has.
const CANDIDATES: usize = 16;

fn name(store: &Store, rest: &str) -> String {
    store.names.index(TAG, rest)
}

/// Hash: a job.
pub(super) fn job_key(store: &Store, id: &str) -> String {
    name(store, &format!("job:{id}"))
}

/// Sorted set: jobs by id.
pub(super) fn jobs(store: &Store) -> String {
    name(store, "jobs")
}

/// Sorted set: running jobs by when their claim ends.
pub(super) fn running(store: &Store) -> String {
    name(store, "running")
}

/// Sorted set: jobs that have ended by when they did.
pub(super) fn ended(store: &Store) -> String {
    name(store, "ended")
}

/// Set: jobs of one account.
pub(super) fn jobs_of(store: &Store, account_id: &str) -> String {
    name(store, &format!("account:{account_id}"))
}

fn slot(store: &Store) -> String {
    store.names.slot(&format!("~{TAG}"))
}

pub(super) fn fields_of(job: &ReplayJob) -> Result<Fields, StoreError> {
    let scope =
        serde_json::to_string(&job.scope).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let state = match job.state {
        ReplayState::Running => "running",
        ReplayState::Done => "done",
        ReplayState::Cancelled => "cancelled",
    };
    Ok(vec![
        ("scope", scope),
        ("state", state.to_owned()),
        ("done", job.done.to_string()),
        ("created_at", job.created_at.millis().to_string()),
    ])
}

fn read(id: &str, mut hash: Hash) -> Result<Option<ReplayJob>, StoreError> {
    if hash.is_empty() {
        return Ok(None);
    }
    let damaged = |field: &str| StoreError::Corrupt(format!("{field} of {id}"));
    let mut text = |field: &str| hash.remove(field).ok_or_else(|| damaged(field));
    let time = |text: String| text.parse().map(Timestamp::from_millis);
    let scope = serde_json::from_str(&text("scope")?).map_err(|_| damaged("scope"))?;
    let state = match text("state")?.as_str() {
        "running" => ReplayState::Running,
        "done" => ReplayState::Done,
        "cancelled" => ReplayState::Cancelled,
        _ => return Err(damaged("state")),
    };
    let done = text("done")?.parse().map_err(|_| damaged("done"))?;
    let created_at = time(text("created_at")?).map_err(|_| damaged("created_at"))?;
    let finished_at = text("finished_at").ok().map(time).transpose();
    Ok(Some(ReplayJob {
        id: id.to_owned(),
        scope,
        state,
        cursor: text("cursor").ok().filter(|c| !c.is_empty()),
        done,
        created_at,
        finished_at: finished_at.map_err(|_| damaged("finished_at"))?,
    }))
}

pub(super) async fn some(store: &Store, ids: &[String]) -> Result<Vec<ReplayJob>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut pipe = redis::pipe();
    for id in ids {
        pipe.cmd("HGETALL").arg(job_key(store, id));
    }
    let hashes: Vec<Hash> = store.link.pipe(Patience::Calm, &pipe).await?;
    let found = ids.iter().zip(hashes).map(|(id, hash)| read(id, hash));
    found.filter_map(Result::transpose).collect()
}

/// Forgets these jobs, and that they are this account's where it is known.
pub(super) async fn forget(
    store: &Store,
    ids: &[String],
    account_id: Option<&str>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut pipe = redis::pipe();
    for id in ids {
        pipe.cmd("DEL").arg(job_key(store, id)).ignore();
        for list in [jobs(store), running(store), ended(store)] {
            pipe.cmd("ZREM").arg(list).arg(id).ignore();
        }
        if let Some(account) = account_id {
            pipe.cmd("SREM")
                .arg(jobs_of(store, account))
                .arg(id)
                .ignore();
        }
    }
    store.link.pipe(Patience::Calm, &pipe).await
}

/// Ids of an account's jobs, newest first.
async fn ids_of(store: &Store, account_id: &str) -> Result<Vec<String>, StoreError> {
    let mut cmd = redis::cmd("SMEMBERS");
    cmd.arg(jobs_of(store, account_id));
    let mut ids: Vec<String> = store.link.run(Patience::Calm, &cmd).await?;
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Ok(ids)
}

/// Forgets those of an account's jobs that have ended and are more than are kept.
async fn forget_old(store: &Store, account_id: &str) -> Result<(), StoreError> {
    let ids = ids_of(store, account_id).await?;
    for old in ids
        .get(REPLAY_JOBS_KEPT..)
        .unwrap_or_default()
        .chunks(REDIS_STEP)
    {
        let mut ended = Vec::new();
        for job in some(store, old).await? {
            if job.state != ReplayState::Running {
                ended.push(job.id);
            }
        }
        forget(store, &ended, Some(account_id)).await?;
    }
    Ok(())
}

/// Jobs of one account, newest first. It has few.
async fn list_of(
    store: &Store,
    of: &ReplaysOf,
    page: &PageRequest,
) -> Result<Page<ReplayJob>, StoreError> {
    let limit = page.limit.clamp(1, MAX_LIMIT) as usize;
    let mut ids = ids_of(store, &of.account_id).await?;
    ids.retain(|id| page.after.as_ref().is_none_or(|after| id < after));
    let mut items = Vec::new();
    for part in ids.chunks(REDIS_STEP) {
        let found = some(store, part).await?.into_iter();
        items.extend(found.filter(|job| {
            let endpoint = of.endpoint_id.as_ref();
            endpoint.is_none_or(|e| job.scope.endpoint_id.as_ref() == Some(e))
        }));
        if items.len() > limit {
            break;
        }
    }
    let is_more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| is_more);
    Ok(Page {
        next: last.map(|job| job.id.clone()),
        items,
    })
}

/// Forgets jobs of an account that is being erased.
pub(super) async fn erase(store: &Store, account_id: &str) -> Result<(), StoreError> {
    let ids = ids_of(store, account_id).await?;
    for some in ids.chunks(REDIS_STEP) {
        forget(store, some, Some(account_id)).await?;
    }
    Ok(())
}

#[async_trait]
impl ReplayStore for Store {
    async fn create_replay(
        &self,
        job: &ReplayJob,
        most: ReplayBounds,
        change: &Change,
    ) -> Result<(), StoreError> {
        let account = job.scope.account_id.as_deref();
        if let Some(account) = account {
            let mut cmd = redis::cmd("GET");
            cmd.arg(Shard::of(self, account).erasing(account));
            let mark: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
            if mark.as_deref() == Some("erasing") {
                return Err(StoreError::Conflict(
                    "the account is being erased".to_owned(),
                ));
            }
        }
        let call = Call::new(&CREATE)
            .key(job_key(self, &job.id))
            .key(jobs(self))
            .key(running(self))
            .key(jobs_of(self, account.unwrap_or_default()))
            .arg(&job.id)
            .arg(most.all)
            .arg(most.of_account)
            .arg(u8::from(account.is_some()));
        let call = add_fields(call, &fields_of(job)?);
        carry_out::<()>(self, &slot(self), change, call).await?;
        // The job is made, whatever becomes of the old ones: the next one that is made forgets them.
        if let Some(account) = account
            && let Err(e) = forget_old(self, account).await
        {
            tracing::debug!("old replays are not forgotten now: {e}");
        }
        Ok(())
    }

    async fn replay_job(&self, id: &str) -> Result<Option<ReplayJob>, StoreError> {
        let mut cmd = redis::cmd("HGETALL");
        cmd.arg(job_key(self, id));
        read(id, self.link.run(Patience::Calm, &cmd).await?)
    }

    async fn replay_jobs(
        &self,
        of: Option<&ReplaysOf>,
        page: &PageRequest,
    ) -> Result<Page<ReplayJob>, StoreError> {
        if let Some(of) = of {
            return list_of(self, of, page).await;
        }
        let limit = page.limit.clamp(1, MAX_LIMIT) as usize;
        let from = match &page.after {
            Some(after) => format!("({after}"),
            None => "+".to_owned(),
        };
        let mut cmd = redis::cmd("ZREVRANGEBYLEX");
        cmd.arg(jobs(self)).arg(from).arg("-");
        cmd.arg("LIMIT").arg(0).arg(limit + 1);
        let mut ids: Vec<String> = self.link.run(Patience::Calm, &cmd).await?;
        let is_more = ids.len() > limit;
        ids.truncate(limit);
        Ok(Page {
            items: some(self, &ids).await?,
            next: ids.pop().filter(|_| is_more),
        })
    }

    async fn claim_replay(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ClaimedReplay>, StoreError> {
        let mut cmd = redis::cmd("ZRANGEBYSCORE");
        cmd.arg(running(self)).arg("-inf").arg(now.millis());
        cmd.arg("LIMIT").arg(0).arg(CANDIDATES);
        let ids: Vec<String> = self.link.run(Patience::Calm, &cmd).await?;
        for id in ids {
            let claim = ids::request_id();
            let call = Call::new(&CLAIM)
                .key(job_key(self, &id))
                .key(running(self))
                .arg(&id)
                .arg(now.millis())
                .arg(until.millis())
                .arg(&claim);
            let taken: Option<Hash> = self.link.script(Patience::Calm, &call).await?;
            if let Some(hash) = taken
                && let Some(job) = read(&id, hash)?
            {
                return Ok(Some(ClaimedReplay { job, claim }));
            }
        }
        Ok(None)
    }

    async fn replay_some(
        &self,
        job: &ReplayJob,
        limit: u32,
        now: Timestamp,
    ) -> Result<ReplayStep, StoreError> {
        replay_steps::step(self, job, limit, now).await
    }

    async fn advance_replay(
        &self,
        claimed: &ClaimedReplay,
        step: &ReplayStep,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = &claimed.job.id;
        let call = Call::new(&ADVANCE)
            .key(job_key(self, id))
            .key(running(self))
            .key(ended(self))
            .arg(id)
            .arg(&claimed.claim)
            .arg(claimed.job.done + step.restarted)
            .arg(step.cursor.as_deref().unwrap_or_default())
            .arg(until.millis())
            .arg(now.millis());
        self.link.script(Patience::Calm, &call).await
    }

    async fn cancel_replay(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<ReplayJob, StoreError> {
        let call = Call::new(&CANCEL)
            .key(job_key(self, id))
            .key(running(self))
            .key(ended(self))
            .arg(id)
            .arg(now.millis());
        let hash: Hash = carry_out(self, &slot(self), change, call).await?;
        read(id, hash)?.ok_or(StoreError::NotFound)
    }

    async fn prune_replays(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let mut cmd = redis::cmd("ZRANGEBYSCORE");
            cmd.arg(ended(self)).arg("-inf");
            cmd.arg(format!("({}", before.millis()));
            cmd.arg("LIMIT").arg(0).arg(REDIS_STEP);
            let ids: Vec<String> = self.link.run(Patience::Calm, &cmd).await?;
            for job in some(self, &ids).await? {
                let account = job.scope.account_id.as_deref();
                forget(self, std::slice::from_ref(&job.id), account).await?;
            }
            if ids.len() < REDIS_STEP {
                return Ok(());
            }
        }
    }
}
