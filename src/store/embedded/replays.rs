//! Jobs of replay as rows, and their steps; never how fast they go.

use async_trait::async_trait;
use rusqlite::{Connection, Row, ToSql};

use super::fail::{Done, Fail};
use super::rows::{all, code, fetch, first, json, paged, run, to_json};
use super::{EmbeddedStore, change, delivery_rows, endpoints, recovery};
use crate::base::audit::Change;
use crate::base::ceilings::operations::{REPLAY_JOBS_KEPT, REPLAY_LOOK};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::model::{Delivery, EndpointStatus};
use crate::webhooks::port::ReplayStore;
use crate::webhooks::port::replays::{
    ClaimedReplay, ReplayBounds, ReplayJob, ReplayOnly, ReplayScope, ReplayState, ReplayStep,
    ReplaysOf,
};

/// States by their number in the table.
const STATES: [ReplayState; 3] = [
    ReplayState::Running,
    ReplayState::Done,
    ReplayState::Cancelled,
];

pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<ReplayJob> {
    Ok(ReplayJob {
        id: row.get("id")?,
        scope: json(row, "job")?,
        state: code(row, "state", &STATES)?,
        cursor: row.get("cursor")?,
        done: row.get("done")?,
        created_at: row.get("created_at")?,
        finished_at: row.get("finished_at")?,
    })
}

fn by_id(conn: &Connection, id: &str) -> Done<Option<ReplayJob>> {
    first(conn, "SELECT * FROM replay_job WHERE id = ?1", [id], job)
}

fn create(conn: &Connection, new: &ReplayJob, most: ReplayBounds, why: &Change) -> Done<()> {
    if let Some(account) = &new.scope.account_id {
        super::accounts::refuse_erasing(super::accounts::by_id(conn, account)?.as_ref())?;
    }
    let running: Option<(usize, usize)> = first(
        conn,
        "SELECT count(*), count(*) FILTER (WHERE account_id = ?1) FROM replay_job WHERE state = 0",
        [&new.scope.account_id],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let (all, of_account) = running.unwrap_or_default();
    if all >= most.all || of_account >= most.of_account {
        return Err(Fail::conflict("as many replays are running as may"));
    }
    run(
        conn,
        "INSERT INTO replay_job (id, account_id, job, state, cursor, done, created_at)
         VALUES (?1, ?2, ?3, 0, NULL, 0, ?4)",
        (
            &new.id,
            &new.scope.account_id,
            to_json(&new.scope)?,
            new.created_at,
        ),
    )?;
    run(
        conn,
        "DELETE FROM replay_job WHERE account_id = ?1 AND state <> 0 AND id <
             (SELECT id FROM replay_job WHERE account_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        (&new.scope.account_id, REPLAY_JOBS_KEPT - 1),
    )?;
    change::write(conn, why)
}

fn list(conn: &Connection, of: Option<&ReplaysOf>, page: &PageRequest) -> Done<Page<ReplayJob>> {
    let mut sql = "SELECT * FROM replay_job WHERE id < ifnull(:after, '~')".to_owned();
    let limit = fetch(page);
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &page.after), (":limit", &limit)];
    if let Some(of) = of {
        sql.push_str(" AND account_id = :account");
        params.push((":account", &of.account_id));
        if of.endpoint_id.is_some() {
            // An account has few of them.
            sql.push_str(" AND job ->> 'endpoint_id' = :endpoint");
            params.push((":endpoint", &of.endpoint_id));
        }
    }
    sql.push_str(" ORDER BY id DESC LIMIT :limit");
    let found = all(conn, &sql, &params[..], job)?;
    Ok(paged(found, page, |job| job.id.clone()))
}

fn claim(conn: &Connection, now: Timestamp, until: Timestamp) -> Done<Option<ClaimedReplay>> {
    let claim = ids::request_id();
    let job = first(
        conn,
        "UPDATE replay_job SET claim = ?3, claimed_until = ?2 WHERE id =
             (SELECT id FROM replay_job WHERE state = 0 AND ifnull(claimed_until, 0) <= ?1 ORDER BY id LIMIT 1)
         RETURNING *",
        (now, until, &claim),
        job,
    )?;
    Ok(job.map(|job| ClaimedReplay { job, claim }))
}

/// The next deliveries that a job wants, and where to go on.
fn wanted(conn: &Connection, job: &ReplayJob, limit: usize) -> Done<(Vec<String>, Option<String>)> {
    let mut sql = "SELECT * FROM delivery WHERE id > ifnull(:after, '')".to_owned();
    let mut params: Vec<(&str, &dyn ToSql)> =
        vec![(":after", &job.cursor), (":look", &REPLAY_LOOK)];
    // The endpoint alone where there is one: it is the narrower.
    let scope = &job.scope;
    if scope.endpoint_id.is_some() {
        sql.push_str(" AND endpoint_id = :endpoint");
        params.push((":endpoint", &scope.endpoint_id));
    } else if scope.account_id.is_some() {
        sql.push_str(" AND account_id = :account");
        params.push((":account", &scope.account_id));
    }
    if scope.only == ReplayOnly::Failed {
        sql.push_str(" AND state = 2");
    }
    sql.push_str(" ORDER BY id LIMIT :look");
    let looked: Vec<Delivery> = all(conn, &sql, &params[..], delivery_rows::delivery)?;
    let mut found = Vec::new();
    for d in &looked {
        if scope.wants(d) {
            found.push(d.id.clone());
            if found.len() == limit {
                return Ok((found, Some(d.id.clone())));
            }
        }
    }
    let is_more = looked.len() == REPLAY_LOOK as usize;
    let last = looked.last().filter(|_| is_more);
    Ok((found, last.map(|d| d.id.clone())))
}

