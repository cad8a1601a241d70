//! What replays of many deliveries need of a store: jobs that any node goes on with; never how fast they go.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::model::{Delivery, DeliveryState};
use crate::webhooks::types;

/// Which deliveries a job starts anew; a missing member takes all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayScope {
    /// Those of this account.
    pub account_id: Option<String>,
    /// Those to this endpoint.
    pub endpoint_id: Option<String>,
    /// Those of these types or patterns; empty for all.
    pub event_types: Vec<String>,
    /// Those made since.
    pub from: Timestamp,
    /// Those made before.
    pub to: Timestamp,
    /// Only those that have failed.
    pub only_failed: bool,
    /// How many a second.
    pub per_second: u32,
}

impl ReplayScope {
    /// Whether the job is to start this delivery anew, as it is now; one that is under way it never is.
    pub fn wants(&self, d: &Delivery) -> bool {
        let is_ended = match d.state {
            DeliveryState::Failed => true,
            DeliveryState::Succeeded | DeliveryState::Cancelled => !self.only_failed,
            DeliveryState::Pending => false,
        };
        is_ended
            && d.created_at >= self.from
            && d.created_at < self.to
            && self.account_id.as_ref().is_none_or(|a| *a == d.account_id)
            && self
                .endpoint_id
                .as_ref()
                .is_none_or(|e| *e == d.endpoint_id)
            && (self.event_types.is_empty() || types::wants_any(&self.event_types, &d.event_type))
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// Some node is at it, or will be.
    Running,
    /// All is started anew.
    Done,
    /// It was ended by hand.
    Cancelled,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayJob {
    /// `rpl_…`.
    pub id: String,
    /// Which deliveries.
    pub scope: ReplayScope,
    /// Where it stands.
    pub state: ReplayState,
    /// Up to where it came in the store's own order; `None` at the beginning.
    pub cursor: Option<String>,
    /// Deliveries that were started anew.
    pub done: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it came to its end.
    pub finished_at: Option<Timestamp>,
}

/// A job that this node may go on with until its claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedReplay {
    /// The job.
    pub job: ReplayJob,
    /// Whose claim it is; going on needs it.
    pub claim: String,
}

/// What one step of a job did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayStep {
    /// Deliveries that were started anew.
    pub restarted: u64,
    /// Where to go on; `None` at the end.
    pub cursor: Option<String>,
}

/// How many jobs may be running, a new one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayBounds {
    /// Of everybody's.
    pub all: usize,
    /// Of one account's.
    pub of_account: usize,
}

/// Jobs at rest, and the steps that they are made of.
#[async_trait]
pub trait ReplayStore: Send + Sync {
    /// Makes a job. `Conflict` where as many as `most` says are running, of all or of its account.
    async fn create_replay(
        &self,
        job: &ReplayJob,
        most: ReplayBounds,
        change: &Change,
    ) -> Result<(), StoreError>;
    /// One job.
    async fn replay_job(&self, id: &str) -> Result<Option<ReplayJob>, StoreError>;
    /// Jobs, newest first.
    async fn replay_jobs(&self, page: &PageRequest) -> Result<Page<ReplayJob>, StoreError>;
    /// Takes a running job that nobody has claimed at `now`, oldest first.
    async fn claim_replay(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ClaimedReplay>, StoreError>;
    /// Starts the next deliveries of a job anew, `limit` at most, oldest first, and moves nothing of the job itself.
    async fn replay_some(
        &self,
        job: &ReplayJob,
        limit: u32,
        now: Timestamp,
    ) -> Result<ReplayStep, StoreError>;
    /// Writes how far a claimed job came and keeps the claim until `until`; without a cursor the job is done. False where
    /// the claim was lost or the job was cancelled.
    async fn advance_replay(
        &self,
        claimed: &ClaimedReplay,
        step: &ReplayStep,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Ends a job by hand. `Conflict` where it has ended.
    async fn cancel_replay(
        &self,
        id: &str,
        now: Timestamp,
        change: &Change,
    ) -> Result<ReplayJob, StoreError>;
    /// Forgets jobs that ended before `before`.
    async fn prune_replays(&self, before: Timestamp) -> Result<(), StoreError>;
}
