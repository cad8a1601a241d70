//! Replays of another store: written as they are, compared, and taken out where it has them no more; see the rules in `copy`.

use redis::Value;

use super::copy_sweep::{Known, unknown};
use super::replay_steps::from_other;
use super::replays::{ended, fields_of, forget, job_key, jobs, jobs_of, running, some};
use crate::base::ceilings::REDIS_STEP;
use crate::base::error::StoreError;
use crate::store::redis::Store;
use crate::store::redis::link::Patience;
use crate::store::transfer::{REPLAYS, Sums, replay_line};
use crate::webhooks::port::replays::{ReplayJob, ReplayState};

impl Store {
    /// A replay of another store, which goes through all deliveries in the order of their ids, as it is here. A recovery goes
    /// through events by their numbers in both.
    pub fn replay_as_here(&self, job: ReplayJob) -> ReplayJob {
        if job.scope.only.is_recovery() {
            return job;
        }
        let account = job.scope.account_id.as_deref();
        let cursor = job.cursor.as_deref();
        ReplayJob {
            cursor: cursor.map(|after| from_other(self, account, after)),
            ..job
        }
    }

    /// Writes those of these replays that are not there as they are, and tells how many. Nobody has a claim on them.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_replays(&self, all: &[ReplayJob]) -> Result<u64, StoreError> {
        let mut written = 0;
        for part in all.chunks(REDIS_STEP) {
            let ids: Vec<String> = part.iter().map(|job| job.id.clone()).collect();
            let there = some(self, &ids).await?;
            for job in part.iter().filter(|job| !there.contains(job)) {
                self.copy_replay(job).await?;
                written += 1;
            }
        }
        Ok(written)
    }

    async fn copy_replay(&self, job: &ReplayJob) -> Result<(), StoreError> {
        let key = job_key(self, &job.id);
        let mut fields = fields_of(job)?;
        fields.extend(job.cursor.clone().map(|cursor| ("cursor", cursor)));
        fields.extend(
            job.finished_at
                .map(|at| ("finished_at", at.millis().to_string())),
        );
        let mut pipe = redis::pipe();
        pipe.cmd("ZADD").arg(jobs(self)).arg(0).arg(&job.id);
        match job.state {
            ReplayState::Running => pipe.cmd("ZADD").arg(running(self)).arg(0).arg(&job.id),
            _ => pipe.cmd("ZREM").arg(running(self)).arg(&job.id),
        };
        match job.finished_at {
            Some(at) => pipe
                .cmd("ZADD")
                .arg(ended(self))
                .arg(at.millis())
                .arg(&job.id),
            None => pipe.cmd("ZREM").arg(ended(self)).arg(&job.id),
        };
        if let Some(account) = &job.scope.account_id {
            pipe.cmd("SADD").arg(jobs_of(self, account)).arg(&job.id);
        }
        pipe.cmd("DEL").arg(&key);
        pipe.cmd("HSET").arg(&key).arg(&fields);
        self.link.pipe::<Value>(Patience::Calm, &pipe).await?;
        Ok(())
    }
}

async fn page(store: &Store, after: Option<&String>) -> Result<Vec<String>, StoreError> {
    let from = after.map_or_else(|| "-".to_owned(), |after| format!("({after}"));
    let mut cmd = redis::cmd("ZRANGEBYLEX");
    cmd.arg(jobs(store)).arg(from).arg("+");
    cmd.arg("LIMIT").arg(0).arg(REDIS_STEP);
    store.link.run(Patience::Calm, &cmd).await
}

/// Adds all replays to sums.
pub(super) async fn look(store: &Store, sums: &mut Sums) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let ids = page(store, after.as_ref()).await?;
        for job in some(store, &ids).await? {
            sums.add(REPLAYS, &replay_line(&job));
        }
        after = ids.last().cloned();
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Deletes replays, and tells how many.
pub(in crate::store::redis) async fn sweep(
    store: &Store,
    known: Known<'_>,
) -> Result<u64, StoreError> {
    let (mut gone, mut after) = (0, None);
    loop {
        let ids = page(store, after.as_ref()).await?;
        let old: Vec<String> = unknown(&ids, known)?
            .into_iter()
            .map(str::to_owned)
            .collect();
        for job in some(store, &old).await? {
            let account = job.scope.account_id.as_deref();
            forget(store, std::slice::from_ref(&job.id), account).await?;
        }
        gone += old.len() as u64;
        after = ids.last().cloned();
        if after.is_none() {
            return Ok(gone);
        }
    }
}