/// Starts those of these deliveries anew that are still wanted and whose endpoint takes them.
fn restart(conn: &Connection, found: &[String], scope: &ReplayScope, now: Timestamp) -> Done<u64> {
    let mut restarted = 0;
    for id in found {
        let Some(d) = delivery_rows::by_id(conn, id)?.filter(|d| scope.wants(d)) else {
            continue;
        };
        let status = endpoints::by_id(conn, &d.endpoint_id)?.map(|e| e.status);
        if matches!(
            status,
            Some(EndpointStatus::Active | EndpointStatus::Paused)
        ) {
            delivery_rows::restart(conn, id, now)?;
            restarted += 1;
        }
    }
    Ok(restarted)
}

fn advance(
    conn: &Connection,
    claimed: &ClaimedReplay,
    step: &ReplayStep,
    until: Timestamp,
    now: Timestamp,
) -> Done<bool> {
    let is_end = step.cursor.is_none();
    let written = run(
        conn,
        "UPDATE replay_job SET cursor = ?3, done = ?4, claimed_until = ?5, state = ?6, finished_at = ?7
         WHERE id = ?1 AND claim = ?2 AND state = 0",
        (
            &claimed.job.id,
            &claimed.claim,
            &step.cursor,
            claimed.job.done + step.restarted,
            until,
            u8::from(is_end),
            is_end.then_some(now),
        ),
    )?;
    Ok(written > 0)
}

fn cancel(conn: &Connection, id: &str, now: Timestamp, why: &Change) -> Done<ReplayJob> {
    let there = by_id(conn, id)?.ok_or(StoreError::NotFound)?;
    if there.state != ReplayState::Running {
        return Err(Fail::conflict("the replay has ended"));
    }
    run(
        conn,
        "UPDATE replay_job SET state = 2, finished_at = ?2 WHERE id = ?1",
        (id, now),
    )?;
    change::write(conn, why)?;
    by_id(conn, id)?.ok_or_else(|| StoreError::NotFound.into())
}

#[async_trait]
impl ReplayStore for EmbeddedStore {
    async fn create_replay(
        &self,
        job: &ReplayJob,
        most: ReplayBounds,
        change: &Change,
    ) -> Result<(), StoreError> {
        let (job, change) = (job.clone(), change.clone());
        self.write(move |c| create(c, &job, most, &change)).await
    }

    async fn replay_job(&self, id: &str) -> Result<Option<ReplayJob>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| by_id(c, &id)).await
    }

    async fn replay_jobs(
        &self,
        of: Option<&ReplaysOf>,
        page: &PageRequest,
    ) -> Result<Page<ReplayJob>, StoreError> {
        let (of, page) = (of.cloned(), page.clone());
        self.read(move |c| list(c, of.as_ref(), &page)).await
    }

    async fn claim_replay(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ClaimedReplay>, StoreError> {
        // Mostly there is none, which costs no write.
        let is_any = self
            .read(move |c| {
                first(
                    c,
                    "SELECT 1 FROM replay_job WHERE state = 0 AND ifnull(claimed_until, 0) <= ?1",
                    [now],
                    |_| Ok(()),
                )
            })
            .await?;
        match is_any {
            Some(()) => self.write(move |c| claim(c, now, until)).await,
            None => Ok(None),
        }
    }

    async fn replay_some(
        &self,
        job: &ReplayJob,
        limit: u32,
        now: Timestamp,
    ) -> Result<ReplayStep, StoreError> {
        if job.scope.only.is_recovery() {
            return recovery::step(self, job, limit as usize, now).await;
        }
        // Looked for on a reader, so that the writer only writes what was found.
        let (of, scope) = (job.clone(), job.scope.clone());
        let (found, cursor) = self.read(move |c| wanted(c, &of, limit as usize)).await?;
        let restarted = match found.is_empty() {
            true => 0,
            false => self.write(move |c| restart(c, &found, &scope, now)).await?,
        };
        Ok(ReplayStep { restarted, cursor })
    }

    async fn advance_replay(
        &self,
        claimed: &ClaimedReplay,
        step: &ReplayStep,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (claimed, step) = (claimed.clone(), step.clone());
        self.write(move |c| advance(c, &claimed, &step, until, now))
            .await
    }

    async fn cancel_replay(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<ReplayJob, StoreError> {
        let (id, change) = (id.to_owned(), change.clone());
        self.write(move |c| cancel(c, &id, now, &change)).await
    }

    async fn prune_replays(&self, before: Timestamp) -> Result<(), StoreError> {
        self.write(move |c| {
            run(
                c,
                "DELETE FROM replay_job WHERE state <> 0 AND finished_at < ?1",
                [before],
            )?;
            Ok(())
        })
        .await
    }
}
